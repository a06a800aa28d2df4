"""`runtimes`: what serves a released network best on this machine."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.options import CACHE, CacheFolder, DataFolder, ReleasedModel
from training.commands.tables import table
from training.progress import on_terminal


def runtimes(  # noqa: PLR0913 - one parameter per option
    *,
    model: ReleasedModel,
    data: DataFolder,
    seed: Annotated[int, typer.Option(help="Of the split whose validation photos judge: the model's own.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads that share one photo.")] = 2,
    cache: CacheFolder = CACHE,
    save: Annotated[Path | None, typer.Option(help="Also keep the network in 8 bits as this ONNX file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Hold ONNX Runtime in fp32 and int8, and OpenVINO in fp32, bf16 and int8 where installed, against each other.

    Accuracy, loss and changed answers are those of validation photos, by the published run's protocol.
    """
    from training.records import read_folder
    from training.runtimes import runtimes as measured

    ways = measured(model, read_folder(data), seed, cache, threads=threads, save=save, progress=on_terminal)
    if as_json:
        print(json.dumps([asdict(way) | {"scores": way.scores.report()} for way in ways]))
        return
    columns = ("accuracy", "loss", "largest", "mean change", "other answers", "p50 ms", "start s", "MB", "package MB")
    shown = table(f"{ways[0].scores.n} validation photos, {threads} threads", "runtime", *columns)
    for way in ways:
        shown.add_row(
            f"{way.package} {way.precision}",
            f"{way.scores.accuracy:.4f}",
            f"{way.scores.loss:.4f}",
            f"{way.largest_change:.4f}",
            f"{way.mean_change:.5f}",
            str(way.other_answers),
            f"{way.p50_ms:.1f}",
            f"{way.start_seconds:.2f}",
            "-" if way.resident_mb is None else f"{way.resident_mb:.0f}",
            f"{way.package_mb:.0f}",
        )
    Console(width=None if sys.stdout.isatty() else 140).print(shown)
