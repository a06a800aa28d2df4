"""What all commands share: their common options, where they print, and how a failure is told. Decides nothing."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from chalicelib.errors import BincheckError
from ops.backfill.errors import BackfillError
from ops.deploy import WrongParameter
from ops.package import PackagingFailed
from ops.stack import Declined, NotDeployed, StackFailed
from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT: Final = Path(__file__).parent.parent
FAILED, DECLINED = 1, 3

out = Console()
err = Console(stderr=True)


def _known_stage(stage: str) -> str:
    stages = json.loads((PROJECT / ".chalice" / "config.json").read_text())["stages"]
    if stage not in stages:
        raise typer.BadParameter(f"{stage}: .chalice/config.json has {', '.join(stages)}")
    return stage


Stage = Annotated[
    str, typer.Option(help="Which of the stages in .chalice/config.json.", callback=_known_stage, show_default=True)
]
Yes = Annotated[bool, typer.Option("--yes", help="Go ahead without asking.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def client(service: str) -> Any:
    """Return boto3's client of a service, as the caller's AWS settings say."""
    return boto3.client(service)


def stack_name(stage: str) -> str:
    """Return what a stage's stack is called."""
    return f"bincheck-{stage}"


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn what can go wrong into a sentence and an exit code."""
    try:
        yield
    except Declined as no:
        err.print(str(no), markup=False)
        raise typer.Exit(DECLINED) from no
    except WrongParameter as wrong:
        raise typer.BadParameter(str(wrong)) from wrong
    except (
        *(BincheckError, BackfillError, NotDeployed, StackFailed, PackagingFailed, TrainingError),
        *(BotoCoreError, ClientError),
    ) as failure:
        err.print(str(failure), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(FAILED) from failure
