"""`python -m training`: fetch bins, train a counter, package it, evaluate it.

Assembles the commands, nothing else. Each loads what it needs by itself, so that those which need no torch run
without. In a SageMaker job (script mode) the folders come from `SM_*`.
"""

import sys

import typer

from training.commands.alerts import alerts
from training.commands.compare import compare
from training.commands.deploy import deploy
from training.commands.draw import draw
from training.commands.ensemble import ensemble
from training.commands.evaluate import evaluate
from training.commands.fetch import fetch
from training.commands.jobs import jobs
from training.commands.package import package
from training.commands.report import report
from training.commands.split import split
from training.commands.throughput import throughput
from training.commands.train import train
from training.commands.tune import tune
from training.commands.upload import upload
from training.errors import TrainingError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Count the items in photos of bins.")

_STAGES = (fetch, draw, split, upload, tune, train, ensemble, package)
_JUDGEMENTS = (evaluate, report, compare, alerts, throughput)
for command in (*_STAGES, *_JUDGEMENTS):
    app.command()(command)
app.add_typer(jobs, name="jobs")
app.add_typer(deploy, name="deploy")


def main() -> None:
    """Run the command line; what its user can mend ends as one line, not as a traceback."""
    try:
        app()
    except TrainingError as problem:
        sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main()
