"""Expectation + estimate + policy -> judgement. Pure: the heart of the product.

The probability of a mismatch is what the calibrated distribution leaves for every other count. Two thresholds
of the policy part it into match, review and mismatch: a weak counter is sure only of what a photo can't show,
so the upper threshold sits where the expected count is all but excluded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain import Direction, Judgement, Verdict

if TYPE_CHECKING:
    from chalicelib.domain import CountEstimate, Expectation, Policy


def decide(expectation: Expectation | None, estimate: CountEstimate, policy: Policy) -> Judgement:
    """Judge one photo.

    An expected quantity in the open-ended class (6 and more) can only be told from the closed ones: a bin that
    should hold 7 and holds 9 matches.
    """
    if expectation is None:
        return Judgement(Verdict.UNEXPECTED, policy.version)
    probability = 1.0 - estimate.probability_of(expectation.quantity)
    probability = min(1.0, max(0.0, probability))
    verdict = _verdict(probability, policy)
    direction = _direction(expectation.quantity, estimate) if verdict is Verdict.MISMATCH else None
    return Judgement(verdict, policy.version, probability, direction)


def _verdict(probability: float, policy: Policy) -> Verdict:
    if probability >= policy.mismatch_from:
        return Verdict.MISMATCH
    if probability >= policy.review_from:
        return Verdict.REVIEW
    return Verdict.MATCH


def _direction(quantity: int, estimate: CountEstimate) -> Direction:
    short = estimate.probability_below(quantity)
    over = 1.0 - short - estimate.probability_of(quantity)
    return Direction.SHORT if short >= over else Direction.OVER
