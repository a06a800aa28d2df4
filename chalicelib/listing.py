"""Which lists of bins there are: what may be asked for together, and in which order it then comes. Pure.

Every list is read from an index that holds just what is asked for, so not everything can be asked for with everything
else: `SERVED` says what can, and is all that the API and the table know about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Final

from chalicelib.domain import BinState, Severity
from chalicelib.errors import InvalidRequest
from chalicelib.severity import severity_of_bin

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.bin_status import BinStatus

NO_SITE: Final = ""
"""The site of bins that no consignment places."""


class Sort(StrEnum):
    """Orders: newest change first, dearest to leave alone first, or by name."""

    NEWEST = "newest"
    COST = "cost"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which bins are asked for.

    `waiting` are those that wait for a person, in whatever state; `name` is what names begin with; of `changed_at`,
    `since` is the first moment and `until` the first that is too late.
    """

    site: str | None = None
    state: BinState | None = None
    waiting: bool = False
    consignment_id: str | None = None
    severity: Severity | None = None
    assignee: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    name: str | None = None
    sort: Sort | None = None

    @property
    def filters(self) -> frozenset[str]:
        """The names of what is asked for, as the API has them; `attention` only where nothing else implies it."""
        implied = self.severity or self.assignee is not None or (self.state is not None and self.state.needs_attention)
        given = {
            "site": self.site is not None,
            "status": self.state is not None,
            "attention": self.waiting and not implied,
            "consignment": self.consignment_id is not None,
            "severity": self.severity is not None,
            "assignee": self.assignee is not None,
            "from": self.since is not None,
            "to": self.until is not None,
            "q": self.name is not None,
        }
        return frozenset(name for name, is_given in given.items() if is_given)

    def fits(self, status: BinStatus) -> bool:
        """Whether a bin is one of those asked for."""
        needs_attention = self.waiting or self.severity is not None or self.assignee is not None
        return (
            self.site in {None, status.site or NO_SITE}
            and self.state in {None, status.state}
            and (status.state.needs_attention or not needs_attention)
            and self.consignment_id in {None, status.consignment_id}
            and self.severity in {None, severity_of_bin(status)}
            and self.assignee in {None, status.assignee}
            and (self.since is None or status.changed_at >= self.since)
            and (self.until is None or status.changed_at < self.until)
            and status.bin_id.startswith(self.name or "")
        )


class Listed(Enum):
    """The ways in which bins are kept for being listed."""

    QUEUE = auto()
    BY_SEVERITY = auto()
    BY_ASSIGNEE = auto()
    BY_STATE_AND_COST = auto()
    AT_SITE_BY_NAME = auto()
    AT_SITE_BY_TIME = auto()
    OF_CONSIGNMENT = auto()
    EVERYWHERE_BY_TIME = auto()
    EVERYWHERE = auto()


@dataclass(frozen=True, slots=True)
class Served:
    """One kind of list: the filters it must have and may have, and its order, None for one of no meaning."""

    listed: Listed
    must: frozenset[str]
    may: frozenset[str]
    sort: Sort | None
    only_waiting: bool = False

    def serves(self, wanted: Wanted) -> bool:
        """Whether this is the list to read."""
        has_filters = self.must <= wanted.filters <= self.must | self.may
        has_order = wanted.sort in {None, self.sort}
        has_state = not self.only_waiting or (wanted.state is not None and wanted.state.needs_attention)
        return has_filters and has_order and has_state

    def __str__(self) -> str:
        state = f"status ({', '.join(_WAITING)})" if self.only_waiting else "status"
        words = [state if name == "status" else name for name in sorted(self.must)] or ["nothing"]
        optional = f", if wanted with {', '.join(sorted(self.may))}" if self.may else ""
        return f"{' and '.join(words)}{optional}{f', by {self.sort}' if self.sort else ''}"


_WAITING: Final = [state.value for state in BinState if state.needs_attention]


def _row(listed: Listed, must: str, may: str, sort: Sort | None, *, only_waiting: bool = False) -> Served:
    return Served(listed, frozenset(must.split()), frozenset(may.split()), sort, only_waiting)


SERVED: Final = (
    _row(Listed.QUEUE, "site attention", "", Sort.COST),
    _row(Listed.BY_SEVERITY, "site severity", "", Sort.COST),
    _row(Listed.BY_ASSIGNEE, "site assignee", "", Sort.COST),
    _row(Listed.AT_SITE_BY_NAME, "site", "q", Sort.NAME),
    _row(Listed.AT_SITE_BY_TIME, "site", "status attention from to", Sort.NEWEST),
    _row(Listed.BY_STATE_AND_COST, "site status", "", Sort.COST, only_waiting=True),
    _row(Listed.OF_CONSIGNMENT, "consignment", "status q", None),
    _row(Listed.EVERYWHERE_BY_TIME, "status", "from to", Sort.NEWEST, only_waiting=True),
    _row(Listed.EVERYWHERE, "status", "q", None),
    _row(Listed.EVERYWHERE, "", "", None),
)
"""What is served; where a query names no order, the first that fits."""


def list_for(wanted: Wanted) -> Served:
    """Return the list that holds what is asked for.

    Raises:
        InvalidRequest: there is none; the message says which there are.
    """
    if wanted.waiting and wanted.state is not None and not wanted.state.needs_attention:
        raise InvalidRequest(f"no bin that is {wanted.state} waits for a person")
    for served in SERVED:
        if served.serves(wanted):
            return served
    asked = ", ".join(sorted(wanted.filters)) + (f" by {wanted.sort}" if wanted.sort else "")
    lists = "; ".join(map(str, SERVED))
    raise InvalidRequest(f"there is no list of bins for {asked or 'nothing'}; there is one for: {lists}")
