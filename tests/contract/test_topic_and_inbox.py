"""Alerts through SNS and dead letters through SQS, over the emulator: what the receiving side gets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.inbox import SqsInbox
from chalicelib.aws.topic import SnsTopic
from chalicelib.digest import Digest, DigestLimits, admit, window_gate
from chalicelib.errors import TemporaryFailure
from chalicelib.events import Message
from chalicelib.notices import Notice, attributes_of, message_of
from tests.examples import alert_of, call_of, image_of, stray_alert

if TYPE_CHECKING:
    from local.emulator import Emulator

pytestmark = pytest.mark.integration

API = "https://api.example.org/api"
SHORT = alert_of(1, image=image_of("incoming/A-1/Über 📦.jpg"))


def digest() -> Digest:
    """The digest of a site, whose second alert is one too many."""
    limits = DigestLimits(alerts_per_window=1)
    _, tallies = admit(alert_of(1), window_gate(SHORT, limits), None, {})
    ruling, _ = admit(alert_of(2), window_gate(SHORT, limits), None, tallies)
    assert ruling.digest is not None
    return ruling.digest


class Queue:
    """A queue, seen from its reader's side."""

    def __init__(self, emulator: Emulator, name: str) -> None:
        self._sqs: Any = emulator.client("sqs")
        self.url: str = self._sqs.create_queue(QueueName=name)["QueueUrl"]

    @property
    def arn(self) -> str:
        reply = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return str(reply["Attributes"]["QueueArn"])

    def send(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def receive(self) -> list[dict[str, Any]]:
        reply = self._sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
        )
        return list(reply.get("Messages", []))


@pytest.fixture
def inbox_queue(emulator: Emulator, table: str) -> Queue:
    return Queue(emulator, f"{table}-inbox")


@pytest.fixture
def dead_letters(emulator: Emulator, table: str) -> Queue:
    return Queue(emulator, f"{table}-dead")


@pytest.fixture
def inbox(emulator: Emulator, inbox_queue: Queue, dead_letters: Queue) -> SqsInbox:
    return SqsInbox(emulator.client("sqs"), inbox_queue.url, dead_letters.url)


@pytest.fixture
def topic_arn(emulator: Emulator, table: str) -> str:
    return str(emulator.client("sns").create_topic(Name=f"{table}-alerts")["TopicArn"])


