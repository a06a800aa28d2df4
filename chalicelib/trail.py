"""The audit trail: who changed what and when, one record for every change made through the API. Facts only.

It is a trail and not an "audit", because that word already names the matching bins that are reviewed at random. A
record is written in the transaction that makes the change, so that neither is without the other, and it stays for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Action(StrEnum):
    """What somebody did."""

    ACKNOWLEDGEMENT = "acknowledgement"
    ASSIGNMENT = "assignment"
    PHOTO_REQUEST = "photo_request"
    RESOLUTION = "resolution"
    REOPENING = "reopening"
    POLICY_CHANGE = "policy_change"
    CONSIGNMENT_LOAD = "consignment_load"
    CONSIGNMENT_CLOSING = "consignment_closing"
    CONSIGNMENT_REOPENING = "consignment_reopening"


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change.

    Attributes:
        at: when.
        by: the caller's name, or what else made the change.
        action: what was done.
        version: the one that the change made of what it changed; it parts the changes of one moment.
        site: whose it is; None for a bin that no consignment places.
        bin_id: the bin that was changed; None for a consignment or a policy.
        consignment_id: the consignment that was changed, or that the bin belonged to.
        policy: the policy that was made, by the name that inspections remember.
        before: what the change replaced, as JSON values, small: what else belongs to it is on file under its version.
        after: what it made of that, likewise.
        note: what the caller said of it.

    """

    at: datetime
    by: str
    action: Action
    version: int
    site: str | None = None
    bin_id: str | None = None
    consignment_id: str | None = None
    policy: str | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        if self.bin_id is None and self.consignment_id is None and self.site is None:
            raise ValueError("a record is of a bin, of a consignment or of a site's policy")
