"""The commands over the API as somebody types them, against the API's own routes over a world in memory."""

from __future__ import annotations

import csv
import io
import json
import math
import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from click.utils import strip_ansi
from typer.testing import CliRunner

from chalicelib.domain import Judgement, Verdict
from ops.__main__ import app
from tests.api_server import OPERATOR, VIEWER, api_server
from tests.fakes_api import FakeDirectory, FakeWorld, expectation_of, inspection_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from chalicelib.api import world as api_world
    from chalicelib.bin_status import BinStatus
    from chalicelib.listing import Wanted
    from chalicelib.ports_api import Page, Position

    Run = Callable[..., Result]

RESOLVED = ("resolve", "A-1", "--true-count", "1", "--reason", "lost", "--note", "behind the shelf")


class World(FakeWorld):
    """A world without dead letters, whose lists of bins can be made to break after some pages."""

    pages_until_it_breaks: float = math.inf

    def __call__(self) -> api_world.World:
        return replace(super().__call__(), directory=Lists(self.table, self), dead_letters=NoDeadLetters())


@dataclass(frozen=True)
class Lists(FakeDirectory):
    world: World

    def bins(self, wanted: Wanted, limit: int, start: Position | None) -> Page[BinStatus]:
        if self.world.pages_until_it_breaks < 1:
            raise RuntimeError("the function died")
        self.world.pages_until_it_breaks -= 1
        return super().bins(wanted, limit, start)


class NoDeadLetters:
    def waiting(self) -> dict[str, int]:
        return {"inbox": 0, "alerts": 0}


@pytest.fixture
def world() -> World:
    """Two bins that wait for people and one that does not."""
    world = World()
    world.load({"A-1": 2, "A-2": 2, "A-3": 2})
    for name, verdict in {"A-1": Verdict.MISMATCH, "A-2": Verdict.REVIEW}.items():
        status, inspection = world.table.get(name).status, inspection_of(name, verdict, 5, expectation_of(name))
        judgement = Judgement(verdict, "p/1", 0.75, expected_cost=10.0)
        world.table.record(inspection, status, status.after(inspection, judgement))
    return world


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with api_server(world) as address:
        yield address


@pytest.fixture
def run(url: str) -> Run:
    def ops(*arguments: str, token: str | None = OPERATOR, url: str | None = url) -> Result:
        environment = {"COLUMNS": "200", "NO_COLOR": "1", "URL": url, "TOKEN": token}
        return CliRunner().invoke(app, list(arguments), env=environment)

    return ops


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(result: Result, code: int, *said: str) -> None:
    text = strip_ansi(result.output)
    assert result.exit_code == code, text
    for words in said:
        assert words in text


# Looking


def test_bins_are_listed_as_a_table_and_as_json(run: Run) -> None:
    assert "A-1" in run("bins", "--site", "FRA1").output
    assert [bin_["bin_id"] for bin_ in told(run("bins", "--status", "mismatch", "--json"))] == ["A-1"]
    waiting = told(run("bins", "--site", "FRA1", "--attention", "--json"))
    assert {bin_["bin_id"] for bin_ in waiting} == {"A-1", "A-2"}


def test_a_list_is_followed_over_its_pages_and_no_further_than_asked_for(run: Run, world: World) -> None:
    world.load({f"B-{number:03}": 1 for number in range(450)}, "C-2")
    names = [bin_["bin_id"] for bin_ in told(run("bins", "--consignment", "C-2", "--most", "430", "--json"))]
    assert (len(names), len(set(names))) == (430, 430)
    assert len(told(run("bins", "--consignment", "C-2", "--most", "3", "--json"))) == 3


def test_a_bin_is_shown_with_its_photos_and_what_people_said(run: Run) -> None:
    told(run(*RESOLVED, "--json"))
    shown = told(run("show", "A-1", "--json"))
    assert (shown["bin"]["status"], len(shown["inspections"]), len(shown["resolutions"])) == ("resolved", 1, 1)
    text = run("show", "A-1").output
    assert all(words in text for words in ("resolved", "incoming/A-1/photo.jpg", "behind the shelf", "operator"))


def test_what_waits_is_looked_at_once_and_the_exit_code_says_whether_something_does(run: Run) -> None:
    result = run("watch", "--site", "FRA1", "--once")
    refused(result, 1, "A-1", "A-2", "Waits for people at FRA1")
    assert "A-3" not in result.output
    nothing = run("watch", "--site", "LEJ3", "--once")
    refused(nothing, 0, "nothing waits at LEJ3")
    assert json.loads(run("watch", "--site", "LEJ3", "--once", "--json").stdout) == []


def test_the_status_of_a_site_is_told_and_its_exit_code_says_whether_something_waits(run: Run) -> None:
    refused(run("status", "--site", "FRA1"), 1, "waits as mismatch", "photos a minute")
    figures = run("status", "--site", "FRA1", "--json")
    assert json.loads(figures.stdout)["open"] == {"mismatch": 1, "review": 1, "unexpected": 0, "rejected": 0}
    refused(run("status", "--site", "LEJ3"), 0)
    refused(run("status", "--site", "FRA1", token=None), 2, "TOKEN")


