"""The table, as the API's lists read it: one index for each list, and no filter that reads more than it returns.

Some indexes hold only keys. What those name is read from the table itself, consistently, and left out where it is
no longer what was asked for: a bin that was resolved a moment ago does not come back because an index lags.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from chalicelib.aws.bins import plain, typed
from chalicelib.aws.failures import temporary
from chalicelib.aws.reading import MOST_KEYS, read_items
from chalicelib.domain import ATTENTION, BinState
from chalicelib.errors import InvalidRequest
from chalicelib.items import (
    REJECTIONS,
    SHARDS,
    assignee_queue,
    bin_key,
    queue_of,
    severity_queue,
    state_at,
    state_queue,
    timestamp,
    to_outcome,
    to_status,
)
from chalicelib.items_people import ACTS, statements_at, to_act, to_statement
from chalicelib.listing import Listed, list_for
from chalicelib.ports_api import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from chalicelib.bin_status import BinStatus
    from chalicelib.domain import Outcome
    from chalicelib.items import Attributes
    from chalicelib.listing import Wanted
    from chalicelib.ports_api import Position
    from chalicelib.resolution import Act, Statement

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class _Index:
    """An index by name, and the attributes of its key; the table's own key is always part of a position.

    The table itself is the one without a name.
    """

    name: str
    partition: str
    sort: str

    @property
    def key(self) -> set[str]:
        return {"PK", "SK", self.partition, self.sort}


_BY_TIME: Final = _Index("by-time", "PK", "by_time")
_ATTENTION: Final = _Index("attention", "attention", "attention_at")
_BINS: Final = _Index("bins", "shard", "state_bin")
_CONSIGNMENTS: Final = _Index("consignments", "consignment_id", "state_bin")
_REVIEW: Final = _Index("review", "review", "review_cost")
_TABLE: Final = _Index("", "PK", "SK")
_QUEUE: Final = _Index("queue", "queue", "review_cost")
_SEVERITIES: Final = _Index("severities", "queue_severity", "review_cost")
_ASSIGNEES: Final = _Index("assignees", "queue_assignee", "review_cost")
_NAMES: Final = _Index("site-names", "site_bin", "bin_id")
_STATES: Final = _Index("site-states", "site_state", "changed_bin")

_SHARDS: Final = tuple(f"BINS#{number}" for number in range(SHARDS))
_BEFORE_ALL_TIMES: Final = "0"
_AFTER_ALL_TIMES: Final = "9~"
_LAST: Final = "last"
"""What a position holds in a list that is put together from several stretches by time: the last entry's sort key."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of one partition of an index, in one direction: what begins with a prefix, or lies between two texts."""

    index: _Index
    partition: str
    prefix: str = ""
    between: tuple[str, str] | None = None
    backwards: bool = field(default=False, kw_only=True)

    @property
    def condition(self) -> dict[str, Any]:
        """The key condition of a query; names are aliased because some are DynamoDB's reserved words."""
        names = {"#partition": self.index.partition}
        values = {":partition": self.partition}
        expression = "#partition = :partition"
        if self.prefix:
            values[":prefix"] = self.prefix
            expression += " AND begins_with(#sort, :prefix)"
        if self.between:
            values[":low"], values[":high"] = self.between
            expression += " AND #sort BETWEEN :low AND :high"
        if self.prefix or self.between:
            names["#sort"] = self.index.sort
        return {
            "KeyConditionExpression": expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": typed(values),
        }

    def contains(self, position: Position) -> bool:
        """Whether a query over this stretch may start after this position."""
        if set(position) != self.index.key or position[self.index.partition] != self.partition:
            return False
        sort = position[self.index.sort]
        is_between = self.between is None or self.between[0] <= sort <= self.between[1]
        return sort.startswith(self.prefix) and is_between


