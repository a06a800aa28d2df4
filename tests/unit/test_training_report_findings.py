"""What a report finds in a handful of bins whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.errors import NothingToScoreError
from training.records import Record
from training.report.findings import Slice, examine

PRIOR = [0.1, 0.1, 0.2, 0.3, 0.1, 0.1, 0.1]


def record(name: str, count: int, *goods: str) -> Record:
    return Record(name, Path(f"{name}.jpg"), count, frozenset(goods))


def said(*labels: int, with_probability: float = 0.94) -> np.ndarray:
    """Distributions that give one label this probability and the others the rest."""
    chances = np.full((len(labels), 7), (1 - with_probability) / 6)
    chances[np.arange(len(labels)), labels] = with_probability
    return chances


BINS = [
    record("a", 0),
    record("b", 2, "X"),
    record("c", 2, "X", "Y"),
    record("d", 3, "Z", "Q"),
    record("e", 9, "1", "2", "3", "4", "5", "6"),
    record("f", 1),
]
ANSWERS = said(0, 2, 3, 3, 6, 4)
LIGHT = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0])


def slices() -> dict[str, Slice]:
    return {f"{s.property}: {s.value}": s for s in examine(BINS, ANSWERS, PRIOR, LIGHT).slices}


def test_every_protocol_with_a_photo_is_measured() -> None:
    findings = examine(BINS, ANSWERS, PRIOR, LIGHT)

    assert [m.scores.protocol for m in findings.measured] == ["seed", "zero-to-five", "all"]
    assert [m.scores.n for m in findings.measured] == [4, 5, 6]


def test_bins_above_five_alone_have_no_seed_protocol() -> None:
    findings = examine([record("a", 7, "X"), record("b", 8, "Y")], said(6, 6), PRIOR, LIGHT[:2])

    assert [m.scores.protocol for m in findings.measured] == ["all"]


def test_no_bins_are_nothing_to_score() -> None:
    with pytest.raises(NothingToScoreError):
        examine([], np.empty((0, 7)), PRIOR, np.empty(0))


def test_groups_are_those_of_shared_goods_among_the_photos_that_take_part() -> None:
    seed, _, everything = examine(BINS, ANSWERS, PRIOR, LIGHT).measured

    assert (seed.groups, everything.groups) == (3, 5)


def test_the_class_mix_always_answers_the_most_frequent_class() -> None:
    everything = examine(BINS, ANSWERS, PRIOR, LIGHT).class_mix[-1]

    assert everything.accuracy == pytest.approx(1 / 6)
    assert everything.loss == pytest.approx(-np.log([0.1, 0.2, 0.2, 0.3, 0.1, 0.1]).mean())


def test_errors_have_the_sign_of_the_prediction_less_the_truth() -> None:
    assert examine(BINS, ANSWERS, PRIOR, LIGHT).signed_errors.tolist() == [0, 0, 1, 0, 0, 3]


def test_bins_are_told_apart_by_the_kinds_of_their_goods() -> None:
    kinds = {name: s.n for name, s in slices().items() if name.startswith("kinds")}

    assert kinds == {
        "kinds of goods: 1": 1,
        "kinds of goods: 2": 2,
        "kinds of goods: 5 or more": 1,
        "kinds of goods: none, empty bin": 1,
        "kinds of goods: not recorded": 1,
    }


def test_bins_of_two_to_five_are_told_apart_by_how_alike_their_goods_are() -> None:
    alike = {name: s.accuracy for name, s in slices().items() if name.startswith("2 to 5")}

    assert alike == {"2 to 5 items: all alike": 1, "2 to 5 items: all different": 0, "2 to 5 items: some alike": 1}


def test_light_is_cut_into_quarters() -> None:
    quarters = [s for name, s in slices().items() if name.startswith("light")]

    assert sum(s.n for s in quarters) == len(BINS)
    assert quarters[0].value.endswith("darkest")


def test_the_worst_mistakes_are_wrong_and_come_worst_first() -> None:
    surer_of_the_second = np.concatenate([said(2, with_probability=0.5), said(2, with_probability=0.99), said(1)])
    bins = [record("mild", 1), record("worst", 1), record("right", 1)]

    worst = examine(bins, surer_of_the_second, PRIOR, LIGHT[:3]).worst

    assert [(m.record.image_id, m.predicted) for m in worst] == [("worst", "2"), ("mild", "2")]
    assert worst[0].confidence == pytest.approx(0.99)
    assert worst[0].probability_of_truth == pytest.approx(0.01 / 6)


def test_full_bins_without_goods_on_record_are_counted() -> None:
    assert examine(BINS, ANSWERS, PRIOR, LIGHT).without_goods == 1
