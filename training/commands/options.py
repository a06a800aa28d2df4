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

BackboneWeights = Annotated[
    Path | None, typer.Option(help="State dict to start from; without one, torchvision downloads its own.")
]
BackboneSource = Annotated[
    str,
    typer.Option(
        help="Where the starting weights come from and their licence, for the model card; pretrained ones tell it "
        "by themselves."
    ),
]
IMAGENET: Final = "torchvision's published ImageNet weights (BSD-3-Clause)"

Gpus = Annotated[int, typer.Option(envvar="SM_NUM_GPUS", help="GPUs of this machine; 0 uses the CPU.")]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch.")]
