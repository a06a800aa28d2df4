"""Alerts through SNS and dead letters through SQS, over the emulator: what the receiving side gets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.alerts import alert_for, message_of
from chalicelib.aws.inbox import SqsInbox
from chalicelib.aws.topic import SnsTopic
from chalicelib.domain import Alert, Direction, Reason, Severity, Verdict
from chalicelib.errors import TemporaryFailure
from chalicelib.events import Message
from tests.examples import NOON, image_of, rejection_of

if TYPE_CHECKING:
    from local.emulator import Emulator

pytestmark = pytest.mark.integration

SHORT = Alert(
    alert_id="a1",
    verdict=Verdict.MISMATCH,
    severity=Severity.HIGH,
    image=image_of("incoming/A-17/Über 📦.jpg"),
    at=NOON,
    bin_id="A-17",
    consignment_id="C-1",
    site="FRA1",
    direction=Direction.SHORT,
    expected=3,
    predicted="1",
    probability_of_mismatch=0.995,
)


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


def test_a_subscriber_receives_the_agreed_json_beside_its_attributes(
    emulator: Emulator, topic_arn: str, inbox_queue: Queue
) -> None:
    subscribe(emulator, topic_arn, inbox_queue)
    SnsTopic(emulator.client("sns"), topic_arn).publish(SHORT)
    (message,) = inbox_queue.receive()
    assert json.loads(message["Body"]) == message_of(SHORT)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {"verdict": "mismatch", "severity": "high", "site": "FRA1", "direction": "short"}


def test_a_subscribers_filter_sees_only_its_site(emulator: Emulator, topic_arn: str, inbox_queue: Queue) -> None:
    subscribe(emulator, topic_arn, inbox_queue, FilterPolicy=json.dumps({"site": ["LEJ3"]}))
    topic = SnsTopic(emulator.client("sns"), topic_arn)
    topic.publish(SHORT)
    topic.publish(replace(SHORT, alert_id="a2", site="LEJ3"))
    assert [json.loads(message["Body"])["alert_id"] for message in inbox_queue.receive()] == ["a2"]


def test_an_alert_without_a_bin_is_published_too(emulator: Emulator, topic_arn: str, inbox_queue: Queue) -> None:
    subscribe(emulator, topic_arn, inbox_queue)
    alert = alert_for(rejection_of(image_of("incoming/x.jpg"), Reason.BAD_KEY, bin_id=None))
    assert alert is not None
    SnsTopic(emulator.client("sns"), topic_arn).publish(alert)
    assert json.loads(inbox_queue.receive()[0]["Body"])["reason"] == "bad_key"


def test_a_topic_that_does_not_take_the_alert_is_a_temporary_failure(emulator: Emulator, topic_arn: str) -> None:
    with pytest.raises(TemporaryFailure, match="a1"):
        SnsTopic(emulator.client("sns"), f"{topic_arn}-of-yesterday").publish(SHORT)


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
