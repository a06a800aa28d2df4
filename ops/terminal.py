"""What all commands share: their common options, where they print, and how a failure is told. Decides nothing."""

from __future__ import annotations

import json
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from chalicelib.errors import BincheckError
from ops.backfill.errors import BackfillError
from ops.deploy import WrongParameter
from ops.floor.errors import Refused, Unreachable
from ops.package import PackagingFailed
from ops.stack import Declined, NotDeployed, StackFailed
from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

PROJECT: Final = Path(__file__).parent.parent


class Exit(IntEnum):
    """What a command's exit code says; `python -m ops --help` and docs/operations.md tell it in these words."""

    DONE = 0, "done, or nothing to do"
    FAILED = 1, "it failed, or something needs attention"
    REFUSED = 2, "wrong usage, or the API refuses what was asked"
    DECLINED = 3, "you said no"
    UNREACHABLE = 4, "the API can't be reached, or does not answer as it should"

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """Make a code with its meaning."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made


FAILED, DECLINED = Exit.FAILED, Exit.DECLINED
EXIT_CODES: Final = "; ".join(f"{code.value} {code.meaning}" for code in Exit)

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
    except Refused as refused:
        err.print(str(refused), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(Exit.REFUSED) from refused
    except Unreachable as unreachable:
        err.print(str(unreachable), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(Exit.UNREACHABLE) from unreachable
    except (
        *(BincheckError, BackfillError, NotDeployed, StackFailed, PackagingFailed, TrainingError),
        *(BotoCoreError, ClientError),
    ) as failure:
        err.print(str(failure), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(FAILED) from failure
