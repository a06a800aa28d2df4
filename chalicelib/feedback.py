"""What resolved bins teach about their site: how often bins are wrong, and how far alerts can be believed. Pure.

Everything here is sums over resolutions, so that the table can keep them by adding, and taking a resolution back is
adding its negative. Weights are decimal numbers of few digits: what is taken back leaves exactly nothing.

Bins that people look into are no random sample: the suspicious ones are. Each therefore counts by the inverse of its
chance of having been looked at (Horvitz and Thompson, JASA 47, 1952): bins that the checker alerted or sent to review
once, audits once for each bin that matched when one was drawn, and bins that somebody looked into unasked not at all.
Weights that differ make a sample worth less than its size, (sum of w)^2 / (sum of w^2) bins (Kish, Survey Sampling,
1965): the Beta posterior of the rate is given that many, and not the number of bins that the weights stand for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib import beta
from chalicelib.resolution import Asked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.policy import Policy
    from chalicelib.resolution import Resolution
    from chalicelib.site_policy import Limits

POSTERIOR_BINS = 10
CERTAINTY = 0.95
"""Of the intervals that are told beside estimates."""

_DIGITS = Decimal("0.000001")
_JEFFREYS = 0.5
"""The prior of a share of which nothing is known is Beta(1/2, 1/2) (Jeffreys, 1946)."""

_RATED, _WEIGHT, _SQUARED, _WRONG, _ERROR = "rated", "weight", "weight_squared", "weight_wrong", "weight_error"


@dataclass(frozen=True, slots=True)
class Adaptation:
    """How a site's rate follows what was found there.

    Attributes:
        adapt_from: so many resolved bins have to bear on the rate before it replaces the set one.
        audits_from: and so many audits: the suspicious bins alone say nothing of those that match.
        prior_bins: the set rate counts as if it had been seen in so many bins.
        lowest: the rate goes no lower than this, unless it is set lower.
        highest: and no higher than this, unless it is set higher.

    """

    adapt_from: int = 200
    audits_from: int = 20
    prior_bins: int = 100
    lowest: float = 0.001
    highest: float = 0.3

    @classmethod
    def of(cls, limits: Limits) -> Adaptation:
        """Return the part of a site's limits that its rate goes by."""
        return cls(limits.adapt_from, limits.audits_from, limits.prior_bins, limits.lowest_rate, limits.highest_rate)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share, and between which bounds it lies with a probability of `CERTAINTY`."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, a: float, b: float) -> Estimate:
        """Return what a Beta(a, b) posterior says."""
        low, high = beta.interval(a, b, CERTAINTY)
        return cls(a / (a + b), low, high)


@dataclass(frozen=True, slots=True)
class Seen:
    """Resolved bins of one kind, how many of them were wrong, and how many should have been by their posteriors."""

    bins: int
    wrong: int
    expected: float

    @property
    def share(self) -> Estimate:
        """The share of bins like these that is wrong."""
        return Estimate.of(self.wrong + _JEFFREYS, self.bins - self.wrong + _JEFFREYS)


@dataclass(frozen=True, slots=True)
class Feedback:
    """Sums over a site's standing resolutions, by name; one that is not there is 0."""

    sums: Mapping[str, Decimal] = field(default_factory=dict)

    def __add__(self, other: Feedback) -> Feedback:
        names = [*self.sums, *(name for name in other.sums if name not in self.sums)]
        added = {name: self._sum(name) + other._sum(name) for name in names}
        return Feedback({name: value for name, value in added.items() if value})

    def __neg__(self) -> Feedback:
        return Feedback({name: -value for name, value in self.sums.items()})

    def seen(self, asked: Asked) -> Seen:
        """Return the bins that were looked into for one reason."""
        return self._seen(asked.value)

    def calibration(self) -> list[Seen]:
        """Return the bins by their posterior, in `POSTERIOR_BINS` classes of equal width.

        Whether a bin was looked into depends on its posterior and on chance, so within a class the sample is fair.
        """
        return [self._seen(_class_name(number)) for number in range(POSTERIOR_BINS)]

    @property
    def rated(self) -> int:
        """How many bins bear on the rate: looked into because the checker asked, for the first time."""
        return int(self._sum(_RATED))

    @property
    def worth(self) -> float:
        """How many bins of a simple random sample would tell as much about the rate (Kish's effective size)."""
        squared = self._sum(_SQUARED)
        return float(self._sum(_WEIGHT) ** 2 / squared) if squared else 0.0

    @property
    def weighted_share(self) -> float:
        """The share of wrong bins among all that were judged, those included that nobody looked into."""
        weight = self._sum(_WEIGHT)
        return float(self._sum(_WRONG) / weight) if weight else 0.0

    @property
    def brier(self) -> float | None:
        """The mean squared difference between posterior and truth over all that were judged; lower is better."""
        weight = self._sum(_WEIGHT)
        return float(self._sum(_ERROR) / weight) if weight else None

    def _seen(self, kind: str) -> Seen:
        return Seen(
            int(self._sum(f"{kind}_bins")), int(self._sum(f"{kind}_wrong")), float(self._sum(f"{kind}_expected"))
        )

    def _sum(self, name: str) -> Decimal:
        return self.sums.get(name, Decimal(0))


