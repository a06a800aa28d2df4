"""How many messages lie in queues that somebody should look into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.aws.failures import temporary

if TYPE_CHECKING:
    from collections.abc import Mapping

_VISIBLE = "ApproximateNumberOfMessages"


class SqsDeadLetters:
    """`ports_api.DeadLetters` over an SQS client; `urls` are the queues' addresses by name."""

    def __init__(self, sqs: Any, urls: Mapping[str, str]) -> None:
        self._sqs = sqs
        self._urls = urls

    def waiting(self) -> dict[str, int]:
        """Ask each queue for its own attribute; messages that somebody has in hand are not in it."""
        with temporary("counting dead letters"):
            return {name: self._count(url) for name, url in self._urls.items()}

    def _count(self, url: str) -> int:
        reply = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[_VISIBLE])
        return int(reply["Attributes"][_VISIBLE])