def subscribe(emulator: Emulator, topic_arn: str, queue: Queue, **attributes: str) -> None:
    """Let a queue receive what the topic publishes, as it is."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue.arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    emulator.client("sqs").set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
    emulator.client("sns").subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=queue.arn,
        Attributes={"RawMessageDelivery": "true", **attributes},
    )


@pytest.fixture
def topic(emulator: Emulator, topic_arn: str) -> SnsTopic:
    return SnsTopic(emulator.client("sns"), topic_arn, API)


@pytest.mark.parametrize("notice", [SHORT, digest(), call_of(1)], ids=["an alert", "a digest", "a call for a photo"])
def test_a_subscriber_receives_the_agreed_json_beside_its_attributes(
    emulator: Emulator, topic: SnsTopic, topic_arn: str, inbox_queue: Queue, notice: Notice
) -> None:
    subscribe(emulator, topic_arn, inbox_queue)
    topic.publish(notice)
    (message,) = inbox_queue.receive()
    assert json.loads(message["Body"]) == message_of(notice, API)
    attributes = {name: _told(value) for name, value in message["MessageAttributes"].items()}
    assert attributes == attributes_of(notice)


def _told(attribute: dict[str, str]) -> object:
    is_list = attribute["DataType"] == "String.Array"
    return json.loads(attribute["StringValue"]) if is_list else attribute["StringValue"]


def test_a_subscribers_filter_sees_only_its_site(
    emulator: Emulator, topic: SnsTopic, topic_arn: str, inbox_queue: Queue
) -> None:
    subscribe(emulator, topic_arn, inbox_queue, FilterPolicy=json.dumps({"site": ["LEJ3"]}))
    topic.publish(SHORT)
    topic.publish(replace(SHORT, alert_id="a2", site="LEJ3"))
    assert [json.loads(message["Body"])["alert_id"] for message in inbox_queue.receive()] == ["a2"]


def test_who_takes_photos_hears_what_is_asked_of_them_and_nothing_else(
    emulator: Emulator, topic: SnsTopic, topic_arn: str, inbox_queue: Queue
) -> None:
    subscribe(emulator, topic_arn, inbox_queue, FilterPolicy=json.dumps({"verdict": ["photo_request"]}))
    for notice in (SHORT, call_of(1), digest()):
        topic.publish(notice)
    assert [json.loads(message["Body"])["bin_id"] for message in inbox_queue.receive()] == ["A-1"]


@pytest.mark.parametrize(
    ("wanted", "received"),
    [
        ({"verdict": ["mismatch"], "severity": ["high"], "site": ["FRA1"]}, ["a1", digest().digest_id]),
        ({"verdict": ["rejected"], "direction": ["over"]}, [digest().digest_id]),
        ({"kind": ["digest"]}, [digest().digest_id]),
        ({"kind": ["alert"]}, ["a1"]),
        ({"site": ["LEJ3"]}, []),
    ],
)
def test_a_digest_passes_each_filter_that_would_let_one_of_its_alerts_through(
    emulator: Emulator, topic_arn: str, inbox_queue: Queue, wanted: dict[str, list[str]], received: list[str]
) -> None:
    subscribe(emulator, topic_arn, inbox_queue, FilterPolicy=json.dumps(wanted))
    topic = SnsTopic(emulator.client("sns"), topic_arn, API)
    topic.publish(SHORT)
    topic.publish(digest())
    assert [json.loads(message["Body"])["alert_id"] for message in inbox_queue.receive()] == received


def test_an_alert_without_a_bin_is_published_too(
    emulator: Emulator, topic: SnsTopic, topic_arn: str, inbox_queue: Queue
) -> None:
    subscribe(emulator, topic_arn, inbox_queue)
    topic.publish(stray_alert())
    assert json.loads(inbox_queue.receive()[0]["Body"])["reason"] == "bad_key"


def test_a_topic_that_does_not_take_the_alert_is_a_temporary_failure(emulator: Emulator, topic_arn: str) -> None:
    with pytest.raises(TemporaryFailure, match="a1"):
        SnsTopic(emulator.client("sns"), f"{topic_arn}-of-yesterday", API).publish(SHORT)


def test_a_delayed_message_is_hidden_and_one_delayed_by_nothing_is_back(inbox: SqsInbox, inbox_queue: Queue) -> None:
    inbox_queue.send("a photo")
    (held,) = inbox_queue.receive()
    message = Message(held["MessageId"], held["Body"], held["ReceiptHandle"], 1)
    inbox.delay(message, 60)
    assert inbox_queue.receive() == []
    inbox.delay(message, 0)
    assert [back["Body"] for back in inbox_queue.receive()] == ["a photo"]


def test_a_message_that_is_no_longer_held_can_not_be_delayed(inbox: SqsInbox) -> None:
    with pytest.raises(TemporaryFailure, match="delaying"):
        inbox.delay(Message("m1", "a photo", "no receipt", 1), 60)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("endpoint absent", "endpoint absent"),
        ("Über 📦", "Über 📦"),
        ("a key\x01with\ncontrol characters", "a key with control characters"),
        ("x" * 5000, "x" * 1000),
        ("", "unknown"),
    ],
)
def test_a_dead_letter_bears_its_reason(inbox: SqsInbox, dead_letters: Queue, reason: str, told: str) -> None:
    inbox.bury('{"Records": []}', reason)
    (letter,) = dead_letters.receive()
    assert letter["Body"] == '{"Records": []}'
    assert letter["MessageAttributes"]["reason"]["StringValue"] == told


def test_a_queue_that_does_not_take_a_dead_letter_is_a_temporary_failure(
    emulator: Emulator, inbox_queue: Queue
) -> None:
    nowhere = SqsInbox(emulator.client("sqs"), inbox_queue.url, f"{inbox_queue.url}-nowhere")
    with pytest.raises(TemporaryFailure, match="burying"):
        nowhere.bury("a photo", "endpoint absent")
