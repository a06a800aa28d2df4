"""A released network's weights as they lie on disk: small, and the very numbers that its graph was made of.

    vectors            float32: batch norm's variances leave float16's range
    matrices           float16
    kernels            float16, or where the graph calculates in 8 bits int8 [O,I,H,W] with a scale for each filter:
                       float32 [O,1,1,1] under the kernel's name and `/scale`

`read` takes these files and any plain state dict.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

Weights = dict[str, torch.Tensor]
"""A network's state dict, or its stored form."""

_SCALE: Final = "/scale"
_LEVELS: Final = 127
_KERNEL_SIDES: Final = 4


def rounded(weights: Mapping[str, torch.Tensor], *, eight_bits: bool) -> Weights:
    """Round a state dict to its stored form; `restored` gives what a network is to calculate with."""
    stored: Weights = {}
    for name, tensor in weights.items():
        if eight_bits and tensor.ndim == _KERNEL_SIDES:
            scale = tensor.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=torch.finfo().tiny) / _LEVELS
            stored[name], stored[name + _SCALE] = torch.round(tensor / scale).to(torch.int8), scale
        else:
            stored[name] = tensor.half() if tensor.ndim > 1 else tensor
    return stored


def restored(stored: Mapping[str, torch.Tensor]) -> Weights:
    """Turn a stored form back into a state dict; one that was never rounded stays as it is."""
    return {
        name: tensor * stored[name + _SCALE] if name + _SCALE in stored else tensor
        for name, tensor in stored.items()
        if not name.endswith(_SCALE)
    }


def save(stored: Mapping[str, torch.Tensor], file: Path) -> None:
    """Write a stored form compressed: torch writes a zip archive without compression, and reads any."""
    plain = file.with_suffix(".plain")
    torch.save(dict(stored), plain)
    with zipfile.ZipFile(plain) as archive, zipfile.ZipFile(file, "w") as deflated:
        for entry in archive.infolist():
            deflated.writestr(entry, archive.read(entry), zipfile.ZIP_DEFLATED, compresslevel=9)
    plain.unlink()


def read(file: Path) -> Weights:
    """Read a state dict, stored as above or plain; runs no code that the file may hold."""
    stored: Mapping[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return restored(stored)
