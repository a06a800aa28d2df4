"""The entry points, with the real adapters over clients whose answers botocore's stubber plays: nothing is sent."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber
from chalice.test import Client

from app import app
from chalicelib import wiring
from chalicelib.aws.bins import typed
from chalicelib.bin_status import BinStatus, OpenRequest
from chalicelib.domain import BinState, Reason
from chalicelib.errors import TemporaryFailure
from chalicelib.items import from_outcome, from_status
from chalicelib.items_statistics import from_site
from tests.examples import COUNTS, JPEG, NOON, PRIOR, image_of, record_of, rejection_of, seconds_later, sure_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.conftest import Logged

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "tests" / "events"
TOPIC = "arn:aws:sns:eu-central-1:000000000000:alerts"
ENVIRONMENT = {
    "BINCHECK_TABLE": "bins",
    "BINCHECK_PREFIX": "incoming/",
    "BINCHECK_CONSIGNMENTS_PREFIX": "consignments/",
    "BINCHECK_ENDPOINT": "bin-counter",
    "BINCHECK_ALERTS_TOPIC": TOPIC,
    "BINCHECK_API_URL": "https://api.example.org/api",
    "BINCHECK_INBOX_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/inbox",
    "BINCHECK_DEAD_LETTERS_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/dead",
    "BINCHECK_ALERTS_DEAD_LETTERS_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/dead-alerts",
    "BINCHECK_MAX_RECEIVES": "5",
    "BINCHECK_FIRST_PAUSE_SECONDS": "10",
    "BINCHECK_MAX_PHOTO_BYTES": "6291456",
}


class Aws:
    """The services' side: what each of the functions' clients is asked next, and what it answers."""

    def __init__(self) -> None:
        self.s3 = Stubber(wiring.client("s3"))
        self.dynamodb = Stubber(wiring.client("dynamodb"))
        self.runtime = Stubber(wiring.client("sagemaker-runtime", patience=8, attempts=1))
        self.sqs = Stubber(wiring.client("sqs"))
        self.sns = Stubber(wiring.client("sns"))
        self.all = (self.s3, self.dynamodb, self.runtime, self.sqs, self.sns)

    def hold_a_photo(self) -> None:
        self.s3.add_response("get_object", {"ContentLength": 4, "Body": stream(JPEG + b"3")})

    def count(self, count: int) -> None:
        estimate = sure_of(count)
        answer = {"model": "m/1", "counts": COUNTS, "probabilities": estimate.probabilities, "prior": PRIOR}
        self.runtime.add_response("invoke_endpoint", {"Body": stream(json.dumps(answer).encode())})

    def know_the_bin(self, status: BinStatus) -> None:
        self.dynamodb.add_response("query", {"Items": [typed(from_status(status))]})

    def take_the_record(self) -> None:
        self.dynamodb.add_response("transact_write_items", {}, {"TransactItems": ANY})

    def know_no_policy(self) -> None:
        self.dynamodb.add_response("query", {"Items": []})

    def know_no_alert(self) -> None:
        self.dynamodb.add_response("batch_get_item", {"Responses": {"bins": []}, "UnprocessedKeys": {}})

    def know_the_site(self, site: str) -> None:
        self.dynamodb.add_response("put_item", {}, {"TableName": "bins", "Item": typed(from_site(site))})

    def add_to_the_counts(self) -> None:
        self.dynamodb.add_response("transact_write_items", {}, {"TransactItems": ANY, "ClientRequestToken": ANY})

    def mark_the_alert(self) -> None:
        self.dynamodb.add_response(
            "update_item",
            {},
            {
                "TableName": "bins",
                "Key": ANY,
                "UpdateExpression": "SET is_sent = :true",
                "ConditionExpression": ANY,
                "ExpressionAttributeValues": {":true": {"BOOL": True}},
            },
        )


@pytest.fixture
def aws(fresh_wiring: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:  # noqa: ARG001
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    services = Aws()
    with ExitStack() as stubbers:
        for service in services.all:
            stubbers.enter_context(service)
        yield services
        for service in services.all:
            service.assert_no_pending_responses()


def stream(body: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(body), len(body))


def photo_message(message_id: str = "m1", receives: int = 1, key: str = "incoming/A-17/0001.jpg") -> dict[str, Any]:
    return sqs_record(json.dumps({"Records": [record_of(image_of(key))]}), message_id, receives)


def sqs_record(body: str, message_id: str = "m1", receives: int = 1) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": f"receipt of {message_id}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receives)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:inbox",
        "awsRegion": "eu-central-1",
    }


def stream_record(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    images = {"OldImage": typed(old), "NewImage": typed(new)}
    return {"eventName": "MODIFY" if old else "INSERT", "eventSource": "aws:dynamodb", "dynamodb": images}


def invoke(function: str, event: dict[str, Any]) -> Any:
    with Client(app) as client:
        return client.lambda_.invoke(function, event).payload


def test_the_app_imports_with_an_empty_environment_and_makes_no_client() -> None:
    code = "import app, sys; sys.exit('boto3' in sys.modules)"
    environment = {"PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)


def test_a_batch_of_photos_is_checked_and_nothing_comes_back(aws: Aws) -> None:
    for count in (3, 1):
        aws.hold_a_photo()
        aws.count(count)
        aws.know_the_bin(BinStatus("A-17", 1, BinState.WAITING, NOON))
        aws.take_the_record()
    reply = invoke("on_inbox", {"Records": [photo_message("m1"), photo_message("m2")]})
    assert reply == {"batchItemFailures": []}


def test_what_a_batch_measured_is_written_out_with_it(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.hold_a_photo()
    aws.count(3)
    aws.know_the_bin(BinStatus("A-17", 1, BinState.WAITING, NOON))
    aws.take_the_record()
    invoke("on_inbox", {"Records": [photo_message()]})
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert {"Photos", "PhotoAge", "EndpointLatency"} <= {name for line in metrics for name in line}


def test_a_message_that_can_not_even_be_delayed_comes_back_and_the_log_says_why(aws: Aws, logged: Logged) -> None:
    aws.s3.add_client_error("get_object", "AccessDenied")
    aws.sqs.add_client_error("change_message_visibility", "ServiceUnavailable")
    reply = invoke("on_inbox", {"Records": [photo_message("m1")]})
    assert [failure["itemIdentifier"] for failure in reply["batchItemFailures"]] == ["m1"]
    kept = [line for line in logged.lines() if line["message"] == "message stays in the inbox"]
    assert "ServiceUnavailable" in kept[0]["failure"]


def test_only_the_message_that_failed_comes_back_after_a_pause(aws: Aws) -> None:
    aws.hold_a_photo()
    aws.runtime.add_client_error("invoke_endpoint", "ThrottlingException")
    aws.sqs.add_response(
        "change_message_visibility",
        {},
        {"QueueUrl": ENVIRONMENT["BINCHECK_INBOX_URL"], "ReceiptHandle": "receipt of m1", "VisibilityTimeout": ANY},
    )
    aws.hold_a_photo()
    aws.count(3)
    aws.know_the_bin(BinStatus("A-17", 1, BinState.WAITING, NOON))
    aws.take_the_record()
    reply = invoke("on_inbox", {"Records": [photo_message("m1"), photo_message("m2")]})
    assert reply == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_a_message_at_its_last_receive_goes_to_the_dead_letters_and_not_back(aws: Aws) -> None:
    aws.s3.add_client_error("get_object", "SlowDown", http_status_code=503)
    aws.sqs.add_response(
        "send_message",
        {},
        {"QueueUrl": ENVIRONMENT["BINCHECK_DEAD_LETTERS_URL"], "MessageBody": ANY, "MessageAttributes": ANY},
    )
    assert invoke("on_inbox", {"Records": [photo_message(receives=5)]}) == {"batchItemFailures": []}


def test_a_consignments_file_is_loaded_and_not_taken_for_a_photo(
    aws: Aws, logged: Logged, capsys: pytest.CaptureFixture[str]
) -> None:
    body = b"bin_id,expected_quantity\nA-17,3\n"
    for _ in range(2):
        aws.dynamodb.add_response("get_item", {})
    aws.s3.add_response("get_object", {"ContentLength": len(body), "Body": stream(body)})
    aws.dynamodb.add_response("batch_get_item", {"Responses": {"bins": []}, "UnprocessedKeys": {}})
    aws.take_the_record()
    aws.dynamodb.add_response("query", {"Items": []})
    aws.dynamodb.add_response("put_item", {})
    aws.take_the_record()
    aws.take_the_record()
    aws.dynamodb.add_response("query", {"Items": []})
    reply = invoke("on_inbox", {"Records": [photo_message(key="consignments/FRA1/C-1.csv")]})
    assert reply == {"batchItemFailures": []}
    (line,) = [line for line in logged.lines() if line["message"] == "consignment's file received"]
    assert (line["ending"], line["key"]) == ("loaded", "consignments/FRA1/C-1.csv")
    assert '"ending":"loaded"' in capsys.readouterr().out.replace(" ", "")


def test_a_consignments_file_that_can_not_be_read_comes_again(aws: Aws) -> None:
    aws.dynamodb.add_response("get_item", {})
    aws.s3.add_client_error("get_object", "SlowDown", http_status_code=503)
    aws.sqs.add_response("change_message_visibility", {})
    reply = invoke("on_inbox", {"Records": [photo_message(key="consignments/FRA1/C-1.csv")]})
    assert reply == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_s3s_test_event_is_done_with(aws: Aws) -> None:
    assert aws
    body = (EVENTS / "test_event.json").read_text()
    assert invoke("on_inbox", {"Records": [sqs_record(body)]}) == {"batchItemFailures": []}


def test_when_every_message_fails_every_message_comes_back(aws: Aws) -> None:
    for _ in range(2):
        aws.s3.add_client_error("get_object", "SlowDown", http_status_code=503)
        aws.sqs.add_response("change_message_visibility", {})
    reply = invoke("on_inbox", {"Records": [photo_message("m1"), photo_message("m2")]})
    assert [failure["itemIdentifier"] for failure in reply["batchItemFailures"]] == ["m1", "m2"]


def test_a_bin_that_became_a_mismatch_is_recorded_published_and_marked_as_sent(
    aws: Aws, logged: Logged, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.know_no_policy()
    aws.know_no_alert()
    aws.take_the_record()
    aws.sns.add_response(
        "publish",
        {},
        {
            "TopicArn": TOPIC,
            "Subject": "Bin A-17 seems short: 1 counted, 3 expected",
            "MessageStructure": "json",
            "Message": ANY,
            "MessageAttributes": {
                "kind": {"DataType": "String", "StringValue": "alert"},
                "verdict": {"DataType": "String", "StringValue": "mismatch"},
                "severity": {"DataType": "String", "StringValue": "high"},
                "site": {"DataType": "String", "StringValue": "FRA1"},
                "direction": {"DataType": "String", "StringValue": "short"},
                "episode": {"DataType": "String", "StringValue": "open"},
            },
        },
    )
    aws.mark_the_alert()
    aws.know_the_site("FRA1")
    aws.add_to_the_counts()
    invoke("on_status_change", json.loads((EVENTS / "stream_bin_became_mismatch.json").read_text()))
    (line,) = [line for line in logged.lines() if line["message"] == "alert"]
    assert line["dispatch"] == "alone"
    assert "AlertsSent" in capsys.readouterr().out


def test_a_rejected_photo_without_a_bin_is_published(aws: Aws) -> None:
    aws.know_no_alert()
    aws.take_the_record()
    aws.sns.add_response("publish", {})
    aws.mark_the_alert()
    stray = rejection_of(image_of("incoming/x.jpg"), Reason.BAD_KEY, bin_id=None)
    invoke("on_status_change", {"Records": [stream_record({}, from_outcome(stray))]})


def test_a_request_for_another_photo_is_published_and_its_site_is_not_asked_for_its_limits(aws: Aws) -> None:
    aws.know_no_alert()
    aws.take_the_record()
    aws.sns.add_response(
        "publish",
        {},
        {
            "TopicArn": TOPIC,
            "Subject": "Bin A-17: another photo is asked for",
            "MessageStructure": "json",
            "Message": ANY,
            "MessageAttributes": {
                "kind": {"DataType": "String", "StringValue": "photo_request"},
                "verdict": {"DataType": "String", "StringValue": "photo_request"},
                "site": {"DataType": "String", "StringValue": "FRA1"},
            },
        },
    )
    aws.mark_the_alert()
    aws.know_the_site("FRA1")
    waiting = BinStatus("A-17", 1, BinState.WAITING, NOON, site="FRA1")
    asked = waiting.photo_requested(OpenRequest(NOON, "ann"))
    invoke("on_status_change", {"Records": [stream_record(from_status(waiting), from_status(asked))]})


def test_a_bin_that_matches_is_not_published(aws: Aws) -> None:
    assert aws
    waiting = BinStatus("A-17", 1, BinState.WAITING, NOON)
    matching = BinStatus("A-17", 2, BinState.MATCH, NOON, image=image_of())
    invoke("on_status_change", {"Records": [stream_record(from_status(waiting), from_status(matching))]})


def test_a_photo_is_counted_once_the_alerts_are_out_and_its_site_is_known_from_then_on(aws: Aws) -> None:
    waiting = BinStatus("A-17", 1, BinState.WAITING, NOON, site="FRA1")
    matching = replace(
        waiting, version=2, state=BinState.MATCH, changed_at=seconds_later(3), photos=1, image=image_of()
    )
    aws.know_the_site("FRA1")
    aws.add_to_the_counts()
    invoke("on_status_change", {"Records": [stream_record(from_status(waiting), from_status(matching))]})
    aws.add_to_the_counts()
    invoke("on_status_change", {"Records": [stream_record(from_status(waiting), from_status(matching))]})


def test_counting_that_fails_makes_the_stream_offer_the_batch_again(aws: Aws) -> None:
    waiting = BinStatus("A-17", 1, BinState.WAITING, NOON, site="FRA1")
    aws.dynamodb.add_client_error("put_item", "ThrottlingException")
    with pytest.raises(TemporaryFailure, match="Throttling"):
        invoke("on_status_change", {"Records": [stream_record({}, from_status(waiting))]})


def test_a_deleted_item_is_no_news(aws: Aws) -> None:
    assert aws
    invoke("on_status_change", {"Records": [{"eventName": "REMOVE", "dynamodb": {"OldImage": {"PK": {"S": "x"}}}}]})


def test_a_topic_that_fails_makes_the_stream_offer_the_batch_again(aws: Aws) -> None:
    aws.know_no_policy()
    aws.know_no_alert()
    aws.take_the_record()
    aws.sns.add_client_error("publish", "InternalError", http_status_code=500)
    event = json.loads((EVENTS / "stream_bin_became_mismatch.json").read_text())
    with pytest.raises(TemporaryFailure, match="InternalError"):
        invoke("on_status_change", event)
