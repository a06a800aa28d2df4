from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.decide import decide
from chalicelib.domain import CountEstimate, Direction, Expectation, Policy, Verdict
from tests.examples import COUNTS, POLICY, PRIOR, estimates, expectations, expecting, sure_of

SURE_OF_NOTHING = CountEstimate("m", COUNTS, (0.1, 0.2, 0.3, 0.2, 0.1, 0.05, 0.05), PRIOR)


@pytest.mark.parametrize(
    ("quantity", "estimate", "verdict", "direction"),
    [
        (3, sure_of(3), Verdict.MATCH, None),
        (3, sure_of(1), Verdict.MISMATCH, Direction.SHORT),
        (3, sure_of(5), Verdict.MISMATCH, Direction.OVER),
        (0, sure_of(0), Verdict.MATCH, None),
        (0, sure_of(2), Verdict.MISMATCH, Direction.OVER),
        (6, sure_of(6), Verdict.MATCH, None),
        (12, sure_of(6), Verdict.MATCH, None),
        (12, sure_of(5), Verdict.MISMATCH, Direction.SHORT),
        (2, SURE_OF_NOTHING, Verdict.REVIEW, None),
        (6, SURE_OF_NOTHING, Verdict.MISMATCH, Direction.SHORT),
    ],
)
def test_a_photo_is_judged_against_what_its_bin_should_hold(
    quantity: int, estimate: CountEstimate, verdict: Verdict, direction: Direction | None
) -> None:
    judgement = decide(expecting(quantity), estimate, POLICY)
    assert (judgement.verdict, judgement.direction) == (verdict, direction)
    assert judgement.probability_of_mismatch == pytest.approx(1 - estimate.probability_of(quantity))
    assert judgement.policy == POLICY.version


def test_without_an_expectation_any_photo_is_unexpected() -> None:
    judgement = decide(None, sure_of(3), POLICY)
    assert judgement.verdict is Verdict.UNEXPECTED
    assert judgement.probability_of_mismatch is judgement.direction is None


@pytest.mark.parametrize(
    ("left", "verdict"),
    [(0.75, Verdict.MATCH), (0.5, Verdict.REVIEW), (0.25, Verdict.REVIEW), (0.125, Verdict.MISMATCH)],
)
def test_a_probability_on_a_threshold_already_belongs_to_what_it_opens(left: float, verdict: Verdict) -> None:
    estimate = CountEstimate("m", ("0", "1+"), (left, 1 - left), (0.5, 0.5))
    policy = Policy("binary fractions", review_from=0.5, mismatch_from=0.875)
    assert decide(expecting(0), estimate, policy).verdict is verdict


@given(expectations, estimates, st.floats(0, 1), st.floats(0, 1))
def test_the_higher_the_probability_the_graver_the_verdict(
    expectation: Expectation, estimate: CountEstimate, one: float, other: float
) -> None:
    policy = Policy("any", min(one, other), max(one, other))
    judgement = decide(expectation, estimate, policy)
    probability = judgement.probability_of_mismatch
    assert probability is not None
    assert 0.0 <= probability <= 1.0
    assert (judgement.verdict is Verdict.MISMATCH) == (probability >= policy.mismatch_from)
    assert (judgement.verdict is Verdict.MATCH) == (probability < policy.review_from)
    assert (judgement.direction is not None) == (judgement.verdict is Verdict.MISMATCH)


def test_probabilities_that_sum_to_a_little_over_one_give_no_negative_probability() -> None:
    rounded_up = CountEstimate("m", ("0", "1+"), (1.0000001, 0.0), (0.5, 0.5))
    assert decide(expecting(0), rounded_up, POLICY).probability_of_mismatch == 0.0
