"""The local stack's command line: `python -m local demo|up|chain|backfill|bench|bench-... --help`."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from local import backfill as filling
from local import bench as benchmark
from local import bench_api as api
from local import bench_consignments as consignments
from local import bench_endpoint as endpoint
from local import bench_fetch as fetching
from local import chain as whole_chain
from local import demo as demonstration
from local.bench_api_table import BINS, INSPECTIONS, Size
from local.plan import NoPhotos, dimmed, drawn_plan, plan_from
from local.processes import NotReady
from local.stack import Kept, stack
from ops.backfill.errors import BackfillError
from ops.package import PackagingFailed
from ops.stack import StackFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.stack import Stack

_DRAWN_PHOTOS = 50
_CHAIN_PHOTOS = 200
_TRAINING_PYTHON = Path(".venv-training/bin/python")
_TOOLKIT_PYTHON = Path("build/toolkit/bin/python")
_RELEASED = Path("models/bin-counter")
_CELL_SECONDS = 8.0
_QUICK_SECONDS = 1.0
_SEED = 2026

CaptureFolder = Annotated[
    Path | None, typer.Option(help="Folder that keeps the endpoint's requests and replies, as SageMaker captures them.")
]
CapturePercentage = Annotated[int, typer.Option(min=1, max=100, help="Which share of them is kept.")]

main = typer.Typer(
    help="Bincheck on this machine, without an AWS account.", no_args_is_help=True, pretty_exceptions_enable=False
)
console = Console(width=None if sys.stdout.isatty() else 100)


@main.command()
def demo(  # noqa: PLR0913 - one parameter per option
    images: Annotated[
        Path | None, typer.Option(help="Data folder with bin-images/ and metadata/; without it, bins are drawn.")
    ] = None,
    photos: Annotated[int | None, typer.Option(min=10, help="How many; all of a folder, or 50 drawn ones.")] = None,
    seed: Annotated[int, typer.Option(help="Which bins the consignment is wrong about.")] = _SEED,
    *,
    capture: CaptureFolder = None,
    capture_percentage: CapturePercentage = 100,
    dim: Annotated[
        float, typer.Option(min=0.05, max=1, help="Plant a drift: photos keep this share of their light.")
    ] = 1.0,
) -> None:
    """Start everything, drop photos in, show verdicts and alerts, count what became of each, stop everything.

    Ends with code 0 only if no photo was lost and none counted twice.
    """
    with _workshop() as folder:
        plan = (
            plan_from(images, photos, seed) if images else drawn_plan(folder / "photos", photos or _DRAWN_PHOTOS, seed)
        )
        if dim < 1:
            plan = dimmed(plan, dim, folder / "dimmed")
        with _running(folder, _kept(capture, capture_percentage)) as here:
            tally = demonstration.run(here, plan, console)
    print(f"DEMO {json.dumps(tally.summary(plan))}")
    if tally.lost or tally.doubled:
        raise typer.Exit(1)


@main.command()
def up(capture: CaptureFolder = None, capture_percentage: CapturePercentage = 100) -> None:
    """Run the stack until Ctrl-C; prints its addresses, an operator's token, and who may sign in on the page."""
    with _workshop() as folder, _running(folder, _kept(capture, capture_percentage)) as here:
        print(f"URL {here.api_url}")
        print(f"TOKEN {here.token}")
        print(f"BUCKET {here.outputs['BucketName']}")
        print(f"PAGE {here.page_url}")
        for role, person in here.people.items():
            print(f"{role.upper()} {person.name} {person.password}")
        print("READY", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


@main.command()
def chain(
    images: Annotated[
        Path | None, typer.Option(help="Data folder with bin-images/ and metadata/; without it, bins are drawn.")
    ] = None,
    photos: Annotated[int, typer.Option(min=100, help="How many bins the bucket holds.")] = _CHAIN_PHOTOS,
    out: Annotated[
        Path | None, typer.Option(help="Folder for all that the stages leave; the same one goes on. Removed without.")
    ] = None,
    training_python: Annotated[
        Path, typer.Option(help="Python of the environment that make .venv-training/.done sets up.", exists=True)
    ] = _TRAINING_PYTHON,
    backbone_weights: Annotated[
        Path | None, typer.Option(help="mobilenet_v2's weights to start from; without it, the released model's.")
    ] = None,
) -> None:
    """Go the whole way of training: bucket, split, private bucket, tuning, training, package, evaluation, report.

    Every stage is the command line that a user would type, printed before it runs. Ends with the exit code of the
    first that fails.
    """
    start = whole_chain.start_from(backbone_weights)
    with _workshop() as folder:
        bins = whole_chain.Bins.of(images, photos) if images else whole_chain.Bins.drawn(folder / "drawn", photos)
        wanted = whole_chain.stages(out or folder / "chain", bins, start)
        with whole_chain.public_bucket(folder, bins) as settings:
            code = whole_chain.carry_out(wanted, training_python, settings)
    if code:
        raise typer.Exit(code)


@main.command()
def backfill(
    photos: Annotated[int, typer.Option(min=10, help="How many photos lie in the warehouse.")] = 5000,
) -> None:
    """Put photos where nobody announces them, and judge them by a backfill: list, count, record.

    Ends with code 0 only if no photo was lost and none counted twice.
    """
    with _workshop() as folder:
        stored = list(filling.warehouse(folder, photos))
        with _running(folder) as here:
            figures = filling.run(here, folder, stored, console)
    print(f"BACKFILL {json.dumps(figures)}")
    if figures["lost"] or figures["doubled"]:
        raise typer.Exit(1)


@main.command()
def bench(
    photos: Annotated[int, typer.Option(min=10, help="How many photos are dropped at once.")] = 2000,
) -> None:
    """Measure on this machine: imports, and photos dropped at once in batches beside one by one."""
    with _workshop() as folder:
        benchmark.run(folder, photos, lambda: _running(folder), console)


@main.command()
def bench_api(
    bins: Annotated[int, typer.Option(min=40, help="How many bins the table holds.")] = BINS,
    inspections: Annotated[int, typer.Option(min=0, help="How many photos of them.")] = INSPECTIONS,
    rounds: Annotated[int, typer.Option(min=1, help="How often each route is called.")] = 50,
) -> None:
    """Measure what the API's routes take, beside the bare calls to the table that they need."""
    with _workshop() as folder:
        api.run(folder, Size(bins, inspections), rounds, console)


@main.command()
def bench_consignments(
    bins: Annotated[int, typer.Option(min=1, max=10_000, help="How many bins the consignment has.")] = 10_000,
) -> None:
    """Measure a consignment through the deployed app: loaded, shown, closed, reopened, dropped as a file."""
    with _workshop() as folder, _running(folder) as here:
        consignments.run(here, bins, console)


@main.command()
def bench_endpoint(  # noqa: PLR0913 - one parameter per option
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of .jpg files to send; without it, drawn ones of full size.", exists=True),
    ] = None,
    model: Annotated[Path, typer.Option(help="Folder of the released model.", exists=True)] = _RELEASED,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="How long each of the 24 figures is measured.")
    ] = _CELL_SECONDS,
    inference_threads: Annotated[
        int, typer.Option(min=1, help="Threads of the server that share one photo's way through the network.")
    ] = 2,
    toolkit_python: Annotated[
        Path,
        typer.Option(help="Python with AWS's toolkit, as make build/toolkit/.done sets it up; left out if missing."),
    ] = _TOOLKIT_PYTHON,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="A second for each figure: to try it, not to quote.")] = False,
) -> None:
    """Measure the endpoint beside eager PyTorch behind AWS's handler toolkit, and beside ONNX Runtime alone.

    One, four and sixteen clients, which send one photo or eight at once and wait for all their answers.
    """
    with _workshop() as folder:
        rival = toolkit_python.absolute() if toolkit_python.exists() else None
        if rival is None:
            console.print(f"[yellow]without AWS's toolkit: there is no {toolkit_python}[/]")
        for_each = _QUICK_SECONDS if quick else seconds
        plan = endpoint.Plan(model.absolute(), endpoint.photos_for(images), for_each, inference_threads, rival)
        endpoint.run(folder, plan, console)


