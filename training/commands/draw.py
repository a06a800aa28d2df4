"""`draw`: labelled bins without a camera."""

from pathlib import Path
from typing import Annotated

import typer

from training.drawn import drawn_counts, write_bins
from training.progress import on_terminal


def draw(
    out: Annotated[Path, typer.Option(help="New data folder.")],
    count: Annotated[int, typer.Option(min=1, help="How many bins.")],
    seed: Annotated[int, typer.Option(help="Same seed, same bins.")] = 1,
) -> None:
    """Draw labelled bins into a data folder."""
    with on_terminal(count, "drawing") as done:
        write_bins(out, drawn_counts(count, seed), seed, progress=lambda _: done())
    print(f"{count} bins drawn into {out}")
