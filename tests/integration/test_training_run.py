"""A tiny run from photos to a released model, through the same functions as a real one.

The photos are drawn ones, taken as if they were real; nobody expects the counter to be any good.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

import onnx  # noqa: E402 - the training environment has it

from training.calibrate import Calibration  # noqa: E402 - torch comes first, here and below
from training.dataset import labels_of  # noqa: E402
from training.drawn import write_bins  # noqa: E402
from training.ensemble import compare, soup  # noqa: E402
from training.errors import (  # noqa: E402
    BadKnobsError,
    OtherPhotosError,
    OtherRunError,
    UnfinishedRunError,
    UnusableModelError,
)
from training.evaluate import load, probabilities_of  # noqa: E402
from training.knobs import Knobs  # noqa: E402
from training.measures import MEASURES  # noqa: E402
from training.network import Released, Viewing, Views, build, network_of  # noqa: E402
from training.package import package  # noqa: E402
from training.progress import silent  # noqa: E402
from training.records import CLASSES, read_folder  # noqa: E402
from training.replicas import Replica  # noqa: E402
from training.run import Run, gather, start, teachers_of  # noqa: E402
from training.scores import Protocol, score  # noqa: E402
from training.serving.images import decode  # noqa: E402
from training.stored_weights import read, save  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from training.teachers import Teachers
    from training.train import Learner

pytestmark = [pytest.mark.torch, pytest.mark.integration]

KNOBS = Knobs(
    architecture="shufflenet_v2_x0_5",
    drawn=8,
    drawn_held_out=14,
    epochs=2,
    small_epochs=1,
    size=96,
    small_size=64,
    batch_size=12,
)
ALONE = Replica(torch.device("cpu"))
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
    return start(run, replica=ALONE, report=report, progress=silent)


@pytest.fixture(scope="module")
def finished(workplace: Path) -> tuple[Run, Learner, list[str]]:
    lines: list[str] = []
    run = a_run(workplace, "finished")
    return run, carried_out(run, lines.append), lines


@pytest.fixture(scope="module")
def released(workplace: Path, finished: tuple[Run, Learner, list[str]]) -> Path:
    package([finished[0]], workplace / "model", "1", NOW, progress=silent)
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
        start(run, replica=ALONE, report=lambda _: None, progress=cut_in_second_epoch)

    assert_same_weights(carried_out(run), finished[1])


def assert_same_weights(one: Learner, other: Learner) -> None:
    for this, that in ((one.network, other.network), (one.averaged.module, other.averaged.module)):
        for name, tensor in this.state_dict().items():
            assert torch.allclose(tensor, that.state_dict()[name], atol=1e-6), name


def test_a_run_stopped_by_who_hears_its_figures_ends_where_the_uninterrupted_one_does(
    workplace: Path, finished: tuple[Run, Learner, list[str]]
) -> None:
    run = a_run(workplace, "stopped-by-a-listener")
    heard: list[dict[str, float]] = []

    def stop(figures: dict[str, float]) -> None:
        heard.append(figures)
        raise PowerCut

    with pytest.raises(PowerCut):
        start(run, replica=ALONE, report=lambda _: None, after_epoch=stop, progress=silent)

    assert heard == finished[1].history[:1]
    assert_same_weights(carried_out(run), finished[1])


def test_two_processes_train_one_network_together(workplace: Path, tmp_path: Path) -> None:
    """Each sees its half of every batch; both end with the same weights, of which the first leaves its files."""
    knobs = ["--architecture", KNOBS.architecture, "--size", "64", "--epochs", "1", "--small-epochs", "0"]
    run = ["--out", str(tmp_path / "run"), "--data", str(workplace / "data"), "--cache", str(tmp_path / "cache")]
    backbone = ["--backbone-weights", str(workplace / "backbone.pth"), "--drawn", "0", "--batch-size", "12"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

    ended = subprocess.run(
        [*command, "-m", "training", "train", *run, *backbone, *knobs, "--threads", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("epoch=1 ") == 1
    assert {"run.json", "history.json", "best.pt", "checkpoint.pt"} == {f.name for f in (tmp_path / "run").iterdir()}


def test_a_student_learns_from_a_teacher_of_another_kind(
    workplace: Path, finished: tuple[Run, Learner, list[str]]
) -> None:
    taught = replace(a_run(workplace, "taught", replace(KNOBS, teaching=1.0)), teachers=(finished[0].out,))
    untaught = a_run(workplace, "untaught", replace(KNOBS, teaching=0.0))

    histories = [carried_out(run).history for run in (taught, untaught)]

    assert histories[0] != histories[1]
    assert Run.recorded(taught.out).teachers == (finished[0].out,)


def test_a_released_model_teaches_like_the_run_that_it_came_from(workplace: Path, released: Path) -> None:
    teacher = shutil.copytree(released, workplace / "teacher")
    run = replace(a_run(workplace, "taught-by-a-release", replace(KNOBS, epochs=1)), teachers=(teacher,))
    named = run.teachers_names

    assert len(carried_out(run).history) == 1
    shutil.rmtree(teacher)
    assert Run.recorded(run.out).teachers_names == named, "a run from another machine knows who taught it"


def test_a_folder_that_holds_no_network_cannot_teach(workplace: Path, tmp_path: Path) -> None:
    with pytest.raises(UnfinishedRunError, match="neither"):
        carried_out(replace(a_run(workplace, "taught-by-nothing"), teachers=(tmp_path,)))


def test_a_teacher_that_knows_the_test_photos_is_refused(
    tmp_path: Path, workplace: Path, finished: tuple[Run, Learner, list[str]]
) -> None:
    write_bins(tmp_path / "data", [count % 7 for count in range(42)], 5, first_id=100)
    elsewhere = replace(a_run(workplace, "elsewhere"), data=tmp_path / "data", teachers=(finished[0].out,))

    with pytest.raises(OtherPhotosError, match="other photos"):
        carried_out(elsewhere)


def test_a_last_run_learns_from_the_validation_photos_and_keeps_its_last_epoch(workplace: Path) -> None:
    run = a_run(workplace, "last", replace(KNOBS, learn_from_validation=True))

    learner = carried_out(run)

    assert "val_loss" not in learner.history[-1]
    best = torch.load(run.out / "best.pt", weights_only=True)
    assert all(best[name].equal(tensor) for name, tensor in learner.averaged.module.state_dict().items())


def test_a_run_that_measures_the_goods_as_well_leaves_a_network_that_only_counts(workplace: Path) -> None:
    run = a_run(workplace, "measuring", replace(KNOBS, measures=0.5))

    learner = carried_out(run)

    assert learner.network(torch.zeros(2, 3, 64, 64)).shape == (2, len(CLASSES) + len(MEASURES))
    assert run.best_network()(torch.zeros(2, 3, 64, 64)).shape == (2, len(CLASSES))


def test_drawn_bins_can_come_first_on_their_own(workplace: Path) -> None:
    run = a_run(workplace, "drawn-first", replace(KNOBS, drawn_epochs=1))

    learner = carried_out(run)

    assert [figures["epoch"] for figures in learner.history] == [1, 2]


def test_drawn_epochs_without_drawn_bins_are_refused(workplace: Path) -> None:
    with pytest.raises(BadKnobsError, match="drawn"):
        carried_out(a_run(workplace, "none-drawn", replace(KNOBS, drawn=0, drawn_epochs=1)))


def test_a_delivered_run_is_packaged_like_the_one_it_came_from(
    workplace: Path, finished: tuple[Run, Learner, list[str]], released: Path
) -> None:
    finished[0].deliver(workplace / "delivered")

    package([Run.recorded(workplace / "delivered")], workplace / "from-delivered", "1", NOW, progress=silent)

    assert (workplace / "from-delivered" / "model.onnx").read_bytes() == (released / "model.onnx").read_bytes()


def test_runs_are_compared_with_their_means_on_the_same_photos(
    workplace: Path, finished: tuple[Run, Learner, list[str]]
) -> None:
    other = a_run(workplace, "other", replace(KNOBS, learning_rate=1e-3))
    carried_out(other)

    candidates = compare([finished[0], other], progress=silent)

    assert [one.name for one in candidates] == ["finished", "other", "mean of logits", "mean of weights"]
    one, two, together, _ = candidates
    between = np.sqrt(one.probabilities * two.probabilities)
    assert np.allclose(together.probabilities, between / between.sum(axis=1, keepdims=True))
    assert one.gain_over(one) == (0, 0)
    assert together.losses.mean() <= max(one.losses.mean(), two.losses.mean())


def test_a_soup_is_never_worse_than_the_best_run_in_it(
    workplace: Path, finished: tuple[Run, Learner, list[str]]
) -> None:
    other = a_run(workplace, "for-soup", replace(KNOBS, learning_rate=2e-3))
    carried_out(other)
    runs = [finished[0], other]

    kept = soup(runs, workplace / "soup", progress=silent)

    mixed = Run.recorded(workplace / "soup")
    losses = [candidate.losses.mean() for candidate in compare([mixed, *runs], progress=silent)]
    assert mixed.averaged == len(kept)
    assert losses[0] <= min(losses[1:3]) + 1e-9


def test_other_knobs_do_not_go_on_from_a_run(finished: tuple[Run, Learner, list[str]]) -> None:
    with pytest.raises(OtherRunError, match="knobs"):
        carried_out(replace(finished[0], knobs=replace(KNOBS, learning_rate=1.0)))


def test_other_photos_do_not_go_on_from_a_run(tmp_path: Path, finished: tuple[Run, Learner, list[str]]) -> None:
    write_bins(tmp_path, [1] * 20, 2)

    with pytest.raises(OtherRunError, match="manifest"):
        carried_out(replace(finished[0], data=tmp_path))


def test_an_unfinished_run_is_not_released(workplace: Path) -> None:
    with pytest.raises(UnfinishedRunError, match="0 of 2 epochs"):
        package([a_run(workplace, "never-started")], workplace / "no-model", "1", NOW, progress=silent)


def test_a_folder_without_a_run_is_not_released(tmp_path: Path) -> None:
    with pytest.raises(UnfinishedRunError, match="no run"):
        Run.recorded(tmp_path)


def test_a_recorded_run_reads_back(finished: tuple[Run, Learner, list[str]]) -> None:
    run = finished[0]

    assert Run.recorded(run.out) == replace(run, backbone_weights=None)


def test_the_released_folder_holds_the_five_files_and_no_others(released: Path) -> None:
    files = {"model.onnx", "weights-1.pt", "model.json", "baseline.json", "MODEL_CARD.md"}

    assert {file.name for file in released.iterdir()} == files


def test_an_8_bit_release_is_smaller_and_says_what_that_changed(
    finished: tuple[Run, Learner, list[str]], released: Path, workplace: Path
) -> None:
    eight = workplace / "eight-bits"
    package([finished[0]], eight, "1", NOW, eight_bits=True, progress=silent)
    facts = json.loads((eight / "model.json").read_text())
    records = read_folder(workplace / "data")

    assert (eight / "model.onnx").stat().st_size < 0.6 * (released / "model.onnx").stat().st_size
    assert (eight / "weights-1.pt").stat().st_size < 0.75 * (released / "weights-1.pt").stat().st_size
    assert facts["precision"] == "int8"
    assert 0 < facts["quantisation"]["mean_change"] <= facts["quantisation"]["largest_change"] < 0.5
    assert np.allclose(probabilities_of(load(eight), records).sum(axis=1), 1, atol=1e-3)
    assert {file.name for file in eight.iterdir()} == {file.name for file in released.iterdir()}


def test_a_release_that_looks_at_photos_once_says_so_and_mirrors_nothing(
    finished: tuple[Run, Learner, list[str]], released: Path, workplace: Path
) -> None:
    once = workplace / "one-view"
    package([finished[0]], once, "1", NOW, mirrored=False, progress=silent)
    facts, graphs = (
        [json.loads((folder / "model.json").read_text()) for folder in (released, once)],
        [onnx.load(folder / "model.onnx").graph for folder in (released, once)],
    )

    assert [one["networks"][0]["viewing"]["mirrored"] for one in facts] == [True, False]
    assert [_mirrors(graph) for graph in graphs] == [True, False]
    assert "--one-view" in (once / "MODEL_CARD.md").read_text()


def _mirrors(graph: onnx.GraphProto) -> bool:
    """Whether anything is read backwards: a slice whose step is below nought."""
    numbers = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    steps = [numbers[node.input[4]] for node in graph.node if node.op_type == "Slice" and len(node.input) > 4]
    return any((step < 0).any() for step in steps)


def test_the_stored_weights_are_compressed_and_the_same_each_time(released: Path, workplace: Path) -> None:
    again = workplace / "saved-again" / "weights-1.pt"  # torch puts the name into the file
    again.parent.mkdir()
    save(torch.load(released / "weights-1.pt", weights_only=True), again)
    with zipfile.ZipFile(again) as archive:
        assert all(entry.compress_type == zipfile.ZIP_DEFLATED for entry in archive.infolist())
    assert again.read_bytes() == (released / "weights-1.pt").read_bytes()


def test_the_facts_say_what_a_client_and_a_reader_need(released: Path) -> None:
    facts = json.loads((released / "model.json").read_text())

    assert facts["name"] == "bin-counter"
    assert facts["classes"] == list(CLASSES)
    assert facts["preprocessing"]["size"] == [96, 96]
    assert sum(facts["prior"]) == pytest.approx(1)
    assert facts["temperature"] > 0
    assert [network["hyperparameters"]["epochs"] for network in facts["networks"]] == [2]
    assert sum(map(sum, facts["data"]["classes_per_split"].values())) == 42 + 8 + 3 * 14
    assert set(facts["metrics"]) == {"real-validation", "real-test", "drawn-test"}
    assert set(facts["metrics"]["real-test"]) == {"seed", "zero-to-five", "all"}


def test_nothing_released_tells_where_it_was_made(released: Path, workplace: Path) -> None:
    places = [str(workplace).encode(), str(ROOT).encode(), str(Path.home()).encode() + b"/", b"site-packages"]

    for file in released.iterdir():
        assert not [place for place in places if place in file.read_bytes()], file.name


def test_the_stored_weights_and_the_graph_are_the_same_network(released: Path, workplace: Path) -> None:
    assert np.abs(from_weights(released, workplace) - from_graph(released, workplace)).max() < 1e-4


def from_graph(model: Path, workplace: Path) -> np.ndarray:
    return probabilities_of(load(model), read_folder(workplace / "data")[:5])


def from_weights(model: Path, workplace: Path) -> np.ndarray:
    """What networks with the stored weights answer under the stated calibration."""
    facts = json.loads((model / "model.json").read_text())
    records = read_folder(workplace / "data")[:5]
    images = np.stack([decode(record.photo.read_bytes(), (96, 96)) for record in records])
    calibration = Calibration(*(facts["calibration"][part] for part in ("temperature", "scale", "bias")))
    views = [
        Views(network_of(KNOBS.architecture, read(model / network["weights"])), Viewing(**network["viewing"]))
        for network in facts["networks"]
    ]
    with torch.inference_mode():
        answers: np.ndarray = Released(views, calibration)(torch.from_numpy(images)).numpy()
    return answers


@pytest.fixture(scope="module")
def second(workplace: Path) -> Run:
    """A run beside `finished`, which sees photos enlarged."""
    run = a_run(workplace, "second", replace(KNOBS, head_learning_rate=0.1, enlarge=1.25))
    carried_out(run)
    return run


def test_several_runs_are_released_as_one_graph(
    finished: tuple[Run, Learner, list[str]], second: Run, workplace: Path
) -> None:
    pair = workplace / "pair"
    package([finished[0], second], pair, "1", NOW, mirrored=False, progress=silent)
    facts = json.loads((pair / "model.json").read_text())

    assert {file.name for file in pair.glob("weights*")} == {"weights-1.pt", "weights-2.pt"}
    assert [network["viewing"]["enlarge"] for network in facts["networks"]] == [1.0, 1.25]
    assert np.abs(from_weights(pair, workplace) - from_graph(pair, workplace)).max() < 1e-4


def test_a_release_of_one_network_leaves_nothing_of_the_pair_that_was_there(
    finished: tuple[Run, Learner, list[str]], second: Run, workplace: Path
) -> None:
    out = workplace / "fewer"
    package([finished[0], second], out, "1", NOW, progress=silent)
    package([second], out, "2", NOW, progress=silent)

    assert [file.name for file in out.glob("weights*")] == ["weights-1.pt"]


def test_a_released_pair_teaches_with_both_networks(
    finished: tuple[Run, Learner, list[str]], second: Run, workplace: Path
) -> None:
    teachers = workplace / "teachers"
    package([finished[0], second], teachers, "1", NOW, mirrored=False, progress=silent)

    student, photos = a_run(workplace, "student"), torch.randn(4, 3, 96, 96)

    by_release, by_runs, by_one = (
        cast("Teachers", teachers_of(replace(student, teachers=folders), gather(student, silent)))(photos)
        for folders in ((teachers,), (finished[0].out, second.out), (second.out,))
    )

    assert torch.allclose(by_release, by_runs, atol=1e-5)
    assert not torch.allclose(by_one, by_runs, atol=1e-4)


@pytest.mark.parametrize(
    ("knobs", "problem", "named"),
    [
        ({"size": 64}, UnusableModelError, "--size"),
        ({"drawn": 21}, OtherPhotosError, "--drawn"),
    ],
)
def test_runs_that_do_not_go_together_are_not_released(
    finished: tuple[Run, Learner, list[str]],
    workplace: Path,
    knobs: dict[str, int],
    problem: type[Exception],
    named: str,
) -> None:
    other = a_run(workplace, f"other-{named}", replace(KNOBS, **knobs))

    with pytest.raises(problem, match=named):
        package([finished[0], other], workplace / "no-pair", "1", NOW, progress=silent)


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
