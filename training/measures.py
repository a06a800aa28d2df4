"""What a record tells of the goods beside their class: something more to learn from the same photo.

A network that also has to guess how many kinds there are, how much room they take, how long and how heavy they are
gets a reason to look at the goods themselves; their number tells it seven from seventy, which are one class. Only
training asks for it: no measure is an input, and the released network has no output for one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

MEASURES: Final = ("kinds", "units", "volume", "longest side", "weight")
"""The columns of a table of measures."""

Measures = NDArray[np.float32]
"""float32 [N,5]: natural logarithms of MEASURES, NaN where a record does not tell."""


@dataclass(frozen=True, slots=True)
class Goods:
    """Everything in one bin taken together; None where the record leaves it out for any of the goods."""

    kinds: int
    units: int
    """How many there are of all kinds together; a kind that does not tell counts for nothing."""
    volume: float | None
    """Cubic inches, all units together."""
    longest_side: float | None
    """Inches, of the longest of the goods."""
    weight: float | None
    """Pounds, all units together."""

    @classmethod
    def of(cls, entries: Mapping[str, Mapping[str, Any]]) -> Self:
        """Read the entries of `BIN_FCSKU_DATA`, ASIN to description."""
        boxes = [_Box.of(entries[asin]) for asin in entries]
        sides = [(box.quantity, box.sides) for box in boxes]
        weights = [(box.quantity, box.weight) for box in boxes]
        return cls(
            kinds=len(boxes),
            units=sum(box.quantity for box in boxes),
            volume=_total([(quantity, float(np.prod(three)) if three else None) for quantity, three in sides]),
            longest_side=max((max(three) for _, three in sides if three), default=None),
            weight=_total(weights),
        )

    def row(self) -> list[float]:
        """Give the logarithms in the order of MEASURES; NaN where unknown or nothing."""
        return [
            float(np.log(value)) if value else np.nan
            for value in (self.kinds, self.units, self.volume, self.longest_side, self.weight)
        ]


NOTHING_KNOWN: Final = Goods(0, 0, None, None, None)
"""Of an empty bin, and of one whose record names no goods."""


@dataclass(frozen=True, slots=True)
class _Box:
    quantity: int
    sides: tuple[float, ...]
    weight: float | None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        sides = [_value(entry, side) for side in ("height", "length", "width")]
        known = tuple(side for side in sides if side is not None)
        quantity = entry.get("quantity")
        return cls(
            quantity if isinstance(quantity, int) else 0,
            known if len(known) == len(sides) else (),
            _value(entry, "weight"),
        )


def _value(entry: Mapping[str, Any], name: str) -> float | None:
    measured = entry.get(name)
    value = measured.get("value") if isinstance(measured, Mapping) else None
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _total(parts: Sequence[tuple[float, float | None]]) -> float | None:
    known = [quantity * each for quantity, each in parts if each is not None]
    return sum(known) if known and len(known) == len(parts) else None


def standardised(measures: Measures) -> Measures:
    """Shift and scale each column to mean 0 and deviation 1; what is unknown stays NaN."""
    known = ~np.isnan(measures)
    told = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, measures, 0).sum(axis=0) / told
    deviation = np.sqrt(np.where(known, (measures - mean) ** 2, 0).sum(axis=0) / told)
    scaled: Measures = ((measures - mean) / np.where(deviation > 0, deviation, 1)).astype(np.float32)
    return scaled
