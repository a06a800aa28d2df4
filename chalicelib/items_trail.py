"""The table's shape of the audit trail, beside `items`, which has all the rest. Pure.

    PK                SK                      type
    BIN#<bin>         AUDIT#<time>#<version>  AUDIT  somebody changed where the bin stands
    CONSIGNMENT#<id>  AUDIT#<time>#<version>  AUDIT  somebody loaded, closed or reopened the consignment
    SITE#<site>       AUDIT#<time>#<version>  AUDIT  somebody changed the site's policy

All of a site are in the index `history` as well, in a partition apart from what happened to its bins.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.items import Attributes, bin_key, consignment_key, moment, present, timestamp
from chalicelib.items_policy import site_key
from chalicelib.trail import Action, AuditRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TRAIL = "AUDIT#"
"""What the sort keys of the trail's records begin with."""


def trail_of(site: str | None) -> str:
    """Return the partition of the history that holds a site's trail, or what was changed where there is no site."""
    return f"{TRAIL}{site or ''}"


def subject_key(record: AuditRecord) -> str:
    """Return the partition that holds everything about what was changed."""
    if record.bin_id is not None:
        return bin_key(record.bin_id)
    if record.consignment_id is not None:
        return str(consignment_key(record.consignment_id)["PK"])
    return site_key(record.site or "")


def happened_from(moment_: datetime | None) -> str:
    """Return the text that the records of this moment and of later ones sort behind; of all records for None."""
    return timestamp(moment_) if moment_ else "0"


def happened_before(moment_: datetime | None) -> str:
    """Return the text that the records before this moment sort before; all records for None."""
    return timestamp(moment_) if moment_ else "~"


def from_record(record: AuditRecord) -> Attributes:
    """Return the item of a record; before and after are kept as the JSON that the API answers with."""
    order = f"{timestamp(record.at)}#{record.version:010d}"
    fields = {
        "at": timestamp(record.at),
        "by": record.by,
        "action": record.action.value,
        "version": Decimal(record.version),
        "site": record.site,
        "bin_id": record.bin_id,
        # Not `consignment_id`: that is an index's key, and the record is no bin of the consignment.
        "consignment": record.consignment_id,
        "policy": record.policy,
        "before": json.dumps(dict(record.before)),
        "after": json.dumps(dict(record.after)),
        "note": record.note,
        "history": trail_of(record.site),
        "happened_at": order,
    }
    return {"PK": subject_key(record), "SK": f"{TRAIL}{order}", "type": "AUDIT", **present(fields)}


def to_record(item: Mapping[str, Any]) -> AuditRecord:
    """Return the record that an item holds."""
    return AuditRecord(
        at=moment(item["at"]),
        by=item["by"],
        action=Action(item["action"]),
        version=int(item["version"]),
        site=item.get("site"),
        bin_id=item.get("bin_id"),
        consignment_id=item.get("consignment"),
        policy=item.get("policy"),
        before=json.loads(item["before"]),
        after=json.loads(item["after"]),
        note=item["note"],
    )
