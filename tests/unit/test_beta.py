"""Beta probabilities against what can be counted out: the binomial tail (DLMF 8.17.5)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import beta

whole = st.integers(1, 60)
shares = st.floats(0.001, 0.999)
parameters = st.floats(0.5, 1e3)


def binomial_tail(a: int, b: int, share: float) -> float:
    trials = a + b - 1
    return math.fsum(
        math.comb(trials, hits) * share**hits * (1 - share) ** (trials - hits) for hits in range(a, trials + 1)
    )


@given(whole, whole, shares)
def test_whole_parameters_give_the_binomial_tail(a: int, b: int, share: float) -> None:
    assert beta.cumulative(a, b, share) == pytest.approx(binomial_tail(a, b, share), abs=1e-10)


@given(shares)
def test_half_and_half_is_the_arcsine_law(share: float) -> None:
    assert beta.cumulative(0.5, 0.5, share) == pytest.approx(2 / math.pi * math.asin(math.sqrt(share)), abs=1e-10)


@given(parameters, parameters, st.floats(0.01, 0.99))
def test_a_quantile_leaves_its_probability_below_it(a: float, b: float, probability: float) -> None:
    share = beta.quantile(a, b, probability)
    step = 1e-12
    assert beta.cumulative(a, b, share - step) <= probability + 1e-6
    assert beta.cumulative(a, b, share + step) >= probability - 1e-6


@pytest.mark.parametrize(("share", "probability"), [(-0.1, 0.0), (0.0, 0.0), (1.0, 1.0), (1.1, 1.0)])
def test_nothing_lies_outside_0_and_1(share: float, probability: float) -> None:
    assert beta.cumulative(2.0, 3.0, share) == probability


def test_the_more_was_seen_the_narrower_the_interval() -> None:
    widths = [high - low for low, high in (beta.interval(n * 0.1, n * 0.9, 0.95) for n in (10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)
