"""Figures of a score that should be high for wrong bins and low for right ones. Numpy only.

Bins with equal scores stand or fall together: a threshold can't part them, so neither does a figure.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_DIGITS = 9
"""Of a score that count: what lies behind is the rounding of floats, and would order bins that are alike."""

_ROUNDING = 1e-9
"""Shares that sums of weights miss by so little are reached."""


def levels(scores: Values) -> NDArray[np.int64]:
    """Give each bin [N] the place of its score among the different ones, the highest 0."""
    digits, powers = np.frexp(-scores)
    numbers: NDArray[np.int64] = np.unique(np.ldexp(digits.round(_DIGITS), powers), return_inverse=True)[1]
    return numbers


@dataclass(frozen=True, slots=True)
class Ranking:
    """How many right and how many wrong bins have at least each score, the highest first; both [L]."""

    right: Values
    wrong: Values

    @classmethod
    def of(cls, scores: Values, is_wrong: NDArray[np.bool_]) -> Self:
        """Rank bins by their scores [N]."""
        return cls.at(levels(scores), is_wrong)

    @classmethod
    def at(cls, level: NDArray[np.int64], is_wrong: NDArray[np.bool_], weights: Values | None = None) -> Self:
        """Rank bins by the `levels` of their scores [N]; a bin may count for more than one, or for none."""
        weigh = np.ones(len(level)) if weights is None else weights
        one, other = (np.bincount(level, weigh * part).cumsum() for part in (~is_wrong, is_wrong))
        return cls(one, other)

    @property
    def auroc(self) -> float:
        """The probability that a wrong bin has a higher score than a right one, equal scores counting half.

        The area under the ROC curve (Hanley and McNeil, 1982); NaN where all bins are right, or all wrong.
        """
        if not (self.right[-1] and self.wrong[-1]):
            return np.nan
        right, wrong = (np.concatenate([[0.0], line / line[-1]]) for line in (self.right, self.wrong))
        return float(np.trapezoid(wrong, right))

    def precision_at_recall(self, recall: float) -> float:
        """Give the share of wrong bins from the highest threshold on that finds so many; NaN without a wrong bin."""
        if not self.wrong[-1]:
            return np.nan
        place = int(np.argmax(self.wrong >= recall * self.wrong[-1] - _ROUNDING))
        return float(self.wrong[place] / (self.wrong[place] + self.right[place]))

    def found_at(self, false_alerts: float) -> float:
        """Give the share of wrong bins found while at most this share of the right ones is; NaN without a wrong bin."""
        if not self.wrong[-1]:
            return np.nan
        bearable = np.flatnonzero(self.right <= false_alerts * self.right[-1] + _ROUNDING)
        return float(self.wrong[bearable[-1]] / self.wrong[-1]) if bearable.size else 0.0

    @property
    def precision(self) -> Values:
        """The share of wrong bins among those that have at least each score [L]."""
        return self.wrong / (self.wrong + self.right)

    @property
    def recall(self) -> Values:
        """The share of the wrong bins that have at least each score [L]."""
        return self.wrong / self.wrong[-1]
