"""Knobs are read from plain values, or refused in a sentence."""

import pytest

from training.errors import BadKnobsError
from training.knobs import Knobs, Loss


def test_values_take_the_place_of_defaults() -> None:
    knobs = Knobs.of({"epochs": 20, "learning_rate": 1, "loss": "ordinal"})

    assert (knobs.epochs, knobs.learning_rate, knobs.loss) == (20, 1.0, Loss.ORDINAL)
    assert knobs.batch_size == Knobs().batch_size


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"epoch": 20}, "no knob is called epoch"),
        ({"epochs": 2.5}, "whole number"),
        ({"epochs": "many"}, "many"),
        ({"learning_rate": None}, "NoneType"),
        ({"loss": "hinge"}, "hinge"),
        ({"learn_from_validation": "no"}, "neither true nor false"),
    ],
)
def test_what_cannot_be_a_knob_is_refused(values: dict[str, object], reason: str) -> None:
    with pytest.raises(BadKnobsError, match=reason):
        Knobs.of(values)
