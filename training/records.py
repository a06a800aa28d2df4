"""Bins with their truth, read from a data folder (the layout of the public bucket).

    bin-images/<id>.jpg    the photo (.jpeg and .png are taken as well)
    metadata/<id>.json     EXPECTED_QUANTITY, and BIN_FCSKU_DATA keyed by ASIN

The goods named in a record serve to keep related bins on one side of a split; they are never an input
of the model. Ids are strings: `1` and `00001` are different bins. Opens no image and needs no torch.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from training.errors import BrokenRecordError

CLASSES: Final = ("0", "1", "2", "3", "4", "5", "6+")
"""What the model tells apart; the last one is open-ended."""

_PHOTO_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})


@dataclass(frozen=True, slots=True)
class Record:
    """One bin: its photo, how many items the inventory system believes are in it, and their ASINs."""

    image_id: str
    photo: Path
    count: int
    asins: frozenset[str]

    @property
    def label(self) -> int:
        """Index into CLASSES."""
        return min(self.count, len(CLASSES) - 1)


def read_folder(folder: Path) -> list[Record]:
    """Read every bin of a data folder, ordered by id.

    Raises BrokenRecordError for a photo without usable metadata. Metadata without a photo is passed over: a folder
    may hold a sample of the photos beside all of the records.
    """
    photos = (p for p in (folder / "bin-images").iterdir() if p.suffix.lower() in _PHOTO_SUFFIXES)
    return [_record(photo, folder / "metadata" / f"{photo.stem}.json") for photo in sorted(photos)]


def _record(photo: Path, metadata: Path) -> Record:
    try:
        facts: dict[str, Any] = json.loads(metadata.read_text(encoding="utf-8"))
        count = facts["EXPECTED_QUANTITY"]
        asins = frozenset(facts.get("BIN_FCSKU_DATA") or ())
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise BrokenRecordError(f"{metadata}: {type(cause).__name__}: {cause}") from cause
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise BrokenRecordError(f"{metadata}: EXPECTED_QUANTITY is {count!r}, not a count")
    return Record(photo.stem, photo, count, asins)


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
