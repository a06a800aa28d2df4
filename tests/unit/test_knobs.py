"""Knobs are read from plain values, or refused in a sentence."""

from dataclasses import asdict
from typing import Any

import pytest

from training.errors import BadKnobsError
from training.knobs import Knobs, Loss, PretrainingKnobs, as_options


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


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"epochs": 0}, "--epochs"),
        ({"batch_size": 1}, "--batch-size"),
        ({"view_size": 16}, "--view-size"),
        ({"least_area": 0.0}, "--least-area"),
        ({"least_area": 1.1}, "--least-area"),
        ({"temperature": 0.0}, "--temperature"),
    ],
)
def test_a_pretraining_with_nothing_to_learn_is_refused(value: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadKnobsError, match=reason):
        PretrainingKnobs(**value)


def test_knobs_that_differ_are_spelt_as_options() -> None:
    knobs = Knobs(epochs=9, loss=Loss.ORDINAL, learn_from_validation=True)
    pretraining = PretrainingKnobs(least_area=0.8, neighbours_together=False)

    assert as_options(asdict(knobs) | {"more": 1}, Knobs()) == " --epochs 9 --loss ordinal --learn-from-validation"
    assert as_options(asdict(pretraining), PretrainingKnobs()) == " --least-area 0.8 --no-neighbours-together"
    assert as_options(asdict(Knobs()), Knobs()) == ""
