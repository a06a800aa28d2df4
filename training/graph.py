"""The graph that a release serves, in single precision or in 8 bits, and what it answers before it is calibrated.

An 8-bit network is calibrated on its own answers, not on those of the one that it came from.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from training.calibrate import Calibration
from training.export import export
from training.network import Views
from training.pixels import Pixels
from training.quantise import quantise
from training.records import CLASSES

UNCALIBRATED: Final = Calibration(1.0, (1.0,) * len(CLASSES), (0.0,) * len(CLASSES))

_BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Graph:
    """Networks on their way to being released; `ranges` are photos [N,H,W,3] for 8 bits, None for single precision."""

    views: Sequence[Views]
    """Each network with how it looks at a photo."""
    size: tuple[int, int]
    """(width, height) of a photo."""
    ranges: Pixels | None

    @property
    def precision(self) -> str:
        """Name the numbers that they calculate with."""
        return "float32" if self.ranges is None else "int8"

    def write(self, calibration: Calibration, file: Path) -> float:
        """Write the calibrated graph; returns the largest difference between single precision and torch.

        Raises ExportMismatchError where that is too large, UnusableModelError where there is nothing to quantise.
        """
        if self.ranges is None:
            return export(self.views, calibration, self.size, file)
        with tempfile.TemporaryDirectory() as folder:
            precise = Path(folder) / file.name
            difference = export(self.views, calibration, self.size, precise)
            quantise(precise, self.ranges, file)
        return difference

    def logits(self, pixels: Pixels) -> NDArray[np.float32]:
        """Ask the uncalibrated graph for logits [N,C] of photos, each row up to a constant."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "uncalibrated.onnx"
            self.write(UNCALIBRATED, file)
            return np.log(np.maximum(answers(file, pixels), np.finfo(np.float32).tiny))


def answers(file: Path, pixels: Pixels) -> NDArray[np.float32]:
    """Ask a written graph for probabilities [N,C] of photos."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    parts = [np.empty((0, len(CLASSES)), np.float32)]
    for start in range(0, len(pixels), _BATCH):
        (probabilities,) = session.run(["probabilities"], {"images": np.asarray(pixels[start : start + _BATCH])})
        parts.append(probabilities)
    return np.concatenate(parts)
