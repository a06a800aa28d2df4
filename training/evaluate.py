"""Scores a released model exactly as it will be served: the server's decoding, the ONNX graph, and no torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.dataset import labels_of
from training.errors import UnusableModelError
from training.pixels import photo_of
from training.progress import Progress, silent
from training.records import CLASSES, Record, read_folder
from training.scores import Protocol, Scores, score
from training.serving.model import CountModel, PackageError

_BATCH: Final = 32
_THREADS: Final = 2


def evaluate(model: Path, data: Path, protocol: Protocol, *, progress: Progress = silent) -> Scores:
    """Score the packaged model at `model` on every bin of a data folder.

    Raises UnusableModelError, BrokenRecordError (a photo without truth), BadImage (a photo that does not decode) and
    NothingToScoreError (no bin takes part in the protocol).
    """
    records = read_folder(data)
    return score(probabilities_of(load(model), records, progress), labels_of(records), protocol)


def load(model: Path) -> CountModel:
    """Load the packaged model; raises UnusableModelError where it does not count in CLASSES."""
    try:
        counter = CountModel.load(model, threads=_THREADS)
    except PackageError as cause:
        raise UnusableModelError(str(cause)) from cause
    if counter.facts.classes != CLASSES:
        raise UnusableModelError(
            f"{model} knows the classes {', '.join(counter.facts.classes)}, not {', '.join(CLASSES)}"
        )
    return counter


def probabilities_of(
    counter: CountModel, records: Sequence[Record], progress: Progress = silent
) -> NDArray[np.float32]:
    """Ask for probabilities [N,7] of the records' photos, a few of which are in memory at a time."""
    parts = [np.empty((0, len(CLASSES)), np.float32)]
    with progress(len(records), "counting") as done:
        for start in range(0, len(records), _BATCH):
            batch = records[start : start + _BATCH]
            images = np.stack([photo_of(record, counter.facts.size) for record in batch])
            parts.append(counter.probabilities(images))
            for _ in batch:
                done()
    return np.concatenate(parts)
