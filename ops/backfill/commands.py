"""`python -m ops backfill`: makes clients, asks, prints; all else is in its neighbours."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import boto3
import typer
from rich.table import Table

from ops.backfill.counting import Watch
from ops.backfill.deployed import patient, stage_of
from ops.backfill.errors import BackfillError
from ops.backfill.ledger import Ledger, Source
from ops.backfill.requests import Machines, shown
from ops.backfill.whole import Backfill
from ops.stack import Declined
from ops.terminal import FAILED, PROJECT, Stage, Yes, err, failures_told, out, stack_name
from training.endpoint.per_million import batch_instances
from training.progress import on_terminal

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from ops.backfill.ledger import Standing
    from ops.backfill.recording import Attempt

_PREVIEWED: Final = 1000
_USUAL: Final = Machines()

backfill = typer.Typer(
    help="Judge photos that lie in the bucket already, and record them as if they had just landed.\n\n"
    "Three stages, each of which may be stopped at any time and run again: `list` writes the photos down, `count` has "
    "SageMaker Batch Transform count them, `record` puts each through the checker's own path. `run` does all three. "
    "docs/backfill.md goes through it. Never run on AWS so far.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Option(help="Names the backfill: its folder, its jobs, its place in the bucket.")]
Folder = Annotated[Path | None, typer.Option(help="Where its ledger is kept; build/backfill/NAME if not given.")]
Prefix = Annotated[
    str | None, typer.Option(help="Photos lie under it as PREFIX<bin id>/<name>.jpg; the stage's own if not given.")
]
Bucket = Annotated[str | None, typer.Option(help="Where the photos lie; the stage's bucket if not given.")]
PhotosPerJob = Annotated[int, typer.Option(min=1, help="So many photos in a row are counted by one job.")]
Model = Annotated[str | None, typer.Option(help="SageMaker model; the one behind the stage's endpoint if not given.")]
Instance = Annotated[str, typer.Option(help="Instance type of the jobs.")]
Instances = Annotated[int, typer.Option(min=1, help="Instances of each job.")]
Concurrency = Annotated[int, typer.Option(min=1, help="Photos under way on an instance.")]
JobsAtOnce = Annotated[int, typer.Option(min=1, help="Jobs that run side by side; your quota limits them.")]
MaxHours = Annotated[float, typer.Option(help="A job that takes longer is stopped.")]
KmsKey = Annotated[str | None, typer.Option(help="Key for the answers and the instances' disks; S3's own without.")]
Workers = Annotated[int, typer.Option(min=1, max=256, help="Bins that are recorded side by side.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done and what it costs, and stop.")]


@backfill.command("list")
def list_stage(  # noqa: PLR0913 - the options of a command
    *,
    stage: Stage = "dev",
    name: Name = "backfill",
    folder: Folder = None,
    prefix: Prefix = None,
    bucket: Bucket = None,
    photos_per_job: PhotosPerJob = 50_000,
    dry_run: DryRun = False,
) -> None:
    """Write the photos down: newest version, ETag, size and time of everything under the prefix.

    --dry-run counts them and writes nothing down.
    """
    with failures_told(), _opened(stage, name, folder) as here:
        _list(here, prefix, bucket, photos_per_job, dry_run=dry_run)


@backfill.command("count")
def count_stage(  # noqa: PLR0913
    *,
    stage: Stage = "dev",
    name: Name = "backfill",
    folder: Folder = None,
    model: Model = None,
    instance: Instance = _USUAL.type,
    instances: Instances = _USUAL.count,
    concurrency: Concurrency = _USUAL.concurrency,
    jobs_at_once: JobsAtOnce = 2,
    max_hours: MaxHours = 3.0,
    kms_key: KmsKey = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Have SageMaker Batch Transform count the photos, and wait. Prints the price first, and asks.

    A job that an earlier run began is found again by its name. --dry-run prints the first request.
    """
    with failures_told(), _opened(stage, name, folder) as opened:
        machines = _machines(instance, instances, concurrency, kms_key)
        here = replace(opened, model=model, machines=machines, jobs_at_once=jobs_at_once)
        _count(here, max_hours, dry_run=dry_run, yes=yes)


