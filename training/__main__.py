"""`python -m training`: fetch bins, train a counter, package it, evaluate it.

Assembles the commands, nothing else. Each loads what it needs by itself, so that those which need no torch run
without. In a SageMaker job (script mode) the folders come from `SM_*`.
"""

import sys

import typer

from training.commands.draw import draw
from training.commands.evaluate import evaluate
from training.commands.package import package
from training.commands.thresholds import thresholds
from training.commands.train import train
from training.errors import TrainingError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Count the items in photos of bins.")
for command in (draw, train, package, evaluate, thresholds):
    app.command()(command)


def main() -> None:
    """Run the command line; what its user can mend ends as one line, not as a traceback."""
    try:
        app()
    except TrainingError as problem:
        sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main()
