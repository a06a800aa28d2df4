"""The checker: everything that runs in the account's Lambda functions."""
