"""Tuning across processes, and with real runs on a few drawn bins."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

STUDY = """
import math, os, signal, sys
from pathlib import Path
from training.knobs import Knobs
from training.space import Space
from training.tune import Plan, tune

out, doomed = Path(sys.argv[1]), sys.argv[2:]

def train(knobs, folder, after_epoch):
    for epoch in (1, 2):
        if [folder.name, str(epoch)] == doomed:
            os.kill(os.getpid(), signal.SIGKILL)
        after_epoch({"epoch": epoch, "val_all_loss": (math.log10(knobs.learning_rate) + 3) ** 2 + 1 / epoch})

plan = Plan(out, Space.load("published"), Knobs(epochs=2), 4, {})
for row in tune(plan, train, report=lambda line: None).rows:
    print(row, dict(row.knobs))
"""


def sitting(out: Path, *doomed: str) -> subprocess.CompletedProcess[str]:
    """Tune in a process of its own, which kills itself before the doomed trial's doomed epoch."""
    return subprocess.run(
        [sys.executable, "-c", STUDY, str(out), *doomed], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.integration
def test_a_killed_study_started_again_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    undisturbed = sitting(tmp_path / "undisturbed")
    killed = sitting(tmp_path / "killed", "trial-0002", "2")

    assert undisturbed.returncode == 0, undisturbed.stderr
    assert killed.returncode == -signal.SIGKILL
    assert sitting(tmp_path / "killed").stdout == undisturbed.stdout


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data folder and backbone weights."""
    import torch  # noqa: PLC0415 - the environment of the other tests here has none

    from training.drawn import write_bins  # noqa: PLC0415
    from training.network import build  # noqa: PLC0415 - needs torch

    folder = tmp_path_factory.mktemp("tuning")
    write_bins(folder / "data", [count % 7 for count in range(42)], 1)
    torch.manual_seed(1)
    donor = build("shufflenet_v2_x0_5", 7, None, pretrained=False)
    backbone = {name: tensor for name, tensor in donor.state_dict().items() if not name.startswith("fc.")}
    torch.save(backbone, folder / "backbone.pth")
    (folder / "few.json").write_text('{"learning_rate": {"low": 1e-4, "high": 1e-2, "log": true}}')
    return folder


def tuned(workplace: Path, *arguments: str) -> str:
    """What the command prints."""
    options = {
        "data": "data",
        "space": "few.json",
        "trials": "2",
        "cache": "cache",
        "backbone-weights": "backbone.pth",
        "backbone-source": "random numbers",
        "architecture": "shufflenet_v2_x0_5",
        "size": "32",
        "small-size": "32",
        "small-epochs": "0",
        "drawn": "0",
        "batch-size": "12",
    }
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    code = "import typer; from training.commands.tune import tune; typer.run(tune)"
    outcome = subprocess.run(
        [sys.executable, "-c", code, *given, *arguments],
        cwd=workplace,
        env={"PYTHONPATH": str(ROOT), "COLUMNS": "200", "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


@pytest.mark.torch
@pytest.mark.integration
def test_two_trials_are_trained_and_the_best_is_left_for_train(workplace: Path) -> None:
    from training.knobs import Knobs  # noqa: PLC0415
    from training.run import Run  # noqa: PLC0415 - needs torch

    printed = tuned(workplace, "--out", "study", "--epochs", "1")

    best = json.loads((workplace / "study" / "best.json").read_text())
    knobs = Knobs.of(best["knobs"])
    run = Run.recorded(workplace / "study" / f"trial-{best['trial']:04}")
    assert printed.count("epoch=1 train_loss=") == 2
    assert "2 trials, best first" in printed
    assert (knobs.architecture, knobs.size) == ("shufflenet_v2_x0_5", 32)
    assert run.knobs.learning_rate == knobs.learning_rate
    assert run.best_network() is not None
    assert (workplace / "study" / "plot.png").exists()
    assert len((workplace / "study" / "table.csv").read_text().splitlines()) == 3


@pytest.mark.torch
@pytest.mark.integration
def test_an_interrupted_trial_goes_on_from_its_checkpoint(workplace: Path) -> None:
    import torch  # noqa: PLC0415

    from training.knobs import Knobs  # noqa: PLC0415
    from training.progress import silent  # noqa: PLC0415
    from training.replicas import Replica  # noqa: PLC0415
    from training.run import Run  # noqa: PLC0415
    from training.trial import trial_of  # noqa: PLC0415

    lines: list[str] = []
    seen: list[float] = []
    knobs = Knobs(
        architecture="shufflenet_v2_x0_5", size=32, small_size=32, small_epochs=0, drawn=0, batch_size=12, epochs=2
    )
    base = Run(
        workplace, workplace / "data", workplace / "cache", knobs, workplace / "backbone.pth", "random numbers", None
    )
    train = trial_of(base, replica=Replica(torch.device("cpu")), threads=1, report=lines.append, progress=silent)

    def stop(_figures: dict[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(replace(knobs, mixup=0.1), workplace / "trial", stop)
    train(replace(knobs, mixup=0.1), workplace / "trial", lambda figures: seen.append(figures["epoch"]))

    assert [line.split()[0] for line in lines] == ["epoch=1", "epoch=2"]
    assert seen == [1, 2]


@pytest.mark.torch
@pytest.mark.integration
def test_a_dry_run_trains_nothing_and_says_what_it_would(workplace: Path) -> None:
    printed = tuned(workplace, "--out", "never", "--epochs", "3", "--dry-run")

    assert "0.0001 to 0.01, logarithmic" in printed
    assert "2 trials of 3 epochs: 6 passes over" in printed
    assert "on this machine, less what pruning saves" in printed
    assert not (workplace / "never").exists()
