"""What the checker costs on this machine. Everything that is compared is measured in one run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from local.demo import outcomes_of, upload
from local.plan import CONSIGNMENT, PREFIX, consignment_of, drawn_plan
from local.stack import PROJECT
from local.tally import Tally, received_by, uploads_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rich.console import Console

    from local.plan import Photo
    from local.stack import Stack

_MODULES: Final = ("app", "chalice.app", "boto3")
_IMPORTS: Final = 5
_BATCH_SIZES: Final = (10, 1)
_DISTINCT: Final = 50
_SEED: Final = 7
_PATIENCE_SECONDS: Final = 120


def run(folder: Path, photos: int, running: Callable[[], AbstractContextManager[Stack]], console: Console) -> None:
    """Print one table and one line of JSON."""
    imports = {module: _import_seconds(module) for module in _MODULES}
    plan = _plan(folder, photos)
    drops = {}
    for batch_size in _BATCH_SIZES:
        with running() as stack:
            drops[batch_size] = _drop(stack, plan, batch_size, console)
    console.print(_import_table(imports), _drop_table(drops))
    figures = {"import_seconds": imports, "drops": {f"batch_of_{size}": drop for size, drop in drops.items()}}
    print(f"BENCH {json.dumps(figures)}")


def _import_seconds(module: str) -> float:
    """Return the shortest of several imports, each in a new interpreter without an environment."""
    code = f"import time; started = time.perf_counter(); import {module}; print(time.perf_counter() - started)"
    command = [sys.executable, "-c", code]
    runs = [subprocess.run(command, capture_output=True, check=True, cwd=PROJECT, env={}) for _ in range(_IMPORTS)]
    return round(min(float(run.stdout) for run in runs), 3)


def _plan(folder: Path, photos: int) -> list[Photo]:
    """Spread a few drawn photos over as many bins as there are to be photos."""
    listed = [photo for photo in drawn_plan(folder / "photos", _DISTINCT, _SEED) if photo.expected is not None]
    return [replace(listed[number % len(listed)], bin_id=f"bench-{number:05d}") for number in range(photos)]


def _drop(stack: Stack, plan: Sequence[Photo], batch_size: int, console: Console) -> dict[str, Any]:
    """Drop all photos at once and wait until each has ended."""
    _set_batch_size(stack, batch_size)
    stack.call("PUT", f"/v1/consignments/{CONSIGNMENT}", consignment_of(plan))
    started = last_change = time.monotonic()
    upload(stack, plan)
    uploaded = time.monotonic()
    ended = 0
    with console.status(f"{len(plan)} photos, batches of {batch_size}"):
        while ended < len(plan) and time.monotonic() - last_change < _PATIENCE_SECONDS:
            time.sleep(1)
            seen = len(outcomes_of(stack))
            last_change = time.monotonic() if seen > ended else last_change
            ended = seen
    seconds = last_change - started
    tally = _tally(stack)
    return {
        "photos": len(plan),
        "lost": tally.lost,
        "doubled": tally.doubled,
        "seconds": round(seconds, 1),
        "seconds_uploading": round(uploaded - started, 1),
        "photos_per_second": round(ended / seconds, 1),
    }


def _set_batch_size(stack: Stack, batch_size: int) -> None:
    functions, sqs = stack.emulator.client("lambda"), stack.emulator.client("sqs")
    inbox = sqs.get_queue_attributes(QueueUrl=stack.outputs["InboxUrl"], AttributeNames=["QueueArn"])["Attributes"]
    (mapping,) = functions.list_event_source_mappings(EventSourceArn=inbox["QueueArn"])["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=batch_size)


def _tally(stack: Stack) -> Tally:
    received = received_by(stack.emulator.client("sqs"), stack.subscriber_url)
    uploads = uploads_in(stack.emulator.client("s3"), stack.outputs["BucketName"], PREFIX)
    return Tally.of(uploads, outcomes_of(stack), received)


def _import_table(imports: dict[str, float]) -> Table:
    table = Table("import of", "seconds", title="Shortest of five imports, each in a new interpreter")
    for module, seconds in imports.items():
        table.add_row(module, f"{seconds:.3f}")
    return table


def _drop_table(drops: dict[int, dict[str, Any]]) -> Table:
    table = Table("photos per invocation", *next(iter(drops.values())), title="Photos dropped at once")
    for batch_size, figures in drops.items():
        table.add_row(f"up to {batch_size}", *(str(value) for value in figures.values()))
    return table
