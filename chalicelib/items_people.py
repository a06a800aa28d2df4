"""The table's shape of what people did, beside `items`, which has all the rest. Pure.

    PK           SK                      type
    BIN#<bin>    RESOLUTION#<version>    RESOLUTION  what somebody found in the bin, and where the bin stood
    BIN#<bin>    RESOLUTION#<version>    REOPENING   somebody took a resolution back, and where it had found the bin
    BIN#<bin>    RESOLUTION#<version>    ASSIGNMENT  somebody named who looks after the bin
    BIN#<bin>    RESOLUTION#<version>    PHOTO_REQUEST  somebody asked for another photo of the bin
    BIN#<bin>    REQUEST#<key's hash>    REQUEST     a request with an Idempotency-Key has been carried out
    SITE#<site>  FEEDBACK                FEEDBACK    sums over the site's standing resolutions

Nothing of these is ever overwritten but the sums, which are only added to. Versions have ten digits, so that their
text order is the order in which things were said.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.feedback import Feedback
from chalicelib.items import (
    INDEX_ATTRIBUTES,
    Attributes,
    adding,
    bin_key,
    from_status,
    moment,
    present,
    timestamp,
    to_status,
)
from chalicelib.resolution import Assignment, Cause, Finding, PhotoRequest, Reopening, Resolution

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.bin_status import BinStatus
    from chalicelib.resolution import Act, Statement

ACTS = "RESOLUTION#"
"""What the sort keys of all that people said of a bin begin with."""

_OF_THE_TABLE = {"PK", "SK", "type", *INDEX_ATTRIBUTES}
"""What a status has as an item of its own and not inside another."""


def act_key(bin_id: str, version: int) -> Attributes:
    """Return the primary key of what somebody said and what made a version of a bin's status."""
    return {"PK": bin_key(bin_id), "SK": f"{ACTS}{version:010d}"}


def statements_at(site: str) -> str:
    """Return the attention partition of what people said of a site's goods, beside those of bins and photos."""
    return f"STATEMENTS#{site}"


def request_key(bin_id: str, idempotency_key: str) -> Attributes:
    """Return the primary key under which a request with an Idempotency-Key is remembered; any text may be one."""
    return {"PK": bin_key(bin_id), "SK": f"REQUEST#{hashlib.sha256(idempotency_key.encode()).hexdigest()}"}


def feedback_key(site: str) -> Attributes:
    """Return the primary key of a site's sums."""
    return {"PK": f"SITE#{site}", "SK": "FEEDBACK"}


def from_act(act: Act) -> Attributes:
    """Return the item of what somebody said. The site's history has what tells of the goods, and nothing else."""
    common = {
        **act_key(act.bin_id, act.version),
        "bin_id": act.bin_id,
        "version": Decimal(act.version),
        "by": act.by,
        "at": timestamp(act.at),
    }
    if isinstance(act, Assignment):
        return {**common, "type": "ASSIGNMENT", **present({"assignee": act.assignee})}
    if isinstance(act, PhotoRequest):
        return {**common, "type": "PHOTO_REQUEST", "note": act.note}
    common["stood"] = _nested(act.stood)
    if act.stood.site:
        common |= {
            "history": act.stood.site,
            "happened_at": f"{timestamp(act.at)}#{act.version}",
            "attention": statements_at(act.stood.site),
            "attention_at": f"{timestamp(act.at)}#{act.bin_id}#{act.version:010d}",
        }
    if isinstance(act, Reopening):
        return {**common, "type": "REOPENING", "reopens": Decimal(act.reopens), "note": act.note}
    finding = {
        "true_count": Decimal(act.finding.true_count),
        "cause": act.finding.cause.value,
        "note": act.finding.note,
    }
    corrects = {} if act.corrects is None else {"corrects": Decimal(act.corrects)}
    return {**common, "type": "RESOLUTION", **finding, **corrects}


def to_act(item: Mapping[str, Any]) -> Act:
    """Return what somebody said, from its item."""
    bin_id, version, by, at = item["bin_id"], int(item["version"]), item["by"], moment(item["at"])
    if item["type"] == "ASSIGNMENT":
        return Assignment(bin_id, version, by, at, item.get("assignee"))
    if item["type"] == "PHOTO_REQUEST":
        return PhotoRequest(bin_id, version, by, at, item["note"])
    return to_statement(item)


def to_statement(item: Mapping[str, Any]) -> Statement:
    """Return what somebody said of a bin's goods, or that it was wrong, from its item."""
    bin_id, version, by, at = item["bin_id"], int(item["version"]), item["by"], moment(item["at"])
    stood = to_status(item["stood"])
    if item["type"] == "REOPENING":
        return Reopening(bin_id, version, by, at, int(item["reopens"]), stood, item["note"])
    return Resolution(
        bin_id=bin_id,
        version=version,
        by=by,
        at=at,
        finding=Finding(int(item["true_count"]), Cause(item["cause"]), item["note"]),
        stood=stood,
        corrects=int(item["corrects"]) if "corrects" in item else None,
    )


def from_request(bin_id: str, idempotency_key: str, by: str, content: str) -> Attributes:
    """Return the item that remembers a request, by who made it and the digest of what it asked for."""
    return {**request_key(bin_id, idempotency_key), "type": "REQUEST", "by": by, "content": content}


def to_request(item: Mapping[str, Any]) -> tuple[str, str]:
    """Return who made the request that an item holds, and the digest of what it asked for."""
    return item["by"], item["content"]


def addition(learnt: Feedback) -> dict[str, Any]:
    """Return the update that adds to a site's sums, as DynamoDB's expression with plain values."""
    return adding(learnt.sums, {"type": "FEEDBACK"})


def to_feedback(item: Mapping[str, Any]) -> Feedback:
    """Return the sums that an item holds."""
    return Feedback({name: value for name, value in item.items() if isinstance(value, Decimal) and value})


def _nested(stood: BinStatus) -> Attributes:
    return {name: value for name, value in from_status(stood).items() if name not in _OF_THE_TABLE}
