"""One look for every plot of the project; drawn without a display, and equal data give equal files.

    with styled_figure(6, 4) as (figure, axes):
        axes.plot(epochs, losses, color=BLUE)
        axes.set(xlabel="epoch", ylabel="loss")
        save(figure, path)

The colours are those of Okabe and Ito (2008), which people with any kind of colour vision tell apart; a plot should
still say by place, marker or label what it says by colour. Needs matplotlib and never touches pyplot, whose figures
are global.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
RED: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#777777"
"""For what is no data: a diagonal, a published figure, a share that would be expected."""

COLOURS: Final = (BLUE, ORANGE, GREEN, RED, PURPLE)
"""The order in which several lines take theirs."""

SHADES: Final = "Blues"
"""The colour map of matrices: from nothing (white) to everything, and in order when printed grey."""

_DOTS_PER_INCH: Final = 110

_COLOURS_KEPT: Final = 128
"""A plot has few: a palette makes a PNG a third as large, and looks the same."""

_STYLE: Final[Any] = {  # matplotlib's own type spells out all of its names
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelcolor": "#333333",
    "axes.labelsize": 9,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is the same everywhere
    "font.size": 9,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "svg.hashsalt": "bincheck",
    "xtick.color": "#555555",
    "xtick.labelsize": 8,
    "ytick.color": "#555555",
    "ytick.labelsize": 8,
}


@contextmanager
def styled_figure(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Open a figure of one panel, in inches; draw and save it inside the block, where the style holds."""
    with styled_panels(width, height) as (figure, (axes,)):
        yield figure, axes


@contextmanager
def styled_panels(width: float, height: float, **grid: Any) -> Iterator[tuple[Figure, list[Axes]]]:
    """Open a figure of several panels, row by row; `grid` goes to `Figure.subplots` (nrows, ncols, sharex...)."""
    with mpl.rc_context():
        mpl.rcdefaults()  # a user's own matplotlibrc changes nothing
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height), dpi=_DOTS_PER_INCH)
        yield figure, list(figure.subplots(**(grid | {"squeeze": False})).flat)


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as the PNG or SVG that `path` names, without a date or a version in it; returns `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".svg":
        figure.savefig(path, metadata={"Date": None, "Creator": None})
        return path
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    with Image.open(drawn) as picture:
        few_colours = picture.convert("RGB").quantize(_COLOURS_KEPT, dither=Image.Dither.NONE)
        few_colours.save(path, optimize=True)
    return path
