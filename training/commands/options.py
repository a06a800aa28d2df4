"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Final

import typer

CACHE: Final = Path.home() / ".cache" / "bincheck"

DataFolder = Annotated[
    Path, typer.Option(envvar="SM_CHANNEL_TRAINING", help="Folder with bin-images/ and metadata/.", exists=True)
]
CacheFolder = Annotated[Path, typer.Option(help="Where decoded and drawn photos are kept between runs.")]
ReleasedModel = Annotated[Path, typer.Option(help="Released model: folder or model.tar.gz.", exists=True)]