# Doing


def test_a_bin_is_resolved_and_reopened(run: Run, world: World) -> None:
    assert "A-1: resolved" in run(*RESOLVED).output
    [said] = world.table.said.of_bin("A-1")
    assert (said.finding.true_count, said.finding.note, said.by) == (1, "behind the shelf", "operator")
    assert told(run("reopen", "A-1", "--note", "that was A-2", "--json"))["status"] == "mismatch"


def test_an_alert_is_taken_up(run: Run) -> None:
    assert told(run("acknowledge", "A-1", "--json"))["alert"]["by"] == "operator"


def test_a_bin_becomes_ones_own_anothers_and_nobodys(run: Run) -> None:
    assert told(run("assign", "A-1", "--json"))["assignee"] == "operator"
    assert told(run("assign", "A-1", "--to", "ann@example.com", "--json"))["assignee"] == "ann@example.com"
    assert [bin_["bin_id"] for bin_ in told(run("bins", "--site", "FRA1", "--assignee", "ann@example.com", "--json"))]
    assert "ann@example.com" in run("watch", "--site", "FRA1", "--once").output
    assert told(run("assign", "A-1", "--nobody", "--json"))["assignee"] is None


def test_another_photo_is_asked_for(run: Run) -> None:
    bin_ = told(run("ask-photo", "A-1", "--note", "a box stands in the light", "--json"))
    assert bin_["photo_requested_at"] is not None
    assert "a box stands in the light" in run("show", "A-1").output


def test_a_bin_that_has_changed_since_it_was_looked_at_is_left_alone(run: Run, world: World) -> None:
    seen = str(told(run("show", "A-1", "--json"))["bin"]["version"])
    told(run("acknowledge", "A-1", "--if-version", seen, "--json"))
    refused(run(*RESOLVED, "--if-version", seen), 2, "look at it again", "412")
    assert world.table.said.of_bin("A-1") == []


def test_what_was_changed_is_exported(run: Run) -> None:
    told(run(*RESOLVED, "--json"))
    newest = json.loads(run("export", "audit", "--site", "FRA1").stdout.splitlines()[0])
    assert (newest["action"], newest["bin_id"], newest["by"]) == ("resolution", "A-1", "operator")


def test_a_request_is_carried_out_once_under_its_key(run: Run, world: World) -> None:
    for _ in range(2):
        told(run(*RESOLVED, "--key", "k-1", "--json"))
    told(run("reopen", "A-1", "--json"))
    assert told(run(*RESOLVED, "--key", "k-1", "--json"))["status"] == "mismatch", "what it did is done"
    assert len(world.table.said.of_bin("A-1")) == 2
    refused(run("resolve", "A-1", "--true-count", "2", "--reason", "lost", "--key", "k-1"), 2, "Idempotency-Key", "409")


def test_what_the_api_refuses_is_told_in_its_words(run: Run) -> None:
    refused(run("show", "nowhere"), 2, "no bin nowhere is on file (404)")
    refused(run("resolve", "A-1", "--true-count", "1", "--reason", "other"), 2, "reason other needs a note")
    refused(run("bins", "--site", "FRA1", "--q", "A", "--severity", "high"), 2, "there is no list of bins for")


def test_who_may_not_is_told_so(run: Run) -> None:
    refused(run(*RESOLVED, token=VIEWER), 2, "403")
    refused(run("bins", token=VIEWER), 0)


@pytest.mark.parametrize(
    "wrong",
    [
        ("show", "A 1"),
        ("resolve", "A-1", "--true-count", "-1", "--reason", "lost"),
        ("resolve", "A-1", "--true-count", "1", "--reason", "tired"),
        ("assign", "A-1", "--to", "ann", "--nobody"),
        ("export", "audit"),
        ("export", "colours"),
    ],
)
def test_wrong_usage_is_found_before_anything_is_asked(run: Run, wrong: tuple[str, ...]) -> None:
    refused(run(*wrong, url="http://127.0.0.1:9"), 2)


@pytest.mark.parametrize("missing", [{"url": None}, {"token": None}, {"url": "api.example.org"}])
def test_where_to_call_and_who_does_has_to_be_known(run: Run, missing: dict[str, str | None]) -> None:
    refused(run("bins", **missing), 2, "--url" if "url" in missing else "--token")


def test_an_api_that_can_not_be_reached_has_an_exit_code_of_its_own(run: Run) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        refused(run("bins", url=f"http://127.0.0.1:{nobody.getsockname()[1]}"), 4, "can't be reached")


def test_an_address_that_is_not_the_apis_is_told(run: Run, url: str) -> None:
    refused(run("bins", url=f"{url}/page/index.html?is="), 4, "is not the API")


# Consignments


def test_a_consignment_is_loaded_from_json_and_a_second_time_changes_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "C-9.json"
    file.write_text(json.dumps({"site": "FRA1", "bins": [{"bin_id": "Z-1", "expected_quantity": 3}]}))
    assert told(run("load", str(file), "--json"))["changed"] is True
    assert "C-9: 1 bins at FRA1, unchanged" in run("load", str(file)).output
    assert "C-9" in run("consignments", "C-9").output


