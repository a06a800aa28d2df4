"""The command line of `fetch`, against a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from tests.fetch_fixtures import bins, metadata, write_folder
from training.commands.fetch import fetch
from training.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

app = typer.Typer()
app.command()(fetch)


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "origin", bins(30) | {"broken": (None, metadata())})


def invoked(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200", "TERM": "dumb"})


def printed(outcome: Result) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(outcome.stdout)
    return figures


def test_the_summary_tells_what_became_of_every_bin(origin: Path, tmp_path: Path) -> None:
    outcome = invoked("--from", origin, "--out", tmp_path / "out", "--all")

    assert outcome.exit_code == 0
    assert all(text in outcome.stdout for text in ("wanted", "31", "fetched", "30", "photo missing", "bins/s"))


def test_the_summary_is_one_json_object_when_asked(origin: Path, tmp_path: Path) -> None:
    figures = printed(invoked("--from", origin, "--out", tmp_path / "out", "--all", "--json"))

    assert set(figures) == {"wanted", "fetched", "already_there", "set_aside", "bytes_fetched", "seconds"}
    assert (figures["wanted"], figures["set_aside"]) == (31, {"photo missing": 1})


def test_a_dry_run_tells_how_much_and_fetches_nothing(origin: Path, tmp_path: Path) -> None:
    outcome = invoked("--from", origin, "--out", tmp_path / "out", "--count", 10, "--dry-run", "--json")

    figures = printed(outcome)
    assert (figures["wanted"], figures["outstanding"], figures["objects"]) == (10, 10, 20)
    assert figures["about_bytes"] > 0
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("tolerate", "exit_code"), [(0.03, 1), (0.04, 0), (0, 1), (1, 0)])
def test_too_many_set_aside_is_a_failure(origin: Path, tmp_path: Path, tolerate: float, exit_code: int) -> None:
    outcome = invoked("--from", origin, "--out", tmp_path / "out", "--all", "--tolerate", tolerate)

    assert outcome.exit_code == exit_code


def test_a_list_by_class_names_the_bins(origin: Path, tmp_path: Path) -> None:
    listed = tmp_path / "file_list.json"
    listed.write_text(json.dumps({"1": ["data/metadata/00001.json"], "2": ["data/metadata/00002.json"]}))

    invoked("--from", origin, "--out", tmp_path / "out", "--ids", listed)

    assert sorted(photo.stem for photo in (tmp_path / "out/bin-images").iterdir()) == ["00001", "00002"]


@pytest.mark.parametrize("selection", [[], ["--all", "--count", "3"], ["--per-class", "1:2", "--all"]])
def test_exactly_one_way_to_say_which_bins_is_asked_for(origin: Path, tmp_path: Path, selection: list[str]) -> None:
    outcome = invoked("--from", origin, "--out", tmp_path / "out", *selection)

    assert outcome.exit_code == 2
    assert "--per-class" in outcome.stderr


def test_a_source_that_is_none_is_a_message_for_the_user(tmp_path: Path) -> None:
    outcome = invoked("--from", tmp_path / "nowhere", "--out", tmp_path / "out", "--all")

    assert isinstance(outcome.exception, TrainingError)
    assert "nowhere" in str(outcome.exception)
