"""Makes a model's baseline: from the photos that it was made with, or from traffic that somebody has looked at.

From training photos: how photos look comes from all splits but test; how answers are comes from those of them that the
network has not learnt from. A network knows the photos that it learnt from better than any to come (bin-counter/2 is
right about 56 % of them, and 47 % of others), and a baseline of those could ring on the first honest day. The data
set's 224 px copies say nothing of a camera's files: width, height and bytes come from photos of another size than the
network's, `originals/` first, and are left out where there are none.

From captured traffic there is no true count; each photo belongs to the counts as far as its answer says so.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from training.dataset import labels_of
from training.errors import BrokenRecordError, UnusableBaselineError
from training.evaluate import load
from training.progress import Progress, silent
from training.records import CLASSES, Record
from training.released import networks_of
from training.serving.images import BadImage, decode
from training.serving.model import read_package
from training.watch.baseline import Baseline
from training.watch.drift import Reference
from training.watch.measures import (
    MEASURES,
    NAMES,
    Kind,
    Values,
    binned,
    is_copy,
    names_of,
    of_answers,
    of_photo,
)
from training.watch.window import Window

_T = TypeVar("_T")
_BATCH: Final = 32
ORIGINALS: Final = "originals"
"""Folder beside bin-images/ with full-size photos of some of the bins."""

_SEEN: Final = ("train", "validation", "calibration")

Splits = Mapping[str, Sequence[Record]]
"""Of real photos, by `train`, `validation`, `calibration`, `test`."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """What one photo gave."""

    measured: tuple[float, ...]
    copy: bool
    pixels: NDArray[np.uint8] | None
    """As the network gets it, where it is to be asked."""


def of_training(model: Path, splits: Splits, originals: Path, progress: Progress = silent) -> Baseline:
    """Measure the photos that a released model was made with; `originals` may be missing.

    Raises UnusableModelError, BrokenRecordError, and UnusableBaselineError where the model has kept no such photos
    unseen.
    """
    counter, facts = load(model), json.loads(read_package(model)[1])
    unseen = unseen_splits(facts)
    records = [record for name in _SEEN for record in splits.get(name, ())]
    asked = {record.image_id for name in unseen for record in splits.get(name, ())}
    if not asked:
        raise UnusableBaselineError(f"no photo in {', '.join(unseen)}: there is no answer to make a baseline of")
    measured, copies, answers = [], [], []
    with progress(len(records), "measuring") as done:
        for few in _batches(_looked(records, asked, originals, counter.facts.size)):
            measured += [one.measured for one in few]
            copies += [one.copy for one in few]
            pixels = [one.pixels for one in few if one.pixels is not None]
            if pixels:
                answers.append(counter.probabilities(np.stack(pixels)))
            for _ in few:
                done()
    labels, is_asked = labels_of(records), np.array([record.image_id in asked for record in records])
    looks, is_file = np.array(measured, np.float32), ~np.array(copies)
    probabilities = np.concatenate(answers)
    belongs = np.eye(len(CLASSES))[labels]
    values: dict[str, tuple[Values, NDArray[np.float64]]] = {}
    for column, name in enumerate(names_of(Kind.PIXELS, Kind.FILE)):
        rows = is_file if name in names_of(Kind.FILE) else np.ones(len(looks), bool)
        values[name] = looks[rows, column], belongs[rows]
    for column, name in enumerate(names_of(Kind.ANSWER, Kind.MIX)):
        values[name] = of_answers(probabilities)[:, column], belongs[is_asked]
    made = (
        f"looks of {len(looks)} photos ({', '.join(_SEEN)}), files of {is_file.sum()} full-size ones, answers "
        f"to {len(probabilities)} ({', '.join(unseen)})"
    )
    return _baseline(model, facts, probabilities, values, made)


def of_traffic(model: Path, window: Window) -> Baseline:
    """Take traffic that has been found good for what is normal; raises UnusableBaselineError where there is none."""
    if not len(window):
        raise UnusableBaselineError("no captured photo was answered by this model: there is nothing to make it of")
    belongs = window.probabilities / window.probabilities.sum(axis=1, keepdims=True, dtype=np.float64)
    values = {name: (window.values(name), belongs) for name in NAMES}
    made = f"{len(window)} captured photos, {window.first} to {window.last}"
    facts = json.loads(read_package(model)[1])
    return _baseline(model, facts, window.probabilities, values, made)


def unseen_splits(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the splits that the network has not learnt from; the test photos stay untouched."""
    has_learnt_validation = any(one["hyperparameters"].get("learn_from_validation") for one in networks_of(facts))
    return ("calibration",) if has_learnt_validation else ("validation", "calibration")


def _looked(records: Sequence[Record], asked: set[str], originals: Path, size: tuple[int, int]) -> Iterator[_Looked]:
    def look(record: Record) -> _Looked:
        original = originals / f"{record.image_id}.jpg"
        photo = original if original.is_file() else record.photo
        body = photo.read_bytes()
        try:
            pixels = decode(body, size) if record.image_id in asked else None
            return _Looked(of_photo(body, size), is_copy(body, size), pixels)
        except BadImage as cause:
            raise BrokenRecordError(f"{photo}: {cause}") from cause

    with ThreadPoolExecutor() as threads:  # Pillow releases the interpreter lock while it decodes
        for few in _batches(records):
            yield from threads.map(look, few)


def _batches(many: Iterable[_T]) -> Iterator[list[_T]]:
    batch: list[_T] = []
    for one in many:
        batch.append(one)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _baseline(
    model: Path,
    facts: Mapping[str, Any],
    probabilities: NDArray[np.float32],
    values: Mapping[str, tuple[Values, NDArray[np.float64]]],
    made: str,
) -> Baseline:
    width, height = facts["preprocessing"]["size"]
    references = {}
    for measure in MEASURES:
        taken, belongs = values[measure.name]
        if len(taken):
            references[measure.name] = _reference(np.array(measure.edges), taken, belongs)
    return Baseline(
        model=f"{facts['name']}/{facts['version']}",
        network_sha256=hashlib.sha256(read_package(model)[0]).hexdigest(),
        size=(width, height),
        prior=tuple(facts["prior"]),
        mean_answer=tuple(probabilities.mean(axis=0, dtype=np.float64).round(6).tolist()),
        made=made,
        references=references,
    )


def _reference(edges: NDArray[np.float64], values: Values, belongs: NDArray[np.float64]) -> Reference:
    inside = np.eye(len(edges) - 1)[binned(values, edges)]
    return Reference(edges, belongs.T @ inside)
