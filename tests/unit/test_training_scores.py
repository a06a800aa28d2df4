"""The figures against cases that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import NothingToScoreError
from training.scores import Protocol, expected_calibration_error, restricted, score


def certain(*labels: int) -> np.ndarray:
    return np.eye(7)[list(labels)]


@pytest.mark.parametrize(
    ("protocol", "n", "classes"),
    [(Protocol.SEED, 5, "12345"), (Protocol.ZERO_TO_FIVE, 6, "012345"), (Protocol.ALL, 7, [*"012345", "6+"])],
)
def test_each_protocol_takes_its_own_photos_and_classes(protocol: Protocol, n: int, classes: list[str]) -> None:
    scores = score(certain(*range(7)), np.arange(7), protocol)

    assert (scores.n, list(scores.per_class)) == (n, list(classes))


def test_a_perfect_counter_has_no_error_of_any_kind() -> None:
    scores = score(certain(1, 2, 3), np.array([1, 2, 3]), Protocol.SEED)

    assert (scores.accuracy, scores.rmse) == (1, 0)
    assert scores.loss == pytest.approx(0, abs=1e-9)
    assert scores.ece == pytest.approx(0, abs=1e-9)


def test_a_counter_without_a_clue_loses_the_logarithm_of_the_classes() -> None:
    scores = score(np.full((4, 7), 1 / 7), np.array([1, 2, 3, 4]), Protocol.SEED)

    assert scores.loss == pytest.approx(math.log(5))


def test_probability_outside_the_protocol_is_given_to_the_classes_inside() -> None:
    mostly_six = np.array([[0.0, 0.1, 0.3, 0.0, 0.0, 0.0, 0.6]])

    scores = score(mostly_six, np.array([2]), Protocol.SEED)

    assert scores.accuracy == 1
    assert scores.loss == pytest.approx(-math.log(0.75))


def test_rmse_is_of_the_most_probable_class() -> None:
    scores = score(certain(1, 5), np.array([4, 5]), Protocol.SEED)

    assert scores.rmse == pytest.approx(math.sqrt(9 / 2))


def test_precision_recall_and_f1_are_those_of_one_class_against_the_rest() -> None:
    scores = score(certain(1, 1, 1, 2), np.array([1, 1, 2, 1]), Protocol.SEED)

    one, two, three = (scores.per_class[name] for name in "123")
    assert (one.precision, one.recall, one.f1) == (pytest.approx(2 / 3),) * 3
    assert (two.precision, two.recall, two.f1) == (0, 0, 0)
    assert (three.precision, three.recall, three.f1) == (0, 0, 0)


def test_a_hopeless_guess_costs_much_and_not_infinitely() -> None:
    assert math.isfinite(score(certain(1), np.array([2]), Protocol.SEED).loss)


def test_folders_without_a_photo_of_the_protocol_are_refused() -> None:
    with pytest.raises(NothingToScoreError, match="1 to 5"):
        score(certain(0, 6), np.array([0, 6]), Protocol.SEED)


def test_the_report_has_the_agreed_keys_and_no_others() -> None:
    report = score(certain(1), np.array([1]), Protocol.SEED).report()

    assert list(report) == ["protocol", "n", "accuracy", "loss", "rmse", "ece", "per_class"]
    assert list(report["per_class"]["1"]) == ["precision", "recall", "f1"]


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    half_right = np.array([True, False] * 5)

    assert expected_calibration_error(np.full(10, 0.9), half_right) == pytest.approx(0.4)
    assert expected_calibration_error(np.full(10, 0.5), half_right) == pytest.approx(0)


distributions = st.lists(st.lists(st.floats(0, 1), min_size=7, max_size=7), min_size=1, max_size=20).map(np.array)


@given(distributions)
def test_restricted_distributions_sum_to_one(weights: np.ndarray) -> None:
    assert restricted(weights, 1, 5).sum(axis=1) == pytest.approx(1)


@given(distributions, st.integers(0, 6))
def test_rates_stay_between_nought_and_one(weights: np.ndarray, label: int) -> None:
    scores = score(weights, np.full(len(weights), label), Protocol.ALL)

    assert 0 <= scores.accuracy <= 1
    assert 0 <= scores.ece <= 1 + 1e-9
    assert all(0 <= one.f1 <= 1 for one in scores.per_class.values())


def test_brier_sums_the_squared_differences_of_every_class() -> None:
    half_and_half = np.array([[0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]])

    assert score(half_and_half, np.array([1]), Protocol.SEED).brier == pytest.approx(0.25 + 0.25)
    assert score(certain(1), np.array([2]), Protocol.SEED).brier == pytest.approx(2)
    assert score(certain(2), np.array([2]), Protocol.SEED).brier == pytest.approx(0)


def test_briers_standard_error_is_that_of_a_mean() -> None:
    right_and_wrong = score(certain(1, 1), np.array([1, 2]), Protocol.SEED)

    assert right_and_wrong.brier == pytest.approx(1)
    assert right_and_wrong.brier_standard_error == pytest.approx(1 / math.sqrt(2))
