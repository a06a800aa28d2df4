"""`python -m training`: draw bins, train a counter, package it, evaluate it.

Parses arguments and the environment, calls one function, prints. Torch is imported inside the commands that need
it: `draw` and `evaluate` run without. In a SageMaker job (script mode) the folders come from `SM_*`.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from training.drawn import drawn_counts, write_bins
from training.errors import TrainingError
from training.knobs import Knobs
from training.options import with_knobs
from training.progress import on_terminal
from training.scores import Protocol, Scores

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Count the items in photos of bins.")

_CACHE = Path.home() / ".cache" / "bincheck"

DataFolder = Annotated[
    Path, typer.Option(envvar="SM_CHANNEL_TRAINING", help="Folder with bin-images/ and metadata/.", exists=True)
]
CacheFolder = Annotated[Path, typer.Option(help="Where decoded and drawn photos are kept between runs.")]


@app.command()
def draw(
    out: Annotated[Path, typer.Option(help="New data folder.")],
    count: Annotated[int, typer.Option(min=1, help="How many bins.")],
    seed: Annotated[int, typer.Option(help="Same seed, same bins.")] = 1,
) -> None:
    """Draw labelled bins into a data folder."""
    with on_terminal(count, "drawing") as done:
        write_bins(out, drawn_counts(count, seed), seed, progress=lambda _: done())
    print(f"{count} bins drawn into {out}")


@app.command()
@with_knobs
def train(  # noqa: PLR0913 - one parameter per option
    *,
    data: DataFolder,
    out: Annotated[Path, typer.Option(envvar="SM_MODEL_DIR", help="Run folder: checkpoint, figures, record.")],
    backbone_weights: Annotated[
        Path | None, typer.Option(help="State dict to start from; without one, torchvision downloads its own.")
    ] = None,
    backbone_source: Annotated[
        str, typer.Option(help="Where the starting weights come from and their licence, for the model card.")
    ] = "torchvision's published ImageNet weights (BSD-3-Clause)",
    gpus: Annotated[int, typer.Option(envvar="SM_NUM_GPUS", help="0 trains on the CPU.")] = 0,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch.")] = 0,
    cache: CacheFolder = _CACHE,
    knobs: Knobs,
) -> None:
    """Fine-tune a counter; goes on from the run folder's checkpoint where there is one."""
    from training.run import Run, start

    run = Run(out, data, cache, knobs, backbone_weights, backbone_source, _git_commit())
    start(run, gpus=gpus, threads=threads, report=_print_line, progress=on_terminal)


@app.command()
def package(
    run: Annotated[Path, typer.Option(help="Folder of a finished run.", exists=True)],
    out: Annotated[Path, typer.Option(help="Folder of the released model.")],
    version: Annotated[str, typer.Option(help="What the endpoint calls it, after the name.")] = "1",
) -> None:
    """Calibrate, export and test a finished run, and write the released model with its card."""
    from training.package import package as released
    from training.run import Run

    metrics = released(Run.recorded(run), out, version, datetime.now(UTC), progress=on_terminal)
    for photos, scores in metrics.items():
        _show(scores, photos)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="Released model: folder or model.tar.gz.", exists=True)],
    data: DataFolder,
    protocol: Annotated[Protocol, typer.Option(help="Which photos and classes take part.")] = Protocol.SEED,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Score a released model on any data folder, with the server's own decoding and no torch."""
    from training.evaluate import evaluate as scores_of

    scores = scores_of(model, data, protocol, progress=on_terminal)
    if as_json:
        print(json.dumps(scores.report()))
    else:
        _show([scores], str(data))


@app.command()
def thresholds(
    model: Annotated[Path, typer.Option(help="Released model: folder or model.tar.gz.", exists=True)],
    data: DataFolder,
    mismatch_rate: Annotated[float, typer.Option(min=0, max=1, help="Share of bins that really differ.")] = 0.02,
    split: Annotated[
        str | None, typer.Option(help="Only this part of the folder, split as for training: validation, say.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The split's seed.")] = 1,
) -> None:
    """Show what alerting from a threshold on would do: false alerts, mismatches found, precision.

    Every photo is judged by the checker's own rule, under its true quantity and under wrong ones.
    """
    from training.evaluate import load, probabilities_of
    from training.records import read_folder
    from training.split import SHARES
    from training.split import split as split_of
    from training.thresholds import THRESHOLDS, effects

    if split is not None and split not in SHARES:
        raise typer.BadParameter(f"{split}: a folder is split into {', '.join(SHARES)}")
    records = read_folder(data)
    if split is not None:
        records = split_of(records, seed)[split]
    probabilities = probabilities_of(load(model), records, on_terminal)
    table = Table(title=f"{len(records)} photos, {mismatch_rate:.1%} of bins differ", title_justify="left")
    for column in ("threshold", "false alerts", "found", "precision"):
        table.add_column(column, justify="right")
    for effect in effects(probabilities, records, THRESHOLDS, mismatch_rate):
        figures = (effect.false_alerts, effect.found, effect.precision)
        table.add_row(f"{effect.threshold:g}", *(f"{figure:.2%}" for figure in figures))
    Console().print(table)


def _show(scores: Sequence[Scores], photos: str) -> None:
    """Print the figures as tables: one line per protocol, then one line per class of the first."""
    whole = Table(title=photos, title_justify="left")
    for column in ("protocol", "n", "accuracy", "loss", "RMSE", "ECE"):
        whole.add_column(column, justify="right")
    for s in scores:
        whole.add_row(
            s.protocol,
            str(s.n),
            f"{s.accuracy:.4f} ± {s.accuracy_standard_error:.4f}",
            f"{s.loss:.4f} ± {s.loss_standard_error:.4f}",
            f"{s.rmse:.3f}",
            f"{s.ece:.3f}",
        )
    classes = Table(title=f"per class, {scores[0].protocol}", title_justify="left")
    for column in ("count", "precision", "recall", "F1"):
        classes.add_column(column, justify="right")
    for name, one in scores[0].per_class.items():
        classes.add_row(name, f"{one.precision:.3f}", f"{one.recall:.3f}", f"{one.f1:.3f}")
    Console().print(whole, classes)


def _print_line(line: str) -> None:
    print(line, flush=True)


def _git_commit() -> str | None:
    """Find the commit that the code is at; None outside a repository with one."""
    answer = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git the user has
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() if answer.returncode == 0 else None


def main() -> None:
    """Run the command line; what its user can mend ends as one line, not as a traceback."""
    try:
        app()
    except TrainingError as problem:
        sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main()
