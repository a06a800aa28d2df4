"""The command `python -m ops alerts`: what subscribers of the alerts receive, as it comes."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chalicelib.domain import Severity  # noqa: TC001 - typer reads the options' types
from ops.floor import tables
from ops.floor.options import AnySite  # noqa: TC001 - likewise
from ops.stack import outputs_of
from ops.subscription import own_queue, received
from ops.terminal import AsJson, Exit, Stage, client, err, failures_told, out, stack_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_WAIT_SECONDS = 5
"""For one answer of the queue; within it, Ctrl-C and the end of the time are not heard."""

app = typer.Typer()


@app.command()
def alerts(  # noqa: PLR0913, PLR0917 - one parameter per option
    stage: Stage = "dev",
    site: AnySite = None,
    severity: Annotated[list[Severity] | None, typer.Option(help="Only of this severity; repeatable.")] = None,
    most: Annotated[int | None, typer.Option(help="End after so many.", min=1)] = None,
    seconds: Annotated[float | None, typer.Option("--for", help="End after so many seconds.", min=0)] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Tail the alerts as subscribers receive them, digests too, until Ctrl-C. Needs AWS settings, not a token.

    Example: python -m ops alerts --stage prod --site FRA1 --severity high

    A queue of its own is subscribed to the topic for as long, and deleted afterwards: nobody else's messages are taken.
    With --json, one message a line. Who may not make queues can `watch` instead.
    """
    wanted = {"site": [site] if site else [], "severity": [str(one) for one in severity or ()]}
    with failures_told():
        topic = outputs_of(client("cloudformation"), stack_name(stage))["AlertsTopicArn"]
        sqs, sns = client("sqs"), client("sns")
        try:
            with own_queue(sqs, sns, topic, wanted) as subscription:
                err.print("listening; Ctrl-C ends it")
                for number, message in enumerate(_messages(sqs, subscription.queue_url, seconds), 1):
                    _print_message(message, as_json=as_json)
                    if number == most:
                        break
        except KeyboardInterrupt:
            raise typer.Exit(Exit.DONE) from None


def _messages(sqs: Any, queue_url: str, seconds: float | None) -> Iterator[dict[str, Any]]:
    """Yield messages until the time is over, or for ever."""
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        left = _LONGEST_WAIT_SECONDS if end is None else end - time.monotonic()
        yield from received(sqs, queue_url, max(0, min(_LONGEST_WAIT_SECONDS, int(left))))


def _print_message(message: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
    else:
        out.print(tables.alert(message), highlight=False, soft_wrap=True)
