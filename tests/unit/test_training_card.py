"""The card says what a person must know, from the facts alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from training.card import model_card
from training.knobs import Knobs
from training.records import CLASSES
from training.scores import Protocol, score


def network(**knobs: Any) -> dict[str, Any]:
    return {
        "weights": "weights-1.pt",
        "viewing": {"enlarge": 1.0, "mirrored": True},
        "hyperparameters": asdict(Knobs(**knobs)),
        "backbone_source": "some weights (some licence)",
        "teachers": ["bin-counter/6"],
        "averaged": 1,
        "git_commit": None,
    }


def facts(**knobs: Any) -> dict[str, Any]:
    labels = np.array([0, 1, 2, 3, 4, 5, 6])
    scores = {protocol: asdict(score(np.eye(7), labels, protocol)) for protocol in Protocol}
    compared = [{"method": "vector scaling", "loss": 1.35, "loss_error": 0.04, "gain": 0.0159, "gain_error": 0.0076}]
    calibration = {"method": "vector scaling", "n": 542, "compared": compared, "drawn_temperature": 0.567}
    return {
        "name": "bin-counter",
        "version": "7",
        "classes": list(CLASSES),
        "prior": [1 / 7] * 7,
        "calibration": calibration,
        "networks": [network(**knobs)],
        "data": {
            "source": "abid",
            "manifest_sha256": "0123abcd",
            "classes_per_split": {"real-train": [1, 2, 3, 4, 5, 6, 7]},
        },
        "metrics": {"real-test": scores, "drawn-test": scores},
    }


@pytest.mark.parametrize(
    "stated",
    [
        "# bin-counter 7",
        "CC BY-NC-SA 3.0 US",
        "10.60489/roda.fgtusx",
        "Amazon",
        "some weights (some licence)",
        "| real-train | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 28 |",
        "| real-test | seed | 5 | 1.0000 ± 0.0000 |",
        "| drawn-test | seed | 5 | 1.0000 ± 0.0000 |",
        "| published run | seed |  | 0.3584 | 1.4073 |",
        "vector scaling",
        "| 1.3500 ± 0.0400 | 0.0159 ± 0.0076 |",
        "542",
        "from bin-counter/6, trained",
        "--teacher bin-counter/6",
        "0.567",
        "0123abcd",
        "Intended use and limits",
    ],
)
def test_the_card_states(stated: str) -> None:
    assert stated in model_card(facts())


def test_the_commands_spell_only_knobs_that_are_not_usual() -> None:
    assert "--epochs" not in model_card(facts())
    assert "--epochs 3 --drawn" not in model_card(facts(epochs=3))
    assert "--epochs 3" in model_card(facts(epochs=3))


def test_a_model_that_saw_no_drawn_bins_has_a_card_too() -> None:
    undrawn = facts()
    del undrawn["calibration"]["drawn_temperature"], undrawn["metrics"]["drawn-test"]

    assert "0.567" not in model_card(undrawn)


def test_the_card_of_an_8_bit_model_tells_what_that_changed() -> None:
    changed = {"photos": 128, "largest_change": 0.106, "mean_change": 0.0051}
    changed |= {"seed_accuracy": [0.45, 0.46], "seed_loss": [1.25, 1.26]}
    card = model_card(facts() | {"quantisation": changed})
    assert "by 0.0051 in the mean and 0.106 at most" in card
    assert "from 0.4500 to 0.4600" in card
    assert "8-bit" not in model_card(facts())


def test_the_commands_tell_how_a_photo_is_looked_at() -> None:
    once = network() | {"viewing": {"enlarge": 1.5, "mirrored": False}}

    assert "--one-view" not in model_card(facts())
    assert "--one-view" in model_card(facts() | {"networks": [once]})
    assert "It sees photos enlarged by 1.5." in model_card(facts() | {"networks": [once]})


def test_the_card_of_several_networks_tells_of_each_and_how_to_make_it() -> None:
    other = network(epochs=3) | {"weights": "weights-2.pt", "backbone_source": "other weights", "teachers": []}
    card = model_card(facts() | {"networks": [network(), other]})

    assert "2 networks look at each photo" in card
    assert "`weights-1.pt` is a `mobilenet_v2`, fine-tuned whole from: some weights" in card
    assert "`weights-2.pt` is a `mobilenet_v2`, fine-tuned whole from: other weights." in card
    assert "--out $RUN1 --teacher bin-counter/6\n" in card
    assert "--out $RUN2 --epochs 3\n" in card
    assert "package --run $RUN1 --run $RUN2 --out" in card
    assert "RUN1, RUN2 new folders" in card


def test_a_model_of_the_users_own_photos_claims_nobody_elses_licence() -> None:
    own = facts()
    own["data"]["source"] = "own"
    assert "CC BY-NC-SA" not in model_card(own)
    assert "the user's own" in model_card(own)
