"""Expectation + evidence + policy -> judgement. Pure: the heart of the product.

Two hypotheses are weighed: the bin holds what is expected, or it deviates as the policy says bins deviate. The ratio
of their likelihoods moves the site's rate of mismatches to the posterior; the costs of a false alert, a missed
mismatch and a review part that into match, review and mismatch. `docs/decision.md` has the algebra.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING

from chalicelib.domain import MOST_RATIO, Direction, Judgement, Verdict
from chalicelib.policy import posterior

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.domain import Expectation
    from chalicelib.evidence import Evidence
    from chalicelib.policy import Policy


def decide(
    expectation: Expectation | None, evidence: Evidence, policy: Policy, *, is_audited: bool = False
) -> Judgement:
    """Judge what the photos of a bin say, one photo or several.

    An expected quantity in the open-ended class (6 and more) can only be told from the closed ones: a bin that
    should hold 8 and holds 9 looks as it should. `is_audited` sends a bin that matches to review all the same.
    """
    if expectation is None:
        return Judgement(Verdict.UNEXPECTED, policy.version)
    short, right, over = _weigh(expectation.quantity, evidence, policy)
    wrong = short + over
    ratio = wrong / right if right > 0.0 else math.inf
    probability = posterior(policy.mismatch_rate, ratio)
    verdict = _verdict(probability, policy)
    is_chosen = is_audited and verdict is Verdict.MATCH
    stands_for = 1.0 / policy.audit_share if is_chosen and policy.audit_share > 0.0 else 1.0
    return Judgement(
        verdict=Verdict.REVIEW if is_chosen else verdict,
        policy=policy.version,
        probability_of_mismatch=probability,
        direction=(Direction.SHORT if short >= over else Direction.OVER) if verdict is Verdict.MISMATCH else None,
        prior=policy.mismatch_rate,
        likelihood_ratio=min(ratio, MOST_RATIO),
        review_from=policy.review_from,
        alert_from=policy.alert_from,
        photos=evidence.photos,
        is_settled=ratio <= policy.missed_bound or ratio * policy.false_alert_bound >= 1.0,
        is_audit=is_chosen,
        stands_for=stands_for,
        expected_cost=_expected_cost(probability, policy, is_audit=is_chosen) * stands_for,
    )


def judge(
    bin_id: str, since: datetime, expectation: Expectation | None, evidence: Evidence, policy: Policy
) -> Judgement:
    """Judge a bin by all that its photos have said since it started afresh; some that match are audited."""
    is_audited = chosen_for_audit(bin_id, since, policy.audit_share)
    return decide(expectation, evidence, policy, is_audited=is_audited)


def chosen_for_audit(bin_id: str, since: datetime, share: float) -> bool:
    """Whether a bin belongs to the share of matching bins that are reviewed, from a moment on until it starts afresh.

    Chance that can be repeated: a hash of the bin and the moment, so that all its photos meet the same answer.
    """
    return zlib.crc32(f"{bin_id} {since.isoformat()}".encode()) < share * 2**32


def _expected_cost(probability: float, policy: Policy, *, is_audit: bool) -> float:
    """Return what leaving one such bin alone is expected to cost.

    All audits are put down at what a bin that matches costs at most: a random sample that is worked off by suspicion,
    and not to its end, would be none.
    """
    return (policy.review_from if is_audit else probability) * policy.costs.missed_mismatch


def _verdict(probability: float, policy: Policy) -> Verdict:
    if probability >= policy.alert_from:
        return Verdict.MISMATCH
    if probability >= policy.review_from:
        return Verdict.REVIEW
    return Verdict.MATCH


def _weigh(expected: int, evidence: Evidence, policy: Policy) -> tuple[float, float, float]:
    """Return the likelihoods of short, of right and of over; those of short and over hold their shares already."""
    likelihoods = evidence.likelihoods(policy.photo_correlation)
    last = len(likelihoods) - 1
    own = min(expected, last)
    possible = [(step, share) for step, share in policy.deviations if expected + step >= 0]
    others = [place for place in range(len(likelihoods)) if place != own]
    near = (1.0 - policy.anything_else) / sum(share for _, share in possible) if possible else 0.0
    far = (policy.anything_else if possible else 1.0) / len(others)
    short = far * sum(likelihoods[:own]) + near * sum(
        share * likelihoods[min(expected + step, last)] for step, share in possible if step < 0
    )
    over = far * sum(likelihoods[own + 1 :]) + near * sum(
        share * likelihoods[min(expected + step, last)] for step, share in possible if step > 0
    )
    return short, likelihoods[own], over
