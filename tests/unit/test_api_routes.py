"""The routes through Chalice's own client, over a world in memory; who may call is tested with the authorizer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from chalice import Chalice

from chalicelib.api import register
from chalicelib.api.errors import problem
from chalicelib.domain import Reason, Verdict
from tests.described import DescribedClient as Client
from tests.fakes_api import FakeWorld, broken, expectation_of, inspection_of, minutes, rejection_of

JSON = {"Content-Type": "application/json"}
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


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


def put(client: Client, body: Any, status: int = 200, path: str = "/v1/consignments/C-1") -> Any:
    reply = client.http.put(path, headers=JSON, body=json.dumps(body).encode())
    assert reply.status_code == status, reply.body
    return reply.json_body


def names(page: Any) -> list[str]:
    return [entry["bin_id"] for entry in page["bins"]]


def test_health_is_ok(client: Client) -> None:
    assert get(client, "/health") == {"status": "ok"}


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/v1/bins", "/v1/bins/nowhere", "/v1/bins?limit=0"])
def test_no_answer_is_kept_by_caches_or_guessed_at_by_browsers(client: Client, path: str) -> None:
    reply = client.http.get(path)
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    is_fine = reply.status_code == 200
    assert reply.headers["Content-Type"] == ("application/json" if is_fine else "application/problem+json")


# Bins


def test_bins_are_listed_to_the_end_page_by_page(client: Client, world: FakeWorld) -> None:
    world.load({f"A-{n}": 1 for n in range(5)})
    found, cursor = [], ""
    while cursor is not None:
        page = get(client, "/v1/bins?limit=2" + (f"&cursor={cursor}" if cursor else ""))
        found += names(page)
        cursor = page["cursor"]
    assert found == ["A-0", "A-1", "A-2", "A-3", "A-4"]


def test_a_page_holds_fifty_unless_the_caller_says_otherwise(client: Client, world: FakeWorld) -> None:
    world.load({f"A-{n}": 1 for n in range(60)})
    assert len(get(client, "/v1/bins")["bins"]) == 50
    assert len(get(client, "/v1/bins?limit=200")["bins"]) == 60


def test_bins_are_filtered_by_status_and_consignment(client: Client, world: FakeWorld) -> None:
    world.load({"A-1": 1, "A-2": 1}, "C-1")
    world.load({"B-1": 1, "B-2": 1}, "C-2")
    for name in ("A-1", "B-1"):
        world.photograph(inspection_of(name, Verdict.MISMATCH))
    assert sorted(names(get(client, "/v1/bins?status=mismatch"))) == ["A-1", "B-1"]
    assert names(get(client, "/v1/bins?consignment=C-2")) == ["B-1", "B-2"]
    assert names(get(client, "/v1/bins?status=waiting&consignment=C-1")) == ["A-2"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("status=lost", "status must be one of idle, waiting, match"),
        ("status=", "status must be"),
        ("state=match", "unknown query parameter state; known are assignee, attention, consignment, cursor, from"),
        ("consignment=C%201", "a name has"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=1&limit=2", "more than once"),
        ("cursor=abc", "cursor"),
        ("cursor=", "cursor"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(client: Client, query: str, message: str) -> None:
    error = get(client, f"/v1/bins?{query}", 400)
    assert error["error"] == "invalid_request"
    assert message in error["message"]


def test_a_cursor_is_refused_under_another_filter(client: Client, world: FakeWorld) -> None:
    world.load({"A-1": 1, "A-2": 1})
    cursor = get(client, "/v1/bins?limit=1")["cursor"]
    get(client, f"/v1/bins?status=waiting&cursor={cursor}", 400)
    get(client, f"/v1/rejections?cursor={cursor}", 400)


def test_a_bin_is_shown_with_its_expectation_and_its_newest_photo(client: Client, world: FakeWorld) -> None:
    world.load({"A-1": 3})
    world.photograph(inspection_of("A-1", Verdict.MISMATCH, at=7))
    assert get(client, "/v1/bins/A-1") == {
        "bin_id": "A-1",
        "version": 2,
        "status": "mismatch",
        "changed_at": "2026-05-04T12:07:00.000Z",
        "photos": 1,
        "site": "FRA1",
        "consignment_id": "C-1",
        "expected": 3,
        "predicted": "2+",
        "certainty": 0.7,
        "probabilities": {"0": 0.1, "1": 0.2, "2+": 0.7},
        "severity": "low",
        "assignee": None,
        "photo_requested_at": None,
        "reason": None,
        "model": "bin-counter/1",
        "probability_of_mismatch": 0.25,
        "direction": None,
        "prior": None,
        "likelihood_ratio": None,
        "review_from": None,
        "alert_from": None,
        "photos_judged": 1,
        "is_settled": False,
        "is_audit": False,
        "stands_for": 1.0,
        "expected_cost": None,
        "policy": "p/1",
        "since": "2026-05-03T19:21:00.000Z",
        "alert": {"state": "open", "opened_at": "2026-05-04T12:07:00.000Z", "raised": ["mismatch"], "by": None},
        "image": {
            "bucket": "photos",
            "key": "incoming/A-1/photo.jpg",
            "version": "v7",
            "etag": "etag",
            "sequencer": "0000000000000007",
            "size": 1000,
            "uploaded_at": "2026-05-04T12:07:00.000Z",
        },
        "expectation": {"consignment_id": "C-1", "site": "FRA1", "expected_quantity": 3, "items": []},
        "picture_url": "https://photos.example/incoming/A-1/photo.jpg?versionId=v7",
    }


def test_a_bin_without_a_photo_has_no_picture(client: Client, world: FakeWorld) -> None:
    world.load({"A-1": 3})
    bin_ = get(client, "/v1/bins/A-1")
    assert (bin_["status"], bin_["image"], bin_["picture_url"]) == ("waiting", None, None)


def test_a_bin_never_heard_of_is_not_found(client: Client) -> None:
    assert get(client, "/v1/bins/A-1", 404) == problem(404, "not_found", "no bin A-1 is on file")


@pytest.mark.parametrize("path", ["/v1/bins/A~1", "/v1/bins/A~1/inspections", "/v1/consignments/C~1"])
def test_a_name_that_can_not_be_is_refused(client: Client, path: str) -> None:
    assert get(client, path, 400)["error"] == "invalid_request"


def test_the_photos_of_a_bin_are_told_newest_first(client: Client, world: FakeWorld) -> None:
    expectation = expectation_of("A-1", 2)
    world.photograph(inspection_of("A-1", Verdict.MATCH, 1, expectation))
    world.photograph(rejection_of("A-1", 3))
    world.photograph(rejection_of("A-1", 2, Reason.GONE))
    rejected, gone, inspected = get(client, "/v1/bins/A-1/inspections")["inspections"]
    assert inspected["type"] == "inspection"
    assert inspected["probabilities"] == {"0": 0.1, "1": 0.2, "2+": 0.7}
    assert (inspected["verdict"], inspected["expected"], inspected["predicted"]) == ("match", 2, "2+")
    assert inspected["picture_url"].endswith("versionId=v1")
    assert (rejected["type"], rejected["verdict"], rejected["reason"]) == ("rejection", "rejected", "not_an_image")
    assert rejected["picture_url"].endswith("versionId=v3")
    assert gone["picture_url"] is None
    assert RFC_3339.fullmatch(inspected["at"])


def test_the_photos_of_a_bin_come_in_pages(client: Client, world: FakeWorld) -> None:
    for at in range(3):
        world.photograph(inspection_of("A-1", at=at))
    first = get(client, "/v1/bins/A-1/inspections?limit=2")
    second = get(client, f"/v1/bins/A-1/inspections?limit=2&cursor={first['cursor']}")
    versions = [photo["image"]["version"] for page in (first, second) for photo in page["inspections"]]
    assert versions == ["v2", "v1", "v0"]
    assert second["cursor"] is None


# Rejections


def test_rejections_are_told_newest_first_with_photos_of_no_bin(client: Client, world: FakeWorld) -> None:
    world.photograph(rejection_of("A-1", 1))
    world.photograph(rejection_of(None, 2, Reason.BAD_KEY))
    stray, of_a_bin = get(client, "/v1/rejections")["rejections"]
    assert (stray["bin_id"], stray["reason"], stray["message"]) == (None, "bad_key", "it is a poem")
    assert of_a_bin["bin_id"] == "A-1"


# Consignments

CONTRACT = {
    "site": "FRA1",
    "bins": [{"bin_id": "A-17", "expected_quantity": 3, "items": [{"sku": "B000C33MI2", "quantity": 3}]}],
}


def test_a_consignment_is_loaded_once(client: Client) -> None:
    loaded = {
        "consignment_id": "C-1",
        "site": "FRA1",
        "state": "loaded",
        "version": 2,
        "bin_count": 1,
        "loaded_at": "2026-05-03T19:21:00.000Z",
        "closed_at": None,
        "refusal": None,
    }
    assert put(client, CONTRACT) == {**loaded, "changed": True}
    assert put(client, CONTRACT) == {**loaded, "changed": False}


def test_a_consignment_is_shown_with_the_first_of_its_bins(client: Client, world: FakeWorld) -> None:
    world.load({f"A-{n}": 1 for n in range(60)})
    shown = get(client, "/v1/consignments/C-1")
    assert (shown["bin_count"], shown["state"], len(shown["bins"])) == (60, "loaded", 50)
    rest = get(client, f"/v1/bins?consignment=C-1&cursor={shown['cursor']}")
    assert len(rest["bins"]) == 10


def test_a_consignment_whose_load_broke_is_shown_as_loading(client: Client, world: FakeWorld) -> None:
    world.table.before_write = broken
    put(client, CONTRACT, 503)
    assert get(client, "/v1/consignments/C-1")["state"] == "loading"


def test_a_consignment_never_loaded_is_not_found(client: Client) -> None:
    assert get(client, "/v1/consignments/C-1", 404)["error"] == "not_found"


def test_bins_that_another_consignment_holds_are_a_conflict(client: Client) -> None:
    put(client, CONTRACT)
    error = put(client, CONTRACT, 409, "/v1/consignments/C-2")
    assert error == problem(409, "conflict", "other consignments hold these bins: A-17 (C-1)")


def test_a_body_that_breaks_the_rules_is_unprocessable(client: Client) -> None:
    error = put(client, {"site": "FRA1", "bins": [{"bin_id": "A 17", "expected_quantity": -3}]}, 422)
    assert error["error"] == "unprocessable"
    assert "bins[0].bin_id" in error["message"]
    assert "bins[0].expected_quantity" in error["message"]
    assert [(one["line"], one["field"]) for one in error["errors"]] == [
        (None, "bins.0.bin_id"),
        (None, "bins.0.expected_quantity"),
    ]
    assert error["errors_left_out"] == 0


def test_a_thousand_mistakes_are_listed_and_the_rest_is_counted(client: Client) -> None:
    error = put(client, {"site": "FRA1", "bins": [{"bin_id": "A 17", "expected_quantity": 3}] * 1_001}, 422)
    assert (len(error["errors"]), error["errors_left_out"]) == (1_000, 2)
    assert error["errors"][-1]["field"] == "bins.999.bin_id"


def test_a_body_that_is_no_json_is_refused(client: Client) -> None:
    reply = client.http.put("/v1/consignments/C-1", headers=JSON, body=b"{")
    assert (reply.status_code, reply.json_body["error"]) == (400, "invalid_request")


def test_a_body_that_is_too_large_is_refused_unread(client: Client) -> None:
    reply = client.http.put("/v1/consignments/C-1", headers=JSON, body=b" " * (4 * 1024 * 1024 + 1))
    assert (reply.status_code, reply.json_body["error"]) == (413, "too_large")


# What goes wrong elsewhere


def test_a_body_of_another_kind_is_refused_in_the_same_shape(client: Client) -> None:
    reply = client.http.put("/v1/consignments/C-1", headers={"Content-Type": "text/plain"}, body=b"A-17,3")
    assert (reply.status_code, reply.json_body["error"]) == (415, "unsupported_media_type")


def test_a_method_that_no_route_takes_is_refused_in_the_same_shape(client: Client) -> None:
    reply = client.http.delete("/v1/bins", headers={})
    assert (reply.status_code, reply.json_body["error"]) == (405, "method_not_allowed")


def test_a_service_that_fails_is_not_described_to_the_caller(
    client: Client, world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.table.before_write = broken
    error = put(client, CONTRACT, 503)
    assert error["error"] == "unavailable"
    assert "Provisioned" not in error["message"]
    assert "Provisioned" in caplog.text


def test_a_fault_of_ours_is_logged_and_not_described_to_the_caller(
    client: Client, world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.table.before_write = lambda: {}["secret"]
    message = "something went wrong on our side; it has been logged"
    assert put(client, CONTRACT, 500) == problem(500, "internal_server_error", message)
    assert "KeyError: 'secret'" in caplog.text


def test_times_are_rfc_3339_in_utc(client: Client, world: FakeWorld) -> None:
    world.photograph(inspection_of("A-1", at=5))
    [entry] = get(client, "/v1/bins")["bins"]
    assert entry["changed_at"] == "2026-05-04T12:05:00.000Z"
    assert minutes(5).utcoffset() is not None


def test_what_few_requests_need_is_not_imported_by_all_functions() -> None:
    heavy = "{'pydantic', 'chalicelib.api.openapi', 'jwt', 'cryptography', 'boto3', 'botocore'}"
    code = f"import sys, chalicelib.api; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
