"""The demo: photos in, alerts out, and a summary that is counted where the facts are."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table

from chalicelib.domain import Inspection
from local.plan import CONSIGNMENT, PREFIX, SITE, consignment_of, policy_change
from local.tally import Tally, outcomes_in, received_by, uploads_in, waiting_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from chalicelib.domain import Outcome
    from local.plan import Photo
    from local.stack import Stack

_UPLOADERS: Final = 8
_POLL_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 60
_QUIET_SECONDS: Final = 2
_ROWS: Final = 12
_COLOURS: Final = {
    "match": "green",
    "mismatch": "bold red",
    "review": "yellow",
    "unexpected": "magenta",
    "rejected": "red",
}


def run(stack: Stack, plan: Sequence[Photo], console: Console) -> Tally:
    """Load the consignment, drop the photos in, show what happens, and count what became of them."""
    console.print(f"Setting the policy of {SITE}: one bin in six is wrong, so evidence counts for more than usual")
    stack.call("PUT", f"/v1/policies/{SITE}", policy_change())
    console.print(f"Loading consignment [bold]{CONSIGNMENT}[/] ({SITE}) through the API")
    stack.call("PUT", f"/v1/consignments/{CONSIGNMENT}", consignment_of(plan))
    console.print(f"Dropping {len(plan)} photos into s3://{stack.outputs['BucketName']}/{PREFIX}")
    upload(stack, plan)
    outcomes = _watch(stack, len(plan), console)
    received = received_after(stack)
    uploads = uploads_in(stack.emulator.client("s3"), stack.outputs["BucketName"], PREFIX)
    tally = Tally.of(uploads, outcomes, received)
    _show_alerts(tally, plan, console)
    _show_api_call(stack, tally, console)
    return tally


def upload(stack: Stack, plan: Sequence[Photo]) -> None:
    """Put every photo into the bucket, as fast as it takes them."""
    s3, bucket = stack.emulator.client("s3"), stack.outputs["BucketName"]

    def put(photo: Photo) -> None:
        s3.put_object(Bucket=bucket, Key=photo.key, Body=photo.path.read_bytes(), ContentType="image/jpeg")

    with ThreadPoolExecutor(_UPLOADERS) as pool:
        list(pool.map(put, plan))


def outcomes_of(stack: Stack) -> tuple[Outcome, ...]:
    """Return the recorded end of every photo."""
    return outcomes_in(stack.emulator.client("dynamodb"), stack.outputs["TableName"])


def _watch(stack: Stack, photos: int, console: Console) -> tuple[Outcome, ...]:
    """Show the photos' ends as they are recorded, until all are there or nothing has moved for long."""
    progress = Progress("[bold]checked", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    task = progress.add_task("", total=photos)
    outcomes: tuple[Outcome, ...] = ()
    last_change = time.monotonic()
    with Live(console=console, refresh_per_second=4, transient=not console.is_terminal) as live:
        while len(outcomes) < photos and time.monotonic() - last_change < _PATIENCE_SECONDS:
            time.sleep(_POLL_SECONDS)
            seen = outcomes_of(stack)
            if len(seen) > len(outcomes):
                last_change = time.monotonic()
            outcomes = seen
            progress.update(task, completed=len(outcomes))
            live.update(Group(_table_of(outcomes), progress))
    if not console.is_terminal:
        console.print(_table_of(outcomes))
    return outcomes


def received_after(stack: Stack) -> list[dict[str, Any]]:
    """Take what the subscriber receives until the inbox is empty and no more has come for a while."""
    sqs = stack.emulator.client("sqs")
    received: list[dict[str, Any]] = []
    last_change = started = time.monotonic()
    while time.monotonic() - last_change < _QUIET_SECONDS and time.monotonic() - started < _PATIENCE_SECONDS:
        fresh = received_by(sqs, stack.subscriber_url)
        is_busy = waiting_in(sqs, stack.outputs["InboxUrl"]) > 0
        if fresh or is_busy:
            last_change = time.monotonic()
        received += fresh
        time.sleep(_POLL_SECONDS)
    return received


def _table_of(outcomes: Sequence[Outcome]) -> Table:
    table = Table(title="Newest verdicts", min_width=72)
    for column in ("bin", "expected", "counted", "P(mismatch)", "verdict", "seconds"):
        table.add_column(column, justify="left" if column in {"bin", "verdict"} else "right")
    for outcome in sorted(outcomes, key=lambda end: end.at)[-_ROWS:]:
        table.add_row(*_row(outcome))
    return table


def _row(outcome: Outcome) -> tuple[str, ...]:
    seconds = f"{(outcome.at - outcome.image.uploaded_at).total_seconds():.2f}"
    if not isinstance(outcome, Inspection):
        return (outcome.bin_id or "-", "-", "-", "-", f"[{_COLOURS['rejected']}]rejected: {outcome.reason}[/]", seconds)
    judgement = outcome.judgement
    probability = judgement.probability_of_mismatch
    return (
        outcome.bin_id,
        str(outcome.expectation.quantity) if outcome.expectation else "-",
        outcome.estimate.prediction,
        "-" if probability is None else f"{probability:.3f}",
        f"[{_COLOURS[judgement.verdict]}]{judgement.verdict}[/]",
        seconds,
    )


def _show_alerts(tally: Tally, plan: Sequence[Photo], console: Console) -> None:
    truth = {photo.bin_id: photo for photo in plan if photo.expected is not None}
    table = Table(title="Alerts, as a subscriber received them", min_width=72)
    for column in ("severity", "verdict", "bin", "expected", "counted", "P(mismatch)", "really holds"):
        table.add_column(column)
    for alert in sorted(tally.alerts, key=lambda alert: -(alert["probability_of_mismatch"] or 0))[: 3 * _ROWS]:
        probability = alert["probability_of_mismatch"]
        photo = truth.get(alert["bin_id"])
        table.add_row(
            alert["severity"],
            f"[{_COLOURS[alert['verdict']]}]{alert['verdict']}[/] {alert['direction'] or alert['reason'] or ''}",
            alert["bin_id"] or "-",
            _text(alert["expected"]),
            _text(alert["predicted"]),
            "-" if probability is None else f"{probability:.4f}",
            _text(photo.holds if photo else None),
        )
    console.print(table)
    for digest in tally.digests:
        place = digest["consignment_id"] or digest["site"] or digest["scope"]
        console.print(f"Digest about {place}: {digest['alerts']} alerts so far, further ones are silent")


def _show_api_call(stack: Stack, tally: Tally, console: Console) -> None:
    bin_id = next((alert["bin_id"] for alert in tally.alerts if alert["verdict"] == "mismatch"), None)
    path = f"/v1/bins/{bin_id}" if bin_id else "/v1/bins?status=match&limit=1"
    answer = json.dumps(stack.call("GET", path), indent=2)
    console.print(Panel(answer, title=f"GET {path}", title_align="left"), highlight=False)


def _text(value: object) -> str:
    return "-" if value is None else str(value)