@main.command()
def bench_fetch(
    photos: Annotated[int, typer.Option(min=10, help="How many photos the bucket holds.")] = 2000,
    latency: Annotated[int, typer.Option(min=0, help="Milliseconds to wait before each request, beside none.")] = 40,
    workers: Annotated[list[int] | None, typer.Option(min=1, help="Numbers of workers; 8, 32 and 64.")] = None,
) -> None:
    """Measure fetching a bucket: a plain boto3 loop beside `python -m training fetch`, against the local S3."""
    with _workshop() as folder:
        fetching.run(folder, photos, latency, workers or (8, 32, 64), console)


@contextmanager
def _workshop() -> Iterator[Path]:
    """Give a folder that goes away, and turn what a person should read into a message instead of a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory(prefix="bincheck-") as name:
        try:
            yield Path(name)
        except KeyboardInterrupt:
            console.print("stopped")
            raise typer.Exit(130) from None
        except (NotReady, NoPhotos, PackagingFailed, StackFailed, BackfillError) as error:
            _show_logs(Path(name))
            console.print(f"[red]{error}[/]")
            raise typer.Exit(2) from None


@contextmanager
def _running(folder: Path, captured: Kept | None = None) -> Iterator[Stack]:
    with stack(folder, lambda step: console.print(f"[dim]... {step}[/]"), captured=captured) as here:
        yield here


def _kept(folder: Path | None, percentage: int) -> Kept | None:
    return None if folder is None else Kept(folder.resolve(), percentage)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _show_logs(folder: Path) -> None:
    for log in folder.glob("*.log"):
        console.rule(log.name)
        console.print("\n".join(log.read_text(errors="replace").splitlines()[-20:]), markup=False, highlight=False)


if __name__ == "__main__":
    main()
