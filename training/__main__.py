"""`python -m training`: fetch bins, train a counter, package it, evaluate it.

Assembles the commands, nothing else. Each loads what it needs by itself, so that those which need no torch run
without. In a SageMaker job (script mode) the folders come from `SM_*`.
"""

import sys

import typer

from training.commands.alerts import alerts
from training.commands.baseline import baseline
from training.commands.compare import compare
from training.commands.costs import costs
from training.commands.deploy import deploy
from training.commands.draw import draw
from training.commands.ensemble import ensemble
from training.commands.evaluate import evaluate
from training.commands.feedback import feedback
from training.commands.fetch import fetch
from training.commands.jobs import jobs
from training.commands.package import package
from training.commands.pretrain import pretrain
from training.commands.report import report
from training.commands.runtimes import runtimes
from training.commands.split import split
from training.commands.throughput import throughput
from training.commands.train import train
from training.commands.tune import tune
from training.commands.upload import upload
from training.commands.watch import watch
from training.errors import TrainingError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Count the items in photos of bins.")

_STAGES = (fetch, draw, feedback, split, upload, pretrain, tune, train, ensemble, package, baseline)
_JUDGEMENTS = (evaluate, report, compare, alerts, throughput, watch, costs, runtimes)
_OURS = ("", "training", "chalicelib")
"""Whose missing modules are faults of ours; any other is missing where the command runs."""
_WHERE_IT_IS = (
    "set the training environment up with `make .venv-training/.done` and run it with .venv-training/bin/python"
)

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
    except ModuleNotFoundError as missing:
        module = (missing.name or "").partition(".")[0]
        if module in _OURS:
            raise
        sys.exit(f"error: this command needs {module}: {_WHERE_IT_IS}")


if __name__ == "__main__":
    main()
