"""The figures of the proof, against what can be worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from chalicelib.policy import Costs
from training.alerts.judging import Judged
from training.alerts.measure import difference_errors, figures, photo_errors, pooled

COSTS = Costs(false_alert=5.0, missed_mismatch=40.0, review=3.0)
MATCH, REVIEW, ALERT = 0, 1, 2


def judged(*repetitions: list[tuple[float, int, bool]]) -> Judged:
    return Judged(*(np.array([[bin_[part] for bin_ in one] for one in repetitions]) for part in range(3)))


ONE = [(0.9, ALERT, True), (0.8, ALERT, False), (0.5, REVIEW, True), (0.1, MATCH, True), (0.1, MATCH, False)]
RIGHT = [(0.1, MATCH, False)] * 5


def test_each_mistake_and_each_review_costs_what_the_policy_says() -> None:
    found = pooled(judged(ONE), COSTS)
    assert found["cost_per_1000"] == pytest.approx(1000 * (5.0 + 3.0 + 40.0) / 5)
    assert (found["alerts_per_1000"], found["reviews_per_1000"]) == (400.0, 200.0)
    assert (found["alert_precision"], found["review_precision"]) == (0.5, 1.0)
    assert (found["alerts_found"], found["alerts_or_reviews_found"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert found["false_alerts"] == 0.5


def test_a_repetition_without_a_wrong_bin_has_no_say_in_what_needs_one() -> None:
    together = figures(judged(ONE, RIGHT), COSTS)
    alone = figures(judged(ONE), COSTS)
    assert together.means["auroc"] == alone.means["auroc"]
    assert together.means["alerts_per_1000"] == alone.means["alerts_per_1000"] / 2


def test_means_come_with_their_standard_errors() -> None:
    made = figures(judged(ONE, RIGHT), COSTS)
    assert made.means["alerts_per_1000"] == 200.0
    assert made.errors["alerts_per_1000"] == pytest.approx(np.std([400.0, 0.0], ddof=1) / math.sqrt(2))
    assert math.isnan(made.errors["auroc"])


def test_what_could_not_be_measured_is_null() -> None:
    report = figures(judged(RIGHT), COSTS).report()
    assert report["auroc"] is report["pooled"]["alert_precision"] is None
    assert "NaN" not in json.dumps(report)


def test_a_posterior_that_is_right_on_the_average_of_each_bin_has_no_calibration_error() -> None:
    calibrated = [(0.25, MATCH, place == 0) for place in range(4)]
    assert figures(judged(calibrated), COSTS).calibration["ece"] == pytest.approx(0.0)
    assert figures(judged([(0.75, MATCH, wrong) for _, _, wrong in calibrated]), COSTS).calibration["ece"] == 0.5


def test_a_rule_does_not_differ_from_itself_whichever_photos_are_drawn() -> None:
    many, groups_with_both_kinds = judged(*[ONE] * 3), np.array([0, 0, 1, 1, 1])
    assert set(difference_errors(many, many, groups_with_both_kinds).values()) == {0.0}
    assert photo_errors(many, groups_with_both_kinds)["auroc"] > 0.0


def test_photos_that_all_share_goods_tell_nothing_of_others() -> None:
    assert all(math.isnan(one) for one in photo_errors(judged(*[ONE] * 3), np.zeros(5, int)).values())