class DynamoDirectory:
    """`ports_api.Directory` over a DynamoDB client; `sleep` takes seconds."""

    def __init__(self, dynamodb: Any, table: str, sleep: Callable[[float], None]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._sleep = sleep
        self._lists: dict[Listed, Callable[[Wanted, int, Position | None], Page[BinStatus]]] = {
            Listed.QUEUE: self._queue,
            Listed.BY_SEVERITY: self._queue,
            Listed.BY_ASSIGNEE: self._queue,
            Listed.BY_STATE_AND_COST: self._by_state_and_cost,
            Listed.AT_SITE_BY_NAME: self._by_name,
            Listed.AT_SITE_BY_TIME: self._by_time,
            Listed.OF_CONSIGNMENT: self._of_consignment,
            Listed.EVERYWHERE_BY_TIME: self._everywhere_by_time,
            Listed.EVERYWHERE: self._everywhere,
        }

    def bins(self, wanted: Wanted, limit: int, start: Position | None) -> Page[BinStatus]:
        """Choose the index that holds exactly the bins asked for."""
        return self._lists[list_for(wanted).listed](wanted, limit, start)

    def photos(self, bin_id: str, limit: int, start: Position | None) -> Page[Outcome]:
        """Query the bin's local index backwards."""
        return self._page(_Stretch(_BY_TIME, bin_key(bin_id), backwards=True), limit, start, to_outcome)

    def rejections(self, limit: int, start: Position | None) -> Page[Outcome]:
        """Query the rejected photos' partition backwards."""
        return self._page(_Stretch(_ATTENTION, REJECTIONS, backwards=True), limit, start, to_outcome)

    def reviews(self, site: str, limit: int, start: Position | None) -> Page[BinStatus]:
        """Query the site's part of the review queue backwards."""
        stretch = _Stretch(_REVIEW, state_queue(BinState.REVIEW, site), backwards=True)
        return self._page(stretch, limit, start, to_status)

    def acts(self, bin_id: str, limit: int, start: Position | None) -> Page[Act]:
        """Query that part of the bin's partition backwards."""
        return self._page(_Stretch(_TABLE, bin_key(bin_id), ACTS, backwards=True), limit, start, to_act)

    def statements(
        self, site: str, since: datetime | None, until: datetime | None, limit: int, start: Position | None
    ) -> Page[Statement]:
        """Query the site's partition of them."""
        stretch = _Stretch(_ATTENTION, statements_at(site), between=_times(since, until))
        return self._page(stretch, limit, start, to_statement)

    def waiting(self, site: str) -> dict[BinState, int]:
        """Count the keys of each state."""
        return {state: self._count(_Stretch(_STATES, state_at(state, site))) for state in ATTENTION}

    def waiting_in_all(self, site: str) -> int:
        """Count the keys of the queue."""
        return self._count(_Stretch(_QUEUE, queue_of(site)))

    def _queue(self, wanted: Wanted, limit: int, start: Position | None) -> Page[BinStatus]:
        if wanted.severity:
            stretch = _Stretch(_SEVERITIES, severity_queue(wanted.severity, wanted.site), backwards=True)
        elif wanted.assignee:
            stretch = _Stretch(_ASSIGNEES, assignee_queue(wanted.assignee, wanted.site), backwards=True)
        else:
            stretch = _Stretch(_QUEUE, queue_of(wanted.site), backwards=True)
        return self._named(wanted, self._page(stretch, limit, start, _as_it_is))

    def _by_state_and_cost(self, wanted: Wanted, limit: int, start: Position | None) -> Page[BinStatus]:
        stretch = _Stretch(_REVIEW, state_queue(_state_of(wanted), wanted.site), backwards=True)
        return self._page(stretch, limit, start, to_status)

    def _by_name(self, wanted: Wanted, limit: int, start: Position | None) -> Page[BinStatus]:
        stretch = _Stretch(_NAMES, queue_of(wanted.site), wanted.name or "")
        return self._named(wanted, self._page(stretch, limit, start, _as_it_is))

    def _of_consignment(self, wanted: Wanted, limit: int, start: Position | None) -> Page[BinStatus]:
        """Read a beginning of a name state by state, everything else in one stretch."""
        has_only_a_name = wanted.name is not None and wanted.state is None
        states = tuple(BinState) if has_only_a_name else (wanted.state,)
        stretches = [_Stretch(_CONSIGNMENTS, wanted.consignment_id or "", _beginning(wanted, one)) for one in states]
        return self._walk(stretches, limit, start)

    def _everywhere_by_time(self, wanted: Wanted, limit: int, start: Position | None) -> Page[BinStatus]:
        between = _times(wanted.since, wanted.until)
        stretch = _Stretch(_ATTENTION, _state_of(wanted).value, between=between, backwards=True)
        return self._page(stretch, limit, start, to_status)

    def _everywhere(self, wanted: Wanted, limit: int, start: Position | None) -> Page[BinStatus]:
        """Read the shards one after the other."""
        return self._walk([_Stretch(_BINS, shard, _beginning(wanted, wanted.state)) for shard in _SHARDS], limit, start)

    def _by_time(self, wanted: Wanted, limit: int, start: Position | None) -> Page[BinStatus]:
        """Read the keys of each state, newest first, and then only those bins that are the newest of all."""
        low, high = _times(wanted.since, wanted.until)
        last = _last_in(start, low, high) if start is not None else None
        between = (low, high if last is None else last)
        states = (wanted.state,) if wanted.state else ATTENTION if wanted.waiting else tuple(BinState)
        keys: list[Attributes] = []
        for state in states:
            stretch = _Stretch(_STATES, state_at(state, wanted.site), between=between, backwards=True)
            # One more than asked for: the last one comes once more. A thousand keys are far from what one query reads.
            keys += self._page(stretch, limit + 1, None, _as_it_is).entries
        left = sorted((key for key in keys if key[_STATES.sort] != last), key=_newest, reverse=True)
        following = {_LAST: left[limit - 1][_STATES.sort]} if len(left) > limit else None
        return self._named(wanted, Page(tuple(left[:limit]), following))

    def _walk(self, stretches: Sequence[_Stretch], limit: int, start: Position | None) -> Page[BinStatus]:
        """Read stretches one after the other; a position of a partition and a prefix alone is a stretch's beginning."""
        first, within = _stretch_in(stretches, start)
        entries: list[BinStatus] = []
        for stretch in stretches[first:]:
            if len(entries) == limit:
                return Page(tuple(entries), _beginning_of(stretch))
            page = self._page(stretch, limit - len(entries), within, to_status)
            entries += page.entries
            if page.following:
                return Page(tuple(entries), page.following)
            within = None
        return Page(tuple(entries))

    def _named(self, wanted: Wanted, keys: Page[Attributes]) -> Page[BinStatus]:
        """Read the bins that keys name, in their order."""
        wholes = [{"PK": key["PK"], "SK": key["SK"]} for key in keys.entries]
        found: dict[str, BinStatus] = {}
        for first in range(0, len(wholes), MOST_KEYS):
            some = wholes[first : first + MOST_KEYS]
            items = read_items(self._dynamodb, self._table, some, "bins", self._sleep)
            found |= {item["PK"]: to_status(item) for item in items}
        statuses = (found[whole["PK"]] for whole in wholes if whole["PK"] in found)
        return Page(tuple(status for status in statuses if wanted.fits(status)), keys.following)

    def _page(
        self,
        stretch: _Stretch,
        limit: int,
        start: Position | None,
        to_entry: Callable[[Mapping[str, Any]], Entry],
    ) -> Page[Entry]:
        if start is not None and not stretch.contains(start):
            raise InvalidRequest("the cursor does not belong to this list")
        query = {
            **self._query(stretch),
            "ScanIndexForward": not stretch.backwards,
            "Limit": limit,
            **({"ExclusiveStartKey": typed(start)} if start else {}),
        }
        with temporary(f"reading {stretch.index.name or 'the table'}"):
            reply = self._dynamodb.query(**query)
        last = reply.get("LastEvaluatedKey")
        return Page(tuple(to_entry(plain(item)) for item in reply["Items"]), plain(last) if last else None)

    def _count(self, stretch: _Stretch) -> int:
        with temporary(f"counting in {stretch.index.name}"):
            pages = self._dynamodb.get_paginator("query").paginate(**self._query(stretch), Select="COUNT")
            return sum(page["Count"] for page in pages)

    def _query(self, stretch: _Stretch) -> dict[str, Any]:
        index = {"IndexName": stretch.index.name} if stretch.index.name else {}
        return {"TableName": self._table, **index, **stretch.condition}


def _as_it_is(item: Mapping[str, Any]) -> Attributes:
    return dict(item)


def _newest(key: Mapping[str, Any]) -> str:
    changed: str = key[_STATES.sort]
    return changed


def _state_of(wanted: Wanted) -> BinState:
    """Return the state of a list that always has one."""
    if wanted.state is None:
        raise InvalidRequest("status must be given")
    return wanted.state


def _beginning(wanted: Wanted, state: BinState | None) -> str:
    return f"{state}#{wanted.name or ''}" if state else ""


def _times(since: datetime | None, until: datetime | None) -> tuple[str, str]:
    """Return the bounds of sort keys that begin with a time; whatever follows it puts one behind its bare moment."""
    low = timestamp(since) if since else _BEFORE_ALL_TIMES
    high = timestamp(until) if until else _AFTER_ALL_TIMES
    return (low, max(low, high))


def _last_in(position: Position, low: str, high: str) -> str:
    if set(position) != {_LAST} or not low <= position[_LAST] <= high:
        raise InvalidRequest("the cursor does not belong to this list")
    return position[_LAST]


def _beginning_of(stretch: _Stretch) -> Position:
    return {stretch.index.partition: stretch.partition, "prefix": stretch.prefix or "-"}


def _stretch_in(stretches: Sequence[_Stretch], position: Position | None) -> tuple[int, Position | None]:
    """Return which stretch a position lies in, by its number, and where in it; None is its beginning."""
    if position is None:
        return 0, None
    for number, stretch in enumerate(stretches):
        if position == _beginning_of(stretch):
            return number, None
        if stretch.contains(position):
            return number, position
    raise InvalidRequest("the cursor does not belong to this list")
