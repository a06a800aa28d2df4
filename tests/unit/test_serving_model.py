from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.serving_fixtures import CLASSES, FACTS, archive, drawn, encoded, package
from training.serving.images import BadImage
from training.serving.model import CountModel, PackageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> CountModel:
    return CountModel.load(package(tmp_path / "tiny"))


def test_an_answer_is_what_the_contract_says(model: CountModel) -> None:
    answer = model.answer(encoded(drawn()))
    assert list(answer) == ["model", "counts", "probabilities", "prior", "prediction"]
    assert answer["model"] == "tiny/1"
    assert answer["counts"] == list(CLASSES)
    assert answer["prior"] == FACTS["prior"]
    assert len(answer["probabilities"]) == 7
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-12)
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.parametrize(("colour", "count"), [("red", "0"), ("lime", "1"), ("blue", "2")])
def test_the_prediction_is_the_most_probable_class(model: CountModel, colour: str, count: str) -> None:
    photo = drawn()
    photo.paste(colour, (0, 0, *photo.size))
    answer = model.answer(encoded(photo))
    assert answer["prediction"] == count
    assert answer["probabilities"][int(count)] == max(answer["probabilities"])


def test_a_batch_gets_one_row_of_probabilities_for_each_image(model: CountModel) -> None:
    images = np.zeros((3, 224, 224, 3), np.uint8)
    images[1, ..., 2] = 255
    rows = model.probabilities(images)
    assert (rows.shape, rows.dtype) == ((3, 7), np.float32)
    assert rows.argmax(axis=1)[1] == 2


def test_a_bad_photo_is_not_answered(model: CountModel) -> None:
    with pytest.raises(BadImage):
        model.answer(b"no photo")


def test_an_archive_answers_like_its_folder(model: CountModel, tmp_path: Path) -> None:
    packed = CountModel.load(archive(tmp_path / "tiny"))
    assert packed.answer(encoded(drawn())) == model.answer(encoded(drawn()))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"classes": ["0", "1"], "prior": [0.5, 0.5]}, id="fewer classes than the network has"),
        pytest.param({"prior": [1.0]}, id="one share for seven classes"),
        pytest.param({"preprocessing": {"size": [320, 320]}}, id="another size than the network's"),
        pytest.param({"preprocessing": {"size": 224}}, id="one side"),
        pytest.param({"preprocessing": {}}, id="no size"),
    ],
)
def test_a_package_that_does_not_fit_together_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(PackageError):
        CountModel.load(package(tmp_path / "tiny", **changed))


def test_a_path_without_a_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"no archive")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "model.tar.gz", tmp_path / "nowhere"):
        with pytest.raises(PackageError):
            CountModel.load(path)


def test_a_network_that_onnxruntime_cannot_read_is_refused(tmp_path: Path) -> None:
    folder = package(tmp_path / "tiny")
    (folder / "model.onnx").write_bytes(b"no network")
    with pytest.raises(PackageError):
        CountModel.load(folder)


def test_the_runtime_reports_to_nobody_and_leaves_no_identifier_at_home(tmp_path: Path) -> None:
    home, model = tmp_path / "home", package(tmp_path / "tiny")
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    code = f"from training.serving.model import CountModel; CountModel.load({str(model)!r}).warm_up()"

    subprocess.run([sys.executable, "-c", code], check=True, env=environment | {"HOME": str(home)})

    assert not home.exists()
