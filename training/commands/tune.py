"""`tune`: find the knobs with which a short run does best."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from training.commands.knob_options import with_knobs
from training.commands.options import (
    CACHE,
    IMAGENET,
    BackboneSource,
    BackboneWeights,
    CacheFolder,
    DataFolder,
    Gpus,
    Threads,
)
from training.commands.provenance import git_commit
from training.commands.tables import table
from training.knobs import Knobs
from training.progress import on_terminal
from training.space import Space

if TYPE_CHECKING:
    from training.trial import Cost
    from training.tune_report import Finding


@with_knobs
def tune(  # noqa: PLR0913 - one parameter per option
    *,
    data: DataFolder,
    out: Annotated[Path, typer.Option(help="Study folder: its database, a run per trial, the results.")],
    space: Annotated[str, typer.Option(help="published, wide, or a JSON file like training/space.json's parts.")] = (
        "published"
    ),
    trials: Annotated[int, typer.Option(min=1, help="How many in the end, those already done included.")] = 20,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Minutes after which to stop, at the end of an epoch.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be tried and about how long it takes.")] = (
        False
    ),
    backbone_weights: BackboneWeights = None,
    backbone_source: BackboneSource = IMAGENET,
    gpus: Gpus = 0,
    threads: Threads = 0,
    cache: CacheFolder = CACHE,
    knobs: Knobs,
) -> None:
    """Try knobs out in short runs; leaves table.csv, plot.png and best.json in the study folder.

    Optuna (TPE) chooses, by the validation loss over all classes (val_all_loss); what does worse after an epoch than
    three quarters of the complete trials did is stopped there. Knobs outside the space stay as given here, and trial 0
    is all of them as given. The same command goes on with an interrupted study, and with a larger --trials adds to a
    finished one.

    Example: python -m training tune --data bins --out study --epochs 3 --space wide, and then
    python -m training train --data bins --out run --best study/best.json --epochs 20
    """
    from training.replicas import joined
    from training.run import Run
    from training.trial import cost_of, trial_of
    from training.tune import Plan
    from training.tune import tune as carry_out
    from training.tune_report import write_report

    tried = Space.load(space)
    base = Run(out, data, cache, knobs, backbone_weights, backbone_source, git_commit())
    of = {"data": str(data.resolve()), "backbone_weights": str(backbone_weights), "backbone_source": backbone_source}
    say = partial(print, flush=True)
    with joined(gpus) as replica:
        if dry_run:
            _show_plan(tried, trials, knobs, cost_of(base, replica.device, time.perf_counter))
            return
        train = trial_of(base, replica=replica, threads=threads, report=say, progress=on_terminal)
        plan = Plan(out, tried, knobs, trials, of)
        finding = carry_out(plan, train, report=say, time_up=_after(timeout))
    write_report(out, finding)
    _show(finding, out)


def _after(minutes: float | None) -> Callable[[], bool]:
    if minutes is None:
        return lambda: False
    end = time.monotonic() + 60 * minutes
    return lambda: time.monotonic() >= end


def _show_plan(space: Space, trials: int, knobs: Knobs, cost: "Cost") -> None:
    shown = table(f"space {space.name}", "knob", "values", "why")
    for column in shown.columns:
        column.justify = "left"
    for knob, entry in space.entries.items():
        shown.add_row(knob, str(entry), entry.why)
    Console().print(shown)
    print(
        f"{trials} trials of {knobs.epochs} epochs: {trials * knobs.epochs} passes over {cost.learnt:,} photos, "
        f"and as many over {cost.scored:,} to score them\n"
        f"about {_duration(trials * cost.seconds)} on this machine, less what pruning saves"
    )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{max(minutes, 1)} min"


def _show(finding: "Finding", out: Path) -> None:
    from training.tune_report import OBJECTIVE, best_of, figure, ranked, short

    rows, knobs = finding.rows, list(finding.space.entries)
    shown = table(f"{len(rows)} trials, best first", "trial", "state", *knobs, "epochs", OBJECTIVE)
    shown.columns[-1].no_wrap = True
    for row in ranked(rows):
        values = [short(row.knobs.get(knob, "")) for knob in knobs]
        shown.add_row(str(row.number), row.state, *values, str(row.epochs), figure(row.loss, row.standard_error))
    Console().print(shown)
    if best_of(rows):
        print(f"next: python -m training train --best {out / 'best.json'} --epochs 20 ...")
