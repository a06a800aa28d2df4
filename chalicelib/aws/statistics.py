"""The table, as the stream's function counts in it and as the API reads what was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.bins import plain, typed
from chalicelib.aws.failures import MET_ANOTHER, cancellations_in, code_of, temporary
from chalicelib.errors import TemporaryFailure
from chalicelib.items_statistics import SITES, addition, from_site, hour_key, to_hour

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from chalicelib.statistics import Counted, Counts

_COUNTED_OTHERWISE = "IdempotentParameterMismatchException"
"""The batch has been counted, by a release that counts other things: it stays as it was counted."""

_ATTEMPTS = 8
_FIRST_PAUSE_S = 0.02


class DynamoCounters:
    """`ports.Counters` over a DynamoDB client; `sleep` takes seconds.

    A batch is one transaction under its own token, which DynamoDB knows for ten minutes.
    """

    def __init__(self, dynamodb: Any, table: str, sleep: Callable[[float], None]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._sleep = sleep
        self._known: set[str] = set()

    def add(self, counted: Counted) -> None:
        """Put what sites this process has not seen yet, and add the sums in one transaction."""
        for site in sorted(counted.sites - self._known):
            with temporary(f"putting site {site} on file"):
                self._dynamodb.put_item(TableName=self._table, Item=typed(from_site(site)))
            self._known.add(site)
        if counted.hours:
            self._add([self._update(site, hour, counts) for (site, hour), counts in counted.hours.items()], counted)

    def _add(self, updates: list[dict[str, Any]], counted: Counted) -> None:
        for attempt in range(_ATTEMPTS):
            with temporary("counting"):
                try:
                    self._dynamodb.transact_write_items(TransactItems=updates, ClientRequestToken=counted.token)
                except ClientError as error:
                    if code_of(error) == _COUNTED_OTHERWISE:
                        return
                    if not MET_ANOTHER.intersection(cancellations_in(error)):
                        raise
                else:
                    return
            self._sleep(_FIRST_PAUSE_S * 2**attempt)
        raise TemporaryFailure(f"counting: {_ATTEMPTS} attempts met another batch")

    def _update(self, site: str, hour: datetime, counts: Counts) -> dict[str, Any]:
        update = addition(hour, counts)
        values = typed(update["ExpressionAttributeValues"])
        key = typed(hour_key(site, hour))
        return {"Update": {"TableName": self._table, "Key": key, **update, "ExpressionAttributeValues": values}}


class DynamoStatistics:
    """`ports_api.Statistics` over a DynamoDB client."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def hours(self, site: str, first: datetime, last: datetime) -> Mapping[datetime, Counts]:
        """Query that part of the site's partition."""
        low, high = hour_key(site, first), hour_key(site, last)
        return dict(
            to_hour(item)
            for item in self._items(
                "PK = :site AND SK BETWEEN :first AND :last",
                {":site": low["PK"], ":first": low["SK"], ":last": high["SK"]},
            )
        )

    def sites(self) -> list[str]:
        """Query the partition of sites."""
        return [item["SK"] for item in self._items("PK = :sites", {":sites": SITES})]

    def _items(self, condition: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        query = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": typed(values),
        }
        with temporary("reading statistics"):
            pages = self._dynamodb.get_paginator("query").paginate(**query)
            return [plain(item) for page in pages for item in page["Items"]]
