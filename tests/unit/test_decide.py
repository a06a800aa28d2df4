from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from chalicelib.decide import chosen_for_audit, decide
from chalicelib.domain import MOST_RATIO, Direction, Verdict
from chalicelib.evidence import CountEstimate, Evidence
from chalicelib.policy import posterior
from tests.examples import COUNTS, NOON, POLICY, PRIOR, estimates, evidences, expectations, expecting, sure_of

if TYPE_CHECKING:
    from chalicelib.domain import Expectation, Judgement

NOTHING_SEEN = CountEstimate("m", COUNTS, PRIOR, PRIOR)


def judged(quantity: int, seen: CountEstimate, **changed: object) -> Judgement:
    return decide(expecting(quantity), Evidence.of(seen), replace(POLICY, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quantity", "seen", "verdict", "direction"),
    [
        (3, sure_of(3), Verdict.MATCH, None),
        (3, sure_of(1), Verdict.MISMATCH, Direction.SHORT),
        (3, sure_of(5), Verdict.MISMATCH, Direction.OVER),
        (0, sure_of(0), Verdict.MATCH, None),
        (0, sure_of(2, 0.999), Verdict.MISMATCH, Direction.OVER),
        (6, sure_of(6), Verdict.MATCH, None),
        (12, sure_of(6), Verdict.MATCH, None),
        (12, sure_of(2, 0.9999), Verdict.MISMATCH, Direction.SHORT),
        (3, sure_of(2, 0.8), Verdict.REVIEW, None),
        (3, NOTHING_SEEN, Verdict.MATCH, None),
    ],
)
def test_photos_are_judged_against_what_their_bin_should_hold(
    quantity: int, seen: CountEstimate, verdict: Verdict, direction: Direction | None
) -> None:
    judgement = judged(quantity, seen)
    assert (judgement.verdict, judgement.direction) == (verdict, direction)
    assert judgement.policy == POLICY.version


def test_without_an_expectation_any_photo_is_unexpected() -> None:
    judgement = decide(None, Evidence.of(sure_of(3)), POLICY)
    assert judgement.verdict is Verdict.UNEXPECTED
    assert judgement.probability_of_mismatch is judgement.likelihood_ratio is judgement.prior is None


def test_a_judgement_can_be_worked_out_by_hand() -> None:
    seen = CountEstimate("m", ("0", "1", "2", "3+"), (0.1, 0.2, 0.6, 0.1), (0.25,) * 4)
    judgement = judged(1, seen, deviations=((-1, 0.75), (1, 0.25)), anything_else=0.1)
    short, over = 0.9 * 0.75 * 0.1 + 0.1 / 3 * 0.1, 0.9 * 0.25 * 0.6 + 0.1 / 3 * (0.6 + 0.1)
    assert judgement.likelihood_ratio == pytest.approx((short + over) / 0.2, rel=1e-5)
    assert judgement.prior == POLICY.mismatch_rate
    assert judgement.probability_of_mismatch == pytest.approx(posterior(0.1, (short + over) / 0.2), rel=1e-5)
    assert (judgement.review_from, judgement.alert_from) == (POLICY.review_from, POLICY.alert_from)


def test_an_empty_bin_cannot_hold_less_so_its_deviations_share_what_is_left() -> None:
    seen = CountEstimate("m", ("0", "1", "2+"), (0.2, 0.3, 0.5), (1 / 3,) * 3)
    judgement = judged(0, seen, deviations=((-1, 0.5), (1, 0.5)), anything_else=0.1)
    assert judgement.likelihood_ratio == pytest.approx((0.9 * 0.3 + 0.1 * 0.4) / 0.2, rel=1e-5)


def test_an_expectation_far_within_the_open_class_is_only_told_from_closed_ones() -> None:
    ratio = judged(12, sure_of(6), deviations=((-1, 0.5), (1, 0.5)), anything_else=0.1).likelihood_ratio
    assert ratio == pytest.approx(0.9, abs=0.01)


@given(expectations, evidences)
def test_every_probability_and_ratio_is_a_finite_number(expectation: Expectation, evidence: Evidence) -> None:
    judgement = decide(expectation, evidence, POLICY)
    assert judgement.probability_of_mismatch is not None
    assert judgement.likelihood_ratio is not None
    assert 0.0 <= judgement.probability_of_mismatch <= 1.0
    assert 0.0 <= judgement.likelihood_ratio <= MOST_RATIO
    assert (judgement.verdict is Verdict.MISMATCH) == (judgement.probability_of_mismatch >= POLICY.alert_from)
    assert (judgement.verdict is Verdict.MATCH) == (judgement.probability_of_mismatch < POLICY.review_from)
    assert (judgement.direction is not None) == (judgement.verdict is Verdict.MISMATCH)


@given(expectations, estimates)
def test_only_evidence_as_strong_as_the_bounds_settles_a_bin(expectation: Expectation, seen: CountEstimate) -> None:
    policy = replace(POLICY, missed_bound=0.1, false_alert_bound=0.05)
    judgement = decide(expectation, Evidence.of(seen), policy)
    assert judgement.likelihood_ratio is not None
    assert judgement.is_settled == (judgement.likelihood_ratio <= 0.1 or judgement.likelihood_ratio >= 20.0)


def test_photos_together_settle_what_one_leaves_open() -> None:
    leaning = sure_of(2, 0.5)
    alone = Evidence.of(leaning)
    three = alone.and_of(alone).and_of(alone)
    judgements = [decide(expecting(3), seen, POLICY) for seen in (alone, three)]
    assert [judgement.verdict for judgement in judgements] == [Verdict.MATCH, Verdict.REVIEW]
    assert [judgement.photos for judgement in judgements] == [1, 3]


def test_an_audited_bin_that_matches_is_reviewed_and_says_so() -> None:
    judgement = decide(expecting(3), Evidence.of(sure_of(3)), POLICY, is_audited=True)
    assert (judgement.verdict, judgement.is_audit) == (Verdict.REVIEW, True)


def test_an_audit_stands_for_all_that_match_for_one_that_is_drawn_and_other_bins_for_themselves() -> None:
    one_in_fifty = replace(POLICY, audit_share=0.02)
    for seen in (sure_of(3), sure_of(1)):
        judgement = decide(expecting(3), Evidence.of(seen), one_in_fifty, is_audited=True)
        assert judgement.stands_for == (pytest.approx(50.0) if judgement.is_audit else 1.0)


def test_leaving_a_bin_alone_costs_its_posterior_times_a_miss_and_all_audits_alike_the_most_that_a_match_may() -> None:
    review = decide(expecting(3), Evidence.of(sure_of(2, 0.8)), POLICY)
    assert review.expected_cost == pytest.approx((review.probability_of_mismatch or 0.0) * POLICY.costs.missed_mismatch)
    one_in_fifty = replace(POLICY, audit_share=0.02)
    audits = {decide(expecting(3), Evidence.of(sure_of(3, s)), one_in_fifty, is_audited=True) for s in (0.9, 0.99)}
    assert {audit.expected_cost for audit in audits} == {one_in_fifty.review_from * 2.0 * 50.0}


def test_an_audited_bin_that_does_not_match_is_no_audit() -> None:
    judgement = decide(expecting(3), Evidence.of(sure_of(1)), POLICY, is_audited=True)
    assert (judgement.verdict, judgement.is_audit) == (Verdict.MISMATCH, False)


@pytest.mark.parametrize(("share", "chosen"), [(0.0, 0), (1.0, 2000)])
def test_a_share_of_nothing_or_all_is_just_that(share: float, chosen: int) -> None:
    assert sum(chosen_for_audit(f"A-{number}", NOON, share) for number in range(2000)) == chosen


def test_the_audited_share_is_about_what_was_asked_for_and_new_for_each_start() -> None:
    chosen = [
        {f"A-{n}" for n in range(2000) if chosen_for_audit(f"A-{n}", NOON + timedelta(days=d), 0.1)} for d in (0, 1)
    ]
    assert all(150 < len(bins) < 250 for bins in chosen)
    assert chosen[0] != chosen[1]
