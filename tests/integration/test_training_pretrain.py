"""A tiny pretraining from photos to the weights that a counter starts from.

The photos are drawn ones, taken as if they were real and under consecutive ids; nobody expects them to teach much.
"""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from training.contrast import numbered  # noqa: E402 - torch comes first, here and below
from training.dataset import Photos, real_splits  # noqa: E402
from training.drawn import write_bins  # noqa: E402
from training.errors import BadKnobsError, CollapsedError, OtherPhotosError, OtherRunError  # noqa: E402
from training.knobs import Knobs, PretrainingKnobs  # noqa: E402
from training.network import build  # noqa: E402
from training.pretrain import Projected, pretrain  # noqa: E402
from training.pretraining import Pretraining, start  # noqa: E402
from training.progress import silent  # noqa: E402
from training.records import CLASSES, read_folder  # noqa: E402
from training.replicas import Replica  # noqa: E402
from training.run import Run  # noqa: E402
from training.run import start as start_training  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.torch, pytest.mark.integration]

KNOBS = PretrainingKnobs(architecture="shufflenet_v2_x0_5", size=64, view_size=48, epochs=3, batch_size=10)
COUNTING = Knobs(
    architecture=KNOBS.architecture, size=64, epochs=1, small_epochs=0, batch_size=12, drawn=0, drawn_held_out=0
)
CPU = torch.device("cpu")
Weights = dict[str, torch.Tensor]


class PowerCut(Exception):  # noqa: N818 - an event, not a failure of ours
    """What stops a pretraining where a test wants it stopped."""


