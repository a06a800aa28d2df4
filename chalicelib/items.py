"""The table's shape: domain values to and from items. Pure; attribute names are known here and in its neighbours.

`items_alerts` has the shapes of alerts, `items_consignments` those of consignments, `items_people` those of what people
did, `items_policy` those of policies.

One table, four item types of bins:

    PK                SK                 type
    BIN#<bin>         BIN#EXPECTATION    EXPECTATION   what the consignment says
    BIN#<bin>         BIN#STATUS         STATUS        where the bin stands
    BIN#<bin>         PHOTO#<image id>   INSPECTION    one photo, judged
    BIN#<bin>         PHOTO#<image id>   REJECTION     one photo that can't be judged
    STRAY#<image id>  PHOTO#<image id>   REJECTION     the same, its key names no bin

An inspection and a rejection share their key, so a photo can only ever end as one of them. Index attributes:

    by_time                      photos of a bin by upload time (local index)
    attention, attention_at      by time: bins that a person should look at, by state; rejected photos; statements
    shard, state_bin             all bins, spread over SHARDS partitions, by state and name
    consignment_id, state_bin    a consignment's bins, by state and name
    history, happened_at         what happened at a site by time: inspections that were held against an expectation
    site_bin, bin_id             a site's bins by name; only keys
    site_state, changed_bin      a site's bins in one state, by their last change; only keys

only on what waits for a person, all by what leaving the bin alone is expected to cost:

    review, review_cost          a site's bins in one state; its review queue is one of these
    queue, review_cost           all of a site's; only keys
    queue_severity, review_cost  those of a site whose alerts are that severe; only keys
    queue_assignee, review_cost  those of a site that somebody has taken on; only keys

Only keys: bins are read from the table then, so a photo that moves its bin within no such list writes to none of them.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.bin_status import Bin, BinStatus, Episode, OpenRequest
from chalicelib.domain import (
    BinImage,
    BinState,
    Direction,
    EpisodeState,
    Expectation,
    Inspection,
    Item,
    Judgement,
    Outcome,
    Rejection,
    Severity,
    Verdict,
)
from chalicelib.evidence import CountEstimate, Evidence
from chalicelib.severity import severity_of_bin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Attributes = dict[str, Any]
"""An item as plain Python values: text, Decimal, list, dict, None left out."""

SHARDS = 4
"""Partitions of the list of all bins. One takes 1,000 writes a second and a photo makes at most two."""

_NEXT_TO_NOTHING = 1e-120
"""DynamoDB's numbers end at 1e-130; a probability below this one is kept as 0."""

_MOST_COST = 1e12
"""Expected costs above this one come in no order."""

REJECTIONS = "rejected-photos"
"""The attention partition of rejected photos, beside those of the bins' states."""

INDEX_ATTRIBUTES = frozenset(
    {
        *("shard", "state_bin", "attention", "attention_at", "review", "review_cost"),
        *("queue", "queue_severity", "queue_assignee", "site_bin", "site_state", "changed_bin"),
    }
)
"""What a bin's status has only for being listed."""


def bin_key(bin_id: str) -> str:
    """Return the partition that holds everything about one bin."""
    return f"BIN#{bin_id}"


def expectation_key(bin_id: str) -> Attributes:
    """Return the primary key of a bin's expectation."""
    return {"PK": bin_key(bin_id), "SK": "BIN#EXPECTATION"}


def status_key(bin_id: str) -> Attributes:
    """Return the primary key of a bin's status."""
    return {"PK": bin_key(bin_id), "SK": "BIN#STATUS"}


def photo_key(outcome: Outcome) -> Attributes:
    """Return the primary key under which a photo's end is recorded."""
    image_id = outcome.image.image_id
    partition = f"STRAY#{image_id}" if outcome.bin_id is None else bin_key(outcome.bin_id)
    return {"PK": partition, "SK": f"PHOTO#{image_id}"}


def consignment_key(consignment_id: str) -> Attributes:
    """Return the primary key of a consignment."""
    return {"PK": f"CONSIGNMENT#{consignment_id}", "SK": "CONSIGNMENT"}


