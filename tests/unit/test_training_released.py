"""The released model is what its card says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.card import PUBLISHED, model_card

MODEL = Path(__file__).parents[2] / "models" / "bin-counter"


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    stated: dict[str, Any] = json.loads((MODEL / "model.json").read_text(encoding="utf-8"))
    return stated


def test_the_card_is_made_from_the_facts_beside_it(facts: dict[str, Any]) -> None:
    assert (MODEL / "MODEL_CARD.md").read_text(encoding="utf-8") == model_card(facts)


def test_the_release_is_small_enough_for_a_repository() -> None:
    assert sum(file.stat().st_size for file in MODEL.iterdir()) < 25_000_000


def test_the_release_beats_the_published_run(facts: dict[str, Any]) -> None:
    stated = facts["metrics"]["real-test"]["seed"]

    assert stated["accuracy"] > PUBLISHED["accuracy"]
    assert stated["loss"] < PUBLISHED["loss"]
