"""Whatever lands in the bucket ends as exactly one inspection or one rejection: the whole system, nothing replaced.

The model is a tiny one; everything else is what an account gets. Photos of every awkward kind land at once, while the
endpoint is throttled, some of them are announced again, and one is deleted before it is read.
"""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.domain import Inspection, Rejection, media_type_of
from chalicelib.errors import PhotoRefused
from local.demo import outcomes_of
from local.plan import PREFIX
from local.stack import Stack, stack
from local.tally import Tally, received_by, uploads_in, waiting_in
from ops.dead_letters import dead_letters, redrive
from tests.serving_fixtures import bad_files, drawn, encoded, package
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain import Outcome

pytestmark = pytest.mark.integration

GOOD = {
    "plain/a.jpg": encoded(drawn()),
    "plain/b.PNG": encoded(drawn(), "PNG"),
    "spaces/a b+c%20d.jpg": encoded(drawn()),
    "unicode/Regal-\u00fc-\u2713.jpeg": encoded(drawn()),
    "nested/2026/11/a.jpg": encoded(drawn()),
    "cmyk/a.jpg": encoded(drawn("CMYK")),
    "grey/a.jpg": encoded(drawn("L")),
    "deep/a.png": encoded(drawn("I;16"), "PNG"),
    "alpha/a.png": encoded(drawn("RGBA"), "PNG"),
    "wrong-suffix/png-inside.jpg": encoded(drawn(), "PNG"),
}
ASTRAY = ("no-bin.jpg", "two words/a.jpg", "bin/a.gif", f"{'x' * 65}/a.jpg", "bin/")
LARGE = "large/a.jpg"
EXPECTED = 3
CONSIGNMENT = {"site": "FRA1", "bins": [{"bin_id": "plain", "expected_quantity": EXPECTED}]}
LONGEST_WAIT_SECONDS = 90


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("delivery")
    with stack(folder, lambda _: None, model=package(folder / "model")) as running:
        yield running


@pytest.fixture(scope="module")
def landed(system: Stack) -> Tally:
    """Everything lands; wait until the inbox is empty, and take stock."""
    system.call("PUT", "/v1/consignments/C-1", CONSIGNMENT)
    plan_faults(system, {"kind": "throttle", "times": 3})
    versions = {key: put(system, key, body) for key, body in everything().items()}
    versions["plain/a.jpg"] = put(system, "plain/a.jpg", GOOD["plain/a.jpg"])
    put(system, "vanishing/a.jpg", GOOD["plain/a.jpg"], then_delete=True)
    for key in ("plain/a.jpg", "cmyk/a.jpg", "no-bin.jpg", LARGE):
        announce_again(system, key, versions[key])
    inbox = system.outputs["InboxUrl"]
    eventually(lambda: waiting_in(system.emulator.client("sqs"), inbox) == 0, LONGEST_WAIT_SECONDS)
    uploads = uploads_in(system.emulator.client("s3"), system.outputs["BucketName"], PREFIX)
    received = received_by(system.emulator.client("sqs"), system.subscriber_url)
    return Tally.of(uploads, outcomes_of(system), received)


def test_each_upload_ends_exactly_once(landed: Tally) -> None:
    assert (landed.lost, landed.doubled) == (0, 0)
    assert len(landed.outcomes) in {len(everything()) + 1, len(everything()) + 2}, "one may vanish before it is listed"


def test_photos_of_every_colour_depth_and_name_are_inspected(landed: Tally) -> None:
    inspected = {name_of(outcome) for outcome in landed.outcomes if isinstance(outcome, Inspection)}
    assert set(GOOD) <= inspected


def test_a_photo_that_was_replaced_is_inspected_in_both_versions(landed: Tally) -> None:
    assert sum(name_of(outcome) == "plain/a.jpg" for outcome in landed.inspections) == 2


@pytest.mark.parametrize("name", bad_files())
def test_a_bad_file_is_rejected_with_its_reason(landed: Tally, name: str) -> None:
    assert rejections(landed)[key_of(name)] == reason_for(name)


def test_thirty_megabytes_are_rejected_as_too_large(landed: Tally) -> None:
    assert rejections(landed)[LARGE] == "too_large"


@pytest.mark.parametrize("key", ASTRAY)
def test_a_key_that_names_no_bin_is_rejected_and_alerts(landed: Tally, key: str) -> None:
    assert rejections(landed)[key] == "bad_key"
    assert PREFIX + key in {alert["image"]["key"] for alert in landed.alerts}


def test_a_bin_that_no_consignment_names_is_unexpected_and_one_that_is_named_is_judged(landed: Tally) -> None:
    verdicts = {outcome.bin_id: outcome.judgement.verdict for outcome in landed.inspections}
    assert verdicts["cmyk"] == "unexpected"
    assert verdicts["plain"] in {"match", "mismatch", "review"}


