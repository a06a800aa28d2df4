"""How much photos of one bin repeat each other is found where it is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from chalicelib.evidence import CountEstimate
from chalicelib.policy import DEFAULT
from tests.examples import COUNTS, PRIOR
from training.alerts.correlation import correlation, neighbours
from training.alerts.judging import Photos
from training.records import Record

MANY = 2000


def record(image_id: str, count: int = 2, *goods: str) -> Record:
    return Record(image_id, Path(image_id), count, frozenset(goods))


def bins_photographed_twice(shared: float) -> tuple[Photos, list[Record]]:
    """Pairs of photos whose doubts about one more item are correlated by so much."""
    rng = np.random.default_rng(1)
    own, common = rng.standard_normal((MANY, 2)), rng.standard_normal((MANY, 1))
    doubts = math.sqrt(1 - shared) * own + math.sqrt(shared) * common
    records = [record(f"{3 * n + k}", 2, f"goods {n}") for n in range(MANY) for k in (0, 1)]
    return Photos([doubting(one) for one in doubts.ravel().tolist()], np.full(2 * MANY, 2)), records


def doubting(doubt: float) -> CountEstimate:
    weights = [1e-9, 1e-9, 1.0, math.exp(doubt), 1e-9, 1e-9, 1e-9]
    return CountEstimate("m", COUNTS, tuple(w / sum(weights) * p for w, p in zip(weights, PRIOR, strict=True)), PRIOR)


@pytest.mark.parametrize("shared", [0.0, 0.3, 1.0])
def test_the_correlation_of_photos_of_one_bin_is_found(shared: float) -> None:
    found = correlation(*bins_photographed_twice(shared), DEFAULT)
    assert found.pairs == MANY
    assert found.estimate == pytest.approx(shared, abs=0.06)
    assert found.standard_error < 0.05


def test_neighbours_have_consecutive_numbers_and_share_goods() -> None:
    records = [record("7", 1, "a"), record("8", 2, "a", "b"), record("9", 2, "c"), record("x", 2, "c"), record("11", 1)]
    assert neighbours(records).tolist() == [[0, 1]]


def test_counts_that_all_photos_share_are_no_correlation() -> None:
    """A model that finds fives harder than twos is not repeating itself on two photos of five."""
    rng = np.random.default_rng(1)
    records = [record(f"{3 * n + k}", 2 + n % 2, f"goods {n}") for n in range(MANY) for k in (0, 1)]
    estimates = [doubting(3.0 * (one.count - 2) + rng.standard_normal()) for one in records]
    found = correlation(Photos(estimates, np.array([one.count for one in records])), records, DEFAULT)
    assert abs(found.estimate) < 0.06


def test_a_handful_of_pairs_tells_nothing() -> None:
    records = [record(str(n), 2, "a") for n in range(5)]
    found = correlation(Photos([doubting(0.0)] * 5, np.full(5, 2)), records, DEFAULT)
    assert (found.pairs, math.isnan(found.estimate)) == (4, True)
