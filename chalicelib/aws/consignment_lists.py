"""The table, as it shows consignments: the newest of them, how far their bins are, and why files were refused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from chalicelib.aws.bins import plain, typed
from chalicelib.aws.failures import temporary
from chalicelib.consignment import Progress
from chalicelib.domain import BinState
from chalicelib.errors import InvalidRequest
from chalicelib.items_consignments import (
    ALL_CONSIGNMENTS,
    consignments_of,
    refusal_key,
    to_consignment,
    to_refusal,
)
from chalicelib.ports_api import Page

if TYPE_CHECKING:
    from chalicelib.consignment import Consignment, ConsignmentState, Refusal
    from chalicelib.ports_api import Position


class DynamoConsignmentLists:
    """`ports_api.ConsignmentLists` over a DynamoDB client."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def newest(
        self, site: str | None, state: ConsignmentState | None, limit: int, start: Position | None
    ) -> Page[Consignment]:
        """Query the one index that has just these, backwards."""
        index, partition_name, sort_name = _INDEXES[site is not None, state is not None]
        partition = consignments_of(site, state) if site or state else ALL_CONSIGNMENTS
        is_elsewhere = start is not None and (
            set(start) != {"PK", "SK", partition_name, sort_name} or start[partition_name] != partition
        )
        if is_elsewhere:
            raise InvalidRequest("the cursor does not belong to this list")
        with temporary("listing consignments"):
            reply = self._dynamodb.query(
                TableName=self._table,
                IndexName=index,
                KeyConditionExpression="#partition = :partition",
                ExpressionAttributeNames={"#partition": partition_name},
                ExpressionAttributeValues=typed({":partition": partition}),
                ScanIndexForward=False,
                Limit=limit,
                **({"ExclusiveStartKey": typed(start)} if start else {}),
            )
        last = reply.get("LastEvaluatedKey")
        return Page(tuple(to_consignment(plain(item)) for item in reply["Items"]), plain(last) if last else None)

    def progress(self, consignment: Consignment) -> Progress:
        """Walk the consignment's part of the index for states alone: for most consignments that is one query."""
        query = {
            "TableName": self._table,
            "IndexName": "consignments",
            "KeyConditionExpression": "consignment_id = :consignment",
            "ExpressionAttributeValues": typed({":consignment": consignment.consignment_id}),
            "ProjectionExpression": "#state",
            "ExpressionAttributeNames": {"#state": "state"},
        }
        with temporary(f"counting the bins of consignment {consignment.consignment_id}"):
            pages = self._dynamodb.get_paginator("query").paginate(**query)
            counts = Counter(BinState(item["state"]["S"]) for page in pages for item in page["Items"])
        return Progress.of(consignment.bins, counts)

    def refusal(self, consignment_id: str) -> Refusal | None:
        """Read one item."""
        with temporary(f"reading a refusal of consignment {consignment_id}"):
            reply = self._dynamodb.get_item(TableName=self._table, Key=typed(refusal_key(consignment_id)))
        return to_refusal(plain(reply["Item"])) if "Item" in reply else None


_INDEXES = {
    (False, False): ("attention", "attention", "attention_at"),
    (True, False): ("history", "history", "happened_at"),
    (False, True): ("bins", "shard", "state_bin"),
    (True, True): ("review", "review", "review_cost"),
}
"""By whether a site and a state are asked for: the index, and the names of its keys."""
