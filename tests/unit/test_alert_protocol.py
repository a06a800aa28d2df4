"""The bins that the proof judges are what the protocol says, and the same on every run."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.alerts.protocol import RATES, STEPS, crowd, drawn

true_counts = st.lists(st.integers(0, 9), min_size=1, max_size=40).map(np.array)


@given(true_counts, st.integers(0, 199))
def test_a_wrong_record_is_off_by_a_step_of_the_protocol_or_clipped_at_nought(true: np.ndarray, seed: int) -> None:
    wrong = drawn(true, seed).wrong
    allowed = [{max(count + step, 0) for step in STEPS} - {count} for count in true.tolist()]
    assert all(one in some for one, some in zip(wrong.tolist(), allowed, strict=True))


@given(true_counts, st.integers(0, 199))
def test_a_bin_that_is_wrong_at_one_rate_is_wrong_at_every_higher_one(true: np.ndarray, seed: int) -> None:
    records = drawn(true, seed)
    marks = np.array([records.are_wrong(rate) for rate in RATES]).astype(int)
    assert (np.diff(marks, axis=0) >= 0).all()
    for rate in RATES:
        assert ((records.expected(rate) != true) == records.are_wrong(rate)).all()


@pytest.mark.parametrize("rate", RATES)
def test_as_many_bins_are_wrong_as_the_rate_says(rate: float) -> None:
    wrong = drawn(np.full(200_000, 4), seed=0).are_wrong(rate)
    assert wrong.mean() == pytest.approx(rate, abs=4 * np.sqrt(rate / 200_000))


def test_steps_come_as_often_as_they_should() -> None:
    steps = drawn(np.full(200_000, 4), seed=0).wrong - 4
    seen = Counter(steps.tolist())
    assert {step: seen[step] / 200_000 for step in STEPS} == pytest.approx(STEPS, abs=0.005)


def test_what_clipping_leaves_unchanged_is_drawn_again() -> None:
    seen = Counter(drawn(np.zeros(100_000, int), seed=0).wrong.tolist())
    assert {count: seen[count] / 100_000 for count in seen} == pytest.approx({1: 0.75, 2: 0.25}, abs=0.01)


def test_a_seed_always_draws_the_same() -> None:
    true = np.arange(50) % 7
    one, again, other = drawn(true, 3), drawn(true, 3), drawn(true, 4)
    assert (one.luck == again.luck).all()
    assert (one.wrong == again.wrong).all()
    assert (one.luck != other.luck).any()


@given(true_counts, st.integers(1, 3), st.integers(0, 19))
def test_a_bins_photos_are_its_own_first_and_others_of_its_count(true: np.ndarray, photos: int, seed: int) -> None:
    rows = crowd(true, photos, seed)
    assert (rows[:, 0] == np.arange(len(true))).all()
    assert (true[rows] == true[:, None]).all()
    alike = Counter(true.tolist())
    for count, row in zip(true.tolist(), rows.tolist(), strict=True):
        assert len(set(row)) == min(photos, alike[count])


def test_another_seed_gives_a_bin_other_photos() -> None:
    true = np.full(50, 2)
    assert (crowd(true, 3, 0) != crowd(true, 3, 1)).any()
