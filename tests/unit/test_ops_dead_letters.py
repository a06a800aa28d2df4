from __future__ import annotations

import itertools
from typing import Any

import pytest

from ops.dead_letters import NO_REASON, dead_letters, redrive

DEAD, INBOX = "https://dead", "https://inbox"
PHOTO = """{"Records": [{"eventName": "ObjectCreated:Put", "eventTime": "2026-11-22T12:00:00.000Z", "s3": {
  "bucket": {"name": "photos"}, "object": {"key": "incoming/A-17/front+side.jpg", "size": 1}}}]}"""


class FakeSqs:
    """Two queues of messages that are hidden while in somebody's hands; `breaks_at` is a call that fails."""

    def __init__(self, *bodies: str, reason: str | None = None, breaks_at: str = "") -> None:
        self._numbers = itertools.count(1)
        self._breaks_at = breaks_at
        self.queues: dict[str, list[dict[str, Any]]] = {DEAD: [], INBOX: []}
        self.hidden: set[str] = set()
        for body in bodies:
            self._put(DEAD, body, reason)

    def _put(self, url: str, body: str, reason: str | None) -> None:
        number = next(self._numbers)
        attributes = {"reason": {"StringValue": reason, "DataType": "String"}} if reason else {}
        self.queues[url].append({"MessageId": f"m{number}", "Body": body, "MessageAttributes": attributes, "n": number})

    def bodies(self, url: str) -> list[str]:
        return [message["Body"] for message in self.queues[url]]

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        seen = [message for message in self.queues[QueueUrl] if message["MessageId"] not in self.hidden]
        taken = seen[:MaxNumberOfMessages]
        self.hidden |= {message["MessageId"] for message in taken}
        return {
            "Messages": [
                {
                    **message,
                    "ReceiptHandle": message["MessageId"],
                    "Attributes": {"ApproximateReceiveCount": "6", "SentTimestamp": str(1000 * message["n"])},
                }
                for message in taken
            ]
        }

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803
        self._break("send_message")
        self._put(QueueUrl, MessageBody, None)

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        self._break("delete_message")
        self.queues[QueueUrl] = [found for found in self.queues[QueueUrl] if found["MessageId"] != ReceiptHandle]

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        assert (QueueUrl, VisibilityTimeout) == (DEAD, 0)
        self.hidden.discard(ReceiptHandle)

    def _break(self, call: str) -> None:
        if call == self._breaks_at:
            raise ConnectionError


def test_a_dead_letter_tells_its_photo_its_reason_and_its_tries() -> None:
    (letter,) = dead_letters(FakeSqs(PHOTO, reason="the endpoint is gone"), DEAD)
    assert letter.photos == ("s3://photos/incoming/A-17/front side.jpg",)
    assert letter.reason == "the endpoint is gone"
    assert letter.receives == 6
    assert letter.sent_at.timestamp() == 1


def test_a_message_that_is_no_event_has_no_photos() -> None:
    assert [letter.photos for letter in dead_letters(FakeSqs("nonsense"), DEAD)] == [()]


def test_a_message_that_the_queue_itself_gave_up_says_so() -> None:
    assert [letter.reason for letter in dead_letters(FakeSqs(PHOTO), DEAD)] == [NO_REASON]


@pytest.mark.parametrize("count", [0, 1, 10, 11, 35])
def test_listing_shows_every_message_once_and_leaves_it_for_others(count: int) -> None:
    sqs = FakeSqs(*(f"message {number}" for number in range(count)))
    assert [letter.body for letter in dead_letters(sqs, DEAD)] == sqs.bodies(DEAD)
    assert len(sqs.bodies(DEAD)) == count
    assert not sqs.hidden


def test_redriving_moves_every_message_to_the_inbox() -> None:
    sqs = FakeSqs("one", "two", reason="gone")
    assert {letter.body for letter in redrive(sqs, DEAD, INBOX)} == {"one", "two"}
    assert sqs.bodies(DEAD) == []
    assert sqs.bodies(INBOX) == ["one", "two"]


def test_redriving_by_name_leaves_the_others_for_others() -> None:
    sqs = FakeSqs("one", "two", "three")
    assert [letter.message_id for letter in redrive(sqs, DEAD, INBOX, ["m2", "m9"])] == ["m2"]
    assert sqs.bodies(DEAD) == ["one", "three"]
    assert sqs.bodies(INBOX) == ["two"]
    assert sqs.hidden == {"m2"}


def test_redriving_an_empty_queue_is_no_error() -> None:
    assert redrive(FakeSqs(), DEAD, INBOX) == []


@pytest.mark.parametrize("call", ["send_message", "delete_message"])
def test_a_message_is_never_lost_wherever_redriving_breaks_off(call: str) -> None:
    sqs = FakeSqs("one", "two", breaks_at=call)
    with pytest.raises(ConnectionError):
        redrive(sqs, DEAD, INBOX)
    assert sqs.bodies(DEAD) == ["one", "two"]
    assert not sqs.hidden
