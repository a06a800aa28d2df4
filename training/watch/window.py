"""A stretch of captured traffic, photo by photo: measured, or counted as what kept it from being measured."""

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.records import CLASSES
from training.serving.images import BadImage
from training.watch.captured import BrokenLine, Captured, Span, exchange_in
from training.watch.measures import Kind, Values, binned, names_of, of_answers, of_photo

_OF_PHOTO: Final = names_of(Kind.PIXELS, Kind.FILE)
_OF_ANSWER: Final = names_of(Kind.ANSWER, Kind.MIX)
_SUM_TOLERANCE: Final = 1e-3


@dataclass(slots=True)
class Tally:
    """What became of every line."""

    lines: int = 0
    broken: int = 0
    """Lines that are no exchange."""
    outside: int = 0
    """Exchanges of another time."""
    unanswered: int = 0
    """Neither an answer nor a refusal was captured."""
    refused: Counter[str] = field(default_factory=Counter)
    """Photos that the endpoint refused, by its reason."""
    other_models: Counter[str] = field(default_factory=Counter)
    """Photos that another model answered, by its name."""
    undecodable: int = 0
    """Photos that were answered and cannot be decoded here."""
    repeated: int = 0
    """Photos that had come before, to the byte: a second try, which tells nothing new."""


@dataclass(frozen=True, slots=True)
class Window:
    """The photos that count, and what was passed over."""

    photos: Values
    """float32 [N, measures of photos]."""
    probabilities: NDArray[np.float32]
    """float32 [N,7]."""
    tally: Tally
    sources: frozenset[tuple[str, str]]
    """Endpoint and variant that the photos went to."""
    first: datetime | None = None
    last: datetime | None = None

    def __len__(self) -> int:
        return len(self.photos)

    def values(self, name: str) -> Values:
        """Give one measure of every photo."""
        if name in _OF_PHOTO:
            return self.photos[:, _OF_PHOTO.index(name)]
        return of_answers(self.probabilities)[:, _OF_ANSWER.index(name)]

    def counts(self, name: str, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Count the photos in a measure's bins."""
        return np.bincount(binned(self.values(name), edges), minlength=len(edges) - 1).astype(np.float64)


class NotAnswered(Exception):  # noqa: N818 - what became of the photo
    """The endpoint gave no distribution; `reason` is its own where it refused, else None."""

    def __init__(self, reason: str | None) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


def gathered(captured: Captured, span: Span, model: str, size: tuple[int, int]) -> Window:
    """Read all that was captured in a span and measure the photos that `model` answered.

    `size` is the network's (width, height). Holds some 150 bytes a photo in memory, and one photo at a time. Raises
    UnreadableCaptureError.
    """
    return _Gathering(model, size).of(captured, span)


class _Gathering:
    def __init__(self, model: str, size: tuple[int, int]) -> None:
        self._model = model
        self._size = size
        self._tally = Tally()
        self._photos = array("f")
        self._answers = array("f")
        self._known: set[bytes] = set()
        self._sources: set[tuple[str, str]] = set()
        self._times: list[datetime] = []

    def of(self, captured: Captured, span: Span) -> Window:
        for file in captured.files(span):
            taken = sum(self._take(line, span) for line in _filled(captured.lines(file)))
            if taken:
                self._sources.add((file.endpoint, file.variant))
        return Window(
            photos=np.array(self._photos, np.float32).reshape(-1, len(_OF_PHOTO)),
            probabilities=np.array(self._answers, np.float32).reshape(-1, len(CLASSES)),
            tally=self._tally,
            sources=frozenset(self._sources),
            first=self._times[0] if self._times else None,
            last=self._times[-1] if self._times else None,
        )

    def _take(self, line: bytes, span: Span) -> bool:
        """Take one line into account; tells whether it was a photo that counts."""
        tally = self._tally
        tally.lines += 1
        try:
            exchange = exchange_in(line)
            if exchange.at not in span:
                tally.outside += 1
                return False
            model, probabilities = answer_in(exchange.reply)
            if model != self._model:
                tally.other_models[model] += 1
                return False
            digest = hashlib.sha256(exchange.photo).digest()[:16]
            if digest in self._known:
                tally.repeated += 1
                return False
            measured = of_photo(exchange.photo, self._size)
        except BrokenLine:
            tally.broken += 1
        except NotAnswered as missing:
            if missing.reason is None:
                tally.unanswered += 1
            else:
                tally.refused[missing.reason] += 1
        except BadImage:
            tally.undecodable += 1
        else:
            self._known.add(digest)
            self._photos.extend(measured)
            self._answers.extend(probabilities)
            self._times = [min([*self._times[:1], exchange.at]), max([*self._times[-1:], exchange.at])]
            return True
        return False


def answer_in(reply: bytes | None) -> tuple[str, list[float]]:
    """Read the endpoint's reply: the model's name and its distribution over CLASSES. Raises NotAnswered."""
    try:
        fields = json.loads(reply or b"")
        if "probabilities" not in fields and "error" in fields:
            raise NotAnswered(str(fields.get("reason", "unnamed")))
        probabilities = [float(one) for one in fields["probabilities"]]
        model = str(fields["model"])
        is_ours = tuple(fields["counts"]) == CLASSES and len(probabilities) == len(CLASSES)
    except (ValueError, KeyError, TypeError, RecursionError) as cause:
        raise NotAnswered(None) from cause
    is_distribution = abs(sum(probabilities) - 1) < _SUM_TOLERANCE and min(probabilities, default=-1) >= 0
    if not (is_ours and is_distribution):  # NaN fails both comparisons
        raise NotAnswered(None)
    return model, probabilities


def _filled(lines: Iterable[bytes]) -> Iterator[bytes]:
    return (line for line in lines if line.strip())
