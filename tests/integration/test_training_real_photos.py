"""Split and released model on the photos that the model's card names, where they are at hand."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from training.dataset import labels_of, real_splits
from training.evaluate import load, probabilities_of
from training.records import Record, class_counts, read_folder
from training.released import networks_of
from training.scores import Protocol, score

MODEL = Path(__file__).parents[2] / "models" / "bin-counter"
PHOTOS = Path(os.environ.get("BINCHECK_PHOTOS", "../shared/abid"))

pytestmark = [
    pytest.mark.dataset,
    pytest.mark.skipif(not (PHOTOS / "counts.csv").is_file(), reason="the real photos are not here"),
]


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    stated: dict[str, Any] = json.loads((MODEL / "model.json").read_text(encoding="utf-8"))
    return stated


@pytest.fixture(scope="module")
def splits(facts: dict[str, Any]) -> dict[str, list[Record]]:
    return real_splits(PHOTOS, networks_of(facts)[0]["hyperparameters"]["seed"])


def test_the_records_agree_with_the_list_of_counts() -> None:
    with (PHOTOS / "counts.csv").open(newline="") as file:
        listed = {row["image_id"]: int(row["count"]) for row in csv.DictReader(file)}

    assert {record.image_id: record.count for record in read_folder(PHOTOS)} == listed


def test_the_splits_are_those_that_the_model_was_made_with(
    facts: dict[str, Any], splits: dict[str, list[Record]]
) -> None:
    stated = {name: counts for name, counts in facts["data"]["classes_per_split"].items() if name.startswith("real-")}

    assert {name: class_counts(part) for name, part in splits.items()} == stated


def test_no_goods_of_the_test_split_were_trained_on(splits: dict[str, list[Record]]) -> None:
    goods = {name: frozenset().union(*(record.asins for record in part)) for name, part in splits.items()}
    tested = goods.pop("real-test")

    assert all(tested.isdisjoint(other) for other in goods.values())


def test_the_figures_of_the_card_come_out_again(facts: dict[str, Any], splits: dict[str, list[Record]]) -> None:
    records = splits["real-test"]

    scores = score(probabilities_of(load(MODEL), records), labels_of(records), Protocol.SEED)

    stated = facts["metrics"]["real-test"]["seed"]
    assert scores.accuracy == pytest.approx(stated["accuracy"], abs=0.005)
    assert scores.loss == pytest.approx(stated["loss"], abs=0.005)
