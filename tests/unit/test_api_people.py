"""The routes of people, through Chalice's own client and with an authorizer, over a world in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from chalice import Chalice
from chalice.app import AuthResponse

from chalicelib.api import register
from chalicelib.domain import BinState, Judgement, Verdict
from chalicelib.feedback import Adaptation
from chalicelib.ports_api import SiteRules
from tests.described import DescribedClient as Client
from tests.fakes_api import FakeWorld, expectation_of, inspection_of

COUNTED = {"true_count": 1, "reason": "counted"}


@pytest.fixture
def world() -> FakeWorld:
    world = FakeWorld()
    world.load({f"A-{number}": 2 for number in range(8)})
    return world


@pytest.fixture
def client(world: FakeWorld) -> Client:
    """Whoever calls is known by what they send as their token."""
    app = Chalice(app_name="bincheck")

    @app.authorizer()
    def authorize(request: Any) -> AuthResponse:
        return AuthResponse(routes=["*"], principal_id=request.token)

    register(app, world, authorize)
    return Client(app)


def judged(world: FakeWorld, bin_id: str, judgement: Judgement) -> None:
    status = world.table.get(bin_id).status
    inspection = inspection_of(bin_id, judgement.verdict, 0, expectation_of(bin_id))
    world.table.record(inspection, status, status.after(inspection, judgement))


@pytest.fixture
def alerting(world: FakeWorld) -> FakeWorld:
    judged(world, "A-1", Judgement(Verdict.MISMATCH, "p/1", 0.75))
    return world


def get(client: Client, path: str, status: int = 200) -> Any:
    reply = client.http.get(path, headers={"Authorization": "ann"})
    assert reply.status_code == status, reply.body
    return reply.json_body


def post(
    client: Client, path: str, body: Any = None, status: int = 200, *, who: str = "ann", key: str | None = None
) -> Any:
    headers = {"Authorization": who, "Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    content = b"" if body is None else json.dumps(body).encode()
    reply = client.http.post(path, headers=headers, body=content)
    assert reply.status_code == status, reply.body
    return reply.json_body


# Acknowledge, resolve, reopen


def test_an_alert_is_taken_up_by_whoever_calls(client: Client, alerting: FakeWorld) -> None:
    bin_ = post(client, "/v1/bins/A-1/acknowledgement", who="bob")
    assert (bin_["alert"]["state"], bin_["alert"]["by"]) == ("acknowledged", "bob")
    assert alerting.table.get("A-1").status.episode is not None


def test_a_resolution_is_answered_with_the_bin_and_told_with_who_said_it(client: Client, alerting: FakeWorld) -> None:
    said = {"true_count": 1, "reason": "lost", "note": "one fell behind the shelf"}
    assert post(client, "/v1/bins/A-1/resolution", said)["status"] == "resolved"
    (told,) = get(client, "/v1/bins/A-1/resolutions")["resolutions"]
    assert {name: told[name] for name in said} == said
    assert (told["type"], told["by"], told["asked"], told["expected"], told["is_wrong"]) == (
        "resolution",
        "ann",
        "alert",
        2,
        True,
    )
    assert (told["stood"]["status"], told["stood"]["probability_of_mismatch"]) == ("mismatch", 0.75)
    assert alerting.table.get("A-1").status.state is BinState.RESOLVED


def test_a_resolution_is_taken_back_with_or_without_a_word(client: Client, alerting: FakeWorld) -> None:
    for body in (None, {"note": "wrong bin"}):
        post(client, "/v1/bins/A-1/resolution", COUNTED)
        assert post(client, "/v1/bins/A-1/reopening", body, who="bob")["status"] == "mismatch"
    newest, *_ = get(client, "/v1/bins/A-1/resolutions")["resolutions"]
    assert (newest["type"], newest["by"], newest["note"]) == ("reopening", "bob", "wrong bin")
    assert len(alerting.table.said.acts) == 4


def test_a_request_with_its_key_is_carried_out_once(client: Client, alerting: FakeWorld) -> None:
    first = post(client, "/v1/bins/A-1/resolution", COUNTED, key="k-1")
    assert post(client, "/v1/bins/A-1/resolution", COUNTED, key="k-1") == first
    error = post(client, "/v1/bins/A-1/resolution", {**COUNTED, "true_count": 2}, 409, key="k-1")
    assert "Idempotency-Key" in error["message"]
    assert len(alerting.table.said.acts) == 1


@pytest.mark.parametrize("key", ["x" * 256, "two words", "\u00fc"])
def test_a_key_that_can_not_be_is_refused(client: Client, alerting: FakeWorld, key: str) -> None:
    assert "Idempotency-Key" in post(client, "/v1/bins/A-1/resolution", COUNTED, 400, key=key)["message"]
    assert alerting.table.said.acts == {}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "true_count"),
        ({"true_count": -1, "reason": "counted"}, "true_count"),
        ({"true_count": "3", "reason": "counted"}, "true_count"),
        ({"true_count": 3}, "reason"),
        ({"true_count": 3, "reason": "because"}, "reason"),
        ({"true_count": 3, "reason": "other"}, "needs a note"),
        ({"true_count": 3, "reason": "other", "note": " "}, "needs a note"),
        ({"true_count": 3, "reason": "counted", "note": "x" * 1001}, "note"),
        ({"true_count": 3, "reason": "counted", "by": "bob"}, "by"),
        ([], "body"),
    ],
)
def test_a_resolution_that_breaks_the_rules_is_unprocessable(client: Client, body: Any, place: str) -> None:
    error = post(client, "/v1/bins/A-1/resolution", body, 422)
    assert error["error"] == "unprocessable"
    assert place in error["message"]


@pytest.mark.parametrize("act", ["acknowledgement", "assignment", "photo-request", "resolution", "reopening"])
def test_nothing_is_done_about_a_bin_never_heard_of(client: Client, act: str) -> None:
    body = DOINGS.get(act)
    assert post(client, f"/v1/bins/B-1/{act}", body, 404)["error"] == "not_found"
    assert post(client, f"/v1/bins/B~1/{act}", body, 400)["error"] == "invalid_request"


@pytest.mark.parametrize("act", ["acknowledgement", "reopening"])
def test_what_can_not_be_done_now_is_a_conflict(client: Client, act: str) -> None:
    assert post(client, f"/v1/bins/A-1/{act}", None, 409)["error"] == "conflict"


def test_what_was_said_comes_in_pages(client: Client, alerting: FakeWorld) -> None:
    for number in range(3):
        post(client, "/v1/bins/A-1/resolution", {**COUNTED, "true_count": number})
    first = get(client, "/v1/bins/A-1/resolutions?limit=2")
    second = get(client, f"/v1/bins/A-1/resolutions?limit=2&cursor={first['cursor']}")
    assert [one["true_count"] for page in (first, second) for one in page["resolutions"]] == [2, 1, 0]
    assert (second["cursor"], len(alerting.table.said.acts)) == (None, 3)


# Ask others, and be asked


def test_a_bin_is_assigned_and_given_back(client: Client, alerting: FakeWorld) -> None:
    assert post(client, "/v1/bins/A-1/assignment", {"assignee": "bob"})["assignee"] == "bob"
    assert get(client, "/v1/bins/A-1")["assignee"] == "bob"
    assert post(client, "/v1/bins/A-1/assignment", {"assignee": None}, who="bob")["assignee"] is None
    newest, first = get(client, "/v1/bins/A-1/resolutions")["resolutions"]
    assert (newest["type"], newest["by"], newest["assignee"]) == ("assignment", "bob", None)
    assert (first["by"], first["assignee"]) == ("ann", "bob")
    assert len(alerting.table.said.acts) == 2


def test_another_photo_is_asked_for_with_or_without_a_word(client: Client, alerting: FakeWorld) -> None:
    assert get(client, "/v1/bins/A-1")["photo_requested_at"] is None
    asked = post(client, "/v1/bins/A-1/photo-request", {"note": "blurred"})
    assert asked["photo_requested_at"] == "2026-05-05T19:22:00.000Z"
    assert post(client, "/v1/bins/A-2/photo-request")["photo_requested_at"] is not None
    (told,) = get(client, "/v1/bins/A-1/resolutions")["resolutions"]
    assert (told["type"], told["by"], told["note"], told["version"]) == ("photo_request", "ann", "blurred", 3)
    assert alerting.table.get("A-1").status.photo_request is not None


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("assignment", {}, "assignee"),
        ("assignment", {"assignee": ""}, "assignee"),
        ("assignment", {"assignee": " bob"}, "assignee"),
        ("assignment", {"assignee": "bob\n"}, "assignee"),
        ("assignment", {"assignee": "b\u0000b"}, "assignee"),
        ("assignment", {"assignee": "x" * 129}, "assignee"),
        ("assignment", {"assignee": 7}, "assignee"),
        ("assignment", {"assignee": "bob", "by": "ann"}, "by"),
        ("photo-request", {"note": "x" * 1_001}, "note"),
        ("photo-request", {"note": None}, "note"),
        ("photo-request", {"camera": 7}, "camera"),
    ],
)
def test_what_is_asked_of_others_keeps_the_rules(client: Client, path: str, body: Any, place: str) -> None:
    error = post(client, f"/v1/bins/A-1/{path}", body, 422)
    assert [one["field"] for one in error["errors"]] == [place]


@pytest.mark.parametrize("name", ["b", "Bob \u00d6. Meier", "x" * 128, "bob@example.org"])
def test_people_have_names_of_all_kinds(client: Client, name: str) -> None:
    assert post(client, "/v1/bins/A-1/assignment", {"assignee": name})["assignee"] == name


def test_callers_are_told_their_name(client: Client) -> None:
    assert get(client, "/v1/me") == {"name": "ann", "display": "ann", "role": None}


# Lost updates


DOINGS = {
    "acknowledgement": None,
    "assignment": {"assignee": "bob"},
    "photo-request": {"note": "blurred"},
    "resolution": COUNTED,
}


def tag_of(client: Client, path: str = "/v1/bins/A-1") -> str:
    return client.http.get(path, headers={"Authorization": "ann"}).headers["ETag"]


def posted(client: Client, act: str, **headers: str) -> Any:
    content = b"" if DOINGS.get(act) is None else json.dumps(DOINGS[act]).encode()
    usual = {"Authorization": "ann", "Content-Type": "application/json"}
    return client.http.post(f"/v1/bins/A-1/{act}", headers={**usual, **headers}, body=content)


@pytest.mark.usefixtures("alerting")
def test_a_bins_tag_is_its_version(client: Client) -> None:
    assert tag_of(client) == f'"{get(client, "/v1/bins/A-1")["version"]}"' == '"2"'


@pytest.mark.usefixtures("alerting")
@pytest.mark.parametrize("act", DOINGS)
def test_what_was_seen_is_changed_and_the_answer_has_the_new_tag(client: Client, act: str) -> None:
    reply = posted(client, act, **{"If-Match": tag_of(client)})
    assert reply.status_code == 200
    assert reply.headers["ETag"] == tag_of(client) == f'"{reply.json_body["version"]}"' == '"3"'
    assert reply.json_body["expectation"]["expected_quantity"] == 2


@pytest.mark.usefixtures("alerting")
@pytest.mark.parametrize("act", [*DOINGS, "reopening"])
@pytest.mark.parametrize("tag", ['"1"', '"1", "3"', 'W/"2"', '""'])
def test_what_has_changed_since_it_was_seen_is_left_alone(client: Client, act: str, tag: str) -> None:
    before = get(client, "/v1/bins/A-1")
    reply = posted(client, act, **{"If-Match": tag})
    assert (reply.status_code, reply.json_body["error"]) == (412, "precondition_failed")
    assert get(client, "/v1/bins/A-1") == before


@pytest.mark.usefixtures("alerting")
@pytest.mark.parametrize("tag", ["*", ' "1" , "2"', '"2"'])
def test_any_tag_that_names_what_stands_will_do(client: Client, tag: str) -> None:
    assert posted(client, "resolution", **{"If-Match": tag}).status_code == 200


@pytest.mark.parametrize("tag", ["2", '"2', "", '"2" "3"', '"2",', "W/2"])
def test_an_if_match_that_names_no_tag_is_refused(client: Client, tag: str) -> None:
    reply = posted(client, "resolution", **{"If-Match": tag})
    assert (reply.status_code, reply.json_body["error"]) == (400, "invalid_request")
    assert "If-Match" in reply.json_body["message"]


# The audit trail


def test_what_was_done_about_a_bin_is_told_newest_first_with_who_did_it(client: Client, alerting: FakeWorld) -> None:
    post(client, "/v1/bins/A-1/assignment", {"assignee": "bob"})
    post(client, "/v1/bins/A-1/resolution", {"true_count": 1, "reason": "lost", "note": "gone"}, who="bob")
    newest, first = get(client, "/v1/bins/A-1/audit")["audit"]
    assert newest == {
        "at": "2026-05-05T19:23:00.000Z",
        "by": "bob",
        "action": "resolution",
        "version": 4,
        "site": "FRA1",
        "bin_id": "A-1",
        "consignment_id": "C-1",
        "policy": None,
        "before": {"version": 3, "status": "mismatch", "alert": "open", "alert_by": None, "assignee": "bob"},
        "after": {
            "version": 4,
            "status": "resolved",
            "alert": "resolved",
            "alert_by": "bob",
            "assignee": None,
            "true_count": 1,
            "reason": "lost",
            "corrects": None,
        },
        "note": "gone",
    }
    assert (first["action"], first["by"], first["after"]) == ("assignment", "ann", {"version": 3, "assignee": "bob"})
    assert [record.action for record in alerting.table.trail.records] == [
        "consignment_load",
        "assignment",
        "resolution",
    ]


def test_the_trail_of_a_site_is_told_page_by_page_within_a_stretch_of_time(client: Client, alerting: FakeWorld) -> None:
    for name in ("A-1", "A-2", "A-3", "A-4"):
        post(client, f"/v1/bins/{name}/assignment", {"assignee": "bob"})
    whole = get(client, "/v1/audit?site=FRA1")
    assert [one["bin_id"] for one in whole["audit"]] == ["A-4", "A-3", "A-2", "A-1", None]
    assert (whole["audit"][-1]["action"], whole["audit"][-1]["consignment_id"]) == ("consignment_load", "C-1")
    stretch = f"/v1/audit?site=FRA1&from={whole['audit'][2]['at']}&to={whole['audit'][0]['at']}&limit=1"
    first = get(client, stretch)
    second = get(client, f"{stretch}&cursor={first['cursor']}")
    assert [one["bin_id"] for page in (first, second) for one in page["audit"]] == ["A-3", "A-2"]
    assert second["cursor"] is None
    get(client, f"/v1/audit?site=FRA1&cursor={first['cursor']}", 400)
    assert get(client, "/v1/audit?site=MUC1")["audit"] == []
    assert len(alerting.table.trail.records) == 5


def test_what_is_done_about_bins_of_no_site_has_a_trail_too(client: Client, world: FakeWorld) -> None:
    world.photograph(inspection_of("stray", Verdict.UNEXPECTED))
    post(client, "/v1/bins/stray/assignment", {"assignee": "bob"})
    (record,) = get(client, "/v1/audit")["audit"]
    assert (record["bin_id"], record["site"], record["consignment_id"]) == ("stray", None, None)


@pytest.mark.parametrize(
    "query",
    [
        "site=",
        "site=FRA%201",
        "from=yesterday",
        "to=2026-05-04",
        "from=2026-13-01T00:00:00Z",
        "to=",
        "by=ann",
        "limit=0",
    ],
)
def test_a_trail_that_makes_no_sense_is_refused(client: Client, query: str) -> None:
    assert get(client, f"/v1/audit?{query}", 400)["error"] == "invalid_request"


# The review queue


@pytest.fixture
def queue(world: FakeWorld) -> FakeWorld:
    for number in range(5):
        judged(world, f"A-{number}", Judgement(Verdict.REVIEW, "p/1", 0.1, expected_cost=4.0 + number))
    judged(world, "A-7", Judgement(Verdict.REVIEW, "p/1", 0.01, is_audit=True, stands_for=100.0, expected_cost=350.0))
    world.rules = SiteRules(review_per_hour=2)
    return world


def test_the_queue_is_told_by_falling_cost_with_the_hour_in_which_each_comes_up(
    client: Client, queue: FakeWorld
) -> None:
    told = get(client, "/v1/reviews?site=FRA1")
    assert (told["site"], told["review_per_hour"], told["cursor"]) == ("FRA1", queue.rules.review_per_hour, None)
    assert [(one["bin_id"], one["rank"], one["due_hour"], one["why"]) for one in told["reviews"]] == [
        ("A-7", 0, 0, "audit"),
        ("A-4", 1, 0, "uncertain"),
        ("A-3", 2, 1, "uncertain"),
        ("A-2", 3, 1, "uncertain"),
        ("A-1", 4, 2, "uncertain"),
        ("A-0", 5, 2, "uncertain"),
    ]
    first = told["reviews"][0]
    assert (first["expected_cost"], first["stands_for"]) == (350.0, 100.0)
    assert first["picture_url"].startswith("https://")


def test_ranks_go_on_over_pages_and_nothing_is_dropped(client: Client, queue: FakeWorld) -> None:
    told, cursor = [], ""
    while cursor is not None:
        page = get(client, "/v1/reviews?site=FRA1&limit=2" + (f"&cursor={cursor}" if cursor else ""))
        told += [(one["rank"], one["due_hour"]) for one in page["reviews"]]
        cursor = page["cursor"]
    assert told == [(rank, rank // 2) for rank in range(6)]
    assert len(queue.table.by_name) == 8


def test_a_resolved_bin_leaves_the_queue(client: Client, queue: FakeWorld) -> None:
    post(client, "/v1/bins/A-7/resolution", COUNTED)
    assert "A-7" not in {one["bin_id"] for one in get(client, "/v1/reviews?site=FRA1")["reviews"]}
    assert queue.table.get("A-7").status.state is BinState.RESOLVED


@pytest.mark.parametrize("query", ["", "?site=", "?site=FRA%201", "?site=FRA1&limit=0", "?site=FRA1&sort=cost"])
def test_a_queue_that_makes_no_sense_is_refused(client: Client, query: str) -> None:
    assert get(client, f"/v1/reviews{query}", 400)["error"] == "invalid_request"


def test_a_cursor_belongs_to_one_sites_queue_and_can_not_be_made_up(client: Client, queue: FakeWorld) -> None:
    from chalicelib.api.cursors import List  # noqa: PLC0415 - only here a cursor is made by hand
    from chalicelib.ports_api import Page  # noqa: PLC0415

    cursor = get(client, "/v1/reviews?site=FRA1&limit=1")["cursor"]
    get(client, f"/v1/reviews?site=MUC1&cursor={cursor}", 400)
    for position in ({"rank": "-1", "PK": "x"}, {"rank": "1"}, {"PK": "x"}, {"rank": "\u0663", "PK": "x"}):
        made_up = List.of_reviews("FRA1").cursor(Page((), position))
        get(client, f"/v1/reviews?site=FRA1&cursor={made_up}", 400)
    assert queue.rules.review_per_hour == 2


# What a site has learnt


def test_a_site_that_has_learnt_nothing_keeps_the_rate_that_was_set(client: Client) -> None:
    told = get(client, "/v1/sites/FRA1/feedback")
    rate = told["mismatch_rate"]
    assert (rate["in_force"], rate["set"], rate["is_adapted"]) == (0.02, 0.02, False)
    assert rate["estimate"]["mean"] == pytest.approx(0.02)
    assert rate["estimate"]["low"] < 0.02 < rate["estimate"]["high"]
    assert told["alert_precision"] == {"bins": 0, "wrong": 0, "expected_wrong": 0.0, "share": None}
    assert told["brier"] is None
    assert len(told["calibration"]) == 10


def test_a_site_tells_what_it_has_learnt_and_what_that_rests_on(client: Client, alerting: FakeWorld) -> None:
    alerting.rules = replace(alerting.rules, adaptation=Adaptation(adapt_from=1, audits_from=0, prior_bins=9))
    post(client, "/v1/bins/A-1/resolution", COUNTED)
    told = get(client, "/v1/sites/FRA1/feedback")
    assert told["site"] == "FRA1"
    assert told["mismatch_rate"]["is_adapted"] is True
    assert told["mismatch_rate"]["in_force"] == pytest.approx((9 * 0.02 + 1) / 10)
    assert told["mismatch_rate"]["rests_on"]["resolved"] == 1
    precision = told["alert_precision"]
    assert (precision["bins"], precision["wrong"], precision["expected_wrong"]) == (1, 1, 0.75)
    assert precision["share"]["low"] < 1.0
    assert told["calibration"][7]["bins"] == 1
    assert told["brier"] == pytest.approx(0.25**2)


def test_a_site_whose_name_can_not_be_is_refused(client: Client) -> None:
    get(client, "/v1/sites/FRA~1/feedback", 400)
