"""`package`: from a finished run to the released model."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from training.commands.tables import show_scores
from training.progress import on_terminal


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
        show_scores(scores, photos)
