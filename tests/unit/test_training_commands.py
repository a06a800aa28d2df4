"""The command line, as far as it goes without torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

import training
from training.__main__ import app
from training.knobs import Knobs
from training.records import read_folder

COMMANDS = ("draw", "train", "package", "evaluate", "thresholds")


def invoked(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """What the command prints; wide, so that no option is cut off."""
    outcome = CliRunner().invoke(app, arguments, env={"COLUMNS": "300", "TERM": "dumb"} | (environment or {}))
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_help_names_every_command() -> None:
    assert all(command in invoked("--help") for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_every_command_is_explained(command: str) -> None:
    options = [line for line in invoked(command, "--help").splitlines() if "--" in line]

    assert options
    assert all(len(line.split("--")[1].split()) > 3 for line in options)


def test_every_knob_is_an_option_with_its_default() -> None:
    explained = invoked("train", "--help")

    for knob in fields(Knobs):
        assert f"--{knob.name.replace('_', '-')}" in explained
        assert f"[default: {knob.default}]" in explained


@pytest.mark.parametrize("variable", ["SM_CHANNEL_TRAINING", "SM_MODEL_DIR", "SM_NUM_GPUS"])
def test_a_sagemaker_job_finds_its_folders_in_the_environment(variable: str) -> None:
    assert variable in invoked("train", "--help")


def test_draw_writes_a_data_folder(tmp_path: Path) -> None:
    invoked("draw", "--out", str(tmp_path / "drawn"), "--count", "3", "--seed", "5")

    assert len(read_folder(tmp_path / "drawn")) == 3


def test_a_split_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    arguments = ["thresholds", "--model", str(tmp_path), "--data", str(tmp_path), "--split", "holiday"]
    outcome = CliRunner().invoke(app, arguments, env={"COLUMNS": "300", "TERM": "dumb"})

    assert outcome.exit_code == 2
    assert "validation" in outcome.output


def test_without_torch_the_commands_that_do_not_need_it_still_load() -> None:
    code = "import sys; sys.modules['torch'] = None; import training.__main__, training.evaluate"

    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(training.__file__).parents[1], check=False).returncode
        == 0
    )


def test_what_the_user_can_mend_ends_as_one_line(tmp_path: Path) -> None:
    (tmp_path / "bin-images").mkdir()
    command = [sys.executable, "-m", "training", "evaluate", "--model", str(tmp_path), "--data", str(tmp_path)]

    outcome = subprocess.run(
        command, cwd=Path(training.__file__).parents[1], capture_output=True, text=True, check=False
    )

    assert outcome.returncode == 1
    assert outcome.stderr.startswith("error: ")
    assert outcome.stderr.count("\n") == 1
