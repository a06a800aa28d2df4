"""A tiny run from photos to a released model, through the same functions as a real one.

The photos are drawn ones, taken as if they were real; nobody expects the counter to be any good.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from training.dataset import labels_of  # noqa: E402 - torch comes first, here and below
from training.drawn import write_bins  # noqa: E402
from training.errors import OtherRunError, UnfinishedRunError  # noqa: E402
from training.evaluate import load, probabilities_of  # noqa: E402
from training.knobs import Knobs  # noqa: E402
from training.network import Released, build, load_weights  # noqa: E402
from training.package import package  # noqa: E402
from training.progress import silent  # noqa: E402
from training.records import CLASSES, read_folder  # noqa: E402
from training.run import Run, start  # noqa: E402
from training.scores import Protocol, score  # noqa: E402
from training.serving.images import decode  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from training.train import Learner

pytestmark = [pytest.mark.torch, pytest.mark.integration]

KNOBS = Knobs(
    architecture="shufflenet_v2_x0_5",
    drawn=8,
    drawn_held_out=14,
    epochs=2,
    small_epochs=1,
    small_size=64,
    batch_size=12,
)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


class PowerCut(Exception):  # noqa: N818 - an event, not a failure of ours
    """What stops a run where a test wants it stopped."""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data folder, backbone weights, and room for runs."""
    folder = tmp_path_factory.mktemp("training")
    write_bins(folder / "data", [count % 7 for count in range(42)], 1)
    torch.manual_seed(1)
    donor = build(KNOBS.architecture, len(CLASSES), None, pretrained=False)
    backbone = {name: tensor for name, tensor in donor.state_dict().items() if not name.startswith("fc.")}
    torch.save(backbone, folder / "backbone.pth")
    return folder


def a_run(workplace: Path, name: str, knobs: Knobs = KNOBS) -> Run:
    return Run(
        out=workplace / name,
        data=workplace / "data",
        cache=workplace / "cache",
        knobs=knobs,
        backbone_weights=workplace / "backbone.pth",
        backbone_source="random numbers",
        git_commit=None,
    )


def carried_out(run: Run, report: Callable[[str], None] = lambda _: None) -> Learner:
    return start(run, gpus=0, threads=0, report=report, progress=silent)


@pytest.fixture(scope="module")
def finished(workplace: Path) -> tuple[Run, Learner, list[str]]:
    lines: list[str] = []
    run = a_run(workplace, "finished")
    return run, carried_out(run, lines.append), lines


@pytest.fixture(scope="module")
def released(workplace: Path, finished: tuple[Run, Learner, list[str]]) -> Path:
    package(finished[0], workplace / "model", "1", NOW, progress=silent)
    return workplace / "model"


def test_each_epoch_ends_with_a_line_that_a_regular_expression_can_read(
    finished: tuple[Run, Learner, list[str]],
) -> None:
    first, second = finished[2]

    assert first.startswith("epoch=1 train_loss=")
    assert second.startswith("epoch=2 train_loss=")
    for name in ("val_accuracy", "val_loss", "drawn_val_accuracy"):
        assert float(dict(pair.split("=") for pair in second.split())[name]) >= 0


def test_a_run_killed_after_an_epoch_ends_where_the_uninterrupted_one_does(
    workplace: Path, finished: tuple[Run, Learner, list[str]]
) -> None:
    run = a_run(workplace, "killed-after-an-epoch")

    def cut(_: str) -> None:
        raise PowerCut

    with pytest.raises(PowerCut):
        carried_out(run, cut)

    assert_same_weights(carried_out(run), finished[1])


def test_a_run_killed_within_an_epoch_ends_where_the_uninterrupted_one_does(
    workplace: Path, finished: tuple[Run, Learner, list[str]]
) -> None:
    run = a_run(workplace, "killed-within-an-epoch")

    @contextmanager
    def cut_in_second_epoch(_total: int, label: str) -> Iterator[Callable[[], None]]:
        def done() -> None:
            if label.startswith("epoch 2"):
                raise PowerCut

        yield done

    with pytest.raises(PowerCut):
        start(run, gpus=0, threads=0, report=lambda _: None, progress=cut_in_second_epoch)

    assert_same_weights(carried_out(run), finished[1])


