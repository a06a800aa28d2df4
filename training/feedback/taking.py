"""Which photos of exported feedback a training run may learn from: none that tells anything of the bins held out.

Feedback only ever trains. Validation, calibration and test are dealt out of the data folder alone, as without it, and
whatever shows their goods stays out: by the goods in the photo where they are known, by the goods that its consignment
named where another number was found, and by the photo's bytes. Of photos whose consignment named no goods nobody can
tell; they are taken, and counted as such.
"""

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from training.errors import BrokenRecordError, UnfinishedExportError
from training.feedback.records import PROVENANCE, read_manifest
from training.fetch.sources import PHOTOS, metadata_name
from training.records import Record, truth_of

HELD_OUT_GOODS: Final = "shows goods of bins held out"
HELD_OUT_PHOTO: Final = "is a photo held out"
KNOWN_PHOTO: Final = "is a photo that the data folder has for training"
SAID_AGAIN: Final = "is in another of the folders, with what was said later"

TRAINING: Final = "real-train"


@dataclass(frozen=True, slots=True)
class Taken:
    """The photos that a run learns from in addition, in id order, and how many it does not, by reason."""

    records: list[Record]
    left_out: dict[str, int]
    goods_unknown: int
    """Of the records, those whose consignment named no goods: whether they show goods held out is not known."""
    asked: dict[str, int]
    """Of the records, how many by what had made somebody look; they are no random sample of the bins."""


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A photo of an export, with what decides whether it may be taken."""

    record: Record
    goods: frozenset[str]
    """Of the photo, or named by its consignment."""
    size: int
    sha256: str
    at: str
    asked: str


def taken(folders: Sequence[Path], data: Path, splits: Mapping[str, Sequence[Record]]) -> Taken:
    """Choose from exported folders what may be learnt from beside the training split of a data folder.

    `splits` are the data folder's. Raises UnfinishedExportError where a folder is no finished export, or is not what
    its manifest says any more.
    """
    held_out_goods = {asin for name, part in splits.items() if name != TRAINING for one in part for asin in one.asins}
    photos = _Photos(data, frozenset(record.photo.name for record in splits[TRAINING]))
    chosen: dict[str, _Labelled] = {}
    left_out: Counter[str] = Counter()
    labelled = sorted((one for folder in folders for one in _labelled(folder)), key=lambda one: one.record.image_id)
    for one in sorted(labelled, key=lambda one: one.at, reverse=True):  # which keeps the order of those that are equal
        fault = _fault(one, held_out_goods, photos)
        if one.sha256 in chosen:
            left_out[SAID_AGAIN] += 1
        elif fault is None:
            chosen[one.sha256] = one
        else:
            left_out[fault] += 1
    records = sorted(chosen.values(), key=lambda one: one.record.image_id)
    return Taken(
        records=[one.record for one in records],
        left_out=dict(sorted(left_out.items())),
        goods_unknown=sum(not one.goods for one in records),
        asked=dict(sorted(Counter(one.asked for one in records).items())),
    )


def _fault(one: _Labelled, held_out_goods: set[str], photos: "_Photos") -> str | None:
    if one.goods & held_out_goods:
        return HELD_OUT_GOODS
    return photos.part_of(one)


class _Photos:
    """The data folder's photos by content; only those of a size that is asked for are ever read."""

    def __init__(self, data: Path, training: frozenset[str]) -> None:
        self._training = training
        self._by_size: dict[int, list[Path]] = defaultdict(list)
        with os.scandir(data / PHOTOS) as entries:
            for entry in entries:
                self._by_size[entry.stat().st_size].append(Path(entry.path))

    def part_of(self, one: _Labelled) -> str | None:
        """Tell which part a photo with these bytes plays in the data folder; what is in no split is held out too."""
        same = [file for file in self._by_size.get(one.size, []) if _sha256(file) == one.sha256]
        if not same:
            return None
        is_known = all(file.name in self._training for file in same)
        return KNOWN_PHOTO if is_known else HELD_OUT_PHOTO


def _labelled(folder: Path) -> Iterable[_Labelled]:
    for line in read_manifest(folder):
        photo = folder / line["file"]
        try:
            metadata = (folder / metadata_name(line["id"])).read_bytes()
            record = Record.of(photo, truth_of(metadata))
            told: dict[str, Any] = json.loads(metadata)[PROVENANCE]
            is_as_listed = record.count == line["count"] and photo.stat().st_size == line["bytes"]
        except (OSError, BrokenRecordError, KeyError) as cause:
            raise UnfinishedExportError(f"{folder}: {line['id']}: {cause}; export it again") from cause
        if not is_as_listed:
            raise UnfinishedExportError(f"{folder}: {line['id']} is not as its manifest has it; export it again")
        goods = record.asins | frozenset(told.get("expected_items") or ())
        yield _Labelled(record, goods, line["bytes"], line["sha256"], line["at"], line["asked"])


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
