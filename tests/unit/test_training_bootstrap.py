"""Standard errors over groups: those of the formula where it holds, larger where photos go together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.bootstrap import group_numbers, standard_errors
from training.records import Record

VALUES = np.random.default_rng(3).normal(size=200)


def mean(rows: np.ndarray) -> np.ndarray:
    return np.array([VALUES[rows].mean()])


def test_of_a_mean_over_lone_photos_it_is_the_spread_over_the_root_of_n() -> None:
    (error,) = standard_errors(mean, np.arange(200), seed=1)

    assert error == pytest.approx(VALUES.std() / np.sqrt(200), rel=0.1)


def test_photos_that_only_repeat_others_add_no_certainty() -> None:
    tenfold = np.repeat(VALUES[:20], 10)

    (error,) = standard_errors(lambda rows: np.array([tenfold[rows].mean()]), np.repeat(np.arange(20), 10), seed=1)

    assert error == pytest.approx(VALUES[:20].std() / np.sqrt(20), rel=0.1)


def test_groups_of_different_sizes_are_drawn_whole() -> None:
    grouped = np.array([0, 1, 1, 2, 2, 2])

    def photos_of_each_group(rows: np.ndarray) -> np.ndarray:
        drawn = np.bincount(grouped[rows], minlength=3)
        assert (drawn % [1, 2, 3] == 0).all()
        return drawn.astype(float)

    standard_errors(photos_of_each_group, grouped, seed=1, draws=20)


def test_several_figures_get_an_error_each_and_the_same_seed_the_same_errors() -> None:
    def figures(rows: np.ndarray) -> np.ndarray:
        return np.array([VALUES[rows].mean(), 3.0])

    first = standard_errors(figures, np.arange(200), seed=7, draws=50)

    assert first[1] == 0
    assert (first == standard_errors(figures, np.arange(200), seed=7, draws=50)).all()
    assert first[0] != standard_errors(figures, np.arange(200), seed=8, draws=50)[0]


def test_one_group_tells_nothing_of_the_next() -> None:
    assert np.isnan(standard_errors(mean, np.zeros(200, dtype=np.int64), seed=1)).all()


def test_bins_that_share_goods_have_the_same_number_in_whatever_order_they_come() -> None:
    records = [
        Record(name, Path(name), 1, frozenset(goods))
        for name, goods in [("c", {"X"}), ("a", {"Y"}), ("b", {"X", "Z"}), ("d", set())]
    ]

    numbers = group_numbers(records).tolist()

    assert numbers[0] == numbers[2]
    assert len(set(numbers)) == 3
