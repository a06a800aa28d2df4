"""What a site learns: the sums themselves, the rate under biased selection, and how far it may go."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.bin_status import BinStatus, Episode
from chalicelib.decide import chosen_for_audit, decide
from chalicelib.domain import BinState, EpisodeState, Expectation, Judgement, Verdict
from chalicelib.evidence import CountEstimate, Evidence
from chalicelib.feedback import NOTHING, Adaptation, Feedback, learnt_from, rate_from, with_rate
from chalicelib.policy import DEFAULT
from chalicelib.resolution import Asked, Cause, Finding, Resolution
from tests.examples import COUNTS, NOON

EXPECTED = 3


def resolution_of(status: BinStatus, true_count: int = EXPECTED) -> Resolution:
    return Resolution(status.bin_id, status.version + 1, "ann", NOON, Finding(true_count, Cause.COUNTED), status)


def standing(verdict: Verdict, posterior: float | None = 0.3, *, stands_for: float | None = None) -> BinStatus:
    """A bin that was judged like this; one that stands for others is an audit."""
    judgement = Judgement(verdict, "p/1", posterior, is_audit=stands_for is not None, stands_for=stands_for or 1.0)
    alerting = verdict is Verdict.MISMATCH
    episode = Episode(EpisodeState.OPEN, NOON, (verdict,)) if alerting else None
    return BinStatus("A-17", 5, BinState(verdict), site="FRA1", expected=EXPECTED, judgement=judgement, episode=episode)


def learnt(*resolved: Resolution) -> Feedback:
    return sum(map(learnt_from, resolved), NOTHING)


@pytest.mark.parametrize(
    ("stood", "asked"),
    [
        (standing(Verdict.MISMATCH), Asked.ALERT),
        (replace(standing(Verdict.MISMATCH), state=BinState.MATCH), Asked.ALERT),
        (replace(standing(Verdict.MISMATCH), state=BinState.REJECTED, judgement=None), Asked.ALERT),
        (standing(Verdict.REVIEW), Asked.REVIEW),
        (standing(Verdict.REVIEW, stands_for=100.0), Asked.AUDIT),
        (standing(Verdict.MATCH), Asked.NOBODY),
        (BinStatus("A-17", 1, BinState.WAITING, expected=EXPECTED), Asked.NOBODY),
        (BinStatus("A-17", 1, BinState.UNEXPECTED), Asked.NOBODY),
    ],
)
def test_a_resolution_knows_why_somebody_looked(stood: BinStatus, asked: Asked) -> None:
    resolution = resolution_of(stood)
    assert resolution.asked is asked
    assert learnt(resolution).seen(asked).bins == 1


said = st.lists(
    st.builds(
        lambda verdict, posterior, stands_for, times, count: resolution_of(
            replace(standing(verdict, posterior, stands_for=stands_for), resolution=times), count
        ),
        st.sampled_from([Verdict.MATCH, Verdict.REVIEW, Verdict.MISMATCH]),
        st.none() | st.floats(0.0, 1.0),
        st.none() | st.floats(1.0, 1e6),
        st.none() | st.just(3),
        st.integers(2, 4),
    ),
    max_size=6,
)


@given(said)
def test_what_is_taken_back_leaves_nothing_in_whatever_order(said: list[Resolution]) -> None:
    sums = learnt(*said)
    for resolution in said:
        sums += -learnt_from(resolution)
    assert sums == NOTHING


@given(said, said)
def test_sums_do_not_depend_on_the_order(one: list[Resolution], other: list[Resolution]) -> None:
    assert learnt(*one, *other) == learnt(*reversed(other), *reversed(one))


def test_alerts_reviews_and_audits_are_told_apart() -> None:
    sums = learnt(
        resolution_of(standing(Verdict.MISMATCH, 0.9), 2),
        resolution_of(standing(Verdict.MISMATCH, 0.8)),
        resolution_of(standing(Verdict.REVIEW, 0.2)),
        resolution_of(standing(Verdict.REVIEW, 0.01, stands_for=50.0), 4),
        resolution_of(standing(Verdict.MATCH, 0.01), 4),
    )
    told = {asked: (sums.seen(asked).bins, sums.seen(asked).wrong) for asked in Asked}
    assert told == {Asked.ALERT: (2, 1), Asked.REVIEW: (1, 0), Asked.AUDIT: (1, 1), Asked.NOBODY: (1, 1)}
    assert sums.seen(Asked.ALERT).expected == pytest.approx(1.7)


def test_bins_count_by_the_inverse_of_their_chance_of_being_looked_at() -> None:
    sums = learnt(
        resolution_of(standing(Verdict.MISMATCH), 2),
        resolution_of(standing(Verdict.REVIEW)),
        resolution_of(standing(Verdict.REVIEW, 0.01, stands_for=100.0)),
    )
    assert sums.weighted_share == pytest.approx(1 / 102)
    assert sums.worth == pytest.approx(102**2 / (1 + 1 + 100**2))
    assert sums.rated == 3


def test_a_bin_that_alerted_and_matches_by_now_stands_for_itself_though_it_is_in_the_audit_share() -> None:
    alerted = standing(Verdict.MISMATCH).episode
    weakened = replace(standing(Verdict.REVIEW, 0.01, stands_for=100.0), episode=alerted)
    as_itself = replace(standing(Verdict.REVIEW, 0.01), episode=alerted)
    assert learnt(resolution_of(weakened, 2)).sums == learnt(resolution_of(as_itself, 2)).sums


def test_a_bin_that_nobody_asked_about_says_nothing_of_the_rate() -> None:
    sums = learnt(resolution_of(standing(Verdict.MATCH), 2))
    assert (sums.rated, sums.worth, sums.brier) == (0, 0.0, None)


def test_a_bin_bears_on_the_rate_once_for_each_expectation_and_on_precision_each_time() -> None:
    first = standing(Verdict.MISMATCH, 0.9)
    sums = learnt(resolution_of(first, 2), resolution_of(replace(first, resolution=6), 2))
    assert (sums.rated, sums.seen(Asked.ALERT).bins) == (1, 2)


def test_where_nothing_was_expected_nothing_can_be_wrong() -> None:
    unexpected = replace(standing(Verdict.UNEXPECTED, None), expected=None)
    assert learnt(resolution_of(unexpected, 7)).seen(Asked.NOBODY).wrong == 0


@pytest.mark.parametrize(("posterior", "number"), [(0.0, 0), (0.0999, 0), (0.1, 1), (0.55, 5), (1.0, 9)])
def test_calibration_parts_bins_by_their_posterior(posterior: float, number: int) -> None:
    sums = learnt(resolution_of(standing(Verdict.REVIEW, posterior), 2))
    assert [seen.bins for seen in sums.calibration()] == [int(place == number) for place in range(10)]
    assert sums.calibration()[number].expected == pytest.approx(posterior)
    assert sums.brier == pytest.approx((1 - posterior) ** 2)


def test_precision_is_told_with_what_it_may_be() -> None:
    sums = learnt(*[resolution_of(standing(Verdict.MISMATCH), 2)] * 3, *[resolution_of(standing(Verdict.MISMATCH))] * 7)
    precision = sums.seen(Asked.ALERT).share
    assert precision.low < 0.3 < precision.high
    assert precision.low > 0.05
    assert precision.high < 0.65


# How the rate follows


def found(bins: int, wrong: int, audits: int) -> Feedback:
    return learnt(
        *[resolution_of(standing(Verdict.REVIEW), 2)] * wrong,
        *[resolution_of(standing(Verdict.REVIEW))] * (bins - wrong - audits),
        *[resolution_of(standing(Verdict.REVIEW, 0.01, stands_for=1.0))] * audits,
    )


RULE = Adaptation(adapt_from=50, audits_from=10, prior_bins=100)


@pytest.mark.parametrize(
    "too_little",
    [None, NOTHING, found(49, 20, 10), found(50, 20, 9)],
    ids=["none", "nothing", "too few bins", "too few audits"],
)
def test_the_set_rate_stays_until_enough_was_found(too_little: Feedback | None) -> None:
    assert with_rate(DEFAULT, too_little, RULE) is DEFAULT


def test_the_rate_is_the_mean_of_the_set_rate_and_what_was_found_by_their_sizes() -> None:
    adapted = with_rate(DEFAULT, found(50, 5, 10), RULE)
    assert adapted.mismatch_rate == pytest.approx((100 * 0.02 + 5) / 150)
    assert adapted == replace(DEFAULT, mismatch_rate=adapted.mismatch_rate)


@pytest.mark.parametrize(
    ("set_rate", "wrong", "rate"), [(0.02, 9_990, 0.3), (0.02, 0, 0.001), (0.5, 9_990, 0.5), (0.0005, 0, 0.0005)]
)
def test_the_rate_keeps_within_bounds_unless_it_was_set_outside(set_rate: float, wrong: int, rate: float) -> None:
    policy = replace(DEFAULT, mismatch_rate=set_rate)
    sums = Feedback(
        {
            "rated": Decimal(10_000),
            "audit_bins": Decimal(10),
            "weight": Decimal(10_000),
            "weight_squared": Decimal(10_000),
            "weight_wrong": Decimal(wrong),
        }
    )
    assert with_rate(policy, sums, RULE).mismatch_rate == pytest.approx(rate)


@given(said)
def test_whatever_was_found_the_rate_is_one_that_a_policy_may_have(said: list[Resolution]) -> None:
    eager = Adaptation(adapt_from=1, audits_from=0, prior_bins=1)
    assert 0.001 <= with_rate(DEFAULT, learnt(*said), eager).mismatch_rate <= 0.3


# The whole: bins, photos, the decision itself, and people who look where they are asked to


AT_TRUTH, NEXT_TO_IT = 0.5, 0.2
POLICY = replace(DEFAULT, audit_share=0.1)
HARDLY_PRESET = Adaptation(prior_bins=1)


def photo_of(count: int, chance: random.Random) -> Evidence:
    """A photo by a counter that is right in half of all cases, and knows it."""
    weights = [AT_TRUTH if step == 0 else NEXT_TO_IT if abs(step) == 1 else 0.02 for step in range(-count, 7 - count)]
    seen = chance.choices(range(7), weights)[0]
    likely = [AT_TRUTH if step == 0 else NEXT_TO_IT if abs(step) == 1 else 0.02 for step in range(-seen, 7 - seen)]
    probabilities = tuple(one / sum(likely) for one in likely)
    return Evidence.of(CountEstimate("m/1", COUNTS, probabilities, (1 / 7,) * 7))


def worked(bins: int, true_rate: float, seed: int) -> tuple[Feedback, list[bool], float]:
    """Return what is learnt, which of the resolved bins were wrong, and the share of all bins that was."""
    chance = random.Random(seed)  # noqa: S311 - a simulation
    sums, looked_at, wrong = NOTHING, [], 0
    for number in range(bins):
        expected = chance.randint(1, 5)
        is_wrong = chance.random() < true_rate
        count = expected + chance.choice((-1, 1)) * is_wrong
        wrong += is_wrong
        name = f"{seed}-{number}"
        is_audited = chosen_for_audit(name, NOON, POLICY.audit_share)
        judgement = decide(
            Expectation(name, "C-1", "FRA1", expected), photo_of(count, chance), POLICY, is_audited=is_audited
        )
        somebody_passes_by = is_wrong and chance.random() < 0.2
        if judgement.verdict is Verdict.MATCH and not somebody_passes_by:
            continue
        stood = replace(standing(judgement.verdict), bin_id=name, expected=expected, judgement=judgement)
        sums += learnt_from(resolution_of(stood, count))
        looked_at.append(is_wrong)
    return sums, looked_at, wrong / bins


@pytest.mark.parametrize("true_rate", [0.01, 0.06, 0.15])
def test_the_rate_converges_to_the_true_one_though_only_the_suspicious_are_looked_at_and_the_naive_one_does_not(
    true_rate: float,
) -> None:
    sums, looked_at, truth = worked(8_000, true_rate, seed=1)
    four_standard_errors = 4 * (sums.weighted_share * (1 - sums.weighted_share) / sums.worth) ** 0.5
    assert abs(sums.weighted_share - truth) < four_standard_errors
    assert fmean(looked_at) > max(2 * truth, truth + four_standard_errors)
    assert with_rate(POLICY, sums).mismatch_rate == pytest.approx(sums.weighted_share, rel=0.25)


def test_the_rate_is_right_on_average_and_its_interval_as_often_as_it_says() -> None:
    runs = [worked(1_500, 0.06, seed) for seed in range(12)]
    errors = [sums.weighted_share - truth for sums, _, truth in runs]
    assert abs(fmean(errors)) < 4 * stdev(errors) / len(errors) ** 0.5
    estimates = [(rate_from(POLICY, sums, HARDLY_PRESET), truth) for sums, _, truth in runs]
    assert sum(estimate.low < truth < estimate.high for estimate, truth in estimates) >= 11


def test_a_posterior_that_is_right_is_found_to_be_calibrated() -> None:
    sums, _, _ = worked(6_000, POLICY.mismatch_rate, seed=3)
    for seen in sums.calibration():
        if seen.bins >= 50:
            assert seen.wrong == pytest.approx(seen.expected, abs=4 * seen.expected**0.5)
