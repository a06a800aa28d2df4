"""The table's shape, continued: alerts that were ruled upon, and the gates' tallies. Pure, as `items` is.

    PK                 SK                 type
    BIN#<bin>          ALERT#<alert id>   ALERT   one alert of a bin, or one call for another photo: how it leaves, and
                                                  whether it has
    STRAY#<image id>   ALERT#<alert id>   ALERT   the same, the photo's key names no bin
    SITE#<site>        WINDOW#<start>     GATE    what one window of a site has counted
    NO-SITE            WINDOW#<start>     GATE    the same for bins that no consignment places
    NO-BIN             WINDOW#<start>     GATE    the same for photos whose key names no bin
    CONSIGNMENT#<id>   GATE               GATE    the bins of a consignment that differ

Alerts lie with their bins, so that a storm at one site writes to many partitions; only the gate's one small item is
shared. None of them has an index attribute. All of them expire: `expires_at` is the table's time to live.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.digest import Digest, Dispatch, GateName, Ruling, Scope, Suspect, Tally
from chalicelib.domain import Alert, Verdict
from chalicelib.items import Attributes, bin_key, consignment_key, moment, present, real, timestamp, to_float
from chalicelib.photo_call import PHOTO_REQUEST, PhotoCall

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.photo_call import Raised

KEPT = timedelta(days=90)
"""How long an alert's record and a gate's tally outlast the alert; the stream offers nothing again after a day."""

_WINDOWS = {Scope.SITE: "SITE#", Scope.NO_SITE: "NO-SITE", Scope.NO_BIN: "NO-BIN"}


def alert_key(alert: Raised) -> Attributes:
    """Return the primary key of an alert's record, or of a call's."""
    if isinstance(alert, Alert) and alert.bin_id is None:
        partition = f"STRAY#{alert.image.image_id}"
    else:
        partition = bin_key(str(alert.bin_id))
    return {"PK": partition, "SK": f"ALERT#{alert.alert_id}"}


def gate_key(name: GateName) -> Attributes:
    """Return the primary key of a gate's tally."""
    if name.start is None:
        return {**consignment_key(name.of), "SK": "GATE"}
    return {"PK": f"{_WINDOWS[name.scope]}{name.of}", "SK": f"WINDOW#{timestamp(name.start)}"}


def from_ruling(alert: Raised, ruling: Ruling) -> Attributes:
    """Return the record of an alert, or of a call for another photo."""
    fields = {
        "alert_id": alert.alert_id,
        "bin_id": alert.bin_id,
        "site": alert.site,
        "consignment_id": alert.consignment_id,
        "at": timestamp(alert.at),
        "dispatch": ruling.dispatch.value,
        "is_sent": ruling.is_sent,
        "digest": _digest_fields(ruling.digest) if ruling.digest else None,
        "expires_at": _expiry(alert.at),
        **_verdict_fields(alert),
    }
    return {**alert_key(alert), "type": "ALERT", **present(fields)}


def to_ruling(item: Mapping[str, Any]) -> Ruling:
    """Return how an alert leaves, from its record."""
    digest = _to_digest(item["digest"]) if "digest" in item else None
    return Ruling(Dispatch(item["dispatch"]), digest, item["is_sent"])


def from_tally(name: GateName, tally: Tally) -> Attributes:
    """Return the item of a gate's tally."""
    return {
        **gate_key(name),
        "type": "GATE",
        "since": timestamp(tally.since),
        "revision": Decimal(tally.revision),
        "counts": _counts_fields(tally.counts),
        "is_closed": tally.is_closed,
        "worst": [_suspect_fields(suspect) for suspect in tally.worst],
        "latest": timestamp(tally.latest),
        "expires_at": _expiry(tally.latest),
    }


def to_tally(item: Mapping[str, Any]) -> Tally:
    """Return the tally that an item holds."""
    return Tally(
        since=moment(item["since"]),
        revision=int(item["revision"]),
        counts=_to_counts(item["counts"]),
        is_closed=item["is_closed"],
        worst=tuple(map(_to_suspect, item["worst"])),
        latest=moment(item["latest"]),
    )


def _verdict_fields(alert: Raised) -> Attributes:
    if isinstance(alert, PhotoCall):
        return {"verdict": PHOTO_REQUEST}
    return {
        "verdict": alert.verdict.value,
        "severity": alert.severity.value,
        "probability_of_mismatch": real(alert.probability_of_mismatch),
    }


def _digest_fields(digest: Digest) -> Attributes:
    fields = {
        "digest_id": digest.digest_id,
        "scope": digest.scope.value,
        "at": timestamp(digest.at),
        "since": timestamp(digest.since),
        "until": timestamp(digest.until) if digest.until else None,
        "site": digest.site,
        "consignment_id": digest.consignment_id,
        "bins": None if digest.bins is None else Decimal(digest.bins),
        "counts": _counts_fields(digest.counts),
        "worst": [_suspect_fields(suspect) for suspect in digest.worst],
    }
    return present(fields)


def _to_digest(fields: Mapping[str, Any]) -> Digest:
    return Digest(
        digest_id=fields["digest_id"],
        scope=Scope(fields["scope"]),
        at=moment(fields["at"]),
        since=moment(fields["since"]),
        until=moment(fields["until"]) if "until" in fields else None,
        site=fields.get("site"),
        consignment_id=fields.get("consignment_id"),
        bins=int(fields["bins"]) if "bins" in fields else None,
        counts=_to_counts(fields["counts"]),
        worst=tuple(map(_to_suspect, fields["worst"])),
    )


def _suspect_fields(suspect: Suspect) -> Attributes:
    fields = {
        "alert_id": suspect.alert_id,
        "verdict": suspect.verdict.value,
        "bin_id": suspect.bin_id,
        "key": suspect.key,
        "expected": None if suspect.expected is None else Decimal(suspect.expected),
        "predicted": suspect.predicted,
        "probability_of_mismatch": real(suspect.probability_of_mismatch),
    }
    return present(fields)


def _to_suspect(fields: Mapping[str, Any]) -> Suspect:
    return Suspect(
        alert_id=fields["alert_id"],
        verdict=Verdict(fields["verdict"]),
        bin_id=fields.get("bin_id"),
        key=fields["key"],
        expected=int(fields["expected"]) if "expected" in fields else None,
        predicted=fields.get("predicted"),
        probability_of_mismatch=to_float(fields.get("probability_of_mismatch")),
    )


def _counts_fields(counts: tuple[tuple[Verdict, int], ...]) -> Attributes:
    return {verdict.value: Decimal(number) for verdict, number in counts}


def _to_counts(fields: Mapping[str, Any]) -> tuple[tuple[Verdict, int], ...]:
    return tuple(sorted((Verdict(name), int(number)) for name, number in fields.items()))


def _expiry(at: datetime) -> Decimal:
    """Return the second at which DynamoDB may delete an item of this moment, as it wants it."""
    return Decimal(int((at + KEPT).timestamp()))