def test_a_consignment_is_loaded_from_csv_seen_closed_and_opened_again(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "C-9.csv"
    file.write_text("bin_id,expected_quantity,sku,quantity\r\nZ-1,3,B1,1\r\nZ-1,3,B2,2\r\nZ-2,1,,\r\n")
    assert "C-9: 2 bins at FRA1, loaded" in run("load", str(file), "--site", "FRA1").output
    listed = told(run("consignments", "--site", "FRA1", "--state", "loaded", "--json"))
    assert [one["consignment_id"] for one in listed if one["consignment_id"] == "C-9"]
    assert told(run("consignments", "C-9", "--json"))["progress"]["waiting"] == 2
    assert "C-9: closed" in run("close", "C-9", "--note", "unloaded").output
    assert "C-9: loaded" in run("reopen-consignment", "C-9").output
    assert "C-9" in run("consignments").output


def test_a_consignment_with_open_bins_is_closed_only_if_that_is_said(run: Run) -> None:
    refused(run("close", "C-1"), 2, "409")
    assert told(run("close", "C-1", "--even-if-open", "--json"))["state"] == "closed"


def test_every_wrong_line_of_a_csv_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "C-9.csv"
    file.write_text("bin_id,expected_quantity\nZ-1,three\nZ 2,1\n")
    refused(run("load", str(file), "--site", "FRA1"), 2, "line 2", "line 3", "(422)")


def test_every_mistake_of_a_file_is_told_with_its_place(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "C-9.json"
    bins = [{"bin_id": "Z 1", "expected_quantity": 3}, {"bin_id": "Z-2", "expected_quantity": -3}]
    file.write_text(json.dumps({"site": "FRA1", "bins": bins}))
    refused(run("load", str(file)), 2, "bins.0.bin_id: ", "bins.1.expected_quantity: ", "(422)")


def test_a_file_that_can_not_be_a_consignment_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    for name in ("C-9.csv", "C-9.txt", "C 9.json"):
        (tmp_path / name).write_text("{}")
        refused(run("load", str(tmp_path / name)), 2)
    refused(run("load", str(tmp_path / "missing.json")), 2)


# Exporting


@pytest.fixture
def much(world: World) -> list[str]:
    """More bins than one page of an export holds, each with a photo."""
    names = [f"B-{number:04}" for number in range(1_030)]
    world.load(dict.fromkeys(names, 2), "C-2")
    return names


def test_a_list_is_exported_whole_as_json_lines(run: Run, much: list[str]) -> None:
    lines = run("export", "bins", "--site", "FRA1").stdout.splitlines()
    assert sorted(json.loads(line)["bin_id"] for line in lines) == sorted(["A-1", "A-2", "A-3", *much])


def test_a_list_is_exported_as_csv_under_one_header(run: Run, much: list[str], tmp_path: Path) -> None:
    file = tmp_path / "bins.csv"
    refused(run("export", "bins", "--site", "FRA1", "--format", "csv", "--out", str(file)), 0)
    rows = list(csv.DictReader(file.open(newline="")))
    assert sorted(row["bin_id"] for row in rows) == sorted(["A-1", "A-2", "A-3", *much])
    assert list(tmp_path.iterdir()) == [file]


def test_the_photos_of_a_site_are_exported_bin_by_bin(run: Run) -> None:
    photos = [json.loads(line) for line in run("export", "inspections", "--site", "FRA1").stdout.splitlines()]
    assert sorted(photo["bin_id"] for photo in photos) == ["A-1", "A-2"]
    of_one = run("export", "inspections", "--bin", "A-2").stdout.splitlines()
    assert [json.loads(line)["bin_id"] for line in of_one] == ["A-2"]
    table = run("export", "inspections", "--site", "FRA1", "--format", "csv").stdout
    assert sorted(row["bin_id"] for row in csv.DictReader(io.StringIO(table))) == ["A-1", "A-2"]


def test_what_people_said_is_exported_between_two_moments(run: Run) -> None:
    told(run(*RESOLVED, "--json"))
    [said] = [json.loads(line) for line in run("export", "resolutions", "--site", "FRA1").stdout.splitlines()]
    assert (said["bin_id"], said["true_count"]) == ("A-1", 1)
    assert run("export", "resolutions", "--site", "FRA1", "--from", "2030-01-01T00:00:00Z").stdout == ""


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_that_was_stopped_goes_on_where_it_was(
    run: Run, much: list[str], world: World, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "bins"
    command = ("export", "bins", "--site", "FRA1", "--format", form, "--out", str(file))
    world.pages_until_it_breaks = 1
    refused(run(*command), 4)
    part = tmp_path / "bins.part"
    first = part.read_bytes()
    part.write_bytes(first + b"half a li")
    refused(run("export", "bins", "--site", "LEJ3", "--out", str(file)), 2, "another export")
    world.pages_until_it_breaks = math.inf
    refused(run(*command), 0)
    whole = file.read_bytes()
    assert whole.startswith(first)
    assert all(whole.count(name.encode()) == 1 for name in much if form == "csv")
    assert len(whole.splitlines()) == 1_033 + (form == "csv")
