"""The inbox queue, for messages that could not be worked off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.aws.failures import temporary

if TYPE_CHECKING:
    from chalicelib.events import Message

_REASON_LENGTH = 1000


class SqsInbox:
    """`ports.Inbox` over an SQS client."""

    def __init__(self, sqs: Any, inbox_url: str, dead_letters_url: str) -> None:
        self._sqs = sqs
        self._inbox_url = inbox_url
        self._dead_letters_url = dead_letters_url

    def delay(self, message: Message, seconds: int) -> None:
        """Hide a message that this function holds for a while."""
        with temporary("delaying a message"):
            self._sqs.change_message_visibility(
                QueueUrl=self._inbox_url, ReceiptHandle=message.receipt, VisibilityTimeout=seconds
            )

    def bury(self, body: str, reason: str) -> None:
        """Put a message among the dead letters, with its reason."""
        with temporary("burying a message"):
            self._sqs.send_message(
                QueueUrl=self._dead_letters_url,
                MessageBody=body,
                MessageAttributes={"reason": {"DataType": "String", "StringValue": _presentable(reason)}},
            )


def _presentable(reason: str) -> str:
    """Return a reason as SQS takes it: not empty, not long, no control characters (a key may hold some)."""
    printable = "".join(character if character.isprintable() else " " for character in reason)
    return printable[:_REASON_LENGTH] or "unknown"
