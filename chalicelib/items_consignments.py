"""The table's shape of consignments, beside `items`, which has the bins that they speak of. Pure.

    PK                SK                            type
    CONSIGNMENT#<id>  CONSIGNMENT                   CONSIGNMENT  where it stands
    CONSIGNMENT#<id>  LANE#<number>                 LANE         the version whose change may write bins
    CONSIGNMENT#<id>  BINS#<time>#<digest>#<part>   BINS         what a load said, kept so that it can be taken up again
    CONSIGNMENT#<id>  REFUSAL                       REFUSAL      what is wrong with a file that was not loaded
    CONSIGNMENT#<id>  REQUEST#<key's hash>          REQUEST      a request with an Idempotency-Key has been carried out

A change of many bins is written by several lanes at once. Each of its transactions checks its own lane's item: were it
one item for all, they would meet there and cancel each other.

Consignments are listed newest first, in partitions of four indexes that bins and photos leave free:

    attention   consignments                     all
    history     CONSIGNMENTS#<site>              a site's
    shard       CONSIGNMENTS#<state>             those in a state
    review      CONSIGNMENTS#<site>#<state>      a site's in a state

The item has no `consignment_id`: with `state_bin` it would be one of the consignment's own bins in that index.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.consignment import Consignment, ConsignmentState, Progress, Refusal
from chalicelib.domain import Expectation, Item
from chalicelib.errors import Mistake
from chalicelib.items import (
    Attributes,
    consignment_key,
    image_fields,
    moment,
    present,
    timestamp,
    to_image,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ALL_CONSIGNMENTS = "consignments"
"""The attention partition of all consignments, beside those of the bins' states."""

KEPT = "BINS#"
"""What the sort keys of kept loads begin with."""

_PART = 300_000
"""Characters of JSON in one part of a kept load; an item takes 400 KB, and packed they are as a rule far less."""


def consignments_of(site: str | None = None, state: ConsignmentState | None = None) -> str:
    """Return the partition that lists a site's consignments, those in a state, or both."""
    return "#".join(["CONSIGNMENTS", *(part for part in (site, state) if part)])


def lane_key(consignment_id: str, lane: int) -> Attributes:
    """Return the primary key of a lane."""
    return {**consignment_key(consignment_id), "SK": f"LANE#{lane}"}


def refusal_key(consignment_id: str) -> Attributes:
    """Return the primary key of a refusal."""
    return {**consignment_key(consignment_id), "SK": "REFUSAL"}


def asked_key(consignment_id: str, idempotency_key: str) -> Attributes:
    """Return the primary key under which a request with an Idempotency-Key is remembered; any text may be one."""
    digest = hashlib.sha256(idempotency_key.encode()).hexdigest()
    return {**consignment_key(consignment_id), "SK": f"REQUEST#{digest}"}


def kept_at(consignment: Consignment) -> str:
    """Return what the sort keys of a consignment's kept load begin with; those of older loads sort before it."""
    return f"{KEPT}{timestamp(consignment.loaded_at)}#{consignment.digest}#"


def from_consignment(consignment: Consignment) -> Attributes:
    """Return the item of a consignment, with the attributes that put it into the lists."""
    newest = f"{timestamp(consignment.loaded_at)}#{consignment.consignment_id}"
    fields = {
        "site": consignment.site,
        "bins": Decimal(consignment.bins),
        "digest": consignment.digest,
        "loaded_at": timestamp(consignment.loaded_at),
        "state": consignment.state.value,
        "revision": Decimal(consignment.version),
        "told_at": timestamp(consignment.told_at) if consignment.told_at else None,
        "file": image_fields(consignment.file) if consignment.file else None,
        "refusal": _refusal_fields(consignment.refusal) if consignment.refusal else None,
        "closed_at": timestamp(consignment.closed_at) if consignment.closed_at else None,
        "outcome": _progress_fields(consignment.outcome) if consignment.outcome else None,
        "attention": ALL_CONSIGNMENTS,
        "attention_at": newest,
        "history": consignments_of(consignment.site),
        "happened_at": newest,
        "shard": consignments_of(state=consignment.state),
        "state_bin": newest,
        "review": consignments_of(consignment.site, consignment.state),
        "review_cost": newest,
    }
    return {**consignment_key(consignment.consignment_id), "type": "CONSIGNMENT", **present(fields)}


