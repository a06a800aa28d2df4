"""A warehouse that is full already: photos under a prefix that nobody announces, judged by a backfill.

The three stages are those of `python -m ops backfill`; only SageMaker's transform jobs are stood in for. What became of
the photos is counted from bucket, table and subscriber alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from local.demo import outcomes_of, received_after
from local.plan import SITE, drawn_plan
from local.tally import Tally, uploads_in
from ops.backfill.counting import Watch
from ops.backfill.deployed import stage_of
from ops.backfill.ledger import Ledger, Source
from ops.backfill.whole import Backfill
from training.parallel import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from local.stack import Stack
    from ops.backfill.ledger import Standing

PREFIX: Final = "warehouse/"
NAME: Final = "warehouse"
_DISTINCT: Final = 50
_SEED: Final = 7
_UPLOADERS: Final = 8
_BINS_A_CONSIGNMENT: Final = 10_000
_BROKEN_EVERY: Final = 100
"""Every so many photos one is cut short, or no photo at all."""
_PHOTOS_PER_JOB: Final = 2_000
_LOOK_EVERY_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the warehouse's bucket."""

    key: str
    body: bytes
    bin_id: str
    expected: int


def warehouse(folder: Path, photos: int) -> Iterator[Stored]:
    """Spread a few drawn photos over many bins; one bin in five has two, one file in a hundred is broken."""
    drawn = [photo for photo in drawn_plan(folder / "photos", _DISTINCT, _SEED) if photo.expected is not None]
    listed = [(photo.path.read_bytes(), photo.expected or 0) for photo in drawn if photo.path.name != "note.jpg"]
    bins = max(1, photos * 4 // 5)
    for number in range(photos):
        body, expected = listed[number % bins % len(listed)]
        bin_id = f"shelf-{number % bins:06d}"
        if number % _BROKEN_EVERY == _BROKEN_EVERY - 1:
            body = body[: len(body) // 2] if number % (2 * _BROKEN_EVERY) < _BROKEN_EVERY else b"a note, no photo"
        yield Stored(f"{PREFIX}{bin_id}/{number:06d}.jpg", body, bin_id, expected)


def run(stack: Stack, folder: Path, stored: Sequence[Stored], console: Console) -> dict[str, Any]:
    """Fill the warehouse, run the three stages, and return what was counted."""
    _load(stack, stored)
    console.print(f"Putting {len(stored):,} photos under s3://{stack.outputs['BucketName']}/{PREFIX}, unannounced")
    fill(stack, stored)
    with Ledger.of(folder / "backfill") as ledger:
        here = backfill_of(stack, ledger)
        seconds = {
            "list": _timed(lambda: here.list(source_of(stack), lambda _: None)),
            "count": _timed(lambda: here.count(_watch(console))),
            "record": _timed(lambda: here.record(lambda _: None)),
        }
        standing = ledger.standing()
    figures = _figures(stack, standing, seconds)
    console.print(_table(figures))
    return figures


def source_of(stack: Stack) -> Source:
    """Return where the warehouse lies."""
    return Source(stack.outputs["BucketName"], PREFIX, _PHOTOS_PER_JOB)


def backfill_of(stack: Stack, ledger: Ledger) -> Backfill:
    """Return the backfill of the local stack."""
    return Backfill(stack.client, stage_of(stack.client, stack.name), NAME, ledger, workers=8)


def fill(stack: Stack, stored: Sequence[Stored]) -> None:
    """Put every file into the bucket."""
    s3, bucket = stack.client("s3"), stack.outputs["BucketName"]

    def put(one: Stored) -> None:
        s3.put_object(Bucket=bucket, Key=one.key, Body=one.body, ContentType="image/jpeg")

    for _ in in_order(put, stored, _UPLOADERS):
        pass


def _load(stack: Stack, stored: Sequence[Stored]) -> None:
    """Load consignments that name every bin."""
    expected = {one.bin_id: one.expected for one in stored}
    bins = [{"bin_id": bin_id, "expected_quantity": quantity} for bin_id, quantity in expected.items()]
    for start in range(0, len(bins), _BINS_A_CONSIGNMENT):
        some = bins[start : start + _BINS_A_CONSIGNMENT]
        stack.call("PUT", f"/v1/consignments/{NAME}-{start}", {"site": SITE, "bins": some})


def _watch(console: Console) -> Watch:
    return Watch(
        lambda line: console.print(f"[dim]... {line}[/]"), time.sleep, time.monotonic, every=_LOOK_EVERY_SECONDS
    )


def _timed(work: Any) -> float:
    started = time.monotonic()
    work()
    return round(time.monotonic() - started, 2)


def _figures(stack: Stack, standing: Standing, seconds: dict[str, float]) -> dict[str, Any]:
    received = received_after(stack)
    uploads = uploads_in(stack.client("s3"), stack.outputs["BucketName"], PREFIX)
    tally = Tally.of(uploads, outcomes_of(stack), received)
    return {
        "photos": len(uploads),
        "inspections": len(tally.inspections),
        "rejections": len(tally.outcomes) - len(tally.inspections),
        "lost": tally.lost,
        "doubled": tally.doubled,
        "alerts": len(tally.alerts),
        "digests": len(tally.digests),
        "answers": standing.answered,
        "asked_at_the_endpoint": standing.ways["endpoint"],
        "jobs": standing.jobs,
        "seconds": seconds,
        "photos_per_second": {stage: round(len(uploads) / taken, 1) for stage, taken in seconds.items()},
    }


def _table(figures: dict[str, Any]) -> Table:
    table = Table("stage", "seconds", "photos a second", title="A backfill on this machine", title_justify="left")
    for stage, seconds in figures["seconds"].items():
        table.add_row(stage, f"{seconds:.1f}", f"{figures['photos_per_second'][stage]:,.0f}")
    return table
