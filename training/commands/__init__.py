"""The commands of `python -m training`: each parses its arguments, calls one function and prints."""
