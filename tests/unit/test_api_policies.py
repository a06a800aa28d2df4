"""The policies' routes through Chalice's own client, over a world in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from chalice import Chalice

from chalicelib.api import register
from chalicelib.api.errors import problem
from chalicelib.domain import Expectation
from chalicelib.policy import DEFAULT
from chalicelib.site_policy import Rules, SitePolicy, to_document
from tests.described import DescribedClient as Client
from tests.examples import image_of, inspection_of, seconds_later, sure_of
from tests.fakes_api import FakePolicyBook, FakeWorld
from tests.policy_examples import document, group_named, with_rate

if TYPE_CHECKING:
    from chalicelib.trail import AuditRecord

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def client(world: FakeWorld) -> Client:
    app = Chalice(app_name="bincheck")
    register(app, world, None)
    return Client(app)


def call(client: Client, method: str, path: str, status: int, body: Any = None) -> Any:
    content = b"" if body is None else json.dumps(body).encode()
    reply = client.http.request(method, path, headers=JSON, body=content)
    assert reply.status_code == status, reply.body
    return reply.json_body


def get(client: Client, path: str, status: int = 200) -> Any:
    return call(client, "GET", path, status)


def put(client: Client, body: Any, status: int = 200, site: str = "FRA1") -> Any:
    return call(client, "PUT", f"/v1/policies/{site}", status, body)


def preview(client: Client, body: Any, status: int = 200) -> Any:
    return call(client, "POST", "/v1/policies/FRA1/preview", status, body)


def change(replaces: int = 0, **parts: Any) -> dict[str, Any]:
    return {"replaces": replaces, "note": "why", "policy": document(**parts)}


def test_a_site_that_nobody_has_set_anything_for_is_judged_by_the_default(client: Client) -> None:
    assert get(client, "/v1/policies/FRA1") == {
        "site": "FRA1",
        "version": 0,
        "author": None,
        "at": None,
        "note": None,
        "policy": to_document(Rules()),
        "thresholds": [
            {
                "group": None,
                "policy": "default/1",
                "mismatch_rate": DEFAULT.mismatch_rate,
                "review_from": DEFAULT.review_from,
                "alert_from": DEFAULT.alert_from,
            }
        ],
    }


def test_a_change_is_answered_with_who_made_it_when_and_which_thresholds_follow(client: Client) -> None:
    answer = put(client, change())
    assert (answer["version"], answer["note"], answer["policy"]) == (1, "why", document())
    assert answer["at"] == "2026-05-03T19:21:00.000Z"
    assert answer["author"] == "unknown", "Chalice's own client goes past the authorizer"
    by_default, small = answer["thresholds"]
    assert (small["group"], small["policy"]) == ("small-parts", "FRA1/1/small-parts")
    assert small["review_from"] < by_default["review_from"] == DEFAULT.review_from
    assert get(client, "/v1/policies/FRA1") == answer


def test_what_is_shown_can_be_sent_back_as_the_next_version(client: Client) -> None:
    put(client, change())
    shown = get(client, "/v1/policies/FRA1")
    answer = put(client, {"replaces": shown["version"], "note": "nothing new", "policy": shown["policy"]})
    assert (answer["version"], answer["policy"]) == (2, shown["policy"])


@pytest.mark.parametrize("replaces", [0, 2])
def test_a_change_of_another_version_than_the_one_in_force_is_a_conflict(client: Client, replaces: int) -> None:
    put(client, change())
    message = f"version {replaces} is not the one in force any more"
    assert put(client, change(replaces), 409) == problem(409, "conflict", message)
    assert get(client, "/v1/policies/FRA1")["version"] == 1


def put_seen(client: Client, tag: str, body: Any) -> Any:
    headers = {**JSON, "If-Match": tag}
    return client.http.put("/v1/policies/FRA1", headers=headers, body=json.dumps(body).encode())


def test_a_policys_tag_is_its_version_and_a_change_of_what_was_seen_goes_through(client: Client) -> None:
    assert client.http.get("/v1/policies/FRA1").headers["ETag"] == '"0"'
    reply = put_seen(client, '"0"', change())
    assert (reply.status_code, reply.headers["ETag"]) == (200, '"1"')
    assert client.http.get("/v1/policies/FRA1").headers["ETag"] == '"1"'


def test_a_change_of_a_policy_that_stands_otherwise_by_now_is_refused(client: Client, world: FakeWorld) -> None:
    put(client, change())
    reply = put_seen(client, '"0"', change(1))
    assert (reply.status_code, reply.json_body["error"]) == (412, "precondition_failed")
    assert len(world.table.trail.records) == 1


def test_a_policy_that_somebody_changes_in_between_is_not_changed_unseen(client: Client, world: FakeWorld) -> None:
    class Overtaken(FakePolicyBook):
        def put(self, policy: SitePolicy, record: AuditRecord) -> None:
            super().put(replace(policy, author="somebody else"), record)
            super().put(policy, record)

    world.policies = Overtaken()
    assert put_seen(client, '"0"', change()).status_code == 412
    assert put(client, change(1), 409)["error"] == "conflict"


def test_a_change_leaves_its_record(client: Client) -> None:
    put(client, change())
    put(client, {**change(1), "policy": to_document(with_rate(0.07)), "note": "more errors"})
    newest, first = get(client, "/v1/audit?site=FRA1")["audit"]
    assert (newest["action"], newest["policy"], newest["bin_id"], newest["note"]) == (
        *("policy_change", "FRA1/2", None),
        "more errors",
    )
    assert (newest["before"]["version"], newest["after"]["default.mismatch_rate"]) == (1, 0.07)
    assert first["before"]["version"] == 0


def test_a_change_that_breaks_rules_is_refused_with_all_of_them_and_changes_nothing(client: Client) -> None:
    error = put(client, change(groups=[group_named("a b"), group_named("c", bins=["["])]), 422)
    assert error["error"] == "unprocessable"
    assert "policy.groups[0].name: " in error["message"]
    assert "policy.groups[1].bins[0]: " in error["message"]
    assert get(client, "/v1/policies/FRA1")["version"] == 0


def test_a_change_that_names_a_field_twice_is_refused(client: Client) -> None:
    body = b'{"replaces": 0, "replaces": 1}'
    reply = client.http.put("/v1/policies/FRA1", headers=JSON, body=body)
    assert (reply.status_code, reply.json_body["error"]) == (400, "invalid_request")
    assert "replaces is named more than once" in reply.json_body["message"]


def test_versions_are_listed_newest_first_page_by_page(client: Client) -> None:
    for number in range(5):
        put(client, change(number))
    put(client, change(), site="MUC2")
    first = get(client, "/v1/policies/FRA1/versions?limit=3")
    second = get(client, f"/v1/policies/FRA1/versions?limit=3&cursor={first['cursor']}")
    assert [entry["version"] for page in (first, second) for entry in page["versions"]] == [5, 4, 3, 2, 1]
    assert second["cursor"] is None
    assert set(first["versions"][0]) == {"site", "version", "author", "at", "note", "policy"}


def test_a_cursor_of_one_sites_versions_is_refused_by_another(client: Client) -> None:
    for number in range(2):
        put(client, change(number))
    cursor = get(client, "/v1/policies/FRA1/versions?limit=1")["cursor"]
    assert get(client, f"/v1/policies/MUC2/versions?cursor={cursor}", 400)["error"] == "invalid_request"


@pytest.mark.parametrize("path", ["/v1/policies/F~1", "/v1/policies/F~1/versions"])
def test_a_site_that_can_not_be_is_refused(client: Client, path: str) -> None:
    assert get(client, path, 400)["error"] == "invalid_request"


def photographed(world: FakeWorld, bin_id: str, seen: int, at: int = 0, site: str = "FRA1") -> None:
    image = image_of(f"incoming/{bin_id}/{at}.jpg", uploaded_at=seconds_later(at))
    held = Expectation(bin_id, "C-1", site, 3)
    world.table.outcomes.append(inspection_of(image, bin_id=bin_id, expectation=held, estimate=sure_of(seen)))


def test_a_preview_tells_what_would_have_happened_and_changes_nothing(client: Client, world: FakeWorld) -> None:
    photographed(world, "S-1", 2, 0)
    photographed(world, "A-1", 2, 1)
    photographed(world, "A-2", 3, 2)
    photographed(world, "A-3", 1, 3, site="MUC2")
    careless = group_named("careless", bins=["A-*"], overrides={"mismatch_rate": 1e-6})
    told = preview(client, {"policy": document(groups=[careless])})
    assert (told["site"], told["inspections"], told["bins"], told["changed"]) == ("FRA1", 3, 3, 1)
    assert told["before"]["verdicts"] == {"match": 1, "review": 0, "mismatch": 2}
    assert (told["before"]["alerts"], told["after"]["alerts"]) == (2, 1)
    assert (told["after"]["precision"], told["after"]["found"]) == (None, None)
    (changed,) = told["changes"]
    assert (changed["bin_id"], changed["expected"], changed["photos"], changed["truth"]) == ("A-1", 3, 1, None)
    assert (changed["before"]["policy"], changed["before"]["alerted"]) == ("default/1", True)
    assert (changed["after"]["policy"], changed["after"]["alerted"]) == ("FRA1/1/careless", False)
    assert get(client, "/v1/policies/FRA1")["version"] == 0


def test_a_preview_takes_the_newest_inspections_and_no_more_than_asked_for(client: Client, world: FakeWorld) -> None:
    for at in range(5):
        photographed(world, f"A-{at}", 2, at)
    told = preview(client, {"policy": to_document(with_rate(1e-6)), "inspections": 2})
    assert told["inspections"] == 2
    assert [changed["bin_id"] for changed in told["changes"]] == ["A-3", "A-4"]


def test_a_preview_of_a_document_that_breaks_rules_is_refused(client: Client) -> None:
    error = preview(client, {"policy": document(limits={}), "inspections": 5000}, 422)
    assert "policy.limits.review_per_hour: Field required" in error["message"]
    assert "inspections: " in error["message"]


def test_what_a_site_has_taught_is_in_its_thresholds_and_on_both_sides_of_a_preview() -> None:
    taught = FakePolicyBook(
        lambda policy, _limits, item: replace(policy, mismatch_rate=item["rate"]) if item else policy
    )
    taught.feedback["FRA1"] = {"rate": 1e-6}
    world = FakeWorld(policies=taught)
    app = Chalice(app_name="bincheck")
    register(app, world, None)
    client = Client(app)
    photographed(world, "A-1", 2)
    assert get(client, "/v1/policies/FRA1")["thresholds"][0]["mismatch_rate"] == 1e-6
    assert preview(client, {"policy": document()})["changed"] == 0