def assert_same_weights(one: Learner, other: Learner) -> None:
    for this, that in ((one.network, other.network), (one.averaged.module, other.averaged.module)):
        for name, tensor in this.state_dict().items():
            assert torch.allclose(tensor, that.state_dict()[name], atol=1e-6), name


def test_other_knobs_do_not_go_on_from_a_run(finished: tuple[Run, Learner, list[str]]) -> None:
    with pytest.raises(OtherRunError, match="knobs"):
        carried_out(replace(finished[0], knobs=replace(KNOBS, learning_rate=1.0)))


def test_other_photos_do_not_go_on_from_a_run(tmp_path: Path, finished: tuple[Run, Learner, list[str]]) -> None:
    write_bins(tmp_path, [1] * 20, 2)

    with pytest.raises(OtherRunError, match="manifest"):
        carried_out(replace(finished[0], data=tmp_path))


def test_an_unfinished_run_is_not_released(workplace: Path) -> None:
    with pytest.raises(UnfinishedRunError, match="0 of 2 epochs"):
        package(a_run(workplace, "never-started"), workplace / "no-model", "1", NOW, progress=silent)


def test_a_folder_without_a_run_is_not_released(tmp_path: Path) -> None:
    with pytest.raises(UnfinishedRunError, match="no run"):
        Run.recorded(tmp_path)


def test_a_recorded_run_reads_back(finished: tuple[Run, Learner, list[str]]) -> None:
    run = finished[0]

    assert Run.recorded(run.out) == replace(run, backbone_weights=None)


def test_the_released_folder_holds_the_four_files_and_no_others(released: Path) -> None:
    assert {file.name for file in released.iterdir()} == {"model.onnx", "weights.pt", "model.json", "MODEL_CARD.md"}


def test_the_facts_say_what_a_client_and_a_reader_need(released: Path) -> None:
    facts = json.loads((released / "model.json").read_text())

    assert facts["name"] == "bin-counter"
    assert facts["classes"] == list(CLASSES)
    assert facts["preprocessing"]["size"] == [224, 224]
    assert sum(facts["prior"]) == pytest.approx(1)
    assert facts["temperature"] > 0
    assert facts["hyperparameters"]["epochs"] == 2
    assert sum(map(sum, facts["data"]["classes_per_split"].values())) == 42 + 8 + 3 * 14
    assert set(facts["metrics"]) == {"real-validation", "real-test", "drawn-test"}
    assert set(facts["metrics"]["real-test"]) == {"seed", "zero-to-five", "all"}


def test_nothing_released_tells_where_it_was_made(released: Path, workplace: Path) -> None:
    places = [str(workplace).encode(), str(ROOT).encode(), str(Path.home()).encode() + b"/", b"site-packages"]

    for file in released.iterdir():
        assert not [place for place in places if place in file.read_bytes()], file.name


def test_the_stored_weights_and_the_graph_are_the_same_network(released: Path, workplace: Path) -> None:
    facts = json.loads((released / "model.json").read_text())
    weights = torch.load(released / "weights.pt", weights_only=True)
    network = load_weights(build(KNOBS.architecture, len(CLASSES), None, pretrained=False), weights)
    records = read_folder(workplace / "data")[:5]
    images = np.stack([decode(record.photo.read_bytes(), (224, 224)) for record in records])

    with torch.inference_mode():
        from_weights = Released(network, facts["temperature"])(torch.from_numpy(images)).numpy()

    assert np.abs(from_weights - probabilities_of(load(released), records)).max() < 1e-4


def test_evaluate_prints_one_object_that_agrees_with_the_scores(released: Path, workplace: Path) -> None:
    """Also without torch: the endpoint's machine has none."""
    command = "import sys; sys.modules['torch'] = None; from training.__main__ import main; main()"
    arguments = [
        "evaluate",
        "--model",
        str(released),
        "--data",
        str(workplace / "data"),
        "--protocol",
        "seed",
        "--json",
    ]

    printed = subprocess.run(
        [sys.executable, "-c", command, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    records = read_folder(workplace / "data")
    expected = score(probabilities_of(load(released), records), labels_of(records), Protocol.SEED).report()
    assert printed.count("\n") == 1
    assert json.loads(printed) == expected
    assert expected["n"] == 30
