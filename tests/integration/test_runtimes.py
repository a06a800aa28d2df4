"""The table of runtimes on a few drawn bins: what is held against what, not how fast."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.serving_fixtures import FACTS
from tests.small_network import SIDE, network
from training.drawn import write_bins
from training.records import read_folder
from training.runtimes import INT8, runtimes
from training.serving.model import CountModel

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

BINS = 40


def test_each_runtime_is_judged_by_validation_photos_and_held_against_the_first(tmp_path: Path) -> None:
    model, saved = tmp_path / "model", tmp_path / "kept" / "model.onnx"
    for folder in (model, saved.parent):
        folder.mkdir()
        (folder / "model.json").write_text(json.dumps(FACTS | {"preprocessing": {"size": [SIDE, SIDE]}}))
    network(model)
    write_bins(tmp_path / "data", [1 + number % 5 for number in range(BINS)], 1)

    first, second = runtimes(model, read_folder(tmp_path / "data"), 1, tmp_path / "cache", threads=1, save=saved)[:2]

    assert ((first.package, first.largest_change, first.other_answers), second.precision) == (
        ("onnxruntime", 0, 0),
        INT8,
    )
    assert 0 < second.mean_change <= second.largest_change < 0.05
    assert 0 < first.scores.n < BINS / 2
    assert min(first.p50_ms, first.start_seconds, first.package_mb) > 0
    assert CountModel.load(saved.parent).facts.name == "tiny", "what is kept can be served"