@backfill.command("record")
def record_stage(  # noqa: PLR0913
    *,
    stage: Stage = "dev",
    name: Name = "backfill",
    folder: Folder = None,
    workers: Workers = 16,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Record every photo that was counted: inspection or rejection, and its bin's status. Prints the price, and asks.

    --dry-run judges the next thousand photos and says how they would end. Exit code 1 where photos are left.
    """
    with failures_told(), _opened(stage, name, folder, workers) as here:
        _record(here, dry_run=dry_run, yes=yes)


@backfill.command("run")
def run_stages(  # noqa: PLR0913
    *,
    stage: Stage = "dev",
    name: Name = "backfill",
    folder: Folder = None,
    prefix: Prefix = None,
    bucket: Bucket = None,
    photos_per_job: PhotosPerJob = 50_000,
    model: Model = None,
    instance: Instance = _USUAL.type,
    instances: Instances = _USUAL.count,
    concurrency: Concurrency = _USUAL.concurrency,
    jobs_at_once: JobsAtOnce = 2,
    max_hours: MaxHours = 3.0,
    kms_key: KmsKey = None,
    workers: Workers = 16,
    yes: Yes = False,
) -> None:
    """List, count and record, one after the other; asks before each stage that costs money.

    Example: python -m ops backfill run --stage prod --name july --prefix archive/2026-07/
    """
    with failures_told(), _opened(stage, name, folder, workers) as opened:
        machines = _machines(instance, instances, concurrency, kms_key)
        here = replace(opened, model=model, machines=machines, jobs_at_once=jobs_at_once)
        _list(here, prefix, bucket, photos_per_job, dry_run=False)
        _count(here, max_hours, dry_run=False, yes=yes)
        _record(here, dry_run=False, yes=yes)


@backfill.command("status")
def show_status(
    *,
    stage: Stage = "dev",
    name: Name = "backfill",
    folder: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show how far a backfill is: photos listed, counted and recorded, and how they ended."""
    with failures_told(), Ledger.of(_folder(stage, name, folder)) as ledger:
        standing = ledger.standing()
    if as_json:
        # Not `asdict`: it takes a Counter's pairs for things to count.
        told = {one.name: getattr(standing, one.name) for one in fields(standing)}
        print(json.dumps({**told, "recorded": standing.recorded, "left": standing.left}))
    else:
        _show_standing(standing)


def _list(here: Backfill, prefix: str | None, bucket: str | None, photos_per_job: int, *, dry_run: bool) -> None:
    known = here.ledger.source
    wanted = Source(
        bucket or (known.bucket if known else here.stage.bucket),
        prefix or (known.prefix if known else here.stage.settings.text("PREFIX")),
        photos_per_job,
    )
    if dry_run:
        with out.status(f"counting what lies under s3://{wanted.bucket}/{wanted.prefix}"):
            found = here.census(wanted)
        _show_counts(f"s3://{wanted.bucket}/{wanted.prefix}", "kind", found)
        return
    with out.status(f"listing s3://{wanted.bucket}/{wanted.prefix}") as status:
        here.list(wanted, lambda photos: status.update(f"{photos:,} objects"))
    photos = here.ledger.standing().photos
    out.print(f"{photos:,} objects under s3://{wanted.bucket}/{wanted.prefix} are written down", highlight=False)


def _count(here: Backfill, max_hours: float, *, dry_run: bool, yes: bool) -> None:
    plan = here.plan()
    if dry_run and plan.first:
        print(shown(plan.first))
    if plan.jobs:
        out.print(
            f"{plan.jobs} jobs, {plan.photos:,} photos: about {plan.price.usd:.2f} USD = {plan.price.formula}",
            highlight=False,
            soft_wrap=True,
        )
    if dry_run:
        return
    if plan.jobs:
        _agree("Begin to count?", yes=yes)
    watch = Watch(lambda line: out.print(line, highlight=False), time.sleep, time.monotonic, patience=max_hours * 3600)
    here.count(watch)


def _record(here: Backfill, *, dry_run: bool, yes: bool) -> None:
    if dry_run:
        _show_counts("How the next photos would end", "end", here.preview(_PREVIEWED))
        return
    left, price = here.ledger.standing().left, here.recording_price()
    if left:
        told = f"{left:,} photos to record: about {price.usd:.2f} USD = {price.formula}"
        out.print(told, highlight=False, soft_wrap=True)
        _agree("Begin to record?", yes=yes)
    failures: dict[str, int] = {}
    with on_terminal(left, "recording") as step:

        def told_of(attempt: Attempt) -> None:
            step()
            if attempt.end is None:
                failures[attempt.failure] = failures.get(attempt.failure, 0) + 1

        failed = here.record(told_of)
    _show_standing(here.ledger.standing())
    for failure, times in sorted(failures.items(), key=lambda one: -one[1])[:5]:
        err.print(f"{times} x {failure}", markup=False, soft_wrap=True)
    if failed:
        err.print(f"{failed} photos could not be recorded; mend what the reasons name and run `record` again")
        raise typer.Exit(FAILED)


@contextmanager
def _opened(stage: str, name: str, folder: Path | None, workers: int = 16) -> Iterator[Backfill]:
    def client(service: str) -> object:
        return boto3.client(service, config=patient(workers))

    with Ledger.of(_folder(stage, name, folder)) as ledger:
        yield Backfill(client, stage_of(client, stack_name(stage)), name, ledger, workers=workers)


def _folder(stage: str, name: str, folder: Path | None) -> Path:
    return folder or PROJECT / "build" / "backfill" / stage / name


def _machines(instance: str, instances: int, concurrency: int, kms_key: str | None) -> Machines:
    if instance not in batch_instances():
        known = ", ".join(batch_instances())
        raise BackfillError(f"no price is known of {instance}; training/endpoint/prices.toml has {known}")
    return Machines(instance, instances, concurrency, kms_key)


def _agree(question: str, *, yes: bool) -> None:
    if not (yes or typer.confirm(question)):
        raise Declined("nothing was begun")


def _show_standing(standing: Standing) -> None:
    out.print(
        f"{standing.photos:,} photos listed{'' if standing.is_listed else ' so far'}; {standing.parts_counted} of "
        f"{standing.parts} parts counted by {standing.jobs} jobs, {standing.answered:,} answers; "
        f"{standing.recorded:,} recorded, {standing.known_before:,} of them known before; {standing.left:,} left",
        highlight=False,
        soft_wrap=True,
    )
    if standing.ends:
        _show_counts("How the photos ended", "end", standing.ends)


def _show_counts(title: str, what: str, counts: Counter[str]) -> None:
    table = Table(what, "photos", title=title, title_justify="left")
    table.columns[1].justify = "right"
    for name, photos in counts.most_common():
        table.add_row(name, f"{photos:,}")
    out.print(table)
