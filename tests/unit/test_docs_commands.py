"""What the documents tell a reader to type exists, and what there is to type stands in a document."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import local.__main__
import ops.__main__
import training.__main__
from ops.terminal import Exit

PROJECT = Path(__file__).parents[2]
DOCUMENTS = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
LINES: dict[str, Any] = {
    "training": get_command(training.__main__.app),
    "local": get_command(local.__main__.main),
    "ops": get_command(ops.__main__.app),
}
GROUPS_AND_TARGETS = ("deploy", "destroy", "dead-letters")
"""What documents tell to start by `make`."""
TYPED = re.compile(r"(?P<quote>`?)[\w./-]*python -m (?P<line>training|local|ops) (?P<rest>[^\n`]*)")


@dataclass(frozen=True)
class Told:
    """A command line in a document."""

    line: str
    """Which of LINES."""
    given: list[str]
    whole: bool
    """Something to type as it stands, not only named within a sentence."""


def told_in(document: Path) -> list[Told]:
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    return [Told(found["line"], words(found["rest"]), whole=not found["quote"]) for found in TYPED.finditer(text)]


def words(rest: str) -> list[str]:
    return shlex.split(rest, comments=True)


TOLD = [
    pytest.param(told, id=f"{document.name}: {' '.join(told.given)[:60]}")
    for document in DOCUMENTS
    for told in told_in(document)
]


def command_of(told: Told) -> tuple[Any, list[str]]:
    """Walk down the groups; returns the command, or the group that a sentence names, and the words left for it."""
    command, left = LINES[told.line], list(told.given)
    while hasattr(command, "commands") and (left or told.whole):
        if command.invoke_without_command and (not left or left[0].startswith("-")):
            break
        assert left, "names no command"
        assert left[0] in command.commands, f"there is no command {left[0]}"
        command = command.commands[left.pop(0)]
    return command, left


@pytest.mark.parametrize("told", TOLD)
def test_a_command_line_of_a_document_exists_with_all_its_options(told: Told) -> None:
    command, left = command_of(told)
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
    asked = {word.partition("=")[0] for word in left if re.match(r"--?[a-z]", word)}

    assert asked <= known, f"{command.name} has no {', '.join(sorted(asked - known))}"
    if told.whole and not {"...", "--help"} & set(left):
        needed = [one for one in command.params if one.required and one.param_type_name == "option" and not one.envvar]
        assert [one.name for one in needed if not asked & set(one.opts)] == []


@pytest.mark.parametrize("name", LINES["training"].commands)
def test_every_command_of_training_stands_in_a_document(name: str) -> None:
    assert name in named("training")


@pytest.mark.parametrize("name", [name for name in LINES["ops"].commands if name not in GROUPS_AND_TARGETS])
def test_every_command_of_operations_stands_in_a_document(name: str) -> None:
    assert name in named("ops")


def test_every_exit_code_stands_in_the_document_of_operations() -> None:
    text = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [f"| {code.value} | {code.meaning} |" in text for code in Exit] == [True] * len(Exit)


def named(line: str) -> list[str]:
    return [told.given[0] for (told,) in (one.values for one in TOLD) if told.line == line and told.given]
