"""What photos say about a count: one photo's calibrated distribution, and what several of one bin say together.

A classifier's probabilities hold the class mix that it was calibrated on. Divided by that mix they are likelihoods up
to a factor (Bayes), which any prior can be put to, and which multiply over photos. `Evidence` keeps their logarithms
in whole millionths of a nat: sums of integers are the same in any order, so the end of a bin does not depend on the
order in which its photos arrive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_MICRO = 1_000_000
"""Millionths of a nat in one nat."""

_IMPOSSIBLE = -1_000_000 * _MICRO
"""The log-likelihood of what a model excludes: out of reach for any number of photos that think otherwise."""

_LEAST_PRIOR = 1e-9
"""A class that the model has never met gives no more evidence than one this rare."""


@dataclass(frozen=True, slots=True)
class CountEstimate:
    """What the model makes of one photo: a calibrated distribution over the count.

    `counts` are labels in rising order, the last one open-ended ("6+"). `probabilities` and `prior` (the class
    mix that the probabilities were calibrated on) align with it and each sum to 1.
    """

    model: str
    counts: tuple[str, ...]
    probabilities: tuple[float, ...]
    prior: tuple[float, ...]

    @property
    def prediction(self) -> str:
        """The most probable count's label."""
        return self.counts[self.probabilities.index(max(self.probabilities))]

    @property
    def certainty(self) -> float:
        """The probability of the most probable count."""
        return max(self.probabilities)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the photos of one bin say together of its count.

    `log_likelihoods` has one whole number for each of `counts`: the sum over the photos of the logarithm of
    probability / prior, in millionths of a nat. Only differences between its members mean anything.
    """

    counts: tuple[str, ...]
    log_likelihoods: tuple[int, ...]
    photos: int

    @classmethod
    def of(cls, estimate: CountEstimate) -> Evidence:
        """Return what one photo says."""
        logs = tuple(map(_log_likelihood, estimate.probabilities, estimate.prior))
        return cls(estimate.counts, logs, 1)

    def and_of(self, other: Evidence) -> Evidence:
        """Return what both say together; models that count in other classes have nothing to add, the newer stays."""
        if self.counts != other.counts:
            return other
        sums = tuple(map(sum, zip(self.log_likelihoods, other.log_likelihoods, strict=True)))
        return Evidence(self.counts, sums, self.photos + other.photos)

    def likelihoods(self, correlation: float) -> list[float]:
        """Return the likelihood of each class, the largest being 1, when photos are correlated by so much.

        n photos whose errors share this correlation tell as much as n / (1 + (n - 1) x correlation) independent ones
        (the design effect: Kish, Survey Sampling, 1965, section 5.4), which is never more than 1 / correlation.
        """
        weight = 1.0 / (1.0 + (self.photos - 1) * correlation)
        most = max(self.log_likelihoods)
        return [math.exp((one - most) * weight / _MICRO) for one in self.log_likelihoods]


def _log_likelihood(probability: float, prior: float) -> int:
    if probability <= 0.0:
        return _IMPOSSIBLE
    return max(_IMPOSSIBLE, round(_MICRO * math.log(probability / max(prior, _LEAST_PRIOR))))
