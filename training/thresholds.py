"""What a threshold on the probability of a mismatch does: false alerts, mismatches found, precision.

Every photo is judged by the checker's own decision, once under its true quantity and once under each wrong one that
a consignment might name instead, weighted by how often that happens. Nothing is drawn by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chalicelib.decide import decide
from chalicelib.domain import Expectation
from chalicelib.evidence import CountEstimate, Evidence
from chalicelib.policy import DEFAULT
from training.records import Record

STEPS: Final = {-2: 0.1, -1: 0.5, 1: 0.3, 2: 0.1}
"""How far a wrong expectation is off, and how often; below zero it is drawn again, so the rest share its weight."""

THRESHOLDS: Final = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995)
"""Those that a table shows."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What alerting from one threshold on does at a rate of real mismatches; all are shares of 0 to 1."""

    threshold: float
    false_alerts: float
    """Of the bins that hold what is expected."""
    found: float
    """Of the bins that do not."""
    precision: float
    """Of the alerts; 0 where there are none."""


def effects(
    probabilities: NDArray[np.floating], records: Sequence[Record], thresholds: Sequence[float], mismatch_rate: float
) -> list[Effect]:
    """Judge photos with probabilities [N,7] under right and wrong expectations, at each threshold."""
    estimates = [_estimate(row) for row in probabilities]
    right = np.array([_mismatch(e, r.count) for e, r in zip(estimates, records, strict=True)])
    wrong, weights = _wrong(estimates, records)
    return [_effect(threshold, right, wrong, weights, mismatch_rate) for threshold in thresholds]


def _effect(
    threshold: float,
    right: NDArray[np.float64],
    wrong: NDArray[np.float64],
    weights: NDArray[np.float64],
    mismatch_rate: float,
) -> Effect:
    false_alerts = float((right >= threshold).mean())
    found = float(weights[wrong >= threshold].sum() / weights.sum())
    true, false = mismatch_rate * found, (1 - mismatch_rate) * false_alerts
    return Effect(threshold, false_alerts, found, true / (true + false) if true + false else 0.0)


def _wrong(
    estimates: Sequence[CountEstimate], records: Sequence[Record]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probability of a mismatch under each wrong expectation of each photo, and its weight."""
    chances, weights = [], []
    for estimate, record in zip(estimates, records, strict=True):
        possible = {step: weight for step, weight in STEPS.items() if record.count + step >= 0}
        for step, weight in possible.items():
            chances.append(_mismatch(estimate, record.count + step))
            weights.append(weight / sum(possible.values()))
    return np.array(chances), np.array(weights)


def _mismatch(estimate: CountEstimate, expected: int) -> float:
    judgement = decide(Expectation("", "", "", expected), Evidence.of(estimate), DEFAULT)
    return judgement.probability_of_mismatch or 0.0


def _estimate(row: NDArray[np.floating]) -> CountEstimate:
    counts = (*(str(number) for number in range(len(row) - 1)), f"{len(row) - 1}+")
    shares = tuple(float(value) for value in row)
    return CountEstimate("", counts, shares, shares)