def test_nothing_is_left_among_the_dead_letters(system: Stack, landed: Tally) -> None:
    assert landed.outcomes
    assert waiting_in(system.emulator.client("sqs"), system.outputs["DeadLettersUrl"]) == 0


def test_rejections_are_shown_by_the_api(system: Stack, landed: Tally) -> None:
    shown: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        page = system.call("GET", f"/v1/rejections?limit=10{cursor and f'&cursor={cursor}'}")
        shown += page["rejections"]
        cursor = page["cursor"]
    assert {entry["image"]["key"] for entry in shown} == {PREFIX + key for key in rejections(landed)}


def test_a_photo_that_fails_for_long_becomes_a_dead_letter_with_its_reason_and_redriving_it_gets_it_checked(
    system: Stack, landed: Tally
) -> None:
    assert landed.outcomes, "only then may the endpoint fail"
    sqs = system.emulator.client("sqs")
    letters_url, inbox_url = system.outputs["DeadLettersUrl"], system.outputs["InboxUrl"]
    shorten_pauses(system)
    plan_faults(system, {"kind": "container_error"})
    put(system, "late/a.jpg", GOOD["plain/a.jpg"])
    eventually(lambda: waiting_in(sqs, letters_url) == 1, LONGEST_WAIT_SECONDS)
    (letter,) = dead_letters(sqs, letters_url)
    assert letter.photos == (f"s3://{system.outputs['BucketName']}/{PREFIX}late/a.jpg",)
    assert "ModelError" in letter.reason
    clear_faults(system)
    redrive(sqs, letters_url, inbox_url)
    eventually(lambda: "late/a.jpg" in {name_of(outcome) for outcome in outcomes_of(system)}, LONGEST_WAIT_SECONDS)
    assert waiting_in(sqs, letters_url) == 0


def everything() -> dict[str, bytes]:
    """All files by their key below the prefix."""
    bad = {key_of(name): body for name, (body, _) in bad_files().items()}
    astray = dict.fromkeys(ASTRAY, GOOD["plain/a.jpg"])
    return {**GOOD, **bad, **astray, LARGE: b"\xff\xd8\xff" + bytes(30_000_000)}


def key_of(name: str) -> str:
    return f"bad-{'-'.join(name.replace(chr(39), '').split())}/a.jpg"


def reason_for(name: str) -> str:
    """The model server's reason, unless the first bytes already tell the checker that it is no photo."""
    body, reason = bad_files()[name]
    try:
        media_type_of(body)
    except PhotoRefused as refusal:
        return refusal.reason
    return reason


def rejections(tally: Tally) -> dict[str, str]:
    return {name_of(outcome): outcome.reason for outcome in tally.outcomes if isinstance(outcome, Rejection)}


def name_of(outcome: Outcome) -> str:
    return outcome.image.key.removeprefix(PREFIX)


def put(system: Stack, key: str, body: bytes, *, then_delete: bool = False) -> str:
    """Upload a photo and return its version; one that is to vanish is deleted for good right away."""
    s3, bucket = system.emulator.client("s3"), system.outputs["BucketName"]
    version: str = s3.put_object(Bucket=bucket, Key=PREFIX + key, Body=body)["VersionId"]
    if then_delete:
        s3.delete_object(Bucket=bucket, Key=PREFIX + key, VersionId=version)
    return version


def announce_again(system: Stack, key: str, version: str) -> None:
    """Send the event of an upload once more, later than the first and without its sequencer."""
    s3_object = {"key": urllib.request.quote(PREFIX + key), "versionId": version, "eTag": "other", "size": 1}
    record = {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "s3": {"bucket": {"name": system.outputs["BucketName"]}, "object": s3_object},
    }
    body = json.dumps({"Records": [record]})
    system.emulator.client("sqs").send_message(QueueUrl=system.outputs["InboxUrl"], MessageBody=body)


def shorten_pauses(system: Stack) -> None:
    """Let the checker try again after one second instead of ten, two instead of twenty, and so on."""
    functions = system.emulator.client("lambda")
    names = [function["FunctionName"] for function in functions.list_functions()["Functions"]]
    (name,) = [name for name in names if "-OnInbox-" in name]
    environment = functions.get_function_configuration(FunctionName=name)["Environment"]
    environment["Variables"]["BINCHECK_FIRST_PAUSE_SECONDS"] = "1"
    functions.update_function_configuration(FunctionName=name, Environment=environment)


def clear_faults(system: Stack) -> None:
    with urllib.request.urlopen(urllib.request.Request(system.faults_url, method="DELETE"), timeout=5):
        pass


def plan_faults(system: Stack, fault: dict[str, Any]) -> None:
    request = urllib.request.Request(system.faults_url, json.dumps(fault).encode(), method="PUT")
    with urllib.request.urlopen(request, timeout=5):
        pass