def to_consignment(item: Mapping[str, Any]) -> Consignment:
    """Return the consignment that an item holds; one of before states were kept is loaded unless its load runs."""
    by_default = ConsignmentState.LOADING if "loading" in item else ConsignmentState.LOADED
    return Consignment(
        consignment_id=item["PK"].partition("#")[2],
        site=item["site"],
        bins=int(item["bins"]),
        digest=item["digest"],
        loaded_at=moment(item["loaded_at"]),
        state=ConsignmentState(item.get("state", by_default)),
        version=int(item.get("revision", 0)),
        told_at=moment(item["told_at"]) if "told_at" in item else None,
        file=to_image(item["file"]) if "file" in item else None,
        refusal=_to_refusal(item["refusal"]) if "refusal" in item else None,
        closed_at=moment(item["closed_at"]) if "closed_at" in item else None,
        outcome=_to_progress(item["outcome"]) if "outcome" in item else None,
    )


def from_lane(consignment: Consignment, lane: int) -> Attributes:
    """Return the item of a lane that only this version's change may use."""
    key = lane_key(consignment.consignment_id, lane)
    return {**key, "type": "LANE", "revision": Decimal(consignment.version)}


def from_kept(consignment: Consignment, expectations: Iterable[Expectation]) -> list[Attributes]:
    """Return the items that keep what a load says."""
    lines = [
        json.dumps([bin_.bin_id, bin_.quantity, [[item.sku, item.quantity] for item in bin_.items]])
        for bin_ in expectations
    ]
    key = consignment_key(consignment.consignment_id)
    return [
        {**key, "SK": f"{kept_at(consignment)}{part:04d}", "type": "BINS", "bins": _packed("\n".join(some))}
        for part, some in enumerate(_parts(lines))
    ]


def to_kept(item: Mapping[str, Any], consignment: Consignment) -> list[Expectation]:
    """Return the part of what a load said that an item keeps."""
    lines = [json.loads(line) for line in _unpacked(item["bins"]).splitlines()]
    return [
        Expectation(
            bin_id, consignment.consignment_id, consignment.site, quantity, tuple(Item(*item) for item in items)
        )
        for bin_id, quantity, items in lines
    ]


def from_refusal(consignment_id: str, refusal: Refusal) -> Attributes:
    """Return the item of a refusal, with all mistakes that it tells."""
    mistakes = json.dumps([asdict(mistake) for mistake in refusal.mistakes])
    fields = _refusal_fields(refusal)
    return {**refusal_key(consignment_id), "type": "REFUSAL", **fields, "mistakes": _packed(mistakes)}


def to_refusal(item: Mapping[str, Any]) -> Refusal:
    """Return the refusal that an item holds."""
    mistakes = json.loads(_unpacked(item["mistakes"]))
    return _to_refusal(item, tuple(Mistake(**mistake) for mistake in mistakes))


def from_asked(consignment_id: str, idempotency_key: str, by: str, content: str) -> Attributes:
    """Return the item that remembers a request, by who made it and the digest of what it asked for."""
    return {**asked_key(consignment_id, idempotency_key), "type": "REQUEST", "by": by, "content": content}


def _refusal_fields(refusal: Refusal) -> Attributes:
    return {"image": image_fields(refusal.file), "at": timestamp(refusal.at), "count": Decimal(refusal.count)}


def _to_refusal(fields: Mapping[str, Any], mistakes: tuple[Mistake, ...] = ()) -> Refusal:
    return Refusal(to_image(fields["image"]), moment(fields["at"]), int(fields["count"]), mistakes)


def _progress_fields(progress: Progress) -> Attributes:
    return {name: Decimal(count) for name, count in asdict(progress).items()}


def _to_progress(fields: Mapping[str, Any]) -> Progress:
    return Progress(**{name: int(count) for name, count in fields.items()})


def _parts(lines: Sequence[str]) -> Iterable[list[str]]:
    """Yield the lines in parts of at most `_PART` characters; a bin's longest line has less."""
    part: list[str] = []
    size = 0
    for line in lines:
        if part and size + len(line) > _PART:
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line) + 1
    if part:
        yield part


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode())


def _unpacked(packed: Any) -> str:
    """Return a text that was packed; DynamoDB hands bytes back in a wrapper."""
    return zlib.decompress(bytes(packed)).decode()
