"""The routes of consignments through Chalice's own client, over a world in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from chalice import Chalice

from chalicelib.api import register
from chalicelib.consignment import Refusal
from chalicelib.domain import BinState, Verdict
from chalicelib.errors import Mistake, Unprocessable
from tests.described import DescribedClient as Client
from tests.fakes_api import FakeWorld, broken, expectation_of, image_of, inspection_of, minutes

if TYPE_CHECKING:
    from chalice.test import HTTPResponse

CSV = "bin_id,expected_quantity,sku,quantity\r\nA-17,3,X,2\r\nA-17,3,Y,1\r\nA-18,0,,\r\n"
ONE = "/v1/consignments/C-1"


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def client(world: FakeWorld) -> Client:
    app = Chalice(app_name="bincheck")
    register(app, world, None)
    return Client(app)


def get(client: Client, path: str, status: int = 200) -> Any:
    reply = client.http.get(path)
    assert reply.status_code == status, reply.body
    return reply.json_body


def put_csv(client: Client, body: str | bytes, path: str = f"{ONE}?site=FRA1", media_type: str = "text/csv") -> Any:
    content = body.encode() if isinstance(body, str) else body
    return client.http.put(path, headers={"Content-Type": media_type}, body=content)


def post(client: Client, path: str, body: Any = None, **headers: str) -> HTTPResponse:
    content = b"" if body is None else json.dumps(body).encode()
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.http.post(path, headers={"Content-Type": "application/json", **said}, body=content)


# Loading


@pytest.mark.parametrize("media_type", ["text/csv", "text/csv; charset=utf-8", "Text/CSV"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_consignment_is_loaded_as_csv(client: Client, world: FakeWorld, media_type: str, mark: bytes) -> None:
    reply = put_csv(client, mark + CSV.encode(), media_type=media_type)
    assert (reply.status_code, reply.json_body["bin_count"], reply.json_body["changed"]) == (200, 2, True)
    bin_ = world.table.get("A-17")
    assert bin_.expectation
    assert [(item.sku, item.quantity) for item in bin_.expectation.items] == [("X", 2), ("Y", 1)]
    assert put_csv(client, CSV).json_body["changed"] is False


def test_the_same_as_csv_and_as_json_is_the_same_load(client: Client) -> None:
    put_csv(client, CSV)
    bins = [
        {"bin_id": "A-18", "expected_quantity": 0},
        {
            "bin_id": "A-17",
            "expected_quantity": 3,
            "items": [{"sku": "Y", "quantity": 1}, {"sku": "X", "quantity": 2}],
        },
    ]
    body = json.dumps({"site": "FRA1", "bins": bins}).encode()
    reply = client.http.put(ONE, headers={"Content-Type": "application/json"}, body=body)
    assert reply.json_body["changed"] is False


def test_all_mistakes_of_a_csv_are_told_with_their_lines(client: Client, world: FakeWorld) -> None:
    reply = put_csv(client, "bin_id,expected_quantity\nA 1,x\nA-2,1\nA-3\n")
    error = reply.json_body
    assert (reply.status_code, error["error"]) == (422, "unprocessable")
    assert [(one["line"], one["field"]) for one in error["errors"]] == [
        (2, "bin_id"),
        (2, "expected_quantity"),
        (4, None),
    ]
    assert error["errors_left_out"] == 0
    assert not world.table.on_file


def test_a_thousand_mistakes_of_a_csv_are_told_and_the_rest_is_counted(client: Client) -> None:
    error = put_csv(client, "\n".join(["bin_id,expected_quantity", *["?"] * 1_003])).json_body
    assert (len(error["errors"]), error["errors_left_out"]) == (1_000, 3)


@pytest.mark.parametrize(("query", "told"), [("", "site"), ("?site=FRA%201", "a name has"), ("?sit=FRA1", "unknown")])
def test_a_csv_has_to_come_with_its_site(client: Client, query: str, told: str) -> None:
    reply = put_csv(client, CSV, f"{ONE}{query}")
    assert (reply.status_code, reply.json_body["error"]) == (400, "invalid_request")
    assert told in reply.json_body["message"]


# Seeing


def test_a_consignment_shows_how_far_it_is(client: Client, world: FakeWorld) -> None:
    world.load({f"A-{number}": 1 for number in range(6)})
    for name, verdict in {"A-0": Verdict.MATCH, "A-1": Verdict.MISMATCH, "A-2": Verdict.REVIEW}.items():
        world.photograph(inspection_of(name, verdict))
    reply = client.http.get(ONE)
    assert reply.headers["ETag"] == f'"{reply.json_body["version"]}"'
    assert reply.json_body["progress"] == {
        "bins": 6,
        "waiting": 3,
        "checked": 3,
        "matching": 1,
        "open": 2,
        "resolved": 0,
    }


def test_a_refused_file_is_shown_with_its_mistakes_in_full_and_mentioned_in_the_list(
    client: Client, world: FakeWorld
) -> None:
    refused = Unprocessable("", [Mistake("is no CSV", None, 3)], left_out=4)
    world.loader.refuse("C-1", "FRA1", image_of("C-1"), refused)
    shown = get(client, ONE)
    assert (shown["state"], shown["loaded_at"], shown["bins"]) == ("refused", None, [])
    assert shown["progress"]["bins"] == 0
    assert shown["refusal"]["errors"] == [{"line": 3, "field": None, "message": "is no CSV"}]
    assert (shown["refusal"]["error_count"], shown["refusal"]["errors_left_out"]) == (5, 4)
    assert shown["refusal"]["file"]["key"] == image_of("C-1").key
    (listed,) = get(client, "/v1/consignments")["consignments"]
    assert (listed["refusal"]["error_count"], listed["refusal"]["errors"]) == (5, None)


def test_consignments_are_listed_newest_first_page_by_page(client: Client, world: FakeWorld) -> None:
    for number in range(5):
        world.load({f"A-{number}": 1}, f"C-{number}")
    page = get(client, "/v1/consignments?limit=3&site=FRA1")
    assert [one["consignment_id"] for one in page["consignments"]] == ["C-4", "C-3", "C-2"]
    rest = get(client, f"/v1/consignments?limit=3&site=FRA1&cursor={page['cursor']}")
    assert ([one["consignment_id"] for one in rest["consignments"]], rest["cursor"]) == (["C-1", "C-0"], None)
    assert get(client, f"/v1/consignments?site=LEJ1&cursor={page['cursor']}", 400)["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("query", "found"),
    [("", 2), ("?state=closed", 1), ("?state=loaded", 1), ("?state=loading", 0), ("?site=FRA1&state=closed", 1)],
)
def test_consignments_are_listed_by_site_and_state(client: Client, world: FakeWorld, query: str, found: int) -> None:
    world.load({"A-1": 1}, "C-1")
    world.load({"A-2": 1}, "C-2")
    assert post(client, f"{ONE}/closing").status_code == 200
    assert len(get(client, f"/v1/consignments{query}")["consignments"]) == found


@pytest.mark.parametrize("query", ["?state=open", "?site=FRA%201", "?status=closed"])
def test_a_filter_that_is_none_is_refused(client: Client, query: str) -> None:
    assert get(client, f"/v1/consignments{query}", 400)["error"] == "invalid_request"


# Closing and reopening


def test_a_consignment_is_closed_and_reopened(client: Client, world: FakeWorld) -> None:
    world.load({"A-1": 1})
    closed = post(client, f"{ONE}/closing", {"note": "all put away"})
    assert (closed.status_code, closed.json_body["state"]) == (200, "closed")
    assert closed.json_body["closed_at"] is not None
    assert closed.json_body["progress"]["waiting"] == 1
    assert get(client, ONE)["progress"] == closed.json_body["progress"]
    assert get(client, ONE)["bins"] == []
    reopened = post(client, f"{ONE}/reopening", {"note": "not yet"}, If_Match=closed.headers["ETag"])
    assert (reopened.status_code, reopened.json_body["state"], reopened.json_body["closed_at"]) == (200, "loaded", None)
    assert world.table.get("A-1").expectation == expectation_of("A-1", 1)
    assert [record.note for record in world.table.trail.records] == ["", "all put away", "not yet"]


def test_a_consignment_with_open_bins_is_closed_only_by_who_says_so(client: Client, world: FakeWorld) -> None:
    world.load({"A-1": 1})
    world.photograph(inspection_of("A-1", Verdict.MISMATCH))
    refused = post(client, f"{ONE}/closing")
    assert (refused.status_code, refused.json_body["error"]) == (409, "conflict")
    closed = post(client, f"{ONE}/closing", {"even_if_open": True})
    assert (closed.status_code, closed.json_body["progress"]["open"]) == (200, 1)
    assert world.table.get("A-1").status.state is BinState.IDLE


def test_a_closed_consignment_is_not_loaded(client: Client, world: FakeWorld) -> None:
    world.load({"A-1": 1})
    post(client, f"{ONE}/closing")
    reply = put_csv(client, CSV)
    assert (reply.status_code, reply.json_body["error"]) == (409, "conflict")
    assert "reopen it" in reply.json_body["message"]


def test_a_bin_that_another_consignment_took_keeps_one_from_being_reopened(client: Client, world: FakeWorld) -> None:
    world.load({"A-1": 1})
    post(client, f"{ONE}/closing")
    world.load({"A-1": 1}, "C-2")
    reply = post(client, f"{ONE}/reopening")
    assert (reply.status_code, reply.json_body["message"]) == (
        409,
        "other consignments hold these bins: A-1 (C-2)",
    )


def test_a_change_of_what_somebody_has_not_seen_is_refused(client: Client, world: FakeWorld) -> None:
    world.load({"A-1": 1})
    seen = client.http.get(ONE).headers["ETag"]
    world.load({"A-1": 2})
    for path in (f"{ONE}/closing", f"{ONE}/reopening"):
        assert post(client, path, If_Match=seen).json_body["error"] == "precondition_failed"
    headers = {"Content-Type": "text/csv", "If-Match": seen}
    assert client.http.put(f"{ONE}?site=FRA1", headers=headers, body=CSV.encode()).status_code == 412
    assert post(client, f"{ONE}/closing", If_Match=client.http.get(ONE).headers["ETag"]).status_code == 200


def test_a_request_that_comes_again_with_its_key_changes_nothing(client: Client, world: FakeWorld) -> None:
    world.load({"A-1": 1})
    assert post(client, f"{ONE}/closing", Idempotency_Key="k-1").json_body["state"] == "closed"
    assert post(client, f"{ONE}/reopening").json_body["state"] == "loaded"
    assert post(client, f"{ONE}/closing", Idempotency_Key="k-1").json_body["state"] == "loaded"
    other = post(client, f"{ONE}/closing", {"even_if_open": True}, Idempotency_Key="k-1")
    assert (other.status_code, other.json_body["error"]) == (409, "conflict")


@pytest.mark.parametrize("what", ["closing", "reopening"])
def test_what_is_not_on_file_is_not_found(client: Client, what: str) -> None:
    assert post(client, f"{ONE}/{what}").status_code == 404
    assert post(client, f"/v1/consignments/C~1/{what}").status_code == 400


@pytest.mark.parametrize("body", [{"even_if_open": "yes"}, {"really": True}, {"note": 7}, []])
def test_a_closing_that_says_something_else_is_unprocessable(client: Client, world: FakeWorld, body: Any) -> None:
    world.load({"A-1": 1})
    assert post(client, f"{ONE}/closing", body).status_code == 422
    assert world.table.get("A-1").expectation


def test_a_closing_that_broke_half_way_is_shown_as_such(client: Client, world: FakeWorld) -> None:
    world.load({"A-1": 1})
    world.table.before_write = broken
    assert post(client, f"{ONE}/closing").status_code == 503
    assert get(client, ONE)["state"] == "closing"


def test_a_refusal_whose_mistakes_are_missing_is_still_mentioned(client: Client, world: FakeWorld) -> None:
    world.loader.refuse("C-1", "FRA1", image_of("C-1"), Unprocessable("", [Mistake("is odd")]))
    world.table.refusals.clear()
    assert get(client, ONE)["refusal"]["errors"] is None
    assert isinstance(world.table.on_file["C-1"].refusal, Refusal)
    assert world.table.on_file["C-1"].refusal.at < minutes(0)
