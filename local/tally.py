"""Counts what became of the photos, from the bucket, the table, the queues and the subscriber alone."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer

from chalicelib.domain import Inspection, Verdict
from chalicelib.items import to_outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chalicelib.domain import Outcome
    from local.plan import Photo

_deserializer = TypeDeserializer()
Upload = tuple[str, str]
"""A version of an object: key and version id."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was found: uploads in the bucket, ends of photos in the table, alerts and digests at the subscriber."""

    uploads: frozenset[Upload]
    outcomes: tuple[Outcome, ...]
    alerts: tuple[dict[str, Any], ...]
    digests: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of(cls, uploads: frozenset[Upload], outcomes: Sequence[Outcome], received: Sequence[dict[str, Any]]) -> Tally:
        """Tell the alerts that a subscriber received from digests, which stand for many."""
        alerts, digests = (tuple(one for one in received if one["kind"] == kind) for kind in ("alert", "digest"))
        return cls(uploads, tuple(outcomes), alerts, digests)

    @property
    def lost(self) -> int:
        """Uploads that ended as nothing."""
        return len(self.uploads - {_upload(outcome) for outcome in self.outcomes})

    @property
    def doubled(self) -> int:
        """Uploads that ended more than once, and alerts and digests that came more than once."""
        ends = Counter(_upload(outcome) for outcome in self.outcomes)
        sent = Counter(message["alert_id"] for message in (*self.alerts, *self.digests))
        return sum(times - 1 for times in [*ends.values(), *sent.values()])

    @property
    def inspections(self) -> list[Inspection]:
        """The photos that were judged."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, Inspection)]

    def seconds_to_verdict(self) -> tuple[float, float]:
        """Return the median and the 95th percentile of the time from upload to verdict."""
        ages = sorted((end.at - end.image.uploaded_at).total_seconds() for end in self.outcomes)
        if len(ages) < 2:
            return (ages[0], ages[0]) if ages else (0.0, 0.0)
        percentiles = quantiles(ages, n=100, method="inclusive")
        return percentiles[49], percentiles[94]

    def summary(self, plan: Sequence[Photo]) -> dict[str, Any]:
        """Return the figures, beside what was planned."""
        planted = {photo.bin_id for photo in plan if photo.is_planted}
        alerted = {alert["bin_id"] for alert in self.alerts if alert["verdict"] == Verdict.MISMATCH}
        reviewed = {end.bin_id for end in self.inspections if end.judgement.verdict == Verdict.REVIEW}
        median, p95 = self.seconds_to_verdict()
        return {
            "photos": len(self.uploads),
            "inspections": len(self.inspections),
            "rejections": len(self.outcomes) - len(self.inspections),
            "alerts": len(self.alerts),
            "digests": len(self.digests),
            "lost": self.lost,
            "doubled": self.doubled,
            "planted": len(planted),
            "planted_alerted": len(planted & alerted),
            "planted_in_review": len(planted & reviewed),
            "false_alerts": len(alerted - planted),
            "in_review": len(reviewed),
            "seconds_photo_to_verdict_p50": round(median, 2),
            "p95": round(p95, 2),
        }


def uploads_in(s3: Any, bucket: str, prefix: str) -> frozenset[Upload]:
    """Return every version of every object under a prefix."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    return frozenset((version["Key"], version["VersionId"]) for page in pages for version in page.get("Versions", []))


def outcomes_in(dynamodb: Any, table: str) -> tuple[Outcome, ...]:
    """Return the recorded end of every photo."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = ({name: _deserializer.deserialize(value) for name, value in item.items()} for item in _items(pages))
    return tuple(to_outcome(item) for item in items if item["type"] in {"INSPECTION", "REJECTION"})


def waiting_in(sqs: Any, queue_url: str) -> int:
    """Return how many messages a queue holds, those in hand and those delayed included."""
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def received_by(sqs: Any, queue_url: str) -> list[dict[str, Any]]:
    """Take the messages that a subscriber's queue holds: alerts and digests."""
    received = []
    while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            received.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return received


def _items(pages: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    return (item for page in pages for item in page["Items"])


def _upload(outcome: Outcome) -> Upload:
    return (outcome.image.key, outcome.image.version or "")
