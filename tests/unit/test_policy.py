from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.policy import DEFAULT, Costs, posterior
from tests.examples import POLICY

costs = st.floats(0.01, 1000.0)
rates = st.floats(0.001, 0.999)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"mismatch_rate": 0.0}, "mismatch_rate"),
        ({"mismatch_rate": 1.0}, "mismatch_rate"),
        ({"mismatch_rate": float("nan")}, "mismatch_rate"),
        ({"deviations": ()}, "deviations name"),
        ({"deviations": ((0, 1.0),)}, "deviations name"),
        ({"deviations": ((1, 0.5), (1, 0.5))}, "deviations name"),
        ({"deviations": ((1, 0.6), (-1, 0.6))}, "sum to 1"),
        ({"deviations": ((1, 1.5), (-1, -0.5))}, "positive"),
        ({"anything_else": 0.0}, "anything_else"),
        ({"false_alert_bound": 0.0}, "false_alert_bound"),
        ({"missed_bound": 1.1}, "missed_bound"),
        ({"photo_correlation": -0.1}, "photo_correlation"),
        ({"audit_share": 2.0}, "audit_share"),
    ],
)
def test_a_policy_that_makes_no_sense_is_none(changed: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        replace(POLICY, **changed)


def test_all_broken_rules_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"mismatch_rate.*audit_share"):
        replace(POLICY, mismatch_rate=2.0, audit_share=-1.0)


@pytest.mark.parametrize("cost", [0.0, -1.0, float("inf"), float("nan")])
def test_a_cost_is_a_positive_number(cost: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Costs(false_alert=1.0, missed_mismatch=cost, review=1.0)


@given(costs, costs, costs, st.floats(0.0, 1.0))
def test_the_verdict_of_least_expected_cost_is_the_one_that_the_thresholds_give(
    false_alert: float, missed: float, review: float, probability: float
) -> None:
    prices = Costs(false_alert, missed, review)
    expected_cost = {
        "alert": (1 - probability) * false_alert,
        "review": review,
        "nothing": probability * missed,
    }
    chosen = "alert" if probability >= prices.alert_from else "review"
    chosen = "nothing" if probability < prices.review_from else chosen
    assert expected_cost[chosen] == pytest.approx(min(expected_cost.values()), rel=1e-6, abs=1e-9)


@given(costs, costs, costs, st.floats(1.0, 10.0))
def test_a_dearer_mistake_is_made_less_often(false_alert: float, missed: float, review: float, times: float) -> None:
    prices = Costs(false_alert, missed, review)
    slack = 1e-12
    assert replace(prices, false_alert=false_alert * times).alert_from >= prices.alert_from - slack
    assert replace(prices, missed_mismatch=missed * times).alert_from <= prices.alert_from + slack
    assert replace(prices, missed_mismatch=missed * times).review_from <= prices.review_from + slack
    assert replace(prices, review=review * times).alert_from <= prices.alert_from + slack


@given(rates, st.floats(0.001, 1.0))
def test_no_alert_needs_less_evidence_than_the_bound_on_false_ones(rate: float, bound: float) -> None:
    policy = replace(POLICY, mismatch_rate=rate, false_alert_bound=bound)
    assert policy.alert_from >= posterior(rate, 1 / bound)
    assert policy.review_from <= policy.alert_from


@pytest.mark.parametrize(
    ("prior", "ratio", "after"), [(0.5, 1.0, 0.5), (0.02, 49.0, 0.5), (0.02, 0.0, 0.0), (0.02, float("inf"), 1.0)]
)
def test_a_posterior_follows_from_prior_and_likelihood_ratio(prior: float, ratio: float, after: float) -> None:
    assert posterior(prior, ratio) == pytest.approx(after)


def test_the_default_has_room_for_all_three_verdicts() -> None:
    assert DEFAULT.mismatch_rate < DEFAULT.review_from < DEFAULT.alert_from < 1.0
