"""The audit trail in memory; the other fakes append to the same list, as real transactions write to one table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidRequest
from chalicelib.ports_api import Page

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.ports_api import Position
    from chalicelib.trail import AuditRecord


@dataclass(frozen=True)
class FakeTrail:
    """`ports_api.Trail` over a list."""

    records: list[AuditRecord] = field(default_factory=list)

    def record(self, record: AuditRecord) -> None:
        if record not in self.records:
            self.records.append(record)

    def of_bin(self, bin_id: str, limit: int, start: Position | None) -> Page[AuditRecord]:
        found = [record for record in self.records if record.bin_id == bin_id]
        return _page(f"trail of bin {bin_id}", found, limit, start)

    def of_site(
        self, site: str | None, since: datetime | None, until: datetime | None, limit: int, start: Position | None
    ) -> Page[AuditRecord]:
        found = [
            record
            for record in self.records
            if record.site == site and (not since or record.at >= since) and (not until or record.at < until)
        ]
        return _page(f"trail of {site} {since} {until}", found, limit, start)


def _page(name: str, found: list[AuditRecord], limit: int, start: Position | None) -> Page[AuditRecord]:
    if start is not None and start.get("list") != name:
        raise InvalidRequest("the cursor does not belong to this list")
    newest_first = sorted(found, key=lambda record: (record.at, record.version), reverse=True)
    first = int(start["first"]) if start else 0
    following = {"list": name, "first": str(first + limit)} if first + limit < len(found) else None
    return Page(tuple(newest_first[first : first + limit]), following)
