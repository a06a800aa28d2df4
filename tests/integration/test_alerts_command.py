"""`alerts` as its user runs it: from drawn bins and a tiny network to the JSON, the page and its plots."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image
from typer.testing import CliRunner

from tests.serving_fixtures import package
from training.__main__ import app
from training.drawn import write_bins
from training.errors import NothingToScoreError, UnusableConfigError
from training.records import manifest_sha256, read_folder
from training.split import split

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

COUNTS = [0, *(n % 5 + 1 for n in range(25)), 6, 6, 7, 9]
FIGURES = {"auroc", "precision_at_recall_0.2", "precision_at_recall_0.5", "alerts_per_1000", "reviews_per_1000", "ece"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_bins(folder, COUNTS, seed=1)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("model"))


def invoked(model: Path, data: Path, cache: Path, *more: str) -> Result:
    arguments = ["alerts", "--model", str(model), "--data", str(data), "--cache", str(cache), "--repetitions", "30"]
    return CliRunner().invoke(app, [*arguments, *more], env={"COLUMNS": "300", "TERM": "dumb"})


def report(model: Path, data: Path, cache: Path, *more: str) -> dict[str, Any]:
    outcome = invoked(model, data, cache, "--json", *more)
    assert outcome.exit_code == 0, outcome.output
    told: dict[str, Any] = json.loads(outcome.stdout)
    return told


@pytest.fixture(scope="module")
def told(model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return report(model, data, tmp_path_factory.mktemp("cache"))


def test_the_json_has_every_figure_for_every_rate_beside_the_naive_rules(told: dict[str, Any]) -> None:
    assert list(told["pi"]) == ["0.01", "0.02", "0.05", "0.10"]
    for by_rate in told["pi"].values():
        assert by_rate.keys() >= FIGURES | {"naive", "standard_errors", "found_at_5_percent_false_alerts"}
        assert by_rate["naive"].keys() >= FIGURES


def test_the_json_has_every_figure_for_one_two_and_three_photos_a_bin(told: dict[str, Any]) -> None:
    assert list(told["photos"]) == ["1", "2", "3"]
    for of_photos in told["photos"].values():
        assert of_photos.keys() >= FIGURES
    usual = {name: told["pi"]["0.02"][name] for name in FIGURES}
    assert usual == {name: told["photos"]["1"][name] for name in FIGURES}
    assert "optimistic" in told["note"]


def test_all_photos_take_part_unless_a_split_is_asked_for(
    told: dict[str, Any], model: Path, data: Path, tmp_path: Path
) -> None:
    assert told["n"] == len(COUNTS)
    assert told["learnt"] is None
    part = split(read_folder(data), seed=1)["train"]
    assert report(model, data, tmp_path, "--split", "train")["n"] == len(part)


def test_the_same_command_prints_the_same(told: dict[str, Any], model: Path, data: Path, tmp_path: Path) -> None:
    assert report(model, data, tmp_path) == told


def test_a_folder_that_the_model_was_made_from_is_said_to_be_one(data: Path, tmp_path: Path) -> None:
    parts = split(read_folder(data), seed=1)
    unseen = manifest_sha256({f"real-{name}": parts[name] for name in ("calibration", "test")})
    learnt = report(package(tmp_path / "model", data={"unseen_sha256": unseen}), data, tmp_path / "cache")
    assert learnt["learnt"] is True
    assert "has learnt from" in learnt["standing"]


def test_a_model_that_knows_nothing_ranks_nothing_and_its_posterior_is_the_rate(data: Path, tmp_path: Path) -> None:
    knows_nothing = package(tmp_path / "model", prior=[1 / 7] * 7)
    network = onnx.load(knows_nothing / "model.onnx")
    (weights,) = (one for one in network.graph.initializer if one.name == "weights")
    weights.CopyFrom(numpy_helper.from_array(np.zeros((3, 7), np.float32), "weights"))
    onnx.save(network, knows_nothing / "model.onnx")

    at_two_percent = report(knows_nothing, data, tmp_path / "cache")["pi"]["0.02"]

    assert at_two_percent["auroc"] == pytest.approx(0.5)
    assert at_two_percent["alerts_per_1000"] == at_two_percent["reviews_per_1000"] == 0.0
    assert at_two_percent["ece"] < 0.02
    assert at_two_percent["naive"]["alerts_per_1000"] > 500.0


def test_a_policy_file_judges_in_the_defaults_place(model: Path, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "eager.json"
    file.write_text('{"costs": {"missed_mismatch": 1000000}, "false_alert_bound": 1}')
    eager = report(model, data, tmp_path, "--policy", str(file))
    assert eager["policy"]["version"] == "eager"
    acted = eager["pi"]["0.02"]
    assert acted["alerts_per_1000"] + acted["reviews_per_1000"] > 900.0


def test_a_policy_file_that_is_none_ends_as_one_line(model: Path, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text("{")
    assert isinstance(invoked(model, data, tmp_path, "--policy", str(file)).exception, UnusableConfigError)


def test_the_page_is_complete_and_every_picture_that_it_names_is_there_and_small(
    model: Path, data: Path, tmp_path: Path
) -> None:
    outcome = invoked(model, data, tmp_path / "cache", "--out", str(tmp_path / "out"))

    assert outcome.exit_code == 0, outcome.output
    text = (tmp_path / "out" / "figures.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert len(pictures) == 4
    for name in pictures:
        assert (tmp_path / "out" / name).stat().st_size < 60_000
        with Image.open(tmp_path / "out" / name) as picture:
            picture.verify()
    for said in ("tiny/1", "mirrored", "missed mismatch", "photo correlation", "optimistic"):
        assert said in text
    assert not re.search(r"\bnan\b", text)


def test_the_terminal_shows_both_rules(model: Path, data: Path, tmp_path: Path) -> None:
    shown = invoked(model, data, tmp_path).output
    assert all(said in shown for said in ("AUROC", "naive", "3 photos", "optimistic", "photo_correlation"))


def test_an_empty_folder_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "bin-images").mkdir(parents=True)
    assert isinstance(invoked(model, tmp_path / "data", tmp_path).exception, NothingToScoreError)