def timestamp(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC with milliseconds: fixed width, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Return the moment that an RFC 3339 text names, cut to milliseconds.

    The table keeps no more, and a photo has to compare alike before and after it was stored.
    """
    exact = datetime.fromisoformat(text).astimezone(UTC)
    return exact.replace(microsecond=exact.microsecond // 1000 * 1000)


def shard_of(bin_id: str) -> str:
    """Return the partition of the list of all bins that a bin belongs to."""
    return f"BINS#{zlib.crc32(bin_id.encode()) % SHARDS}"


def queue_of(site: str | None) -> str:
    """Return the partition of all bins of a site that wait for a person; None for those that are at no site."""
    return f"SITE#{site or ''}"


def state_queue(state: BinState, site: str | None) -> str:
    """Return the partition of a site's bins that wait for a person in one state."""
    return f"{state.name}#{site or ''}"


def state_at(state: BinState, site: str | None) -> str:
    """Return the partition of a site's bins in one state, by time."""
    return f"{queue_of(site)}#{state.value}"


def severity_queue(severity: Severity, site: str | None) -> str:
    """Return the partition of a site's bins whose alerts are that severe."""
    return f"{queue_of(site)}#{severity.value}"


def assignee_queue(assignee: str, site: str | None) -> str:
    """Return the partition of a site's bins that somebody has taken on."""
    return f"{queue_of(site)}#{assignee}"


def from_expectation(expectation: Expectation) -> Attributes:
    """Return the item of an expectation."""
    return {**expectation_key(expectation.bin_id), "type": "EXPECTATION", **_expectation_fields(expectation)}


def from_status(status: BinStatus) -> Attributes:
    """Return the item of a bin's status, with the attributes that put it into the indexes."""
    changed = f"{timestamp(status.changed_at)}#{status.bin_id}"
    attention = {"attention": status.state.value, "attention_at": changed} if status.state.needs_attention else {}
    fields = {
        "bin_id": status.bin_id,
        "revision": Decimal(status.version),
        "state": status.state.value,
        "changed_at": timestamp(status.changed_at),
        "photos": Decimal(status.photos),
        "site": status.site,
        "consignment_id": status.consignment_id,
        "expected": _whole(status.expected),
        "image": image_fields(status.image) if status.image else None,
        "predicted": status.predicted,
        "certainty": real(status.certainty),
        "probabilities": [[count, real(share)] for count, share in status.probabilities] or None,
        "model": status.model,
        "reason": status.reason,
        "since": timestamp(status.since),
        "evidence": _evidence_fields(status.evidence) if status.evidence else None,
        "judgement": _judgement_fields(status.judgement) if status.judgement else None,
        "episode": _episode_fields(status.episode) if status.episode else None,
        "resolution": _whole(status.resolution),
        "assignee": status.assignee,
        "photo_request": _request_fields(status.photo_request) if status.photo_request else None,
        "shard": shard_of(status.bin_id),
        "state_bin": f"{status.state}#{status.bin_id}",
        "site_bin": queue_of(status.site),
        "site_state": state_at(status.state, status.site),
        "changed_bin": changed,
    }
    return {**status_key(status.bin_id), "type": "STATUS", **present(fields), **attention, **_queues(status)}


def from_outcome(outcome: Outcome) -> Attributes:
    """Return the item of a photo's end."""
    common = {
        **photo_key(outcome),
        "by_time": f"{timestamp(outcome.image.uploaded_at)}#{outcome.image.image_id}",
        "image": image_fields(outcome.image),
        "at": timestamp(outcome.at),
    }
    if isinstance(outcome, Rejection):
        return {
            **common,
            **present({"bin_id": outcome.bin_id}),
            "type": "REJECTION",
            "reason": outcome.reason,
            "message": outcome.message,
            "attention": REJECTIONS,
            "attention_at": f"{timestamp(outcome.at)}#{outcome.image.image_id}",
        }
    fields = {
        "bin_id": outcome.bin_id,
        "expectation": _expectation_fields(outcome.expectation) if outcome.expectation else None,
        "model": outcome.estimate.model,
        "counts": list(outcome.estimate.counts),
        "probabilities": [real(p) for p in outcome.estimate.probabilities],
        "prior": [real(p) for p in outcome.estimate.prior],
        "predicted": outcome.estimate.prediction,
        "judgement": _judgement_fields(outcome.judgement),
        "since": timestamp(outcome.since),
        "history": outcome.expectation.site if outcome.expectation else None,
        "happened_at": common["by_time"] if outcome.expectation else None,
    }
    return {**common, "type": "INSPECTION", **present(fields)}


def to_bin(bin_id: str, items: Sequence[Mapping[str, Any]]) -> Bin:
    """Return a bin from its items, in any order; none at all is a bin never heard of."""
    by_type = {item["type"]: item for item in items}
    status = to_status(by_type["STATUS"]) if "STATUS" in by_type else BinStatus(bin_id)
    return Bin(status, to_expectation(by_type["EXPECTATION"]) if "EXPECTATION" in by_type else None)


def to_expectation(item: Mapping[str, Any]) -> Expectation:
    """Return the expectation that an item holds."""
    return Expectation(
        bin_id=item["bin_id"],
        consignment_id=item["consignment_id"],
        site=item["site"],
        quantity=int(item["quantity"]),
        items=tuple(Item(line["sku"], int(line["quantity"])) for line in item["items"]),
    )


def to_status(item: Mapping[str, Any]) -> BinStatus:
    """Return the status that an item holds."""
    return BinStatus(
        bin_id=item["bin_id"],
        version=int(item["revision"]),
        state=BinState(item["state"]),
        changed_at=moment(item["changed_at"]),
        photos=int(item["photos"]),
        site=item.get("site"),
        consignment_id=item.get("consignment_id"),
        expected=int(item["expected"]) if "expected" in item else None,
        image=to_image(item["image"]) if "image" in item else None,
        predicted=item.get("predicted"),
        certainty=to_float(item.get("certainty")),
        probabilities=tuple((count, float(share)) for count, share in item.get("probabilities", ())),
        model=item.get("model"),
        reason=item.get("reason"),
        since=moment(item["since"]),
        evidence=_to_evidence(item["evidence"]) if "evidence" in item else None,
        judgement=_to_judgement(item["judgement"]) if "judgement" in item else None,
        episode=_to_episode(item["episode"]) if "episode" in item else None,
        resolution=int(item["resolution"]) if "resolution" in item else None,
        assignee=item.get("assignee"),
        photo_request=_to_request(item["photo_request"]) if "photo_request" in item else None,
    )


def to_outcome(item: Mapping[str, Any]) -> Outcome:
    """Return the end of a photo that an item holds."""
    return to_rejection(item) if item["type"] == "REJECTION" else to_inspection(item)


def to_rejection(item: Mapping[str, Any]) -> Rejection:
    """Return the rejection that an item holds."""
    image = to_image(item["image"])
    return Rejection(item.get("bin_id"), image, item["reason"], item["message"], moment(item["at"]))


def to_inspection(item: Mapping[str, Any]) -> Inspection:
    """Return the inspection that an item holds."""
    return Inspection(
        bin_id=item["bin_id"],
        image=to_image(item["image"]),
        expectation=to_expectation(item["expectation"]) if "expectation" in item else None,
        estimate=CountEstimate(
            model=item["model"],
            counts=tuple(item["counts"]),
            probabilities=tuple(float(p) for p in item["probabilities"]),
            prior=tuple(float(p) for p in item["prior"]),
        ),
        judgement=_to_judgement(item["judgement"]),
        at=moment(item["at"]),
        since=moment(item["since"]),
    )


def _expectation_fields(expectation: Expectation) -> Attributes:
    return {
        "bin_id": expectation.bin_id,
        "consignment_id": expectation.consignment_id,
        "site": expectation.site,
        "quantity": Decimal(expectation.quantity),
        "items": [{"sku": line.sku, "quantity": Decimal(line.quantity)} for line in expectation.items],
    }


def _queues(status: BinStatus) -> Attributes:
    """Return what puts a bin that waits into the queues; the cost is text of fixed width, so that it can be ordered.

    What was never judged, because nothing was expected or the photo can't be read, costs nothing that is known.
    """
    if not status.state.needs_attention:
        return {}
    cost = (status.judgement.expected_cost if status.judgement else None) or 0.0
    site, severity, assignee = status.site, severity_of_bin(status), status.assignee
    queues = {
        "review": state_queue(status.state, site),
        "review_cost": f"{min(cost, _MOST_COST):020.6f}#{status.bin_id}",
        "queue": queue_of(site),
        "queue_severity": severity_queue(severity, site) if severity else None,
        "queue_assignee": assignee_queue(assignee, site) if assignee else None,
    }
    return present(queues)


def image_fields(image: BinImage) -> Attributes:
    """Return a version of an object in the bucket as it stands within an item."""
    fields = {
        "image_id": image.image_id,
        "bucket": image.bucket,
        "key": image.key,
        "version": image.version,
        "etag": image.etag,
        "sequencer": image.sequencer,
        "size": Decimal(image.size),
        "uploaded_at": timestamp(image.uploaded_at),
    }
    return present(fields)


def to_image(fields: Mapping[str, Any]) -> BinImage:
    """Return the version of an object in the bucket that stands within an item."""
    return BinImage(
        bucket=fields["bucket"],
        key=fields["key"],
        version=fields.get("version"),
        etag=fields["etag"],
        sequencer=fields["sequencer"],
        size=int(fields["size"]),
        uploaded_at=moment(fields["uploaded_at"]),
    )


def _judgement_fields(judgement: Judgement) -> Attributes:
    fields = {
        "verdict": judgement.verdict.value,
        "policy": judgement.policy,
        "probability_of_mismatch": real(judgement.probability_of_mismatch),
        "direction": judgement.direction.value if judgement.direction else None,
        "prior": real(judgement.prior),
        "likelihood_ratio": real(judgement.likelihood_ratio),
        "review_from": real(judgement.review_from),
        "alert_from": real(judgement.alert_from),
        "photos": Decimal(judgement.photos),
        "is_settled": judgement.is_settled,
        "is_audit": judgement.is_audit,
        "stands_for": real(judgement.stands_for),
        "expected_cost": real(judgement.expected_cost),
    }
    return present(fields)


def _to_judgement(fields: Mapping[str, Any]) -> Judgement:
    return Judgement(
        verdict=Verdict(fields["verdict"]),
        policy=fields["policy"],
        probability_of_mismatch=to_float(fields.get("probability_of_mismatch")),
        direction=Direction(fields["direction"]) if "direction" in fields else None,
        prior=to_float(fields.get("prior")),
        likelihood_ratio=to_float(fields.get("likelihood_ratio")),
        review_from=to_float(fields.get("review_from")),
        alert_from=to_float(fields.get("alert_from")),
        photos=int(fields["photos"]),
        is_settled=fields["is_settled"],
        is_audit=fields["is_audit"],
        stands_for=float(fields.get("stands_for", 1.0)),
        expected_cost=to_float(fields.get("expected_cost")),
    )


def _evidence_fields(evidence: Evidence) -> Attributes:
    return {
        "counts": list(evidence.counts),
        "log_likelihoods": [Decimal(one) for one in evidence.log_likelihoods],
        "photos": Decimal(evidence.photos),
    }


def _to_evidence(fields: Mapping[str, Any]) -> Evidence:
    logs = tuple(int(one) for one in fields["log_likelihoods"])
    return Evidence(tuple(fields["counts"]), logs, int(fields["photos"]))


def _episode_fields(episode: Episode) -> Attributes:
    fields = {
        "state": episode.state.value,
        "opened_at": timestamp(episode.opened_at),
        "raised": [verdict.value for verdict in episode.raised],
        "by": episode.by,
        "reopened_by": episode.reopened_by,
    }
    return present(fields)


def _to_episode(fields: Mapping[str, Any]) -> Episode:
    raised = tuple(map(Verdict, fields["raised"]))
    return Episode(
        EpisodeState(fields["state"]), moment(fields["opened_at"]), raised, fields.get("by"), fields.get("reopened_by")
    )


def adding(sums: Mapping[str, Decimal], fixed: Attributes) -> dict[str, Any]:
    """Return the update that adds sums to an item and sets its fixed fields, as DynamoDB's, with plain values.

    All names are aliased, because some are DynamoDB's reserved words.
    """
    names = {f"#{number}": name for number, name in enumerate([*sums, *fixed])}
    values = {f":{number}": value for number, value in enumerate([*sums.values(), *fixed.values()])}
    adds = [f"#{number} :{number}" for number in range(len(sums))]
    sets = [f"#{number} = :{number}" for number in range(len(sums), len(names))]
    return {
        "UpdateExpression": f"SET {', '.join(sets)} ADD {', '.join(adds)}",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _request_fields(request: OpenRequest) -> Attributes:
    return {"at": timestamp(request.at), "by": request.by, "note": request.note}


def _to_request(fields: Mapping[str, Any]) -> OpenRequest:
    return OpenRequest(moment(fields["at"]), fields["by"], fields["note"])


def present(fields: Attributes) -> Attributes:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def _whole(number: int | None) -> Decimal | None:
    return None if number is None else Decimal(number)


def real(number: float | None) -> Decimal | None:
    """Return a number as DynamoDB keeps it."""
    if number is None:
        return None
    return Decimal(repr(number)) if abs(number) >= _NEXT_TO_NOTHING else Decimal(0)


def to_float(number: Decimal | None) -> float | None:
    """Return a number that DynamoDB kept."""
    return None if number is None else float(number)
