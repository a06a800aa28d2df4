"""The command line, as far as it goes without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.main import get_command
from typer.testing import CliRunner

import training
from training.__main__ import app
from training.commands.knob_options import with_knobs
from training.errors import BadKnobsError
from training.knobs import Knobs, Loss, PretrainingKnobs
from training.records import read_folder

COMMANDS = (
    *("fetch", "draw", "split", "upload", "tune", "train", "ensemble", "package", "evaluate", "report", "compare"),
    *("alerts", "throughput", "runtimes", "pretrain"),
)


def invoked(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """What the command prints; wide, so that no option is cut off."""
    outcome = CliRunner().invoke(app, arguments, env={"COLUMNS": "300", "TERM": "dumb"} | (environment or {}))
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def parameters(command: str) -> list[Any]:
    """The options of a command, as its parser has them."""
    group: Any = get_command(app)
    return list(group.commands[command].params)


def test_help_names_every_command() -> None:
    assert all(command in invoked("--help") for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_every_command_is_explained(command: str) -> None:
    options = [option for option in parameters(command) if option.name != "help"]

    assert options
    assert [option.name for option in options if len((option.help or "").split()) < 3] == []
    assert "--help" in invoked(command, "--help")


@pytest.mark.parametrize(("command", "knobs"), [("train", Knobs), ("pretrain", PretrainingKnobs)])
def test_every_knob_is_an_option_with_its_default(command: str, knobs: type[Any]) -> None:
    defaults = {option.name: option.default for option in parameters(command)}

    assert {knob.name: knob.default for knob in fields(knobs)}.items() <= defaults.items()


def test_a_knob_that_leaves_nothing_to_learn_ends_as_one_line(tmp_path: Path) -> None:
    arguments = ["pretrain", "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--batch-size", "1"]

    outcome = CliRunner().invoke(app, arguments)

    assert isinstance(outcome.exception, BadKnobsError)


def knobs_of(*arguments: str) -> Knobs:
    """The knobs that a command with these arguments works with."""
    taken: list[Knobs] = []

    @with_knobs
    def command(*, knobs: Knobs) -> None:
        taken.append(knobs)

    alone = Typer()
    alone.command()(command)
    outcome = CliRunner().invoke(alone, arguments)
    if isinstance(outcome.exception, BadKnobsError):
        raise outcome.exception
    assert outcome.exit_code == 0, outcome.output
    return taken[0]


def test_tuned_knobs_take_the_place_of_defaults_and_options_go_before_both(tmp_path: Path) -> None:
    best = tmp_path / "best.json"
    best.write_text(json.dumps({"knobs": {"learning_rate": 0.003, "batch_size": 32, "loss": "ordinal"}}))

    knobs = knobs_of("--best", str(best), "--batch-size", "128")

    assert (knobs.learning_rate, knobs.batch_size, knobs.loss) == (0.003, 128, Loss.ORDINAL)
    assert knobs.epochs == Knobs().epochs


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"knobs": {"speed": 1}}', '{"knobs": 3}'])
def test_a_file_that_holds_no_knobs_is_refused(tmp_path: Path, content: str) -> None:
    best = tmp_path / "best.json"
    best.write_text(content)

    with pytest.raises(BadKnobsError):
        knobs_of("--best", str(best))


@pytest.mark.parametrize("variable", ["SM_CHANNEL_TRAINING", "SM_MODEL_DIR", "SM_NUM_GPUS"])
def test_a_sagemaker_job_finds_its_folders_in_the_environment(variable: str) -> None:
    assert variable in invoked("train", "--help")


def test_draw_writes_a_data_folder(tmp_path: Path) -> None:
    invoked("draw", "--out", str(tmp_path / "drawn"), "--count", "3", "--seed", "5")

    assert len(read_folder(tmp_path / "drawn")) == 3


def test_a_split_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    arguments = ["alerts", "--model", str(tmp_path), "--data", str(tmp_path), "--split", "holiday"]
    outcome = CliRunner().invoke(app, arguments, env={"COLUMNS": "300", "TERM": "dumb"})

    assert outcome.exit_code == 2
    assert "validation" in outcome.output


@pytest.mark.parametrize(
    ("missing", "loaded"),
    [
        ("torch", "training.__main__, training.evaluate"),
        ("matplotlib", "training.__main__, training.alerts.proof, training.alerts.policy_file"),
    ],
)
def test_commands_load_without_what_they_do_not_need(missing: str, loaded: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import {loaded}"

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


def run_without(missing: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command where a module cannot be imported."""
    code = f"import sys; sys.modules[{missing!r}] = None; from training.__main__ import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=Path(training.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("missing", "command", "option"), [("torch", "train", "--out"), ("onnx", "runtimes", "--model")]
)
def test_a_command_that_needs_the_training_environment_says_so_in_one_line(
    tmp_path: Path, missing: str, command: str, option: str
) -> None:
    invoked("draw", "--out", str(tmp_path), "--count", "3")

    outcome = run_without(missing, command, option, str(tmp_path), "--data", str(tmp_path))

    assert outcome.returncode == 1
    assert outcome.stderr == (
        f"error: this command needs {missing}: set the training environment up with `make .venv-training/.done` "
        "and run it with .venv-training/bin/python\n"
    )


def test_a_module_of_our_own_that_is_missing_is_a_fault_and_keeps_its_traceback(tmp_path: Path) -> None:
    outcome = run_without("training.runtimes", "runtimes", "--model", str(tmp_path), "--data", str(tmp_path))

    assert "Traceback" in outcome.stderr
