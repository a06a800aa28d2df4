"""`compare` as its user runs it: packages, a model server and an endpoint beside each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
import typer
from onnx import numpy_helper
from typer.testing import CliRunner

from tests.endpoint import ENDPOINT, serving
from tests.serving_fixtures import archive, package
from tests.serving_processes import running
from training.commands.compare import compare as command
from training.contenders import Kind, at_address, contender, deployed
from training.drawn import write_bins
from training.errors import NoAnswerError, TrainingError, UnusableModelError
from training.progress import silent
from training.records import class_counts, read_folder
from training.serving.model import CountModel
from training.serving.server import BoundedPool, ModelServer
from training.split import split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

pytestmark = pytest.mark.integration

COUNTS = [0, *(n % 5 + 1 for n in range(20)), 7]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_bins(folder, COUNTS, seed=1)
    return folder


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows nothing and says so: every class is as likely."""
    return weighted(tmp_path_factory.mktemp("flat"), np.zeros((3, 7)), name="flat")


@pytest.fixture(scope="module")
def sure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is certain of one item, whatever it sees."""
    weights = np.zeros((3, 7))
    weights[:, 1] = 1
    return weighted(tmp_path_factory.mktemp("sure"), weights, name="sure")


def weighted(folder: Path, weights: np.ndarray, **facts: Any) -> Path:
    """A package of the tiny model with other weights."""
    path = package(folder, **facts) / "model.onnx"
    network = onnx.load(path)
    (stored,) = (one for one in network.graph.initializer if one.name == "weights")
    stored.CopyFrom(numpy_helper.from_array(weights.astype(np.float32), "weights"))
    onnx.save(network, path)
    return folder


@pytest.fixture(scope="module")
def address(flat: Path) -> Iterator[str]:
    model = CountModel.load(flat)
    front = ModelServer(lambda: model, BoundedPool(threads=1, queue=4), give_up=lambda: None)
    with running(front.app()) as url:
        yield url


def invoked(*arguments: object, cache: Path) -> Result:
    app = typer.Typer()
    app.command()(command)
    given = [*map(str, arguments), "--cache", str(cache), "--threads", "1", "--timed", "6", "--slowdown", "1000"]
    return CliRunner().invoke(app, given, env={"COLUMNS": "300", "TERM": "dumb"})


def test_the_better_package_passes_the_gate_and_the_worse_one_does_not(
    data: Path, flat: Path, sure: Path, tmp_path: Path
) -> None:
    forth = invoked(sure, archive(flat), "--data", data, "--gate", cache=tmp_path)
    back = invoked(flat, sure, "--data", data, "--gate", cache=tmp_path)

    assert forth.exit_code == 0, forth.output
    assert "B may take A's place" in forth.output
    assert back.exit_code == 1
    assert "B may not take A's place" in back.output
    assert "not split as for training" in back.output


def test_without_the_gate_a_worse_package_is_no_failure(data: Path, flat: Path, sure: Path, tmp_path: Path) -> None:
    assert invoked(flat, sure, "--data", data, cache=tmp_path).exit_code == 0


def test_json_is_one_object_and_nothing_else(data: Path, flat: Path, sure: Path, tmp_path: Path) -> None:
    outcome = invoked(sure, flat, "--data", data, "--protocol", "all", "--json", cache=tmp_path)

    said = json.loads(outcome.output)
    assert (said["a"]["model"], said["b"]["model"], said["photos"]) == ("sure/1", "flat/1", len(COUNTS))
    assert said["promoted"] is False
    assert [one["name"] for one in said["gate"] if not one["passed"]] == ["accuracy"]
    assert set(said["differences"]) == {"accuracy", "loss", "brier", "ece"}
    assert said["a"]["latency_ms"]["photos"] == 6


def test_the_pages_show_photos_only_where_they_may(data: Path, flat: Path, sure: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with_photos = invoked(sure, flat, "--data", data, "--out", out, "--protocol", "all", cache=tmp_path / "c")
    assert with_photos.exit_code == 0, with_photos.output
    assert {path.name for path in out.iterdir()} == {
        "compare.md",
        "compare.html",
        "compare.json",
        "disagreements.jpg",
    }
    assert "disagreements.jpg" in (out / "compare.md").read_text(encoding="utf-8")

    invoked(sure, flat, "--data", data, "--out", out, "--no-photos", "--protocol", "all", cache=tmp_path / "c")
    assert not (out / "disagreements.jpg").exists()
    assert "image/jpeg" not in (out / "compare.html").read_text(encoding="utf-8")


def test_a_model_that_has_learnt_from_the_photos_is_warned_of(data: Path, flat: Path, tmp_path: Path) -> None:
    part = split(read_folder(data), seed=1)["train"]
    learnt = package(tmp_path / "learnt", data={"classes_per_split": {"real-train": class_counts(part)}})

    outcome = invoked(flat, learnt, "--data", data, "--split", "train", "--gate", cache=tmp_path)

    assert outcome.exit_code == 1
    assert "warning: B" in outcome.output
    assert "has learnt from them" in outcome.output


def test_a_server_says_what_its_package_says(data: Path, flat: Path, address: str, tmp_path: Path) -> None:
    records = read_folder(data)
    here = contender(str(flat), tmp_path, 1, runtime=lambda: None)
    there = contender(address, tmp_path, 1, runtime=lambda: None)

    assert np.allclose(here.probabilities(records, silent), there.probabilities(records, silent), atol=1e-6)
    assert (here.kind, there.kind) == (Kind.PACKAGE, Kind.SERVER)
    assert invoked(address, address, "--data", data, cache=tmp_path).exit_code == 0


def test_an_endpoint_is_asked_through_the_given_client(data: Path, tmp_path: Path) -> None:
    with serving() as endpoint:
        there = contender(f"endpoint:{ENDPOINT}", tmp_path, 1, runtime=endpoint.client)
        rows = there.probabilities(read_folder(data)[:2], silent)
        with pytest.raises(NoAnswerError, match="nobody does not answer"):
            deployed("nobody", endpoint.client()).answer(photo(data))

    assert (rows.argmax(axis=1) == 3).all()
    assert endpoint.asked[0][1]["Content-Type"] == "image/jpeg"


def photo(data: Path) -> bytes:
    return read_folder(data)[0].photo.read_bytes()


def test_an_address_where_nobody_listens_is_one_sentence(data: Path) -> None:
    with pytest.raises(NoAnswerError, match=r"127.0.0.1:9 does not answer"):
        at_address("http://127.0.0.1:9").answer(photo(data))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"<html>", NoAnswerError),
        (b"[]", UnusableModelError),
        (b'{"counts": ["0", "1"], "probabilities": [0.5, 0.5]}', UnusableModelError),
    ],
)
def test_a_reply_that_breaks_the_contract_is_refused(data: Path, reply: bytes, error: type[TrainingError]) -> None:
    with serving() as endpoint:
        endpoint.reply = type(endpoint.reply)(200, reply)
        with pytest.raises(error):
            deployed(ENDPOINT, endpoint.client()).answer(photo(data))
