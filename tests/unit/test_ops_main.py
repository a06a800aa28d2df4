from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from click.utils import strip_ansi
from typer.main import get_command
from typer.testing import CliRunner

from ops.__main__ import app
from ops.terminal import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_A_STAGE = [
    *("package", "deploy", "destroy", "status", "reindex", "redrive", "alerts", "dead-letters list"),
    "dead-letters redrive",
    *("policy show", "policy set", "policy versions", "policy replay"),
    *(f"backfill {stage}" for stage in ("list", "count", "record", "run", "status")),
]
OVER_THE_API = [
    *("bins", "show", "watch", "acknowledge", "assign", "resolve", "reopen", "ask-photo"),
    *("load", "consignments", "close", "reopen-consignment", "export"),
]


def names_of(command: Any, prefix: str = "") -> Iterator[str]:
    for name, found in command.commands.items():
        if hasattr(found, "commands"):
            yield from names_of(found, f"{name} ")
        else:
            yield prefix + name


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})
    return result.exit_code, strip_ansi(result.output)


@pytest.mark.parametrize("command", OF_A_STAGE)
def test_every_command_of_a_stage_explains_itself_and_its_stage(command: str) -> None:
    code, text = run(*command.split(), "--help")
    assert code == 0
    assert "--stage" in text
    assert ".chalice/config.json" in text


def test_every_command_is_in_a_list_above() -> None:
    assert sorted(names_of(get_command(app))) == sorted(OF_A_STAGE + OVER_THE_API)


@pytest.mark.parametrize("command", OVER_THE_API)
def test_every_command_over_the_api_shows_an_example_and_how_it_reaches_the_api(command: str) -> None:
    code, text = run(command, "--help")
    assert code == 0
    assert f"Example: python -m ops {command} " in text
    assert all(words in text for words in ("--url", "env var: URL", "--token", "env var: TOKEN"))


def test_the_help_tells_every_exit_code() -> None:
    text = " ".join(run("--help")[1].split())
    assert all(f"{code.value} {code.meaning}" in text for code in Exit)


@pytest.mark.parametrize("command", OF_A_STAGE)
def test_an_unknown_stage_is_wrong_usage_and_the_answer_names_those_that_exist(command: str) -> None:
    code, text = run(*command.split(), "--stage", "porduction")
    assert code == 2
    assert "porduction" in text
    assert "prod" in text


def test_a_parameter_without_a_value_is_wrong_usage() -> None:
    code, text = run("deploy", "--parameter", "EndpointName")
    assert code == 2
    assert "NAME=VALUE" in text
