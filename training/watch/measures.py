"""What is looked at in a photo, in its file and in the answer to it: each a number, each with fixed bins.

Pixels are those that the network gets (the server's decoding, its size), so that a full-size photo and the 224 px copy
of it in the data set give the same numbers. What only a file can tell stands apart: of copies it is meaningless.
"""

import io
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.records import CLASSES
from training.serving.images import decode
from training.survey import shown_size

Values = NDArray[np.float32]

_BT_601: Final = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in luma; source: ITU-R BT.601."""


class Kind(StrEnum):
    """What a measure is a measure of."""

    PIXELS = "photo"
    FILE = "file"
    ANSWER = "answer"
    MIX = "mix"


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of each photo."""

    name: str
    kind: Kind
    unit: str
    edges: tuple[float, ...]
    """Of the bins, ascending; what lies outside falls into the first or the last."""


def _even(low: float, high: float, bins: int) -> tuple[float, ...]:
    return tuple(np.linspace(low, high, bins + 1).round(6).tolist())


def _by_factors(low: float, high: float, bins: int) -> tuple[float, ...]:
    return tuple(np.geomspace(low, high, bins + 1).round(4).tolist())


MEASURES: Final = (
    Measure("brightness", Kind.PIXELS, "mean luma, 0 to 255", _even(0, 255, 51)),
    Measure("contrast", Kind.PIXELS, "standard deviation of luma", _even(0, 100, 50)),
    Measure("sharpness", Kind.PIXELS, "mean step of luma between neighbours", _even(0, 40, 50)),
    Measure("warmth", Kind.PIXELS, "mean red less mean blue", _even(-80, 120, 50)),
    Measure("width", Kind.FILE, "pixels", _by_factors(50, 8000, 50)),
    Measure("height", Kind.FILE, "pixels", _by_factors(50, 8000, 50)),
    Measure("aspect", Kind.FILE, "width to height", _by_factors(0.25, 4, 50)),
    Measure("kilobytes", Kind.FILE, "of the file", _by_factors(1, 6200, 50)),
    Measure("confidence", Kind.ANSWER, "largest probability", _even(0, 1, 40)),
    Measure("entropy", Kind.ANSWER, "of the distribution over counts, in nats", _even(0, 2, 40)),
    Measure("prediction", Kind.MIX, "most probable count", _even(-0.5, len(CLASSES) - 0.5, len(CLASSES))),
)

NAMES: Final = tuple(measure.name for measure in MEASURES)
BY_NAME: Final = {measure.name: measure for measure in MEASURES}


def names_of(*kinds: Kind) -> tuple[str, ...]:
    """Name the measures of these kinds, in their order."""
    return tuple(measure.name for measure in MEASURES if measure.kind in kinds)


def of_photo(body: bytes, size: tuple[int, int]) -> tuple[float, ...]:
    """Measure a photo's pixels and its file: what MEASURES says of these kinds, in that order.

    `size` is the network's (width, height). Raises BadImage where the server would refuse the file.
    """
    pixels = decode(body, size)
    width, height = shown_size(body)
    return (*of_pixels(pixels), width, height, width / height, len(body) / 1000)


def of_pixels(pixels: NDArray[np.uint8]) -> tuple[float, ...]:
    """Measure a decoded photo, uint8 [H,W,3]: brightness, contrast, sharpness, warmth."""
    luma = pixels @ _BT_601
    red, blue = pixels[..., 0].mean(), pixels[..., 2].mean()
    steps = (np.abs(np.diff(luma, axis=axis)).mean() for axis in (0, 1))
    return float(luma.mean()), float(luma.std()), float(sum(steps)) / 2, float(red - blue)


def of_answers(probabilities: NDArray[np.floating]) -> Values:
    """Measure answers [N,7]: confidence, entropy and prediction (an index into CLASSES), float32 [N,3]."""
    chances = np.asarray(probabilities, np.float64)
    entropy = -(chances * np.log(np.maximum(chances, 1e-12))).sum(axis=1)
    return np.stack([chances.max(axis=1), entropy, chances.argmax(axis=1)], axis=1).astype(np.float32)


def is_copy(body: bytes, size: tuple[int, int]) -> bool:
    """Tell whether the photo was made small for the network already: its file tells nothing of a camera."""
    with Image.open(io.BytesIO(body)) as image:
        return image.size == size


def binned(values: Values, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find each value's bin; beyond the edges it is the first or the last."""
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
