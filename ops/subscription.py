"""A queue of one's own that is subscribed to the alerts' topic: how a terminal hears what every subscriber hears.

The API lists bins, not messages: digests, requests for photos, what was held back and what went out twice show only
here. Whoever can't make queues in the account watches the API instead (`python -m ops watch`).
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KEPT_SECONDS = "300"
"""Should the queue outlive its terminal, its messages do not."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A queue by its URL, and its subscription."""

    queue_url: str
    arn: str


def subscribe(
    sqs: Any, sns: Any, topic_arn: str, queue_name: str, wanted: Mapping[str, Sequence[str]] | None = None
) -> Subscription:
    """Make a queue and subscribe it; `wanted` are the values that a message's attributes may have."""
    url = sqs.create_queue(QueueName=queue_name, Attributes={"MessageRetentionPeriod": _KEPT_SECONDS})["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    may_send = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    chosen = {name: list(values) for name, values in (wanted or {}).items() if values}
    attributes = {"RawMessageDelivery": "true", **({"FilterPolicy": json.dumps(chosen)} if chosen else {})}
    reply = sns.subscribe(
        TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn, Attributes=attributes, ReturnSubscriptionArn=True
    )
    return Subscription(url, reply["SubscriptionArn"])


@contextmanager
def own_queue(
    sqs: Any, sns: Any, topic_arn: str, wanted: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Subscription]:
    """Subscribe a new queue until the block ends; queue and subscription go with it."""
    name = f"{topic_arn.rpartition(':')[2][:40]}-tail-{uuid4().hex[:12]}"
    subscription = subscribe(sqs, sns, topic_arn, name, wanted)
    try:
        yield subscription
    finally:
        sns.unsubscribe(SubscriptionArn=subscription.arn)
        sqs.delete_queue(QueueUrl=subscription.queue_url)


def received(sqs: Any, queue_url: str, wait_seconds: int) -> Iterator[dict[str, Any]]:
    """Yield the messages that have come, after waiting for the first of them at most so long; each comes once."""
    reply = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_seconds)
    for message in reply.get("Messages", []):
        yield json.loads(message["Body"])
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
