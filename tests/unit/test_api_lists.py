"""Lists of bins through the routes: filters, orders, pictures, and the forms in which a list can be had."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from chalice import Chalice

from chalicelib.api import register
from chalicelib.caller import Caller
from chalicelib.domain import Judgement, Reason, Verdict
from chalicelib.resolution import Cause, Finding
from tests.described import DescribedClient as Client
from tests.fakes_api import FakeWorld, expectation_of, image_of, inspection_of, rejection_of

COSTS = {"A-1": 5.0, "A-2": 9.0, "B-1": 7.0}


@pytest.fixture
def world() -> FakeWorld:
    """Three bins that differ, one that is right, one that no photo was taken of, and one that nobody expects."""
    here = FakeWorld()
    here.load(dict.fromkeys((*COSTS, "M-1", "W-1"), 2))
    for at, (name, cost) in enumerate(COSTS.items(), 1):
        status = here.table.get(name).status
        inspection = inspection_of(name, Verdict.MISMATCH, at, expectation_of(name))
        judged = Judgement(Verdict.MISMATCH, "p/1", 0.9, expected_cost=cost)
        here.table.record(inspection, status, status.after(inspection, judged))
    here.photograph(inspection_of("M-1", Verdict.MATCH, 8))
    here.photograph(inspection_of("nowhere", Verdict.UNEXPECTED, 9))
    return here


@pytest.fixture
def client(world: FakeWorld) -> Client:
    app = Chalice(app_name="bincheck")
    register(app, world, None)
    return Client(app)


def get(client: Client, path: str, status: int = 200, accept: str | None = None) -> Any:
    reply = client.http.get(path, headers={"Accept": accept} if accept else {})
    assert reply.status_code == status, reply.body
    return reply if accept else reply.json_body


def names(client: Client, query: str) -> list[str]:
    return [entry["bin_id"] for entry in get(client, f"/v1/bins?{query}")["bins"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("site=FRA1&attention=true", ["A-2", "B-1", "A-1"]),
        ("site=FRA1&attention=true&sort=newest", ["B-1", "A-2", "A-1"]),
        ("site=FRA1&status=mismatch&sort=cost", ["A-2", "B-1", "A-1"]),
        ("site=FRA1&q=A-", ["A-1", "A-2"]),
        ("site=FRA1", ["A-1", "A-2", "B-1", "M-1", "W-1"]),
        ("site=FRA1&from=2026-05-04T12:02:00Z&to=2026-05-04T12:08:00Z", ["B-1", "A-2"]),
        ("site=FRA1&from=2026-05-04T14:02:00%2B02:00", ["M-1", "B-1", "A-2"]),
        ("site=FRA1&status=waiting", ["W-1"]),
        ("site=FRA1&status=match&attention=false", ["M-1"]),
        ("site=&attention=true", ["nowhere"]),
        ("consignment=C-1&q=B", ["B-1"]),
        ("status=mismatch&to=2026-05-04T12:02:00Z", ["A-1"]),
        ("site=FRA1&severity=high", []),
        ("site=FRA1&assignee=ann", []),
    ],
)
def test_bins_are_found_by_what_is_asked_for_in_the_order_of_the_list(
    client: Client, query: str, found: list[str]
) -> None:
    assert names(client, query) == found


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("attention=yes", "attention must be true or false"),
        ("site=FRA1&attention=true&pictures=1", "pictures must be true or false"),
        ("site=FRA1&severity=dire", "severity must be one of high, medium, low"),
        ("site=FRA1&sort=oldest", "sort must be one of newest, cost, name"),
        ("site=FRA1&assignee=", "assignee must have"),
        ("site=FRA1&q=", "q must be how a bin's name begins"),
        ("site=FRA1&q=A%2F", "q must be how a bin's name begins"),
        ("site=FRA1&from=yesterday", "from must be a time"),
        ("site=FRA1&from=2026-05-04T12:00:00", "from"),
        ("site=FRA1&to=2026-13-04T12:00:00Z", "to must be a time"),
        ("site=F%20RA", "a name has"),
        ("attention=true", "there is no list of bins for attention; there is one for: "),
        ("site=FRA1&severity=high&q=A", "there is no list of bins for q, severity, site"),
        ("site=FRA1&attention=true&status=match", "no bin that is match waits"),
    ],
)
def test_what_makes_no_sense_or_has_no_list_is_refused(client: Client, query: str, message: str) -> None:
    error = get(client, f"/v1/bins?{query}", 400)
    assert error["error"] == "invalid_request"
    assert message in error["message"]


def test_the_queue_is_read_to_its_end_page_by_page(client: Client) -> None:
    first = get(client, "/v1/bins?site=FRA1&attention=true&limit=2")
    second = get(client, f"/v1/bins?site=FRA1&attention=true&limit=2&cursor={first['cursor']}")
    assert [entry["bin_id"] for page in (first, second) for entry in page["bins"]] == ["A-2", "B-1", "A-1"]
    assert second["cursor"] is None
    get(client, f"/v1/bins?site=FRA1&cursor={first['cursor']}", 400)


def test_pictures_come_where_they_are_asked_for(client: Client) -> None:
    first, *_ = get(client, "/v1/bins?site=FRA1&attention=true&pictures=true")["bins"]
    assert first["picture_url"].endswith("versionId=v2")
    waiting = get(client, "/v1/bins?site=FRA1&status=waiting&pictures=true")["bins"]
    assert [entry["picture_url"] for entry in waiting] == [None]
    assert "picture_url" not in get(client, "/v1/bins?site=FRA1&attention=true")["bins"][0]


# Forms


def test_a_list_comes_as_csv_with_the_address_of_its_next_page(client: Client) -> None:
    reply = get(client, "/v1/bins?site=FRA1&attention=true&limit=2", accept="text/csv")
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(reply.body.decode())))
    assert [(row["bin_id"], row["expected_cost"], row["alert.raised"]) for row in rows] == [
        ("A-2", "9.0", "mismatch"),
        ("B-1", "7.0", "mismatch"),
    ]
    address = reply.headers["Link"].partition(">")[0].removeprefix("<")
    rest = get(client, f"/v1/bins{address}", accept="text/csv")
    assert [row["bin_id"] for row in csv.DictReader(io.StringIO(rest.body.decode()))] == ["A-1"]
    assert "Link" not in rest.headers


def test_a_list_comes_as_json_lines_and_as_json_with_the_same_entries(client: Client) -> None:
    reply = get(client, "/v1/bins?site=FRA1", accept="application/x-ndjson")
    assert reply.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
    lines = [json.loads(line) for line in reply.body.decode().splitlines()]
    assert lines == get(client, "/v1/bins?site=FRA1")["bins"]


@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson"])
def test_an_export_takes_pages_of_a_thousand_and_json_does_not(client: Client, accept: str) -> None:
    get(client, "/v1/bins?limit=1000", accept=accept)
    assert get(client, "/v1/bins?limit=1001", 400, accept=accept).json_body["error"] == "invalid_request"
    get(client, "/v1/bins?limit=1000", 400)


def test_a_caller_who_takes_none_of_the_forms_is_refused(client: Client) -> None:
    error = get(client, "/v1/bins", 406, accept="text/html").json_body
    assert error["error"] == "not_acceptable"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/bins/A-1/inspections", "inspections"),
        ("/v1/rejections", "rejections"),
        ("/v1/bins/A-1/resolutions", "resolutions"),
        ("/v1/sites/FRA1/resolutions", "resolutions"),
    ],
)
def test_every_list_of_events_comes_in_every_form(client: Client, world: FakeWorld, path: str, name: str) -> None:
    world.photograph(rejection_of("A-1", 20, Reason.NOT_AN_IMAGE))
    world.resolver.resolve("A-1", Finding(1, Cause.COUNTED, "=1+1"), Caller("ann"))
    entries = get(client, path)[name]
    lines = get(client, path, accept="application/x-ndjson").body.decode().splitlines()
    assert [json.loads(line) for line in lines] == entries != []
    rows = list(csv.DictReader(io.StringIO(get(client, path, accept="text/csv").body.decode())))
    assert [row["bin_id"] for row in rows] == [entry["bin_id"] for entry in entries]
    assert all(row.get("note") in {None, "'=1+1"} for row in rows)


def test_what_people_said_at_a_site_comes_oldest_first_with_the_photo_that_they_spoke_of(
    client: Client, world: FakeWorld
) -> None:
    for name in ("B-1", "A-1"):
        world.resolver.resolve(name, Finding(1, Cause.COUNTED), Caller("ann"))
    first, second = get(client, "/v1/sites/FRA1/resolutions")["resolutions"]
    assert (first["bin_id"], second["bin_id"]) == ("B-1", "A-1")
    assert first["picture_url"] == f"https://photos.example/{image_of('B-1').key}?versionId=v3"
    later = get(client, f"/v1/sites/FRA1/resolutions?from={second['at']}")["resolutions"]
    assert later == [second]
    assert get(client, f"/v1/sites/FRA1/resolutions?to={first['at']}")["resolutions"] == []
    get(client, "/v1/sites/FRA1/resolutions?from=then", 400)


def test_a_sites_resolutions_are_read_to_their_end_page_by_page(client: Client, world: FakeWorld) -> None:
    for name in COSTS:
        world.resolver.resolve(name, Finding(1, Cause.COUNTED), Caller("ann"))
    first = get(client, "/v1/sites/FRA1/resolutions?limit=2")
    second = get(client, f"/v1/sites/FRA1/resolutions?limit=2&cursor={first['cursor']}")
    assert [act["bin_id"] for page in (first, second) for act in page["resolutions"]] == [*COSTS]
    get(client, f"/v1/sites/MUC1/resolutions?cursor={first['cursor']}", 400)
