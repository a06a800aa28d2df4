"""How far histograms are apart, what chance gives, and what another mix of counts explains."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.watch.drift import (
    Finding,
    Reference,
    Rule,
    State,
    Verdict,
    chance,
    grouped,
    judge,
    median,
    mix_of,
    of_mix,
    psi,
    regrouped,
    verdict,
)

EDGES = np.linspace(0, 1, 21)
BELL = np.exp(-0.5 * ((EDGES[:-1] - 0.5) / 0.15) ** 2)
COUNTS = np.round(8000 * BELL / BELL.sum())
MEASURES = 11
counts = st.lists(st.integers(0, 500), min_size=10, max_size=10).map(lambda few: np.array(few, float))


def of_one_count(histogram: np.ndarray) -> Reference:
    """A baseline in which every photo shows one good."""
    by_count = np.zeros((7, len(histogram)))
    by_count[1] = histogram
    return Reference(EDGES, by_count)


def drawn(shares: np.ndarray, photos: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).multinomial(photos, shares / shares.sum()).astype(float)


def found(window: np.ndarray, reference: Reference | None = None, rule: Rule | None = None) -> Finding:
    return judge(reference or of_one_count(COUNTS), window, None, rule or Rule(), MEASURES)


@given(counts)
def test_the_same_shares_are_no_distance_apart(histogram: np.ndarray) -> None:
    assert psi(histogram, histogram) == pytest.approx(0, abs=1e-12)


@given(counts, st.integers(2, 50))
def test_how_many_photos_there_are_hardly_matters_where_shares_are_the_same(histogram: np.ndarray, times: int) -> None:
    histogram = histogram + 100

    assert psi(histogram, times * histogram) < 0.001


@given(counts, counts)
def test_the_index_is_symmetric_and_never_below_zero(one: np.ndarray, other: np.ndarray) -> None:
    assert psi(one, other) == pytest.approx(psi(other, one))
    assert 0 <= psi(one, other) < math.inf


@given(st.integers(200, 5000))
def test_the_further_a_window_has_moved_the_larger_is_its_index(photos: int) -> None:
    groups = grouped(COUNTS)
    window = photos * COUNTS / COUNTS.sum()
    indices = [float(psi(regrouped(COUNTS, groups), regrouped(np.roll(window, bins), groups))) for bins in range(7)]

    assert indices == sorted(indices)
    assert indices[2] > indices[0] + 0.25


def test_a_figure_worked_out_by_hand() -> None:
    one, other = np.array([49.5, 49.5]), np.array([24.5, 74.5])  # with a half in each bin, 50:50 and 25:75 of 100

    assert psi(one, other) == pytest.approx(-0.25 * math.log(0.5) + 0.25 * math.log(1.5))


@pytest.mark.parametrize("photos", [10, 50, 200, 1000])
def test_of_windows_without_drift_as_many_are_beyond_chance_as_were_agreed_on(photos: int) -> None:
    shares, rng = np.full(10, 0.1), np.random.default_rng(1)
    baselines, windows = (rng.multinomial(n, shares, size=4000).astype(float) for n in (1200, photos))
    beyond = psi(baselines, windows) > chance(shares, (1200, photos), 0.05)

    assert beyond.mean() == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("photos", [10, 50, 200, 1000])
def test_no_window_without_drift_rings_in_a_hundred(photos: int) -> None:
    states = {found(drawn(COUNTS, photos, seed)).state for seed in range(100)}

    assert states <= {State.STEADY, State.TOO_FEW}


def test_the_rule_of_thumb_alone_would_ring_on_few_photos() -> None:
    indices = [found(drawn(COUNTS, 50, seed)).psi for seed in range(100)]

    assert sum(index > 0.25 for index in indices) > 10


@pytest.mark.parametrize("photos", [20, 50])
def test_so_few_photos_that_luck_reaches_what_matters_tell_nothing(photos: int) -> None:
    assert found(drawn(COUNTS, photos, 3)).state is State.TOO_FEW


@pytest.mark.parametrize(("baseline", "photos"), [(8127, 120), (407, 150), (300, 185)])
def test_so_many_photos_are_needed_to_tell(baseline: int, photos: int) -> None:
    each = Rule().false_alarms / MEASURES

    assert chance(np.full(10, 0.1), (baseline, photos), each) < Rule().limit
    assert chance(np.full(10, 0.1), (baseline, round(photos * 0.85)), each) > Rule().limit


def test_a_drift_that_is_plain_is_found_on_few_photos_too() -> None:
    assert found(drawn(np.roll(COUNTS, 9), 25, 3)).state is State.DRIFTED


def test_with_more_photos_chance_gives_less() -> None:
    shares = np.full(10, 0.1)
    given_by_chance = [chance(shares, (5000, photos), 0.001) for photos in (20, 100, 500, 5000)]

    assert given_by_chance == sorted(given_by_chance, reverse=True)
    # Ten bins: chi-squared with nine degrees of freedom, whose 0.999 quantile is 27.88, times (1/n + 1/m).
    assert given_by_chance[-1] == pytest.approx(27.88 * (1 / 5000 + 1 / 5000), rel=0.1)


def test_a_difference_beyond_chance_that_is_too_small_to_matter_has_only_moved() -> None:
    window = 20_000 * COUNTS / COUNTS.sum()
    window[8:10] *= 1.3

    assert found(np.round(window)).state is State.MOVED


def test_a_window_where_the_baseline_had_nothing_has_drifted_though_all_was_in_one_bin() -> None:
    always_the_same = np.zeros(20)
    always_the_same[7] = 5000
    elsewhere = np.zeros(20)
    elsewhere[12] = 300

    reference = of_one_count(always_the_same)
    assert found(always_the_same * 0.06, reference).state is State.STEADY
    assert found(elsewhere, reference).state is State.DRIFTED


def test_the_groups_are_about_equal_and_in_order() -> None:
    groups = grouped(COUNTS)
    held = regrouped(COUNTS, groups)

    assert list(groups) == sorted(groups)
    assert held.sum() == COUNTS.sum()
    assert held.max() < 0.25 * COUNTS.sum()


def test_the_median_lies_where_half_of_the_photos_lie_below() -> None:
    assert median(EDGES, COUNTS) == pytest.approx(0.52, abs=0.02)
    assert math.isnan(median(EDGES, np.zeros(20)))


def answers_to(labels: np.ndarray, sureness: float) -> np.ndarray:
    """Calibrated answers for an even mix: what was seen is the truth with this probability, else anything."""
    rng = np.random.default_rng(7)
    seen = np.where(rng.random(len(labels)) < sureness, labels, rng.integers(0, 7, len(labels)))
    return sureness * np.eye(7)[seen] + (1 - sureness) / 7


def test_the_mix_is_seen_through_answers_that_took_another_for_granted() -> None:
    truth = np.array([0.4, 0.2, 0.2, 0.05, 0.05, 0.05, 0.05])
    labels = np.random.default_rng(1).choice(7, size=4000, p=truth)
    answers = answers_to(labels, 0.5)

    assert np.abs(mix_of(answers, [1 / 7] * 7) - truth).max() < 0.08  # held to the old mix by a tenth
    assert np.abs(answers.mean(axis=0) - truth).max() > 0.15, "the mean answer alone says a quarter of it"


def test_without_a_change_the_mix_stays_what_it_was() -> None:
    labels = np.random.default_rng(1).integers(0, 7, 3000)

    assert np.abs(mix_of(answers_to(labels, 0.3), [1 / 7] * 7) - 1 / 7).max() < 0.02


def by_count() -> np.ndarray:
    """Each count has its own look: bell-shaped, the more goods the brighter."""
    centres = np.linspace(0.2, 0.8, 7)
    bells = np.exp(-0.5 * ((EDGES[:-1][None] - centres[:, None]) / 0.1) ** 2)
    return 1000 * bells / bells.sum(axis=1, keepdims=True)


def test_what_another_mix_explains_is_told_apart_from_a_drift() -> None:
    reference, mix = Reference(EDGES, by_count()), np.array([0.5, 0.3, 0.1, 0.05, 0.05, 0, 0])
    of_that_mix = drawn(of_mix(reference.by_count, mix), 800, 1)
    other_look = np.roll(of_that_mix, 6)

    assert judge(reference, of_that_mix, mix, Rule(), MEASURES).state is State.MIX
    assert judge(reference, other_look, mix, Rule(), MEASURES).state is State.DRIFTED
    assert judge(reference, of_that_mix, None, Rule(), MEASURES).state is State.DRIFTED, "without a mix to explain it"


def test_a_baseline_weighed_anew_is_worth_fewer_photos() -> None:
    even, one_sided = np.full(7, 1 / 7), np.array([0.94, *[0.01] * 6])

    assert of_mix(by_count(), even).sum() == pytest.approx(7000)
    assert of_mix(by_count(), one_sided).sum() < 1200


@pytest.mark.parametrize(
    ("states", "says"),
    [
        ({"brightness": State.DRIFTED, "confidence": State.DRIFTED, "prediction": State.MIX}, Verdict.PHOTOS),
        ({"brightness": State.STEADY, "confidence": State.DRIFTED, "prediction": State.MIX}, Verdict.ANSWERS),
        ({"brightness": State.STEADY, "confidence": State.STEADY, "prediction": State.MIX}, Verdict.MIX),
        ({"brightness": State.TOO_FEW, "confidence": State.STEADY}, Verdict.TOO_FEW),
        ({"brightness": State.MOVED, "confidence": State.STEADY}, Verdict.STEADY),
        ({}, Verdict.TOO_FEW),
    ],
)
def test_the_verdict_says_whether_photos_answers_or_only_the_mix_are_others(
    states: dict[str, State], says: Verdict
) -> None:
    findings = {name: Finding(300, 0, 0, 0, 0, (0, 0), state) for name, state in states.items()}

    assert verdict(findings, frozenset({"brightness"})) is says
