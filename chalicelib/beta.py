"""The Beta distribution: what is known of a share once some of it has been seen. Pure; a few numbers, no library.

Nothing that the Lambda package carries has it, and scipy would be ten times the size of the whole package.
"""

from __future__ import annotations

import math

_TINY = 1e-300
_PRECISION = 1e-14
_MOST_STEPS = 10_000
_HALVINGS = 60


def cumulative(a: float, b: float, share: float) -> float:
    """Return the probability that a Beta(a, b) variable is at most `share`: the regularized incomplete beta function.

    By its continued fraction (DLMF 8.17.22), which converges fast below the mean; above it, by symmetry (8.17.4).
    """
    if share <= 0.0 or share >= 1.0:
        return float(share >= 1.0)
    if share > (a + 1.0) / (a + b + 2.0):
        return 1.0 - cumulative(b, a, 1.0 - share)
    logarithm = a * math.log(share) + b * math.log1p(-share) - _log_beta(a, b)
    return math.exp(logarithm) / a / _continued_fraction(a, b, share)


def quantile(a: float, b: float, probability: float) -> float:
    """Return the share below which a Beta(a, b) variable lies with this probability, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if cumulative(a, b, middle) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def interval(a: float, b: float, certainty: float) -> tuple[float, float]:
    """Return the central interval that holds a Beta(a, b) variable with this probability."""
    tail = (1.0 - certainty) / 2.0
    return quantile(a, b, tail), quantile(a, b, 1.0 - tail)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _continued_fraction(a: float, b: float, share: float) -> float:
    """Return 1 + d1/(1 + d2/(1 + ...)), evaluated from the front (Lentz, Applied Optics 15, 1976, 668)."""
    value, upper, lower = 1.0, 1.0, 0.0
    for step in range(1, _MOST_STEPS):
        term = _term(a, b, share, step)
        lower = 1.0 / _not_zero(1.0 + term * lower)
        upper = _not_zero(1.0 + term / upper)
        value *= upper * lower
        if abs(upper * lower - 1.0) < _PRECISION:
            return value
    raise ArithmeticError(f"the incomplete beta function of {a}, {b} at {share} does not converge")


def _term(a: float, b: float, share: float, step: int) -> float:
    m, is_odd = divmod(step, 2)
    if is_odd:
        return -(a + m) * (a + b + m) * share / ((a + 2 * m) * (a + 2 * m + 1))
    return m * (b - m) * share / ((a + 2 * m - 1) * (a + 2 * m))


def _not_zero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
