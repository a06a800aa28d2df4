"""The way from bins to a released model by its command lines, undisturbed and with every stage killed on its way.

A killed stage ends itself, without warning, at a place that the test names: when it is about to open, link or rename
a certain file. No clock decides.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from training.drawn import write_bins  # noqa: E402 - torch comes first, here and below
from training.network import build  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.integration]

ROOT = Path(__file__).parents[2]
ARCHITECTURE = "shufflenet_v2_x0_5"
COMMON = ("--cache", "cache", "--threads", "1", "--architecture", ARCHITECTURE, "--size", "32", "--batch-size", "12")
PRETRAINED = (*COMMON, "--backbone-weights", "../backbone.pth")
TUNED = (*PRETRAINED, "--small-epochs", "0", "--drawn", "0")
TRAINED = (*COMMON, "--backbone-weights", "pretrained/backbone.pth", "--small-epochs", "0", "--drawn", "0")

UNDISTURBED = "from training.__main__ import main; main()"
DOOMED = """
import os, signal, sys

event, part, times = sys.argv.pop(1), sys.argv.pop(1), iter(range(1, int(sys.argv.pop(1))))

def strike(happens, arguments):
    if happens == event and any(part in str(one) for one in arguments) and next(times, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(strike)
from training.__main__ import main
main()
"""


@dataclass(frozen=True)
class Death:
    """Before which of Python's audit events a stage dies: its name, a part of a path, the how manieth."""

    event: str
    path: str
    time: int = 1


@dataclass(frozen=True)
class Stage:
    command: tuple[str, ...]
    deaths: tuple[Death, ...]


STAGES = (
    Stage(
        ("fetch", "--from", "../origin", "--out", "bins", "--all", "--workers", "2"),
        (Death("os.rename", "bin-images/drawn-000020.jpg"), Death("os.rename", "/manifest.jsonl")),
    ),
    Stage(
        ("split", "--data", "bins", "--out", "split", "--source", "drawn"),
        (Death("os.link", "drawn-000030.jpg"), Death("open", "DATA_CARD.md")),
    ),
    Stage(
        ("pretrain", "--data", "bins", "--out", "pretrained", "--epochs", "2", "--view-size", "32", *PRETRAINED),
        (Death("os.rename", "pretrained/checkpoint.pt", 2), Death("os.rename", "pretrained/backbone.pth")),
    ),
    Stage(
        (
            "tune",
            "--data",
            "bins",
            "--out",
            "study",
            "--space",
            "../few.json",
            "--trials",
            "2",
            "--epochs",
            "1",
            *TUNED,
        ),
        (Death("os.rename", "trial-0001/checkpoint.pt"),),
    ),
    Stage(
        ("train", "--data", "bins", "--out", "run", "--best", "study/best.json", "--epochs", "2", *TRAINED),
        (Death("os.rename", "run/checkpoint.pt", 2), Death("open", "run/history.")),
    ),
    Stage(
        ("ensemble", "--run", "run", "--run", "run", "--soup", "soup"),  # with itself: a second run takes a while
        (Death("open", "soup/run.json"),),
    ),
    Stage(
        ("package", "--run", "soup", "--out", "model"),
        (Death("open", "model.unfinished/model.json", 2), Death("os.rename", "model/MODEL_CARD.md")),
    ),
    Stage(
        ("report", "--model", "model", "--data", "bins", "--split", "test", "--out", "report", "--cache", "cache"),
        (Death("open", "report/report.md"),),
    ),
)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source of bins, backbone weights, a space to tune in, and room for two chains."""
    folder = tmp_path_factory.mktemp("chain")
    write_bins(folder / "origin", [count % 7 for count in range(42)], 1)
    torch.manual_seed(1)
    donor = build(ARCHITECTURE, 7, None, pretrained=False)
    torch.save(
        {name: tensor for name, tensor in donor.state_dict().items() if not name.startswith("fc.")},
        folder / "backbone.pth",
    )
    (folder / "few.json").write_text('{"learning_rate": {"low": 1e-4, "high": 1e-2, "log": true}}')
    return folder


def ended(folder: Path, stage: Stage, death: Death | None = None) -> int:
    """Run a stage in a chain's folder; returns its exit code."""
    before = [DOOMED, death.event, death.path, str(death.time)] if death else [UNDISTURBED]
    outcome = subprocess.run(
        [sys.executable, "-c", *before, *stage.command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode in {0, -signal.SIGKILL}, outcome.stderr
    return outcome.returncode


@pytest.fixture(scope="module")
def undisturbed(workplace: Path) -> Path:
    folder = workplace / "undisturbed"
    folder.mkdir()
    assert [ended(folder, stage) for stage in STAGES] == [0] * len(STAGES)
    return folder


def test_a_chain_whose_stages_are_all_killed_ends_with_the_same_released_model(
    workplace: Path, undisturbed: Path
) -> None:
    folder = workplace / "killed"
    folder.mkdir()
    for stage in STAGES:
        for death in stage.deaths:
            assert ended(folder, stage, death) == -signal.SIGKILL, f"{stage.command[0]} never came to {death}"
            assert not (folder / "model" / "model.json").exists() or stage.command[0] == "report"
        assert ended(folder, stage) == 0

    for file in ("bins/manifest.jsonl", "split/manifest.jsonl", "split/DATA_CARD.md", "study/table.csv"):
        assert (folder / file).read_text() == (undisturbed / file).read_text(), file
    model = [f"model/{name}" for name in ("model.onnx", "weights-1.pt", "baseline.json", "MODEL_CARD.md")]
    pretrained = [f"pretrained/{name}" for name in ("history.json", "backbone.pth")]
    for file in (*pretrained, "run/history.json", *model, "report/report.md"):
        assert (folder / file).read_bytes() == (undisturbed / file).read_bytes(), file
    assert {path.name for path in folder.iterdir()} == {path.name for path in undisturbed.iterdir()}, (
        "something is left"
    )


def test_a_chain_that_is_run_again_keeps_what_it_has(undisturbed: Path) -> None:
    before = {name: (undisturbed / name).read_bytes() for name in ("run/checkpoint.pt", "study/table.csv")}

    for stage in STAGES:
        if stage.command[0] != "package":
            assert ended(undisturbed, stage) == 0

    assert {name: (undisturbed / name).read_bytes() for name in before} == before
    assert (
        json.loads((undisturbed / "model" / "model.json").read_text())["networks"][0]["hyperparameters"]["epochs"] == 2
    )
