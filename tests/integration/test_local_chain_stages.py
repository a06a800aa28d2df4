"""The chain from bucket to report: its stages in the cloud with any Python, the whole of it where torch is at hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.chain import Bins, Start, carry_out, public_bucket, stages

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[2]
TRAINING_PYTHON = Path(os.environ.get("BINCHECK_TRAINING_PYTHON", PROJECT / ".venv-training" / "bin" / "python"))


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any settings for AWS of who runs the tests."""
    monkeypatch.chdir(PROJECT)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


def test_bins_come_out_of_an_open_bucket_and_go_into_a_private_one(tmp_path: Path) -> None:
    bins = Bins.drawn(tmp_path / "drawn", 40)
    wanted = stages(tmp_path / "out", bins, Start("mobilenet_v2", tmp_path / "none", "nowhere"))

    with public_bucket(tmp_path, bins) as settings:
        assert carry_out(wanted[:4], Path(sys.executable), settings) == 0

    assert [stage.name for stage in wanted[:4]] == ["fetch", "split", "upload", "upload"]
    lines = (tmp_path / "out" / "bins" / "manifest.jsonl").read_text().splitlines()
    assert {json.loads(line)["id"] for line in lines} == set(bins.ids)


@pytest.mark.skipif(not TRAINING_PYTHON.exists(), reason="needs the training environment: make .venv-training/.done")
def test_the_whole_chain_ends_with_a_released_model_and_its_report(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local", "chain", "--photos", "100", "--out", str(tmp_path)]

    outcome = subprocess.run(
        [*command, "--training-python", str(TRAINING_PYTHON)], capture_output=True, text=True, check=False
    )

    assert outcome.returncode == 0, outcome.stdout[-3000:] + outcome.stderr[-3000:]
    assert outcome.stdout.splitlines()[-1].startswith('CHAIN {"exit_code": 0,')
    released = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"model.onnx", "weights-1.pt", "model.json", "MODEL_CARD.md"} <= released
    assert (tmp_path / "report" / "report.md").exists()
