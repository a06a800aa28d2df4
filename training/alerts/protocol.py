"""Bins whose record is wrong, drawn from photos whose truth is known. Fixed, so that figures compare.

For each photo the expected quantity is the truth with probability 1 - pi, else the truth plus a step from STEPS,
clipped at 0 and drawn again where that changes nothing. Repetition number s draws with seed s. It draws one number a
photo for all rates, so that the bins that are wrong at 1 % are wrong at 2 % too: rates compare on the same bins.

A bin with several photos is made from photos of other bins of the same true count. That is optimistic: real photos of
one bin show the same goods and repeat each other's mistakes.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEPS: Final = {-2: 0.1, -1: 0.5, 1: 0.3, 2: 0.1}
"""Expected less true quantity of a wrong bin, and how often."""

RATES: Final = (0.01, 0.02, 0.05, 0.10)
"""Shares of bins that are wrong."""

USUAL_RATE: Final = 0.02

PHOTOS: Final = (1, 2, 3)
"""A bin's photos."""

REPETITIONS: Final = 200

CROWDS: Final = 20
"""Different choices of a bin's further photos; repetitions take turns, so that what was judged is not judged again."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Records:
    """What the records say of bins in one repetition."""

    true: Counts
    wrong: Counts
    """The expected quantity [N] of each bin should its record be wrong: never the true one."""
    luck: NDArray[np.float64]
    """A bin [N] is wrong at every rate above its luck."""

    def are_wrong(self, rate: float) -> NDArray[np.bool_]:
        """Say which bins [N] are wrong at a rate."""
        return self.luck < rate

    def expected(self, rate: float) -> Counts:
        """Give what the records expect [N] at a rate."""
        return np.where(self.are_wrong(rate), self.wrong, self.true)


def drawn(true: Counts, seed: int) -> Records:
    """Draw one repetition for bins of these true counts [N]."""
    rng = np.random.default_rng(seed)
    luck = rng.random(len(true))
    wrong = true.copy()
    steps, shares = list(STEPS), list(STEPS.values())
    while (unchanged := np.flatnonzero(wrong == true)).size:
        wrong[unchanged] = np.maximum(true[unchanged] + rng.choice(steps, size=unchanged.size, p=shares), 0)
    return Records(true, wrong, luck)


def crowd(true: Counts, photos: int, seed: int) -> NDArray[np.int64]:
    """Choose each bin's photos: row numbers [N,photos], the bin's own first, the others of the same true count.

    The photos of a count stand in a ring in random order, and each takes those behind it: none comes twice, except
    where there are fewer of its count than a bin has photos.
    """
    rng = np.random.default_rng(seed)
    rows = np.empty((len(true), photos), dtype=np.int64)
    for count in np.unique(true):
        ring = rng.permutation(np.flatnonzero(true == count))
        rows[ring] = np.stack([np.roll(ring, -place) for place in range(photos)], axis=1)
    return rows
