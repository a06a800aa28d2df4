"""What tuning has found, as files: a table, a picture and the best knobs. Plain data in; knows no Optuna, no torch."""

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from training.knobs import Knobs
from training.space import Range, Space, Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OBJECTIVE: Final = "val_all_loss"
"""What is tuned for: the mean negative log probability (nats) of the truth on the real validation photos."""

_LENGTHS: Final = frozenset({"epochs", "small_epochs", "drawn_epochs"})
"""How long to train is what one changes after tuning, so it is no part of the best knobs."""


class State(StrEnum):
    """How a trial came out."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Row:
    """One trial: what it tried, how many epochs it saw, and its best epoch's loss (None where it had none)."""

    number: int
    state: State
    knobs: Mapping[str, Value]
    epochs: int
    loss: float | None
    standard_error: float | None

    def __str__(self) -> str:
        loss = "no figure" if self.loss is None else f"{OBJECTIVE} {figure(self.loss, self.standard_error)}"
        return f"trial {self.number}: {loss}, {self.state} after epoch {self.epochs}"


@dataclass(frozen=True, slots=True)
class Finding:
    """All that is reported of a study."""

    space: Space
    rows: Sequence[Row]
    fixed: Mapping[str, Any]
    """The knobs that no trial changed."""
    of: Mapping[str, str]
    """What else decided the figures."""
    importance: Mapping[str, float]
    """The knobs' shares in a trial's success, sum 1; empty where that cannot be told yet."""


def best_of(rows: Iterable[Row]) -> Row | None:
    """Find the complete trial with the lowest loss, the earliest of equals; a shorter trial's loss says less."""
    complete = (row for row in rows if row.state == State.COMPLETE and row.loss is not None)
    return min(complete, key=lambda row: (row.loss, row.number), default=None)


def ranked(rows: Iterable[Row]) -> list[Row]:
    """Order the trials: complete ones by loss, then those that were cut short."""
    return sorted(rows, key=lambda row: (row.state != State.COMPLETE, row.loss or math.inf, row.number))


def figure(value: float | None, standard_error: float | None = None) -> str:
    """Write a figure with its standard error where it has one: `1.2345 ± 0.0123`."""
    if value is None:
        return ""
    return f"{value:.4f}" if standard_error is None else f"{value:.4f} ± {standard_error:.4f}"


def short(value: Value) -> str:
    """Write a knob's value for a reader."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def write_report(out: Path, finding: Finding) -> None:
    """Leave table.csv in `out` and, as soon as there is something to show, plot.png and best.json."""
    _write_table(out / "table.csv", finding)
    best = best_of(finding.rows)
    if best is not None:
        text = json.dumps(best_knobs(best, finding), indent=1) + "\n"
        (out / "best.json").write_text(text, encoding="utf-8")
    if any(row.loss is not None for row in finding.rows):
        _write_plot(out / "plot.png", finding)


def best_knobs(best: Row, finding: Finding) -> dict[str, Any]:
    """Give what `train --best` takes: the best trial's knobs, and what was set for all trials beside the defaults.

    How long to train stays open: that is what changes next.
    """
    defaults = Knobs()
    set_for_all = {
        knob: value
        for knob, value in finding.fixed.items()
        if knob not in _LENGTHS and value != getattr(defaults, knob)
    }
    return {
        "knobs": set_for_all | dict(best.knobs),
        "space": finding.space.name,
        "objective": OBJECTIVE,
        "value": best.loss,
        "standard_error": best.standard_error,
        "trial": best.number,
        "trials": len(finding.rows),
        "of": {**finding.of, "epochs": finding.fixed["epochs"]},
    }


def _write_table(path: Path, finding: Finding) -> None:
    knobs = list(finding.space.entries)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["trial", "state", *knobs, "epochs", OBJECTIVE, f"{OBJECTIVE}_standard_error"])
        for row in finding.rows:
            values = [row.knobs.get(knob) for knob in knobs]
            table.writerow([row.number, row.state, *values, row.epochs, row.loss, row.standard_error])


def _write_plot(path: Path, finding: Finding) -> None:
    from training.plots import save, styled_panels

    shown = [row for row in finding.rows if row.loss is not None]
    panels = 1 + len(finding.space.entries) + bool(finding.importance)
    columns = min(panels, 4)
    lines = math.ceil(panels / columns)
    with styled_panels(3.2 * columns, 2.7 * lines, nrows=lines, ncols=columns) as (picture, axes):
        _draw_history(axes[0], shown)
        for panel, knob in zip(axes[1:], finding.space.entries, strict=False):
            _draw_knob(panel, knob, finding, shown)
        if finding.importance:
            _draw_importance(axes[panels - 1], finding.importance)
        for unused in axes[panels:]:
            unused.set_visible(False)
        save(picture, path)


def _draw_history(axes: "Axes", rows: Sequence[Row]) -> None:
    from matplotlib.ticker import MaxNLocator

    from training.plots import GREY

    _draw_trials(axes, [row.number for row in rows], rows)
    complete = [row for row in rows if row.state == State.COMPLETE]
    if complete:
        best = [min(r.loss for r in complete[: i + 1] if r.loss is not None) for i in range(len(complete))]
        places = [*(row.number for row in complete), rows[-1].number]
        axes.step(places, [*best, best[-1]], where="post", color=GREY, label="best so far", zorder=1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(title="trials", xlabel="trial", ylabel=OBJECTIVE)
    axes.legend()


def _draw_knob(axes: "Axes", knob: str, finding: Finding, rows: Sequence[Row]) -> None:
    entry = finding.space.entries[knob]
    tried = [row for row in rows if knob in row.knobs]
    if isinstance(entry, Range):
        _draw_trials(axes, [row.knobs[knob] for row in tried], tried)
        if entry.log:
            axes.set_xscale("log")
    else:
        places = {value: place for place, value in enumerate(entry.values)}
        _draw_trials(axes, [places[row.knobs[knob]] for row in tried], tried)
        axes.set_xticks(range(len(places)), [str(value) for value in places])
        axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set(title=knob, ylabel=OBJECTIVE)


def _draw_trials(axes: "Axes", places: Sequence[Any], rows: Sequence[Row]) -> None:
    """Draw each trial at its place; those far worse than the others stand at the upper edge, or they'd flatten all."""
    from training.plots import BLUE, ORANGE

    losses = [row.loss for row in rows if row.loss is not None]
    limit = min(losses) + 4 * (median(losses) - min(losses)) if losses else 0.0
    for whole, marker, colour, label in ((True, "o", BLUE, "complete"), (False, "x", ORANGE, "pruned or cut short")):
        points = [
            (place, min(row.loss, limit) if limit > min(losses) else row.loss)
            for place, row in zip(places, rows, strict=True)
            if row.loss is not None and (row.state == State.COMPLETE) == whole
        ]
        if points:
            axes.plot(*zip(*points, strict=True), marker, color=colour, label=label)


def _draw_importance(axes: "Axes", importance: Mapping[str, float]) -> None:
    from training.plots import BLUE

    smallest_first = sorted(importance, key=lambda knob: importance[knob])
    axes.barh(smallest_first, [importance[knob] for knob in smallest_first], color=BLUE)
    axes.set(title="importance", xlabel="share of what separates good trials")
