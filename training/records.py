"""Bins with their truth, read from a data folder (the layout of the public bucket).

    bin-images/<id>.jpg    the photo (.jpeg and .png are taken as well)
    metadata/<id>.json     EXPECTED_QUANTITY, and BIN_FCSKU_DATA keyed by ASIN

The goods named in a record serve to keep related bins on one side of a split; they are never an input
of the model. Ids are strings: `1` and `00001` are different bins. Opens no image and needs no torch.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from training.errors import BrokenRecordError
from training.measures import NOTHING_KNOWN, Goods

CLASSES: Final = ("0", "1", "2", "3", "4", "5", "6+")
"""What the model tells apart; the last one is open-ended."""

_PHOTO_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})


@dataclass(frozen=True, slots=True)
class Truth:
    """What the inventory system believed of a bin: how many items, and which goods."""

    count: int
    asins: frozenset[str]
    goods: Goods


@dataclass(frozen=True, slots=True)
class Record:
    """One bin: its photo, how many items the inventory system believes are in it, their ASINs and their measures."""

    image_id: str
    photo: Path
    count: int
    asins: frozenset[str]
    goods: Goods = NOTHING_KNOWN

    @classmethod
    def of(cls, photo: Path, truth: Truth) -> Self:
        """Join a photo with its truth; the file's name is the bin's id."""
        return cls(photo.stem, photo, truth.count, truth.asins, truth.goods)

    @property
    def label(self) -> int:
        """Index into CLASSES."""
        return min(self.count, len(CLASSES) - 1)


def truth_of(metadata: bytes) -> Truth:
    """Read a metadata file's content.

    Raises BrokenRecordError where it is no JSON object, its goods are no objects by ASIN, or EXPECTED_QUANTITY is no
    count: missing, null, negative, fractional, a text or a truth value.
    """
    try:
        facts: dict[str, Any] = json.loads(metadata)
        count = facts["EXPECTED_QUANTITY"]
        entries = facts.get("BIN_FCSKU_DATA") or {}
        # The same ASIN is in many records, and should be in memory once.
        asins, goods = frozenset(map(sys.intern, entries)), Goods.of(entries)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        raise BrokenRecordError(f"metadata unusable: {type(cause).__name__}: {cause}") from cause
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise BrokenRecordError(f"no usable count: EXPECTED_QUANTITY is {count!r}")
    return Truth(count, asins, goods)


def truth_in(metadata: Path) -> Truth:
    """Read a metadata file; raises BrokenRecordError as truth_of does, and where it cannot be read."""
    try:
        return truth_of(metadata.read_bytes())
    except FileNotFoundError as cause:
        raise BrokenRecordError("no metadata") from cause
    except OSError as cause:
        raise BrokenRecordError(f"metadata unreadable: {cause.strerror}") from cause


def read_folder(folder: Path) -> list[Record]:
    """Read every bin of a data folder, ordered by id.

    Raises BrokenRecordError for a photo without usable metadata. Metadata without a photo is passed over: a folder
    may hold a sample of the photos beside all of the records.
    """
    photos = (p for p in (folder / "bin-images").iterdir() if p.suffix.lower() in _PHOTO_SUFFIXES)
    return [_record(photo, folder / "metadata" / f"{photo.stem}.json") for photo in sorted(photos)]


def _record(photo: Path, metadata: Path) -> Record:
    try:
        return Record.of(photo, truth_in(metadata))
    except BrokenRecordError as cause:
        raise BrokenRecordError(f"{metadata}: {cause}") from cause


def class_counts(records: Iterable[Record]) -> list[int]:
    """Count the records of each of CLASSES, in their order."""
    counts = [0] * len(CLASSES)
    for record in records:
        counts[record.label] += 1
    return counts


def class_mix(records: Sequence[Record]) -> list[float]:
    """Give the share of each of CLASSES among the records; sums to 1."""
    return [count / len(records) for count in class_counts(records)]


def manifest_sha256(splits: Mapping[str, Sequence[Record]]) -> str:
    """Identify a split data set: the hash over its `split id count` lines, in split and id order."""
    digest = hashlib.sha256()
    for name in sorted(splits):
        for record in sorted(splits[name], key=lambda r: r.image_id):
            digest.update(f"{name}\t{record.image_id}\t{record.count}\n".encode())
    return digest.hexdigest()
