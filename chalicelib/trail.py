"""The audit trail: who changed what and when, one record for every change made through the API. Facts only.

It is a trail and not an "audit", because that word already names the matching bins that are reviewed at random. A
record is written in the transaction that makes the change, so that neither is without the other, and it stays for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from chalicelib.site_policy import differences

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.bin_status import BinStatus
    from chalicelib.site_policy import SitePolicy

_MOST_SETTINGS = 50
"""How many settings of a policy one record tells of; the versions on file tell all."""


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


def bin_changed(  # noqa: PLR0913 - a sentence: what somebody made of what, when, and what they said
    action: Action, before: BinStatus, after: BinStatus, *, by: str, at: datetime, note: str = "", **said: Any
) -> AuditRecord:
    """Return the record of a change of a bin: what differs of where it stood, and what else was `said`."""
    was, is_now = _standing(before), _standing(after)
    differing = [name for name in was if was[name] != is_now[name]]
    return AuditRecord(
        at=at,
        by=by,
        action=action,
        version=after.version,
        site=before.site,
        bin_id=before.bin_id,
        consignment_id=before.consignment_id,
        before={name: was[name] for name in differing},
        after={**{name: is_now[name] for name in differing}, **said},
        note=note,
    )


def policy_changed(before: SitePolicy, after: SitePolicy) -> AuditRecord:
    """Return the record of a change of a site's policy; `after` says who made it, when and why.

    Raises:
        ValueError: `after` is no change that somebody has made.
    """
    if after.author is None or after.at is None:
        raise ValueError("a change of a policy has an author and a time")
    differing = differences(before.rules, after.rules)
    told = differing[:_MOST_SETTINGS]
    more = {"more": len(differing) - len(told)} if len(differing) > len(told) else {}
    return AuditRecord(
        at=after.at,
        by=after.author,
        action=Action.POLICY_CHANGE,
        version=after.version,
        site=after.site,
        policy=f"{after.site}/{after.version}",
        before={"version": before.version, **{place: value for place, value, _ in told}, **more},
        after={"version": after.version, **{place: value for place, _, value in told}, **more},
        note=after.note or "",
    )


def _standing(status: BinStatus) -> dict[str, Any]:
    """Return what people can change of where a bin stands."""
    episode, request = status.episode, status.photo_request
    return {
        "version": status.version,
        "status": status.state.value,
        "alert": episode.state.value if episode else None,
        "alert_by": episode.by if episode else None,
        "assignee": status.assignee,
        "photo_requested_by": request.by if request else None,
    }
