"""`ensemble`: whether several runs count better together."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.tables import table
from training.progress import on_terminal


def ensemble(
    run: Annotated[list[Path], typer.Option(help="Finished run; give two or more.", exists=True)],
    soup: Annotated[
        Path | None, typer.Option(help="New run folder for the mean of the weights of those runs that go together.")
    ] = None,
) -> None:
    """Compare finished runs with their means on the validation photos.

    The mean of the logits is what package --run RUN --run RUN releases, and what a student can be taught: train
    --teacher RUN --teacher RUN. The mean of the weights (--soup) costs no more than one network and is packaged like
    any run.
    """
    from training.ensemble import compare
    from training.ensemble import soup as averaged
    from training.run import Run

    runs = [Run.recorded(folder) for folder in run]
    candidates = compare(runs, progress=on_terminal)
    best_alone = min(candidates[: len(runs)], key=lambda candidate: candidate.losses.mean())
    title = f"validation, {len(best_alone.labels)} photos; gain: loss saved over {best_alone.name}, all classes"
    shown = table(title, "", "accuracy 1..5", "loss 1..5", "accuracy", "loss", "gain")
    for candidate in candidates:
        seed, everything = candidate.scores()
        gain, error = candidate.gain_over(best_alone)
        figures = (seed.accuracy, seed.loss, everything.accuracy, everything.loss)
        shown.add_row(candidate.name, *(f"{figure:.4f}" for figure in figures), f"{gain:+.4f} ± {error:.4f}")
    Console().print(shown)
    if soup is not None:
        kept = averaged(runs, soup, progress=on_terminal)
        print(f"{soup}: the mean of {', '.join(one.out.name for one in kept)}")
