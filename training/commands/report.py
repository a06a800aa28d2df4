"""`report`: how good a released model is, where it fails, and how far its probabilities can be trusted."""

from pathlib import Path
from typing import Annotated

import typer

from training.commands.options import CACHE, CacheFolder, DataFolder, ReleasedModel
from training.progress import on_terminal


def report(  # noqa: PLR0913 - one parameter per option
    model: ReleasedModel,
    data: DataFolder,
    out: Annotated[Path, typer.Option(help="Folder for report.md, report.html and their pictures.")],
    split: Annotated[
        str | None, typer.Option(help="Only this part of the folder, split as for training: test, say.")
    ] = None,
    *,
    seed: Annotated[int, typer.Option(help="The split's seed.")] = 1,
    cache: CacheFolder = CACHE,
    without_photos: Annotated[
        bool, typer.Option("--no-photos", help="Show no photo of the data set, as where its licence forbids.")
    ] = False,
) -> None:
    """Write a report of a released model: figures with errors, plots, failures; as Markdown and as one HTML file.

    Reads bin-images/ and metadata/ of DATA and runs the ONNX network as the server does, without torch. The answers
    are kept in the cache, so that an interrupted report goes on where it stopped.
    """
    from training.report import report as written
    from training.split import SHARES

    if split is not None and split not in SHARES:
        raise typer.BadParameter(f"{split}: a folder is split into {', '.join(SHARES)}")
    page = written(
        model, data, out, cache=cache, split=split, seed=seed, photos=not without_photos, progress=on_terminal
    )
    print(f"{page} and {page.with_suffix('.html').name} written")
