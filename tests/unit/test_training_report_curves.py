"""The curves of a report against cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.report.curves import (
    area_under_risk_coverage,
    class_wise_error,
    confusion,
    equal_counts,
    equal_ratios,
    equal_widths,
    selective_accuracy,
    share_error,
)
from training.scores import expected_calibration_error

CONFIDENCE = np.array([0.9, 0.8, 0.7, 0.6])
RIGHT = np.array([True, True, False, True])


def test_confusion_has_the_truth_in_rows_and_the_prediction_in_columns() -> None:
    table = confusion(predicted=np.array([1, 1, 0, 2]), truth=np.array([0, 0, 0, 2]), classes=3)

    assert table.tolist() == [[1, 2, 0], [0, 0, 0], [0, 0, 1]]


def test_selective_accuracy_is_that_of_the_k_most_confident() -> None:
    assert selective_accuracy(CONFIDENCE, RIGHT) == pytest.approx([1, 1, 2 / 3, 3 / 4])


def test_aurc_is_the_mean_error_over_every_share() -> None:
    assert area_under_risk_coverage(CONFIDENCE, RIGHT) == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)


def test_aurc_is_nought_for_a_perfect_counter_and_one_for_one_that_is_always_wrong() -> None:
    assert area_under_risk_coverage(CONFIDENCE, np.ones(4, bool)) == 0
    assert area_under_risk_coverage(CONFIDENCE, np.zeros(4, bool)) == 1


def test_equal_confidences_share_their_rights_whatever_their_order() -> None:
    same = np.full(4, 0.5)

    assert selective_accuracy(same, RIGHT) == pytest.approx([0.75] * 4)
    assert selective_accuracy(same, RIGHT[::-1]) == pytest.approx([0.75] * 4)


def test_bins_of_equal_width_leave_out_those_without_a_photo() -> None:
    bins = equal_widths(np.array([0.05, 0.95, 1.0]), np.array([False, True, False]), bins=10)

    assert bins.photos.tolist() == [1, 2]
    assert bins.confidence == pytest.approx([0.05, 0.975])
    assert bins.accuracy == pytest.approx([0, 0.5])


def test_bins_of_equal_ratios_tell_small_probabilities_apart_and_put_all_below_together() -> None:
    bins = equal_ratios(np.array([1e-9, 1e-4, 0.002, 0.05, 0.9, 1.0]), np.array([False] * 4 + [True] * 2))

    assert bins.photos.tolist() == [2, 1, 1, 2]
    assert bins.accuracy == pytest.approx([0, 0, 0, 1])


def test_bins_of_equal_counts_have_as_many_photos_each() -> None:
    bins = equal_counts(CONFIDENCE, RIGHT, bins=2)

    assert bins.photos.tolist() == [2, 2]
    assert bins.confidence == pytest.approx([0.65, 0.85])
    assert bins.accuracy == pytest.approx([0.5, 1])
    assert bins.error == pytest.approx((0.15 + 0.15) / 2)


def test_fewer_photos_than_bins_have_one_bin_each() -> None:
    assert equal_counts(CONFIDENCE, RIGHT, bins=10).photos.tolist() == [1, 1, 1, 1]


photos = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


@given(photos)
def test_the_error_of_equal_widths_is_ece(drawn: list[tuple[float, bool]]) -> None:
    confidence, right = (np.array(column) for column in zip(*drawn, strict=True))

    assert equal_widths(confidence, right).error == pytest.approx(expected_calibration_error(confidence, right))


@given(photos)
def test_the_most_confident_of_all_photos_are_all_photos(drawn: list[tuple[float, bool]]) -> None:
    confidence, right = (np.array(column) for column in zip(*drawn, strict=True))

    assert selective_accuracy(confidence, right)[-1] == pytest.approx(right.mean())


def test_class_wise_error_looks_at_every_classs_probability() -> None:
    says_half_of_each = np.full((4, 2), 0.5)

    assert class_wise_error(says_half_of_each, np.array([0, 1, 0, 1])) == pytest.approx(0)
    assert class_wise_error(says_half_of_each, np.array([0, 0, 0, 0])) == pytest.approx(0.5)


def test_three_of_three_is_not_certain() -> None:
    certain, half = share_error(np.array([1.0, 0.5]), np.array([3, 100]))

    assert certain == pytest.approx(np.sqrt(0.8 * 0.2 / 5))
    assert half == pytest.approx(0.05, abs=0.001)
