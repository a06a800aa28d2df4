"""`compare`: two models on the same photos, and whether one may take the other's place."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from training.commands.options import CACHE, CacheFolder, DataFolder
from training.commands.tables import table
from training.progress import on_terminal
from training.scores import Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.compare import Comparison, Criterion

_NAMED = "a released model (folder or model.tar.gz), http://host:port of a model server, or endpoint:NAME of SageMaker."


def compare(  # noqa: PLR0913 - one parameter per option
    a: Annotated[str, typer.Argument(help=f"What serves now: {_NAMED}")],
    b: Annotated[str, typer.Argument(help=f"What may take its place: {_NAMED}")],
    data: DataFolder,
    split: Annotated[
        str | None, typer.Option(help="Only this part of the folder, split as for training: test, say.")
    ] = None,
    protocol: Annotated[Protocol, typer.Option(help="Which photos and classes take part.")] = Protocol.SEED,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder for compare.md, compare.html, compare.json and the photos' sheet.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The split's seed.")] = 1,
    timed: Annotated[int, typer.Option(help="Photos that latency is measured on.", min=1)] = 200,
    threads: Annotated[int, typer.Option(help="CPU threads of a package's answer; a server has its own.", min=1)] = 2,
    gain: Annotated[float, typer.Option(help="Standard errors by which B's loss has to be lower.")] = 1.0,
    accuracy_loss: Annotated[
        float, typer.Option(help="Percentage points by which B's accuracy may be lower.", min=0)
    ] = 0.5,
    slowdown: Annotated[float, typer.Option(help="How many times A's median latency B's may be.", min=0)] = 1.25,
    cache: CacheFolder = CACHE,
    without_photos: Annotated[
        bool, typer.Option("--no-photos", help="Write no photo of the data set, as where its licence forbids.")
    ] = False,
    gate: Annotated[bool, typer.Option("--gate", help="End with status 1 unless B may take A's place.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Compare two models on the same photos: accuracy, calibration, latency, and where they disagree.

    Differences are B's less A's, with errors from a bootstrap over groups of bins that share goods. B may take A's
    place if its loss is lower beyond chance, its accuracy not much lower, its latency not much higher, and it has not
    learnt from the photos as far as its record tells. What a package says is kept in the cache.

        python -m training compare models/bin-counter runs/new/package --data bins --split validation --gate
    """
    from training.compare import Gate
    from training.compare import compare as comparison_of
    from training.compare_page import as_json as json_of
    from training.compare_page import promoted, write
    from training.contenders import contender
    from training.records import read_folder
    from training.split import SHARES
    from training.split import split as split_of

    if split is not None and split not in SHARES:
        raise typer.BadParameter(f"{split}: a folder is split into {', '.join(SHARES)}")
    records = read_folder(data) if split is None else split_of(read_folder(data), seed)[split]
    comparison = comparison_of(
        contender(a, cache, threads, _runtime),
        contender(b, cache, threads, _runtime),
        records,
        protocol,
        split=split,
        timed=timed,
        clock=time.perf_counter,
        progress=on_terminal,
    )
    verdict = Gate(gain, accuracy_loss, slowdown).judge(comparison)
    written = write(comparison, verdict, out, photos=not without_photos) if out else None
    if as_json:
        print(json.dumps(json_of(comparison, verdict)))
    else:
        _show(comparison, verdict)
        print("B may take A's place" if promoted(verdict) else "B may not take A's place")
        if written:
            print(f"{written} and {written.with_suffix('.html').name} written")
    if gate and not promoted(verdict):
        raise typer.Exit(1)


def _show(comparison: "Comparison", verdict: "Sequence[Criterion]") -> None:
    from training.compare_page import figures

    a, b = comparison.a, comparison.b
    print(f"A: {a.model}, {a.where}\nB: {b.model}, {b.where}")
    whole = table(
        f"{comparison.photos} photos, protocol {comparison.protocol.value}", "", "A", "B", "B less A", "95 % interval"
    )
    for row in figures(comparison):
        whole.add_row(*row)
    for name in ("p50", "p95", "p99"):
        whole.add_row(f"{name} ms", *(f"{getattr(side.latency, name):.2f}" for side in (a, b)), "", "")
    asked = table("the gate", "asked for", "", "measured")
    for one in verdict:
        asked.add_row(one.name, "passes" if one.passed else "fails", one.because)
    Console().print(whole, asked)
    print(
        f"only A right: {comparison.only_a_right}, only B right: {comparison.only_b_right} "
        f"(McNemar's exact test: p = {comparison.p_value:.3g}); they disagree on {len(comparison.disagreements)}"
    )
    for name, side in (("A", a), ("B", b)):
        if side.standing.learnt is not False:
            print(f"warning: {name}, {side.where}: {side.standing.sentence}")


def _runtime() -> Any:
    import boto3

    return boto3.client("sagemaker-runtime")
