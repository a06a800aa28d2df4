"""What changes between two looks at what waits for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NOT_NEWS = ("picture_url",)
"""A link is signed anew for each answer."""


@dataclass(frozen=True, slots=True)
class News:
    """A bin that has come into the queue, changed in it, or left it."""

    what: str
    bin: dict[str, Any]


def news(before: Iterable[dict[str, Any]], after: Iterable[dict[str, Any]]) -> Iterator[News]:
    """Yield what is different, in the order of the later look, and last what has left."""
    known, now = _by_name(before), _by_name(after)
    for name, bin_ in now.items():
        if name not in known:
            yield News("came", bin_)
        elif _told(known[name]) != _told(bin_):
            yield News("changed", bin_)
    for name, bin_ in known.items():
        if name not in now:
            yield News("left", bin_)


def _by_name(bins: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {bin_["bin_id"]: bin_ for bin_ in bins}


def _told(bin_: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in bin_.items() if name not in _NOT_NEWS}
