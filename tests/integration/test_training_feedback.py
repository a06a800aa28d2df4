"""A tiny run that learns from feedback as well, from folders to a released model; its photos are drawn ones."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from tests.feedback_folders import write_export  # noqa: E402 - torch comes first, here and below
from tests.serving_fixtures import drawn, encoded  # noqa: E402
from training.commands.package import package as package_command  # noqa: E402
from training.dataset import real_splits  # noqa: E402
from training.drawn import write_bins  # noqa: E402
from training.errors import OtherRunError  # noqa: E402
from training.feedback.taking import HELD_OUT_GOODS, HELD_OUT_PHOTO  # noqa: E402
from training.knobs import Knobs  # noqa: E402
from training.network import build  # noqa: E402
from training.package import package  # noqa: E402
from training.progress import silent  # noqa: E402
from training.records import CLASSES  # noqa: E402
from training.replicas import Replica  # noqa: E402
from training.run import Run, start  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.torch, pytest.mark.integration]

KNOBS = Knobs(architecture="shufflenet_v2_x0_5", drawn=0, epochs=1, small_epochs=0, size=64, batch_size=12)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TAKEN = ("new-1", "new-2")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder, backbone weights, and feedback: two photos, one of goods held out, and one held out itself."""
    folder = tmp_path_factory.mktemp("feedback")
    write_bins(folder / "data", [count % 7 for count in range(42)], 1)
    torch.manual_seed(1)
    donor = build(KNOBS.architecture, len(CLASSES), None, pretrained=False)
    torch.save({n: t for n, t in donor.state_dict().items() if not n.startswith("fc.")}, folder / "backbone.pth")
    splits = real_splits(folder / "data", KNOBS.seed)
    goods = next(asin for record in splits["real-validation"] for asin in record.asins)
    tested = splits["real-test"][0].photo.read_bytes()
    photos = [encoded(drawn(seed=number)) for number in range(3)]
    write_export(
        folder / "said",
        [
            (TAKEN[0], photos[0], 2, None),
            (TAKEN[1], encoded(drawn(seed=9), "PNG"), 6, {"NEW": 6}),
            ("goods-held-out", photos[1], 1, {goods: 3}),
            ("photo-held-out", tested, 4, None),
        ],
    )
    return folder


def a_run(workplace: Path, name: str, *feedback: Path) -> Run:
    data, cache, backbone = workplace / "data", workplace / "cache", workplace / "backbone.pth"
    return Run(workplace / name, data, cache, KNOBS, backbone, "random numbers", None, feedback=feedback)


def carried_out(run: Run) -> list[str]:
    lines: list[str] = []
    start(run, replica=Replica(torch.device("cpu")), report=lines.append, progress=silent)
    return lines


def record_of(run: Run) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((run.out / "run.json").read_text())
    return facts


@pytest.fixture(scope="module")
def without(workplace: Path) -> Run:
    run = a_run(workplace, "without")
    carried_out(run)
    return run


@pytest.fixture(scope="module")
def taught(workplace: Path) -> Run:
    run = a_run(workplace, "taught", workplace / "said")
    carried_out(run)
    return run


def test_feedback_adds_to_what_is_learnt_from_and_to_nothing_else(without: Run, taught: Run) -> None:
    before, after = record_of(without), record_of(taught)

    assert after["classes"].pop("feedback-train") == [0, 0, 1, 0, 0, 0, 1]
    assert after["classes"] == before["classes"]
    assert after["unseen_sha256"] == before["unseen_sha256"]
    assert after["manifest_sha256"] != before["manifest_sha256"]
    weights = [torch.load(run.out / "best.pt", weights_only=True)["fc.weight"] for run in (without, taught)]
    assert not torch.equal(*weights)


def test_what_shows_goods_or_photos_held_out_is_left_out_counted_and_told(workplace: Path, taught: Run) -> None:
    told = record_of(taught)["feedback"]

    assert told == {
        "folders": [str((workplace / "said").resolve())],
        "photos": 2,
        "left_out": {HELD_OUT_PHOTO: 1, HELD_OUT_GOODS: 1},
        "goods_unknown": 1,
        "asked": {"review": 2},
    }
    first = carried_out(replace(taught, out=workplace / "told"))[0]
    assert (
        first == f"feedback: 2 photos, 1 of goods not named; 1 left out: {HELD_OUT_PHOTO}; 1 left out: {HELD_OUT_GOODS}"
    )


def test_a_run_goes_on_with_its_own_feedback_and_no_other(workplace: Path, taught: Run) -> None:
    carried_out(taught)
    changed = shutil.copytree(workplace / "said", workplace / "changed")
    lines = (changed / "manifest.jsonl").read_text().splitlines(keepends=True)
    (changed / "manifest.jsonl").write_text("".join(lines[1:]))

    for feedback in ((), (changed,)):
        with pytest.raises(OtherRunError, match="manifest"):
            carried_out(replace(taught, feedback=feedback))


def test_the_released_model_and_its_card_tell_of_the_feedback(workplace: Path, without: Run, taught: Run) -> None:
    for run in (without, taught):
        package([Run.recorded(run.out)], workplace / f"model-{run.out.name}", "1", NOW, progress=silent)
    plain, facts = (
        json.loads((workplace / f"model-{run.out.name}/model.json").read_text()) for run in (without, taught)
    )
    card = (workplace / "model-taught/MODEL_CARD.md").read_text()

    assert "feedback" not in plain["data"]
    assert (facts["data"]["feedback"]["photos"], "folders" in facts["data"]["feedback"]) == (2, False)
    assert (facts["prior"], facts["data"]["manifest_sha256"]) == (plain["prior"], record_of(taught)["manifest_sha256"])
    assert "| feedback-train | 0 | 0 | 1 | 0 | 0 | 0 | 1 | 2 |" in card
    assert "feedback-train are 2 photos of bins that operators resolved" in card
    assert "--data $DATA --feedback $FEEDBACK --backbone-weights" in card
    assert "feedback" not in (workplace / "model-without/MODEL_CARD.md").read_text().lower()


def test_a_run_that_came_from_another_machine_is_packaged_with_the_feedback_as_it_lies_here(
    tmp_path: Path, workplace: Path, taught: Run
) -> None:
    shutil.copytree(taught.out, tmp_path / "run")
    record = record_of(taught) | {"data": "/opt/ml/input/data/training", "cache": "/opt/cache"}
    record["feedback"]["folders"] = ["/opt/ml/input/data/feedback_1"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))

    package_command(
        run=[tmp_path / "run"],
        out=tmp_path / "model",
        data=workplace / "data",
        feedback=[workplace / "said"],
        cache=workplace / "cache",
    )

    assert json.loads((tmp_path / "model/model.json").read_text())["data"]["feedback"]["photos"] == 2
