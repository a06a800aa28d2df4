"""People at work on the deployed app: a photo puts a bin into the queue, an operator takes it out, the site learns."""

from __future__ import annotations

import base64
import json
import secrets
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from local.plan import PREFIX
from local.stack import Stack, stack
from local.tally import received_by
from tests.serving_fixtures import drawn, encoded, package
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

SITE = f"S-{secrets.token_hex(4)}"
BINS = ("seen-1", "seen-2", "unreadable")
RESOLVED = {"true_count": 1, "reason": "counted", "note": "counted twice"}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("resolving")
    with stack(folder, lambda _: None, model=package(folder / "model")) as running:
        bins = [{"bin_id": name, "expected_quantity": 1} for name in BINS]
        running.call("PUT", "/v1/consignments/C-1", {"site": SITE, "bins": bins})
        for name in BINS:
            photograph(running, name, b"no photo" if name == "unreadable" else encoded(drawn()))
        yield running


def photograph(system: Stack, bin_id: str, body: bytes) -> None:
    s3, bucket = system.emulator.client("s3"), system.outputs["BucketName"]
    photos = shown(system, bin_id)["photos"]
    s3.put_object(Bucket=bucket, Key=f"{PREFIX}{bin_id}/{secrets.token_hex(4)}.jpg", Body=body)
    eventually(lambda: shown(system, bin_id)["photos"] == photos + 1, 60)


def shown(system: Stack, bin_id: str) -> Any:
    return system.call("GET", f"/v1/bins/{bin_id}")


def waiting(system: Stack) -> list[str]:
    return [entry["bin_id"] for entry in system.call("GET", f"/v1/reviews?site={SITE}")["reviews"]]


def post(system: Stack, path: str, body: Any, key: str | None = None, seen: str | None = None) -> tuple[int, Any]:
    """Call as the operator, also where that is refused; `seen` is the tag of what they have seen."""
    request = urllib.request.Request(
        f"{system.api_url}{path}",
        method="POST",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {system.token}",
            "Content-Type": "application/json",
            **({"Idempotency-Key": key} if key else {}),
            **({"If-Match": seen} if seen else {}),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def without_link(bin_: dict[str, Any]) -> dict[str, Any]:
    """The bin without the link to its photo: that one names the second in which it was signed."""
    return {name: value for name, value in bin_.items() if name != "picture_url"}


class Subscriber:
    """Remembers what was told of which bin: the queue forgets what is taken out of it."""

    def __init__(self, system: Stack) -> None:
        self._system = system
        self._heard: list[dict[str, Any]] = []

    def alerts_about(self, bin_id: str) -> int:
        return len(self.heard_about(bin_id, "alert"))

    def heard_about(self, bin_id: str, kind: str) -> list[dict[str, Any]]:
        self._heard += received_by(self._system.emulator.client("sqs"), self._system.subscriber_url)
        return [one for one in self._heard if (one.get("bin_id"), one["kind"]) == (bin_id, kind)]


def test_what_waits_for_a_person_is_resolved_once_leaves_its_queue_and_its_site_learns(system: Stack) -> None:
    for name in ("seen-1", "seen-2"):
        was_waiting = name in waiting(system)
        assert was_waiting == (shown(system, name)["status"] == "review")
        status, bin_ = post(system, f"/v1/bins/{name}/resolution", RESOLVED, key="k-1")
        assert (status, bin_["status"]) == (200, "resolved")
        again, same_bin = post(system, f"/v1/bins/{name}/resolution", RESOLVED, key="k-1")
        assert (again, without_link(same_bin)) == (200, without_link(bin_))
    assert waiting(system) == []
    learnt = system.call("GET", f"/v1/sites/{SITE}/feedback")
    kinds = ("alert_precision", "review_yield", "audit_misses", "unasked")
    assert sum(learnt[kind]["bins"] for kind in kinds) == 2


def test_the_record_names_the_operator_by_the_tokens_subject(system: Stack) -> None:
    post(system, "/v1/bins/seen-1/resolution", {**RESOLVED, "true_count": 0})
    said = system.call("GET", "/v1/bins/seen-1/resolutions")["resolutions"]
    subject = json.loads(_payload_of(system.token))["sub"]
    assert {one["by"] for one in said} == {subject}
    assert (said[0]["true_count"], said[0]["corrects"]) == (0, said[1]["version"])


def test_a_bin_is_taken_up_resolved_and_reopened_and_alerts_again(system: Stack) -> None:
    subscriber = Subscriber(system)
    eventually(lambda: subscriber.alerts_about("unreadable") == 1)
    assert post(system, "/v1/bins/unreadable/acknowledgement", {})[1]["alert"]["state"] == "acknowledged"
    assert post(system, "/v1/bins/unreadable/resolution", RESOLVED)[1]["status"] == "resolved"
    status, reopened = post(system, "/v1/bins/unreadable/reopening", {"note": "wrong bin"})
    assert (status, reopened["status"], reopened["alert"]["state"]) == (200, "rejected", "reopened")
    eventually(lambda: subscriber.alerts_about("unreadable") == 2)
    assert post(system, "/v1/bins/nowhere/resolution", RESOLVED)[0] == 404


def test_another_photo_is_asked_for_once_and_the_next_one_answers(system: Stack) -> None:
    subscriber = Subscriber(system)
    status, asked = post(system, "/v1/bins/seen-2/photo-request", {"note": "blurred"})
    assert (status, asked["photo_requested_at"] is not None) == (200, True)
    post(system, "/v1/bins/seen-2/assignment", {"assignee": "bob"})
    eventually(lambda: subscriber.heard_about("seen-2", "photo_request") != [])
    photograph(system, "seen-2", encoded(drawn()))
    answered = shown(system, "seen-2")
    assert (answered["photo_requested_at"], answered["assignee"]) == (None, "bob")
    (call,) = subscriber.heard_about("seen-2", "photo_request")
    assert (call["verdict"], call["note"], call["site"]) == ("photo_request", "blurred", SITE)


def test_what_somebody_else_has_changed_is_not_changed_unseen_and_the_trail_has_who_did_what(system: Stack) -> None:
    seen = shown(system, "seen-1")["version"]
    assert post(system, "/v1/bins/seen-1/assignment", {"assignee": "bob"}, seen=f'"{seen}"')[0] == 200
    status, refusal = post(system, "/v1/bins/seen-1/assignment", {"assignee": "cem"}, seen=f'"{seen}"')
    assert (status, refusal["type"]) == (412, "urn:bincheck:problem:precondition_failed")
    me = system.call("GET", "/v1/me")
    newest, *_ = system.call("GET", "/v1/bins/seen-1/audit")["audit"]
    assert (newest["action"], newest["by"], newest["after"]) == (
        "assignment",
        me["name"],
        {"version": seen + 1, "assignee": "bob"},
    )
    assert me["role"] == "operator"
    eventually(lambda: newest in system.call("GET", f"/v1/audit?site={SITE}")["audit"])


def _payload_of(token: str) -> bytes:
    """What a token claims, read without its key."""
    middle = token.split(".")[1]
    return base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))
