"""Scores a released model exactly as it will be served: the server's decoding, the ONNX graph, and no torch."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import nullcontext
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
from training.serving import images
from training.serving.model import CountModel, PackageError, read_package

_BATCH: Final = 32
_THREADS: Final = 2

_STRETCH: Final = 2048
"""Photos between two writings of what is kept: half a minute of work."""


def evaluate(model: Path, data: Path, protocol: Protocol, *, progress: Progress = silent) -> Scores:
    """Score the packaged model at `model` on every bin of a data folder.

    Raises UnusableModelError, BrokenRecordError (a photo without truth), BadImage (a photo that does not decode) and
    NothingToScoreError (no bin takes part in the protocol).
    """
    records = read_folder(data)
    return score(probabilities_of(load(model), records, progress), labels_of(records), protocol)


def load(model: Path, *, threads: int = _THREADS) -> CountModel:
    """Load the packaged model; raises UnusableModelError where it does not count in CLASSES."""
    try:
        counter = CountModel.load(model, threads=threads)
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


def kept_probabilities(
    model: Path, records: Sequence[Record], cache: Path, progress: Progress = silent, *, stretch: int = _STRETCH
) -> NDArray[np.float32]:
    """Ask the model at `model` for probabilities [N,7], and keep them under `cache`; no photo is asked for twice.

    What is kept is named after the model, the photos (ids, sizes, times of change) and the decoder's code. It is
    written after each `stretch` of photos, and an interrupted call goes on from the last. Raises UnusableModelError
    and BrokenRecordError.
    """
    counter = load(model)
    file = cache / f"probabilities-{_fingerprint(model, records)}.npy"
    known: NDArray[np.float32] = np.load(file) if file.exists() else np.empty((0, len(CLASSES)), np.float32)
    with progress(len(records), "counting") as done:
        for _ in known:
            done()
        while len(known) < len(records):
            following = records[len(known) : len(known) + stretch]
            answers = probabilities_of(counter, following, lambda _total, _label: nullcontext(done))
            known = np.concatenate([known, answers])
            _keep(known, file)
    return known


def _keep(probabilities: NDArray[np.float32], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}")
    with unfinished.open("wb") as target:
        np.save(target, probabilities)
    unfinished.replace(file)


def _fingerprint(model: Path, records: Sequence[Record]) -> str:
    digest = hashlib.sha256(Path(images.__file__).read_bytes())
    for part in read_package(model):
        digest.update(hashlib.sha256(part).digest())
    for record in records:
        facts = record.photo.stat()
        digest.update(f"{record.image_id}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]
