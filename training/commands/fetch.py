"""`fetch`: bins with their truth, out of a bucket or a folder."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.tables import table
from training.fetch import All, Estimate, FolderSource, PatientSource, PerClass, Sample, Selection, Source, Summary
from training.fetch.choice import read_list, read_quotas
from training.progress import on_terminal


def fetch(  # noqa: PLR0913 - one parameter per option
    *,
    out: Annotated[Path, typer.Option(help="Data folder to fill; run again with the same one to go on.")],
    source: Annotated[
        str, typer.Option("--from", help="s3://bucket or s3://bucket/prefix, or a folder in the same layout.")
    ] = "s3://aft-vbi-pds",
    ids: Annotated[
        Path | None,
        typer.Option(help="Only these: JSON (a list, or lists by class as in file_list.json) or text, one to a line."),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="So many, drawn at random.")] = None,
    per_class: Annotated[
        str | None, typer.Option(help="So many of each count, drawn at random: 1:1228,2:2299,6+:500.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every bin that has metadata.")] = False,
    seed: Annotated[int, typer.Option(help="Same seed, same bins; a larger draw contains the smaller one.")] = 1,
    workers: Annotated[int, typer.Option(min=1, max=256, help="How many bins are read at once.")] = 32,
    signed: Annotated[
        bool | None,
        typer.Option(
            "--signed/--unsigned",
            help="Whether your AWS credentials sign the requests; left out, all but those to the public bucket.",
        ),
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(envvar="AWS_ENDPOINT_URL_S3", help="Another S3 than Amazon's.")
    ] = None,
    retry_set_aside: Annotated[bool, typer.Option(help="Try again what an earlier run has set aside.")] = False,
    tolerate: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the bins that may be set aside; above it, the exit code is 1.")
    ] = 0.05,
    dry_run: Annotated[bool, typer.Option(help="Only tell how many objects and about how many bytes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Bring bins into a data folder, each checked: the photo decodes, the metadata holds a count, both are there.

    Reads SOURCE/bin-images/<id>.jpg and SOURCE/metadata/<id>.json, by default from the public bucket of the Amazon
    Bin Image Dataset. Leaves OUT/bin-images, OUT/metadata and OUT/manifest.jsonl; what is broken or missing goes to
    OUT/set-aside, with its reason in OUT/set-aside.jsonl. Can be interrupted at any time: run again, it goes on.

        python -m training fetch --out bins --count 10000
    """
    from training.fetch import estimate
    from training.fetch import fetch as fetched

    selection = _selection(ids, count, per_class, seed, everything=everything)
    origin = _source(source, endpoint_url, workers, signed=signed)
    if dry_run:
        _show_estimate(estimate(origin, out, selection, workers=workers), as_json=as_json)
        return
    started = time.monotonic()
    try:
        summary = fetched(
            origin, out, selection, workers=workers, retry_set_aside=retry_set_aside, progress=on_terminal
        )
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        raise typer.Exit(130) from None
    _show_summary(summary, time.monotonic() - started, out, as_json=as_json)
    if summary.share_set_aside > tolerate:
        print(f"{summary.share_set_aside:.1%} set aside, more than {tolerate:.1%}", file=sys.stderr)
        raise typer.Exit(1)


def _selection(ids: Path | None, count: int | None, per_class: str | None, seed: int, *, everything: bool) -> Selection:
    ways: tuple[Selection | None, ...] = (
        read_list(ids) if ids else None,
        Sample(count, seed) if count else None,
        PerClass(read_quotas(per_class), seed) if per_class else None,
        All() if everything else None,
    )
    given = [way for way in ways if way is not None]
    if len(given) != 1:
        raise typer.BadParameter("say which bins: one of --ids, --count, --per-class, --all")
    return given[0]


def _source(address: str, endpoint_url: str | None, workers: int, *, signed: bool | None) -> Source:
    if not address.startswith("s3://"):
        return FolderSource(Path(address))
    from training.fetch.s3 import PUBLIC_BUCKET, Address, S3Source, client

    where = Address.parse(address)
    sign = where.bucket != PUBLIC_BUCKET if signed is None else signed
    s3 = client(signed=sign, connections=workers, endpoint_url=endpoint_url)
    return PatientSource(S3Source(s3, where))


def _show_estimate(estimate: Estimate, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(estimate)))
        return
    print(
        f"{estimate.wanted} bins wanted, {estimate.outstanding} to fetch: "
        f"{estimate.objects} objects, about {_megabytes(estimate.about_bytes)} MB"
    )


def _show_summary(summary: Summary, seconds: float, out: Path, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(summary) | {"seconds": round(seconds, 1)}))
        return
    shown = table(str(out), "bins", "")
    shown.add_row("wanted", str(summary.wanted))
    shown.add_row("fetched", str(summary.fetched))
    shown.add_row("already there", str(summary.already_there))
    for reason, bins in summary.set_aside.items():
        shown.add_row(f"set aside: {reason}", str(bins))
    Console().print(shown)
    rate = summary.fetched / seconds if seconds else 0.0
    print(f"{_megabytes(summary.bytes_fetched)} MB in {seconds:.1f} s, {rate:.0f} bins/s")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"
