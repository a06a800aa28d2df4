"""How much two photos of one bin repeat each other's mistakes, from bins that were photographed twice.

Neighbouring numbers of the public data set that share goods are mostly one bin before and after an item was moved. For
each photo, `decide` gives the logarithm of the likelihood ratio of a mismatch under its true quantity: how far it leads
astray. Less the mean of the photos of the same count, which any two such photos have in common, the rest is that
photo's own mistake; the correlation of these over the pairs is what photos of one bin share beyond their count. Photos
of a bin that nobody has touched are more alike than these, so that the estimate is rather too low.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chalicelib.domain import MOST_RATIO
from chalicelib.evidence import Evidence
from chalicelib.policy import Policy
from training.alerts.judging import Photos, judgement_of
from training.bootstrap import group_numbers, redrawn
from training.records import Record

SEED: Final = 1

_FEWEST: Final = 10
"""Pairs below which a correlation means nothing."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """Of the mistakes of two photos of one bin; NaN where there are too few pairs."""

    estimate: float
    standard_error: float
    """From a bootstrap over groups of bins that share goods."""
    pairs: int


def correlation(photos: Photos, records: Sequence[Record], policy: Policy) -> Correlation:
    """Estimate the policy's `photo_correlation` from the neighbours among the records."""
    pairs = neighbours(records)
    if len(pairs) < _FEWEST:
        return Correlation(math.nan, math.nan, len(pairs))
    mistakes = _mistakes(photos, policy)[pairs]

    def figure(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        one, other = mistakes[rows].T
        return np.array([(one * other).mean() / math.sqrt((one**2).mean() * (other**2).mean())])

    grouped = np.unique(group_numbers(records)[pairs[:, 0]], return_inverse=True)[1]
    (estimate,) = figure(np.arange(len(pairs)))
    return Correlation(float(estimate), float(redrawn(figure, grouped, SEED).std(ddof=1)), len(pairs))


def neighbours(records: Sequence[Record]) -> NDArray[np.int64]:
    """Find the pairs of records with consecutive numbers that share goods: row numbers [P,2]."""
    rows = {int(record.image_id): row for row, record in enumerate(records) if record.image_id.isdecimal()}
    found = [
        (row, rows[number + 1])
        for number, row in sorted(rows.items())
        if number + 1 in rows and records[row].asins & records[rows[number + 1]].asins
    ]
    return np.array(found, dtype=np.int64).reshape(len(found), 2)


def _mistakes(photos: Photos, policy: Policy) -> NDArray[np.float64]:
    """Give each photo's log likelihood ratio of a mismatch [N], less the mean of its class of counts."""
    ratios = [
        judgement_of(Evidence.of(estimate), quantity, policy).likelihood_ratio or 0.0
        for estimate, quantity in zip(photos.estimates, photos.true.tolist(), strict=True)
    ]
    logs = np.log(np.clip(ratios, 1 / MOST_RATIO, MOST_RATIO))
    classes = np.minimum(photos.true, len(photos.estimates[0].counts) - 1)
    mean: NDArray[np.float64] = np.bincount(classes, logs) / np.maximum(np.bincount(classes), 1)
    own: NDArray[np.float64] = logs - mean[classes]
    return own
