"""What a threshold does is told by the checker's own rule, under right and wrong expectations."""

from pathlib import Path

import numpy as np
import pytest

from training.records import Record
from training.thresholds import effects

SURE_OF_THREE = np.eye(7)[[3, 3]]
TWO_BINS_OF_THREE = [Record(name, Path(name), 3, frozenset()) for name in ("a", "b")]


def test_a_counter_that_is_sure_and_right_finds_every_mismatch_and_alerts_falsely_of_none() -> None:
    (effect,) = effects(SURE_OF_THREE, TWO_BINS_OF_THREE, [0.9], mismatch_rate=0.02)
    assert (effect.false_alerts, effect.found, effect.precision) == (0.0, 1.0, 1.0)


def test_a_counter_that_is_sure_and_wrong_alerts_of_every_bin_that_is_right() -> None:
    sure_of_five = np.eye(7)[[5, 5]]
    (effect,) = effects(sure_of_five, TWO_BINS_OF_THREE, [0.9], mismatch_rate=0.02)
    assert effect.false_alerts == 1.0
    assert effect.found == pytest.approx(0.9), "one wrong expectation in ten is the five that it sees"
    assert effect.precision == pytest.approx(0.02 * 0.9 / (0.02 * 0.9 + 0.98))


def test_an_empty_bin_is_never_expected_to_hold_less_than_nothing() -> None:
    empty = [Record("a", Path("a"), 0, frozenset())]
    (effect,) = effects(np.eye(7)[[2]], empty, [0.9], mismatch_rate=0.02)
    assert effect.found == pytest.approx(0.75), "of +1 and +2, at .3 and .1, only +2 is what it sees"


def test_a_higher_threshold_never_alerts_more() -> None:
    probabilities = np.random.default_rng(1).dirichlet(np.ones(7), size=50)
    records = [Record(str(i), Path(str(i)), i % 9, frozenset()) for i in range(50)]
    found = effects(probabilities, records, [0.5, 0.7, 0.9, 0.99], mismatch_rate=0.02)
    assert [effect.found for effect in found] == sorted((effect.found for effect in found), reverse=True)
    assert [e.false_alerts for e in found] == sorted((e.false_alerts for e in found), reverse=True)
