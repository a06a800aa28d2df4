"""What happened at a site, read from the one index that orders it by time."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from chalicelib.aws.bins import plain, typed
from chalicelib.aws.failures import temporary
from chalicelib.domain import Inspection
from chalicelib.items import moment, timestamp, to_inspection
from chalicelib.replay import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from chalicelib.replay import Past

INDEX = "history"


def _truth_in(item: Mapping[str, Any]) -> Truth:
    quantity = None if item["type"] == "REOPENING" else int(item["true_count"])
    return Truth(item["bin_id"], moment(item["at"]), moment(item["stood"]["since"]), quantity)


_PAST: dict[str, Callable[[Mapping[str, Any]], Past]] = {
    "INSPECTION": to_inspection,
    "RESOLUTION": _truth_in,
    "REOPENING": _truth_in,
}
"""How the items that the index holds are read, by their types."""


class DynamoHistory:
    """`ports_api.History` over a DynamoDB client."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def newest(self, site: str, most: int) -> Sequence[Past]:
        """Query the site's partition backwards, until there is enough."""
        found: list[Past] = []
        inspections = 0
        for happened in chain.from_iterable(self._pages(_of_site(site), ScanIndexForward=False, Limit=most)):
            found.append(happened)
            inspections += isinstance(happened, Inspection)
            if inspections == most:
                break
        return found[::-1]

    def since(self, site: str, beginning: datetime) -> Iterator[Sequence[Past]]:
        """Query the site's partition forwards."""
        return self._pages(_of_site(site, beginning))

    def _pages(self, query: dict[str, Any], **how: Any) -> Iterator[Sequence[Past]]:
        start: dict[str, Any] = {}
        while True:
            with temporary("reading what happened at a site"):
                reply = self._dynamodb.query(TableName=self._table, IndexName=INDEX, **query, **how, **start)
            yield [_PAST[item["type"]](item) for item in map(plain, reply["Items"])]
            if "LastEvaluatedKey" not in reply:
                return
            start = {"ExclusiveStartKey": reply["LastEvaluatedKey"]}


def _of_site(site: str, beginning: datetime | None = None) -> dict[str, Any]:
    condition, values = "history = :site", {":site": site}
    if beginning:
        condition, values = f"{condition} AND happened_at >= :beginning", {**values, ":beginning": timestamp(beginning)}
    return {"KeyConditionExpression": condition, "ExpressionAttributeValues": typed(values)}
