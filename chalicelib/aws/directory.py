"""The table, as the API's lists read it: one index for each list, and no filter that reads more than it returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.aws.bins import plain, typed
from chalicelib.aws.failures import temporary
from chalicelib.errors import InvalidRequest
from chalicelib.items import REJECTIONS, SHARDS, bin_key, review_queue, to_outcome, to_status
from chalicelib.items_people import ACTS, to_act
from chalicelib.ports_api import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.domain import BinState, BinStatus, Outcome
    from chalicelib.ports_api import Position
    from chalicelib.resolution import Act

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


_BY_TIME = _Index("by-time", "PK", "by_time")
_ATTENTION = _Index("attention", "attention", "attention_at")
_BINS = _Index("bins", "shard", "state_bin")
_CONSIGNMENTS = _Index("consignments", "consignment_id", "state_bin")
_REVIEW = _Index("review", "review", "review_cost")
_TABLE = _Index("", "PK", "SK")
_SHARDS = tuple(f"BINS#{number}" for number in range(SHARDS))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of one partition of an index, in one direction."""

    index: _Index
    partition: str
    prefix: str = ""
    backwards: bool = field(default=False, kw_only=True)

    @property
    def condition(self) -> dict[str, Any]:
        """The key condition of a query; names are aliased because some are DynamoDB's reserved words."""
        names = {"#partition": self.index.partition}
        values = {":partition": self.partition}
        expression = "#partition = :partition"
        if self.prefix:
            names["#sort"] = self.index.sort
            values[":prefix"] = self.prefix
            expression += " AND begins_with(#sort, :prefix)"
        return {
            "KeyConditionExpression": expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": typed(values),
        }

    def contains(self, position: Position) -> bool:
        """Whether a query over this stretch may start after this position."""
        has_key = set(position) == self.index.key
        return (
            has_key
            and position[self.index.partition] == self.partition
            and position[self.index.sort].startswith(self.prefix)
        )


class DynamoDirectory:
    """`ports_api.Directory` over a DynamoDB client."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def bins(
        self, state: BinState | None, consignment_id: str | None, limit: int, start: Position | None
    ) -> Page[BinStatus]:
        """Choose the index that holds exactly the bins asked for."""
        prefix = f"{state}#" if state else ""
        if consignment_id is not None:
            return self._page(_Stretch(_CONSIGNMENTS, consignment_id, prefix), limit, start, to_status)
        if state is not None and state.needs_attention:
            return self._page(_Stretch(_ATTENTION, state.value, backwards=True), limit, start, to_status)
        return self._walk(prefix, limit, start)

    def photos(self, bin_id: str, limit: int, start: Position | None) -> Page[Outcome]:
        """Query the bin's local index backwards."""
        return self._page(_Stretch(_BY_TIME, bin_key(bin_id), backwards=True), limit, start, to_outcome)

    def rejections(self, limit: int, start: Position | None) -> Page[Outcome]:
        """Query the rejected photos' partition backwards."""
        return self._page(_Stretch(_ATTENTION, REJECTIONS, backwards=True), limit, start, to_outcome)

    def reviews(self, site: str, limit: int, start: Position | None) -> Page[BinStatus]:
        """Query the site's part of the review queue backwards."""
        return self._page(_Stretch(_REVIEW, review_queue(site), backwards=True), limit, start, to_status)

    def acts(self, bin_id: str, limit: int, start: Position | None) -> Page[Act]:
        """Query that part of the bin's partition backwards."""
        return self._page(_Stretch(_TABLE, bin_key(bin_id), ACTS, backwards=True), limit, start, to_act)

    def _walk(self, prefix: str, limit: int, start: Position | None) -> Page[BinStatus]:
        """Read the shards one after the other; a position of a shard alone is its beginning."""
        first = _shard_in(start) if start else _SHARDS[0]
        within = None if start == {_BINS.partition: first} else start
        entries: list[BinStatus] = []
        for shard in _SHARDS[_SHARDS.index(first) :]:
            if len(entries) == limit:
                return Page(tuple(entries), {_BINS.partition: shard})
            page = self._page(_Stretch(_BINS, shard, prefix), limit - len(entries), within, to_status)
            entries += page.entries
            if page.following:
                return Page(tuple(entries), page.following)
            within = None
        return Page(tuple(entries))

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
            "TableName": self._table,
            **({"IndexName": stretch.index.name} if stretch.index.name else {}),
            **stretch.condition,
            "ScanIndexForward": not stretch.backwards,
            "Limit": limit,
            **({"ExclusiveStartKey": typed(start)} if start else {}),
        }
        with temporary(f"reading {stretch.index.name or 'the table'}"):
            reply = self._dynamodb.query(**query)
        last = reply.get("LastEvaluatedKey")
        return Page(tuple(to_entry(plain(item)) for item in reply["Items"]), plain(last) if last else None)


def _shard_in(position: Position) -> str:
    shard = position.get(_BINS.partition, "")
    if shard not in _SHARDS:
        raise InvalidRequest("the cursor does not belong to this list")
    return shard
