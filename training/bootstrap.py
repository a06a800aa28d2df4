"""Standard errors of figures over photos that are not independent: whole groups are drawn again, not photos.

Photos of bins that share goods fail together, so that a thousand of them say less than a thousand others would. The
cluster bootstrap (Davison and Hinkley, 1997, section 3.8) draws as many groups as there are, with replacement, and
works the figure out anew. Any figure will do; nothing has to be derived for it.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.records import Record
from training.split import groups

DRAWS: Final = 1000
"""Enough for a standard error that is itself within about 2 % of what more draws would give."""

Figures = NDArray[np.float64]


def group_numbers(records: Sequence[Record]) -> NDArray[np.int64]:
    """Give each record the number of its group of shared goods (see `training.split`): int64 [N]."""
    number = {record.image_id: index for index, group in enumerate(groups(records)) for record in group}
    return np.array([number[record.image_id] for record in records], dtype=np.int64)


def standard_errors(
    figures: Callable[[NDArray[np.int64]], Figures], grouped: NDArray[np.int64], seed: int, draws: int = DRAWS
) -> Figures:
    """Estimate the standard error of each of the figures [K] that `figures` works out of some rows.

    See `redrawn`. With one group there is nothing to learn from, and every error is NaN.
    """
    errors: Figures = np.std(redrawn(figures, grouped, seed, draws), axis=0, ddof=1)
    return errors


def redrawn(
    figures: Callable[[NDArray[np.int64]], Figures], grouped: NDArray[np.int64], seed: int, draws: int = DRAWS
) -> Figures:
    """Work the figures out anew for each drawing of groups: [draws,K].

    `grouped` [N] holds each row's group; `figures` gets row numbers, those of a group as often as it was drawn. The
    same seed draws the same groups. With one group there is nothing to draw, and every figure is NaN.
    """
    members = _members(grouped)
    if len(members) < 2:
        return np.full((draws, len(figures(np.arange(len(grouped))))), np.nan)
    rng = np.random.default_rng(seed)
    return np.array(
        [
            figures(np.concatenate([members[group] for group in rng.integers(len(members), size=len(members))]))
            for _ in range(draws)
        ]
    )


def _members(grouped: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    order = np.argsort(grouped, kind="stable")
    starts = np.flatnonzero(np.diff(grouped[order])) + 1
    return np.split(order, starts)
