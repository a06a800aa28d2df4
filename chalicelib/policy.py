"""What operators set: costs, rates and bounds, under a version that every inspection names.

A policy holds for the bins of one group at one site. It is a plain fact here; the decision uses it, the table keeps
it. Costs are in one unit of the operator's choice, minutes for instance: only their ratios matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Costs:
    """What each mistake costs, and a look at the picture.

    Alerting costs a `false_alert` where the bin is right, leaving a bin alone costs a `missed_mismatch` where it is
    wrong, and a `review` costs the same either way and finds out, walks that reviewers ask for included.
    """

    false_alert: float
    missed_mismatch: float
    review: float

    def __post_init__(self) -> None:
        if not all(0.0 < cost < math.inf for cost in (self.false_alert, self.missed_mismatch, self.review)):
            raise ValueError("costs are positive numbers")

    @property
    def alert_from(self) -> float:
        """The probability of a mismatch from which an alert is the cheapest: below it, review or nothing is."""
        beats_review = 1.0 - self.review / self.false_alert
        beats_nothing = self.false_alert / (self.false_alert + self.missed_mismatch)
        return max(beats_review, beats_nothing)

    @property
    def review_from(self) -> float:
        """The probability from which a review is cheaper than leaving the bin alone; never above `alert_from`."""
        return min(self.review / self.missed_mismatch, self.alert_from)


@dataclass(frozen=True, slots=True)
class Policy:
    """How photos are judged.

    Attributes:
        version: the name under which inspections remember it.
        mismatch_rate: share of bins that do not hold what is expected, before any photo.
        costs: of mistakes and reviews.
        deviations: of bins that are wrong, how much they differ (true minus expected quantity) and the share of each.
        anything_else: of bins that are wrong, the share that differs in any other way, all counts alike.
        false_alert_bound: of bins that are right, at most this share is ever alerted, however many photos come.
        missed_bound: a bin counts as settled once its evidence for a mismatch is this weak.
        photo_correlation: how much photos of one bin repeat each other: 0 not at all, 1 completely.
        audit_share: of bins that match, the share that is reviewed all the same, so that misses are seen.

    """

    version: str
    mismatch_rate: float
    costs: Costs
    deviations: tuple[tuple[int, float], ...]
    anything_else: float
    false_alert_bound: float
    missed_bound: float
    photo_correlation: float
    audit_share: float

    def __post_init__(self) -> None:
        steps = [step for step, _ in self.deviations]
        shares = [share for _, share in self.deviations]
        rules = {
            "mismatch_rate lies between 0 and 1": 0.0 < self.mismatch_rate < 1.0,
            "deviations name each step other than 0 once": 0 not in steps and len(set(steps)) == len(steps) > 0,
            "the shares of deviations are positive and sum to 1": all(share > 0.0 for share in shares)
            and math.isclose(sum(shares), 1.0, abs_tol=_ROUNDING),
            "anything_else is above 0 and below 1": 0.0 < self.anything_else < 1.0,
            "false_alert_bound is above 0 and at most 1": 0.0 < self.false_alert_bound <= 1.0,
            "missed_bound is above 0 and at most 1": 0.0 < self.missed_bound <= 1.0,
            "photo_correlation is between 0 and 1": 0.0 <= self.photo_correlation <= 1.0,
            "audit_share is between 0 and 1": 0.0 <= self.audit_share <= 1.0,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError("; ".join(broken))

    @property
    def alert_from(self) -> float:
        """The posterior from which a bin is alerted: what costs ask for, and no less than the error bound does.

        Under the hypothesis that the bin is right, the likelihood ratio of a mismatch reaches 1 / bound with a
        probability of at most the bound, whenever one looks (Ville, 1939; Wald's sequential test, 1945).
        """
        return max(self.costs.alert_from, posterior(self.mismatch_rate, 1.0 / self.false_alert_bound))

    @property
    def review_from(self) -> float:
        """The posterior from which a bin is reviewed."""
        return min(self.costs.review_from, self.alert_from)


def posterior(prior: float, likelihood_ratio: float) -> float:
    """Return the probability of a mismatch from its prior probability and its likelihood ratio (Bayes)."""
    if math.isinf(likelihood_ratio):
        return 1.0
    odds = prior / (1.0 - prior) * likelihood_ratio
    return odds / (1.0 + odds)


DEFAULT = Policy(
    version="default/1",
    mismatch_rate=0.02,
    costs=Costs(false_alert=6.0, missed_mismatch=100.0, review=5.0),
    deviations=((-2, 0.1), (-1, 0.5), (1, 0.3), (2, 0.1)),
    anything_else=0.05,
    false_alert_bound=0.1,
    missed_bound=0.2,
    photo_correlation=0.25,
    audit_share=0.01,
)
"""Where nobody has set anything: costs in minutes. A bin that is wrong mostly differs by one, and is short rather."""
