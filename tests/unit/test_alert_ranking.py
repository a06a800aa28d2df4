"""The figures of a ranking against what counting every pair and every threshold gives."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.alerts.ranking import Ranking, levels

bins = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=2, max_size=25)
mixed = bins.filter(lambda some: len({is_wrong for _, is_wrong in some}) == 2)
Bins = list[tuple[float, bool]]


def ranking(some: Bins) -> Ranking:
    scores, wrong = zip(*some, strict=True)
    return Ranking.of(np.array(scores), np.array(wrong))


def alerted(some: Bins) -> list[tuple[int, int]]:
    """Wrong and right bins from each threshold on, the highest first."""
    return [
        (sum(wrong for score, wrong in some if score >= t), sum(not wrong for score, wrong in some if score >= t))
        for t in sorted({score for score, _ in some}, reverse=True)
    ]


@given(mixed)
def test_auroc_is_the_share_of_pairs_that_are_ordered_right_with_ties_counting_half(some: Bins) -> None:
    wrong = [score for score, is_wrong in some if is_wrong]
    right = [score for score, is_wrong in some if not is_wrong]
    pairs = [(one > other) + (one == other) / 2 for one, other in product(wrong, right)]
    assert ranking(some).auroc == pytest.approx(sum(pairs) / len(pairs))


@given(mixed, st.sampled_from([0.2, 0.5, 1.0]))
def test_precision_at_a_recall_is_that_of_the_highest_threshold_that_finds_so_many(some: Bins, recall: float) -> None:
    all_wrong = sum(is_wrong for _, is_wrong in some)
    found, false = next(one for one in alerted(some) if one[0] >= recall * all_wrong)
    assert ranking(some).precision_at_recall(recall) == pytest.approx(found / (found + false))


@given(mixed, st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_found_at_a_share_of_false_alerts_never_splits_bins_with_equal_scores(some: Bins, share: float) -> None:
    all_wrong, all_right = (sum(is_wrong is kind for _, is_wrong in some) for kind in (True, False))
    bearable = [found for found, false in alerted(some) if false <= share * all_right + 1e-9]
    assert ranking(some).found_at(share) == pytest.approx(max(bearable, default=0) / all_wrong)


@given(mixed)
def test_a_bin_that_weighs_two_is_two_bins(some: Bins) -> None:
    scores, wrong = (np.array(column) for column in zip(*some, strict=True))
    weights = np.arange(len(some)) % 3
    many = Ranking.at(levels(scores), wrong, weights.astype(float))
    repeated = ranking([one for one, times in zip(some, weights, strict=True) for _ in range(times)] or some)
    if weights.any() and len({w for (_, w), times in zip(some, weights, strict=True) if times}) == 2:
        assert many.auroc == pytest.approx(repeated.auroc)
        assert many.precision_at_recall(0.5) == pytest.approx(repeated.precision_at_recall(0.5))
        assert many.found_at(0.05) == pytest.approx(repeated.found_at(0.05))


def test_without_a_wrong_bin_there_is_nothing_to_rank() -> None:
    right = ranking([(0.1, False), (0.9, False)])
    assert np.isnan([right.auroc, right.precision_at_recall(0.2), right.found_at(0.05)]).all()


def test_a_score_that_knows_nothing_alerts_of_all_or_none() -> None:
    flat = ranking([(0.5, True), *[(0.5, False)] * 9])
    assert flat.auroc == 0.5
    assert flat.precision_at_recall(0.2) == pytest.approx(0.1)
    assert flat.found_at(0.05) == 0.0