NOTHING = Feedback()


def learnt_from(resolution: Resolution) -> Feedback:
    """Return what one resolution adds to its site's sums.

    A bin bears on the rate once for each expectation, when it is first looked into: what is found later depends on
    what was done about it. A bin that could not be judged, or that nobody was asked about, is counted and no more.
    """
    judgement, asked = resolution.stood.judgement, resolution.asked
    posterior = judgement.probability_of_mismatch if judgement else None
    sums = _counted(asked.value, resolution, posterior or 0.0)
    if judgement is not None and posterior is not None and asked is not Asked.NOBODY:
        sums |= _counted(_class_of(posterior), resolution, posterior)
        if resolution.is_first:
            # Only chance can have drawn an audit for others; a bin that alerts is looked at whatever its share.
            stands_for = judgement.stands_for if asked is Asked.AUDIT else 1.0
            sums |= _weighted(stands_for, posterior, is_wrong=resolution.is_wrong)
    return Feedback({name: value for name, value in sums.items() if value})


def rate_from(policy: Policy, feedback: Feedback | None, rule: Adaptation) -> Estimate:
    """Return a site's rate of mismatches, as far as it is known: its Beta posterior, without bounds or floor."""
    return Estimate.of(*_posterior(policy, feedback or NOTHING, rule))


def is_enough(feedback: Feedback, rule: Adaptation) -> bool:
    """Whether so much was found that the set rate gives way to the site's own."""
    return feedback.rated >= rule.adapt_from and feedback.seen(Asked.AUDIT).bins >= rule.audits_from


def with_rate(policy: Policy, feedback: Feedback | None, rule: Adaptation | None = None) -> Policy:
    """Return a policy with its mismatch rate replaced by the site's own, within bounds, once enough was found."""
    rule = rule or Adaptation()
    if feedback is None or not is_enough(feedback, rule):
        return policy
    wrong, right = _posterior(policy, feedback, rule)
    lowest, highest = min(rule.lowest, policy.mismatch_rate), max(rule.highest, policy.mismatch_rate)
    return replace(policy, mismatch_rate=min(max(wrong / (wrong + right), lowest), highest))


def _posterior(policy: Policy, feedback: Feedback, rule: Adaptation) -> tuple[float, float]:
    """Return the parameters of the rate's Beta posterior: bins that were wrong and bins that were right."""
    wrong = rule.prior_bins * policy.mismatch_rate + feedback.worth * feedback.weighted_share
    return wrong, rule.prior_bins + feedback.worth - wrong


def _counted(kind: str, resolution: Resolution, posterior: float) -> dict[str, Decimal]:
    return {
        f"{kind}_bins": Decimal(1),
        f"{kind}_wrong": Decimal(resolution.is_wrong),
        f"{kind}_expected": _rounded(posterior),
    }


def _weighted(stands_for: float, posterior: float, *, is_wrong: bool) -> dict[str, Decimal]:
    weight = _rounded(stands_for)
    return {
        _RATED: Decimal(1),
        _WEIGHT: weight,
        _SQUARED: _rounded(weight * weight),
        _WRONG: weight * is_wrong,
        _ERROR: _rounded(float(weight) * (posterior - is_wrong) ** 2),
    }


def _class_of(posterior: float) -> str:
    return _class_name(min(int(posterior * POSTERIOR_BINS), POSTERIOR_BINS - 1))


def _class_name(number: int) -> str:
    return f"posterior_{number}"


def _rounded(number: float | Decimal) -> Decimal:
    return Decimal(number).quantize(_DIGITS)
