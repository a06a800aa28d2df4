"""The messages that could not be worked off: what they are about, why, and how they get another chance.

A message is deleted only after it has been sent back. Should the power fail in between, it exists twice, and the
checker records each photo once.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.errors import MalformedMessage
from chalicelib.events import files_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

NO_REASON = "the function died or ran out of time before it could say why; see its log"

_HIDDEN_SECONDS = 60
"""How long a message stays out of others' sight while it is in our hands."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message: the photos it announces as `s3://` addresses, why it failed, how often it was handed out."""

    message_id: str
    photos: tuple[str, ...]
    reason: str
    receives: int
    sent_at: datetime
    body: str = field(repr=False)
    receipt: str = field(repr=False)


def dead_letters(sqs: Any, dead_letters_url: str) -> list[DeadLetter]:
    """Return the messages, oldest first, and leave them where they are."""
    with _in_hand(sqs, dead_letters_url) as letters:
        return sorted(letters.values(), key=lambda letter: letter.sent_at)


def redrive(
    sqs: Any, dead_letters_url: str, inbox_url: str, message_ids: Collection[str] | None = None
) -> list[DeadLetter]:
    """Send messages back to the inbox, all or those named, and return them; repeating it does no harm."""
    with _in_hand(sqs, dead_letters_url) as letters:
        chosen = [letter for letter in letters.values() if message_ids is None or letter.message_id in message_ids]
        for letter in chosen:
            sqs.send_message(QueueUrl=inbox_url, MessageBody=letter.body)
            sqs.delete_message(QueueUrl=dead_letters_url, ReceiptHandle=letter.receipt)
            del letters[letter.message_id]
        return chosen


@contextmanager
def _in_hand(sqs: Any, url: str) -> Iterator[dict[str, DeadLetter]]:
    """Take all messages of a queue in hand; those that are still in the mapping at the end are put back."""
    letters: dict[str, DeadLetter] = {}
    try:
        while fresh := [letter for letter in _receive(sqs, url) if letter.message_id not in letters]:
            letters.update({letter.message_id: letter for letter in fresh})
        yield letters
    finally:
        for letter in letters.values():
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)


def _receive(sqs: Any, url: str) -> list[DeadLetter]:
    reply = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        # A short poll asks a few of the queue's servers only and may miss what the others hold.
        WaitTimeSeconds=1,
        VisibilityTimeout=_HIDDEN_SECONDS,
        MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        MessageAttributeNames=["reason"],
    )
    return [_dead_letter(message) for message in reply.get("Messages", [])]


def _dead_letter(message: dict[str, Any]) -> DeadLetter:
    attributes = message["Attributes"]
    return DeadLetter(
        message_id=message["MessageId"],
        photos=_photos(message["Body"]),
        reason=message.get("MessageAttributes", {}).get("reason", {}).get("StringValue", NO_REASON),
        receives=int(attributes["ApproximateReceiveCount"]),
        sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
        body=message["Body"],
        receipt=message["ReceiptHandle"],
    )


def _photos(body: str) -> tuple[str, ...]:
    try:
        return tuple(f"s3://{image.bucket}/{image.key}" for image, _ in files_in(body))
    except MalformedMessage:
        return ()
