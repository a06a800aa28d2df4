"""`thresholds`: what an alert threshold would cost and find."""

from typing import Annotated

import typer
from rich.console import Console

from training.commands.options import DataFolder, ReleasedModel
from training.commands.tables import table
from training.progress import on_terminal


def thresholds(
    model: ReleasedModel,
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
    title = f"{len(records)} photos, {mismatch_rate:.1%} of bins differ"
    shown = table(title, "threshold", "false alerts", "found", "precision")
    for effect in effects(probabilities, records, THRESHOLDS, mismatch_rate):
        figures = (effect.false_alerts, effect.found, effect.precision)
        shown.add_row(f"{effect.threshold:g}", *(f"{figure:.2%}" for figure in figures))
    Console().print(shown)
