"""Which bins are wanted: listed ones, a sample, a sample of each class, or all.

A sample takes the ids whose hash with the seed is smallest. So it depends on the ids and the seed alone, not on the
order in which a bucket lists them; a larger sample contains the smaller one, and asking for more fetches only what is
new; and only the sample is held in memory, never the list that it is drawn from.
"""

import hashlib
import heapq
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from training.errors import BadSelectionError
from training.records import CLASSES

_ID: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_SUFFIXES: Final = (".json", ".jpg", ".jpeg")
_CANDIDATES_PER_WANTED: Final = 4

Counts = Callable[[Iterable[str]], Iterator[tuple[str, int | None]]]
"""Finds each bin's count, in the given order; None for a bin whose metadata is of no use."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The bins that somebody has listed."""

    ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sample:
    """So many of all bins."""

    count: int
    seed: int


@dataclass(frozen=True, slots=True)
class PerClass:
    """So many bins of each of CLASSES; those not named are left out."""

    quotas: Mapping[str, int]
    seed: int


@dataclass(frozen=True, slots=True)
class All:
    """Every bin."""


Selection = Listed | Sample | PerClass | All


def chosen(selection: Selection, listing: Callable[[], Iterator[str]], counts: Counts) -> Iterable[str]:
    """Give the ids of a selection, in any order; `listing` and `counts` are asked only where it needs them."""
    match selection:
        case Listed(ids):
            return ids
        case Sample(count, seed):
            return _first(count, listing(), seed)
        case PerClass(quotas, seed):
            return _fill(quotas, seed, listing, counts)
        case All():
            return filter(_ID.fullmatch, listing())


def _first(count: int, ids: Iterable[str], seed: int) -> list[str]:
    return heapq.nsmallest(count, filter(_ID.fullmatch, ids), key=lambda image_id: place(image_id, seed))


def place(image_id: str, seed: int) -> bytes:
    """Give an id's place in the order of drawing."""
    return hashlib.sha256(f"{seed}/{image_id}".encode()).digest()


def _fill(quotas: Mapping[str, int], seed: int, listing: Callable[[], Iterator[str]], counts: Counts) -> list[str]:
    """Read counts in the order of drawing until every class has its quota, or the source has no more.

    How many candidates that takes is not known before; each time they run out, four times as many are drawn.
    """
    missing = {label: quota for label, quota in quotas.items() if quota}
    filled: list[str] = []
    seen, candidates = 0, _CANDIDATES_PER_WANTED * sum(quotas.values())
    while missing:
        drawn = _first(candidates, listing(), seed)
        for image_id, count in counts(drawn[seen:]):
            label = None if count is None else CLASSES[min(count, len(CLASSES) - 1)]
            if label in missing:
                filled.append(image_id)
                missing[label] -= 1
                if not missing[label]:
                    del missing[label]
            if not missing:
                break
        if len(drawn) < candidates:
            break
        seen, candidates = candidates, candidates * _CANDIDATES_PER_WANTED
    return filled


def read_list(file: Path) -> Listed:
    """Read a list of bins: JSON (a list, or lists by class as in file_list.json) or a text with one to a line.

    An entry is an id or a path ending in one: `100313`, `data/metadata/100313.json`. Raises BadSelectionError.
    """
    try:
        text = file.read_text(encoding="utf-8")
        entries = _entries(json.loads(text)) if text.lstrip().startswith(("{", "[")) else text.split()
    except (OSError, ValueError) as cause:
        raise BadSelectionError(f"{file}: no list of bins: {cause}") from cause
    ids = [_id_in(entry, file) for entry in entries]
    if not ids:
        raise BadSelectionError(f"{file}: the list names no bin")
    return Listed(ids)


def read_quotas(text: str) -> dict[str, int]:
    """Read `1:1228,2:2299,6+:100`; raises BadSelectionError."""
    try:
        quotas = {label.strip(): int(quota) for label, quota in (part.split(":") for part in text.split(","))}
    except ValueError as cause:
        raise BadSelectionError(f"{text}: sizes per class read 1:1228,2:2299") from cause
    if not set(quotas) <= set(CLASSES) or min(quotas.values()) < 0:
        raise BadSelectionError(f"{text}: classes are {', '.join(CLASSES)}, and sizes are not negative")
    return quotas


def _entries(content: Any) -> list[Any]:
    lists = list(content.values()) if isinstance(content, dict) else [content]
    if not all(isinstance(part, list) for part in lists):
        raise ValueError("a class that is no list")
    return [entry for part in lists for entry in part]


def _id_in(entry: Any, file: Path) -> str:
    if not isinstance(entry, str):
        raise BadSelectionError(f"{file}: {entry!r} is no id: ids are texts, 1 and 00001 are different bins")
    name = PurePosixPath(entry).name
    image_id = next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)
    if not _ID.fullmatch(image_id):
        raise BadSelectionError(f"{file}: {entry!r} is no id")
    return image_id
