"""The chain's stages are commands that exist, and it stops at the first that fails."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from local.chain import Bins, Stage, Start, carry_out, stages, start_from
from local.plan import NoPhotos
from training.__main__ import app
from training.drawn import write_bins
from training.released import networks_of

PROJECT = Path(__file__).parents[2]
OUT = Path("out")
BINS = Bins(Path("photos"), ("1", "2", "3"), "drawn")
START = Start("mobilenet_v2", Path("weights.pth"), "somewhere")


@pytest.mark.parametrize("stage", stages(OUT, BINS, START), ids=lambda stage: stage.name)
def test_a_stage_is_a_command_with_options_that_it_has_and_none_missing(stage: Stage) -> None:
    group: Any = get_command(app)
    options = group.commands[stage.name].params
    asked = {word for word in stage.options if word.startswith("--")}

    assert asked <= {name for option in options for name in option.opts}
    assert [one.name for one in options if one.required and not asked & set(one.opts)] == []


def test_everything_is_left_in_the_one_folder() -> None:
    for stage in stages(OUT, BINS, START):
        left = dict(zip(stage.options, stage.options[1:], strict=False))
        assert all(Path(left[name]).parent == OUT for name in ("--out", "--soup", "--cache") if name in left)


def test_the_stages_come_in_the_order_of_the_documents() -> None:
    names = list(dict.fromkeys(stage.name for stage in stages(OUT, BINS, START)))

    assert names == ["fetch", "split", "upload", "tune", "train", "ensemble", "package", "evaluate", "report"]


def test_the_first_failure_ends_the_chain_with_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT)

    def draw(name: str) -> Stage:
        return Stage("draw", ("--out", str(tmp_path / name), "--count", "1"))

    code = carry_out([draw("before"), Stage("nonsense", ()), draw("after")], Path(sys.executable), {})

    assert code == 2
    assert (tmp_path / "before").exists()
    assert not (tmp_path / "after").exists()
    *_, last = capfd.readouterr().out.strip().splitlines()
    told = json.loads(last.removeprefix("CHAIN "))
    assert told["exit_code"] == 2
    assert [name for name, _ in told["seconds"]] == ["draw", "nonsense"]


def test_without_weights_training_starts_from_the_smallest_released_network_and_the_card_will_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(PROJECT)
    facts = json.loads((PROJECT / "models" / "bin-counter" / "model.json").read_text())

    start = start_from(None)

    released = {network["weights"]: network["hyperparameters"]["architecture"] for network in networks_of(facts)}
    assert start.architecture == released[start.weights.name]
    assert start.weights.stat().st_size == min((start.weights.parent / name).stat().st_size for name in released)
    assert "may have learnt from these very photos" in start.origin


def test_a_larger_bucket_holds_the_bins_of_a_smaller_one(tmp_path: Path) -> None:
    write_bins(tmp_path, [1, 2, 3, 4], 1)

    assert Bins.of(tmp_path, 3).ids[:2] == Bins.of(tmp_path, 2).ids
    assert len(Bins.of(tmp_path, 100).ids) == 4


def test_bins_without_a_photo_are_not_put_into_the_bucket(tmp_path: Path) -> None:
    one, other = write_bins(tmp_path, [1, 2], 1)
    (tmp_path / "bin-images" / f"{one}.jpg").unlink()

    assert Bins.of(tmp_path, 2).ids == (other,)


def test_a_folder_without_pairs_of_photo_and_truth_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NoPhotos, match=str(tmp_path)):
        Bins.of(tmp_path, 5)