def write_photos(folder: Path, bins: int) -> None:
    """Draw bins and give them consecutive numbers, as the public data set has them."""
    write_bins(folder, [count % 7 for count in range(bins)], 1)
    for number, record in enumerate(read_folder(folder), start=1):
        record.photo.rename(record.photo.with_stem(f"{number:05d}"))
        metadata = folder / "metadata" / f"{record.image_id}.json"
        metadata.rename(metadata.with_stem(f"{number:05d}"))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data folder, backbone weights, and room for pretrainings and runs."""
    folder = tmp_path_factory.mktemp("pretraining")
    write_photos(folder / "data", 42)
    torch.manual_seed(1)
    donor = build(KNOBS.architecture, len(CLASSES), None, pretrained=False)
    torch.save(donor.state_dict(), folder / "donor.pth")
    return folder


def a_pretraining(workplace: Path, name: str, knobs: PretrainingKnobs = KNOBS) -> Pretraining:
    return Pretraining(
        out=workplace / name,
        data=workplace / "data",
        cache=workplace / "cache",
        knobs=knobs,
        backbone_weights=workplace / "donor.pth",
        backbone_source="random numbers (public domain)",
        git_commit=None,
    )


def carried_out(run: Pretraining, report: Callable[[str], None] = lambda _: None) -> Weights:
    return start(run, device=CPU, report=report, progress=silent)


def assert_same(one: Weights, other: Weights) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.allclose(tensor, other[name], atol=1e-6), name


@pytest.fixture(scope="module")
def finished(workplace: Path) -> tuple[Pretraining, Weights, list[str]]:
    lines: list[str] = []
    run = a_pretraining(workplace, "finished")
    return run, carried_out(run, lines.append), lines


Finished = tuple[Pretraining, Weights, list[str]]


def test_each_epoch_ends_with_a_line_that_a_regular_expression_can_read(finished: Finished) -> None:
    figures = [dict(pair.split("=") for pair in line.split()) for line in finished[2]]

    assert [line["epoch"] for line in figures] == ["1", "2", "3"]
    assert all(0 <= float(line[name]) <= 1 for line in figures for name in ("spread", "found", "told_apart"))
    assert json.loads((finished[0].out / "history.json").read_text())[2]["epoch"] == 3


def test_the_weights_are_a_backbone_without_a_head_that_has_moved(workplace: Path, finished: Finished) -> None:
    written = torch.load(finished[0].out / "backbone.pth", weights_only=True)
    donor = torch.load(workplace / "donor.pth", weights_only=True)

    assert_same(written, finished[1])
    assert donor.keys() - written.keys() == {"fc.weight", "fc.bias"}
    assert not torch.equal(written["conv1.0.weight"], donor["conv1.0.weight"])
    assert (
        build(KNOBS.architecture, 7, finished[0].out / "backbone.pth")
        .state_dict()["conv1.0.weight"]
        .equal(written["conv1.0.weight"])
    )


def test_a_pretraining_killed_after_an_epoch_ends_where_the_uninterrupted_one_does(
    workplace: Path, finished: Finished
) -> None:
    run = a_pretraining(workplace, "killed-after-an-epoch")

    def cut(_: str) -> None:
        raise PowerCut

    with pytest.raises(PowerCut):
        carried_out(run, cut)

    assert not (run.out / "backbone.pth").exists()
    assert_same(carried_out(run), finished[1])
    assert (run.out / "history.json").read_text() == (finished[0].out / "history.json").read_text()


def test_a_pretraining_killed_within_an_epoch_ends_where_the_uninterrupted_one_does(
    workplace: Path, finished: Finished
) -> None:
    run = a_pretraining(workplace, "killed-within-an-epoch")

    @contextmanager
    def cut_in_second_epoch(_total: int, label: str) -> Iterator[Callable[[], None]]:
        def done() -> None:
            if label.startswith("epoch 2"):
                raise PowerCut

        yield done

    with pytest.raises(PowerCut):
        start(run, device=CPU, report=lambda _: None, progress=cut_in_second_epoch)

    assert_same(carried_out(run), finished[1])


def test_a_finished_pretraining_is_not_taken_further(finished: Finished) -> None:
    lines: list[str] = []

    assert_same(carried_out(finished[0], lines.append), finished[1])
    assert lines == []


def test_photos_of_other_splits_are_not_so_much_as_opened(workplace: Path, finished: Finished) -> None:
    """Were one of them read, it would not decode."""
    shutil.copytree(workplace / "data", workplace / "blind" / "data")
    splits = real_splits(workplace / "blind" / "data", KNOBS.seed)
    held_out = [record for name, part in splits.items() if name != "real-train" for record in part]
    for record in held_out:
        record.photo.write_bytes(b"not to be seen")
    run = replace(
        a_pretraining(workplace, "blind-run"), data=workplace / "blind" / "data", cache=workplace / "blind" / "cache"
    )

    assert len(held_out) >= 6
    assert_same(carried_out(run), finished[1])


def test_neighbours_in_one_step_teach_something_else(workplace: Path, finished: Finished) -> None:
    apart = carried_out(a_pretraining(workplace, "apart", replace(KNOBS, neighbours_together=False)))

    assert not torch.equal(apart["conv1.0.weight"], finished[1]["conv1.0.weight"])


def a_training(workplace: Path, name: str, backbone: Path, knobs: Knobs = COUNTING) -> Run:
    return Run(workplace / name, workplace / "data", workplace / "cache", knobs, backbone, "what somebody says", None)


def trained(run: Run) -> None:
    start_training(run, replica=Replica(CPU), report=lambda _: None, progress=silent)


def test_the_record_of_a_counter_tells_that_it_was_pretrained_on_what_and_from_what(
    workplace: Path, finished: Finished
) -> None:
    run = a_training(workplace, "counter", finished[0].out / "backbone.pth")
    trained(run)

    source = Run.recorded(run.out).backbone_source
    photos = len(real_splits(workplace / "data", 1)["real-train"])
    assert f"the {photos} photos of the training split" in source
    assert "pretrain --architecture shufflenet_v2_x0_5 --size 64 --view-size 48 --epochs 3 --batch-size 10`" in source
    assert source.endswith("random numbers (public domain)")


def test_weights_from_elsewhere_come_from_where_it_is_said(workplace: Path) -> None:
    run = a_training(workplace, "counter-from-elsewhere", workplace / "donor.pth")
    trained(run)

    assert Run.recorded(run.out).backbone_source == "what somebody says"


def test_a_counter_that_holds_out_other_photos_than_its_pretraining_is_refused(
    workplace: Path, finished: Finished
) -> None:
    other_seed = replace(COUNTING, seed=2)

    with pytest.raises(OtherPhotosError, match="seed"):
        trained(a_training(workplace, "counter-2", finished[0].out / "backbone.pth", other_seed))


def test_a_pretraining_can_begin_with_another_ones_weights_and_tells_of_both(
    workplace: Path, finished: Finished
) -> None:
    further = replace(
        a_pretraining(workplace, "further", replace(KNOBS, epochs=1)),
        backbone_weights=finished[0].out / "backbone.pth",
    )
    carried_out(further)

    run = a_training(workplace, "counter-further", further.out / "backbone.pth")
    trained(run)

    source = Run.recorded(run.out).backbone_source
    assert source.count("pretrain --") == 2
    assert source.endswith("random numbers (public domain)")


def test_another_pretraining_does_not_go_on_from_this_one(finished: Finished) -> None:
    with pytest.raises(OtherRunError, match="knobs"):
        carried_out(replace(finished[0], knobs=replace(KNOBS, temperature=0.5)))


def test_runs_and_pretrainings_do_not_share_a_folder(workplace: Path, finished: Finished) -> None:
    with pytest.raises(OtherRunError, match="pretraining"):
        trained(a_training(workplace, finished[0].out.name, workplace / "donor.pth"))
    run = a_training(workplace, "counter-alone", workplace / "donor.pth")
    trained(run)
    with pytest.raises(OtherRunError, match="training run"):
        carried_out(a_pretraining(workplace, run.out.name))


def test_too_few_photos_to_tell_apart_are_refused(workplace: Path, tmp_path: Path) -> None:
    write_bins(tmp_path / "data", [1], 1)

    with pytest.raises(BadKnobsError, match="1 photos"):
        carried_out(replace(a_pretraining(workplace, "alone"), data=tmp_path / "data"))


def six_photos() -> Photos:
    """Two to seven stripes."""
    stripes = [np.arange(64) * number // 64 % 2 * 200 for number in range(2, 8)]
    pixels = np.stack([np.tile(one.astype(np.uint8)[:, None, None], (1, 64, 3)) for one in stripes])
    return Photos(pixels, np.zeros(6, np.int64), np.zeros((6, 4), np.float32))


def pretrained(network: Projected, knobs: PretrainingKnobs, run: Path) -> list[dict[str, float]]:
    """What the epochs of a network on the six photos give."""
    learner = pretrain(
        network,
        six_photos(),
        numbered(list("123456")),
        knobs,
        run,
        device=CPU,
        report=lambda _: None,
        progress=silent,
    )
    return learner.history


def test_it_learns_to_tell_photos_apart(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = Projected("resnet18", None, pretrained=False)
    knobs = replace(KNOBS, view_size=32, least_area=0.8, epochs=5, batch_size=6, learning_rate=1e-3)

    history = pretrained(network, replace(knobs, head_learning_rate=1e-3), tmp_path)
    (tmp_path / "checkpoint.pt").unlink()  # large

    assert history[4]["pretrain_loss"] < history[0]["pretrain_loss"] - 0.5
    assert history[4]["found"] >= history[0]["found"] + 0.25


@pytest.mark.parametrize("ruined", [0.0, float("nan")])
def test_a_network_to_which_all_photos_look_alike_stops_the_pretraining_and_leaves_no_checkpoint(
    tmp_path: Path, ruined: float
) -> None:
    network = Projected(KNOBS.architecture, None, pretrained=False)
    torch.nn.init.constant_(network.projection[2].weight, ruined)
    torch.nn.init.constant_(network.projection[2].bias, 1.0)
    unmoved = replace(KNOBS, learning_rate=0.0, head_learning_rate=0.0, batch_size=3)

    with pytest.raises(CollapsedError, match="epoch 1"):
        pretrained(network, unmoved, tmp_path)

    assert list(tmp_path.iterdir()) == []
