"""The README's commands do what it says. Those of the first screen are run as a stranger would run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text()
COMMANDS = [
    command.partition(" #")[0].strip()
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    for command in block.replace("\\\n", "").splitlines()
]
RUNS_THIS_TEST = {"make test"}


# These tests may themselves run under make, which would tell the inner one to announce its folders.
OUTSIDE_OF_MAKE = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL"}}


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=OUTSIDE_OF_MAKE, capture_output=True, text=True, check=False)


def test_every_command_of_the_readme_is_run_here() -> None:
    curls = [command for command in COMMANDS if command.startswith("curl")]
    tools = [command for command in COMMANDS if command.startswith(".venv/bin/python")]
    assert set(COMMANDS) == {"make demo", *RUNS_THIS_TEST, *curls, *tools}
    assert len(curls) >= 5
    assert len(tools) >= 2


def test_make_demo_ends_with_nothing_lost_and_nothing_doubled() -> None:
    demo = make("demo")
    assert demo.returncode == 0, demo.stdout[-3000:] + demo.stderr[-3000:]
    last = demo.stdout.strip().splitlines()[-1]
    figures = json.loads(last.removeprefix("DEMO "))
    assert (figures["photos"], figures["inspections"], figures["rejections"]) == (50, 49, 1)
    assert (figures["lost"], figures["doubled"]) == (0, 0)
    assert figures["alerts"] >= 2, "the unlisted bin and the file that is no photo alert in any case"


@pytest.fixture(scope="module")
def stack_left_running() -> Iterator[dict[str, str]]:
    """`make up` in another terminal: what it prints, as environment variables."""
    assert make(".venv/.done").returncode == 0
    command = ["make", f"PYTHON={sys.executable}", "up"]
    with subprocess.Popen(
        command, cwd=PROJECT, env=OUTSIDE_OF_MAKE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            yield dict(_printed_until_ready(process.stdout))
        finally:
            os.killpg(process.pid, 2)
            process.wait(30)


def _printed_until_ready(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, value = line.strip().partition(" ")
        if name == "READY":
            return
        if name in {"URL", "TOKEN", "BUCKET"}:
            yield name, value
    pytest.fail("make up ended before it was ready")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_readmes_calls_are_answered_by_the_stack_left_running(stack_left_running: dict[str, str]) -> None:
    assert set(stack_left_running) == {"URL", "TOKEN", "BUCKET"}
    for command in (command for command in COMMANDS if command.startswith("curl")):
        call = subprocess.run(
            ["bash", "-c", command.replace("curl -s", "curl -s --fail-with-body")],
            env={**os.environ, **stack_left_running},
            capture_output=True,
            text=True,
            check=False,
        )
        assert call.returncode == 0, f"{command}\n{call.stdout}{call.stderr}"
        assert isinstance(json.loads(call.stdout), dict)


def test_the_api_is_closed_to_who_brings_no_token(stack_left_running: dict[str, str]) -> None:
    command = f'curl -s -o /dev/null -w "%{{http_code}}" {stack_left_running["URL"]}/v1/bins'
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert answer.stdout == "401"


def test_the_readmes_model_commands_draw_photos_and_evaluate_the_released_model_on_them() -> None:
    assert make(".venv/.done").returncode == 0
    *others, evaluate = [command for command in COMMANDS if command.startswith(".venv/bin/python")]
    for command in others:
        subprocess.run(["bash", "-c", command], cwd=PROJECT, check=True, capture_output=True)
    answer = subprocess.run(["bash", "-c", evaluate], cwd=PROJECT, check=True, capture_output=True, text=True)
    figures = json.loads(answer.stdout)
    assert figures["protocol"] == "seed"
    assert 0 < figures["n"] <= 50
