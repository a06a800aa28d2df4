"""What has to hold of the decision whatever photos, expectation and policy are."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.decide import decide
from chalicelib.domain import Verdict
from chalicelib.evidence import CountEstimate, Evidence
from chalicelib.policy import DEFAULT, Costs, Policy
from tests.examples import COUNTS, PRIOR, expecting

if TYPE_CHECKING:
    from collections.abc import Sequence

OPEN = len(COUNTS) - 1
ROUNDING = 1e-4
"""Evidence is kept in millionths of a nat."""

shares = st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6).map(lambda parts: [part / sum(parts) for part in parts])
deviations = st.tuples(shares, st.permutations([-4, -3, -2, -1, 1, 2, 3, 4])).map(
    lambda both: tuple((step, share) for share, step in zip(*both, strict=False))
)
costs = st.floats(0.01, 1000.0)
policies = st.builds(
    Policy,
    version=st.just("any"),
    mismatch_rate=st.floats(0.001, 0.999),
    costs=st.builds(Costs, costs, costs, costs),
    deviations=deviations,
    anything_else=st.floats(0.01, 0.99),
    false_alert_bound=st.floats(0.001, 1.0),
    missed_bound=st.floats(0.001, 1.0),
    photo_correlation=st.floats(0.0, 1.0),
    audit_share=st.floats(0.0, 1.0),
)
closed = st.integers(0, OPEN - 1)
quantities = st.integers(0, 2 * OPEN)
weights = st.lists(st.floats(0.001, 1.0), min_size=len(COUNTS), max_size=len(COUNTS))


def photo(seen: Sequence[float]) -> CountEstimate:
    return CountEstimate("m", COUNTS, tuple(one / sum(seen) for one in seen), PRIOR)


photos = weights.map(photo)


def posterior(quantity: int, evidence: Evidence, policy: Policy) -> float:
    found = decide(expecting(quantity), evidence, policy).probability_of_mismatch
    assert found is not None
    return found


@given(weights, st.floats(1.0, 100.0), quantities, policies)
def test_more_evidence_for_the_expected_count_never_raises_the_posterior(
    seen: list[float], times: float, quantity: int, policy: Policy
) -> None:
    own = min(quantity, OPEN)
    more = [one * times if place == own else one for place, one in enumerate(seen)]
    before, after = (posterior(quantity, Evidence.of(photo(one)), policy) for one in (seen, more))
    assert after <= before + ROUNDING


@given(weights, st.floats(1.0, 100.0), closed, st.integers(0, OPEN), policies)
def test_more_evidence_for_another_count_never_lowers_the_posterior(
    seen: list[float], times: float, quantity: int, other: int, policy: Policy
) -> None:
    assume(other != quantity)
    more = [one * times if place == other else one for place, one in enumerate(seen)]
    before, after = (posterior(quantity, Evidence.of(photo(one)), policy) for one in (seen, more))
    assert after >= before - ROUNDING


@given(weights, st.integers(1, 6), closed, policies)
def test_further_photos_that_show_the_expected_count_as_plainly_never_raise_the_posterior(
    seen: list[float], times: int, quantity: int, policy: Policy
) -> None:
    likelihoods = [one / prior for one, prior in zip(seen, PRIOR, strict=True)]
    seen[quantity] = max(likelihoods) * PRIOR[quantity]
    said = Evidence.of(photo(seen))
    fewer, more = (reduce(Evidence.and_of, [said] * n) for n in (times, times + 1))
    assert posterior(quantity, more, policy) <= posterior(quantity, fewer, policy) + ROUNDING


@given(st.lists(photos, min_size=2, max_size=6), st.randoms(use_true_random=False), quantities, policies)
def test_the_order_of_photos_plays_no_part(
    seen: list[CountEstimate], chance: object, quantity: int, policy: Policy
) -> None:
    shuffled = list(seen)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (reduce(Evidence.and_of, map(Evidence.of, order)) for order in (seen, shuffled))
    assert decide(expecting(quantity), one, policy) == decide(expecting(quantity), other, policy)


@given(st.integers(1, 5), quantities, policies)
def test_photos_that_say_nothing_leave_the_prior(times: int, quantity: int, policy: Policy) -> None:
    nothing = Evidence.of(CountEstimate("m", COUNTS, PRIOR, PRIOR))
    said = reduce(Evidence.and_of, [nothing] * times)
    assert posterior(quantity, said, policy) == pytest.approx(policy.mismatch_rate, rel=1e-5)


def sure(place: int) -> Evidence:
    return Evidence.of(photo([float(place == one) for one in range(len(COUNTS))]))


@given(closed, policies)
def test_a_photo_that_is_certain_of_the_expected_count_leaves_no_doubt(quantity: int, policy: Policy) -> None:
    assert posterior(quantity, sure(quantity), policy) == 0.0


@given(quantities, st.integers(0, OPEN), policies)
def test_a_photo_that_is_certain_of_another_count_leaves_no_hope(quantity: int, shown: int, policy: Policy) -> None:
    assume(min(quantity, OPEN) != shown)
    assert posterior(quantity, sure(shown), policy) == 1.0


@given(quantities, photos, policies, st.floats(0.001, 0.999))
def test_a_site_with_more_mismatches_never_has_a_lower_posterior(
    quantity: int, seen: CountEstimate, policy: Policy, rate: float
) -> None:
    lower, higher = sorted((policy.mismatch_rate, rate))
    few, many = (posterior(quantity, Evidence.of(seen), replace(policy, mismatch_rate=one)) for one in (lower, higher))
    assert few <= many + ROUNDING


@given(policies, st.floats(1.0, 100.0))
def test_thresholds_move_with_the_costs(policy: Policy, times: float) -> None:
    def dearer(**changed: float) -> Policy:
        return replace(policy, costs=replace(policy.costs, **changed))

    false, missed, review = policy.costs.false_alert, policy.costs.missed_mismatch, policy.costs.review
    assert dearer(false_alert=false * times).alert_from >= policy.alert_from
    assert dearer(missed_mismatch=missed * times).alert_from <= policy.alert_from
    assert dearer(missed_mismatch=missed * times).review_from <= policy.review_from
    assert dearer(review=review * times).alert_from <= policy.alert_from


MIX = (0.02, 0.08, 0.15, 0.17, 0.16, 0.12, 0.30)
SHORT = (0.01, 0.20, 0.60, 0.10, 0.05, 0.02, 0.02)
RIGHT = (0.01, 0.05, 0.25, 0.35, 0.20, 0.07, 0.07)


@pytest.mark.parametrize(
    ("seen", "verdict", "ratio", "after"),
    [
        ([SHORT], Verdict.REVIEW, 3.9, 0.074),
        ([SHORT, SHORT], Verdict.MISMATCH, 11.6, 0.19),
        ([SHORT, RIGHT], Verdict.MATCH, 2.2, 0.04),
    ],
)
def test_the_example_of_the_document_is_judged_as_it_says(
    seen: list[tuple[float, ...]], verdict: Verdict, ratio: float, after: float
) -> None:
    said = reduce(Evidence.and_of, (Evidence.of(CountEstimate("m", COUNTS, one, MIX)) for one in seen))
    judgement = decide(expecting(3), said, DEFAULT)
    assert judgement.verdict is verdict
    assert judgement.likelihood_ratio == pytest.approx(ratio, abs=0.06)
    assert judgement.probability_of_mismatch == pytest.approx(after, abs=0.005)
