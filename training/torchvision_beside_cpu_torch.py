"""Makes `import torchvision` work beside a CPU-only torch that came from another index.

Such a torchvision's compiled extension wants CUDA libraries, does not load, and the import then dies with
`operator torchvision::nms does not exist`. Declaring the two operators that it looks up is enough for models,
transforms and export (`ops.nms` and `io.decode_jpeg` stay unusable; nothing here calls them). Where both come
from one index the extension loads and nothing is declared.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

_declared: list[torch.library.Library] = []
"""Kept alive: an operator's schema goes when its library goes."""


@cache
def torchvision_models() -> Any:
    """Import the module `torchvision.models`, whichever torch it sits beside.

    Cached because an operator may be declared only once per process.
    """
    if not _extension_loads():
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
    import torchvision.models

    return torchvision.models


def _extension_loads() -> bool:
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True  # no torchvision at all: let its import say so
    extensions = sorted(Path(spec.origin).parent.glob("_C*.so")) + sorted(Path(spec.origin).parent.glob("_C*.pyd"))
    try:
        for extension in extensions:
            torch.ops.load_library(str(extension))
    except OSError:
        return False
    return bool(extensions)
