"""The table, as the loading of consignments uses it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.bins import plain, typed, unchanged_since
from chalicelib.aws.failures import CHECK_FAILED, MET_ANOTHER, cancellations_in, code_of, temporary
from chalicelib.aws.reading import MOST_KEYS, read_items
from chalicelib.errors import Conflict
from chalicelib.items import (
    bin_key,
    consignment_key,
    expectation_key,
    from_consignment,
    from_expectation,
    from_status,
    status_key,
    timestamp,
    to_bin,
    to_consignment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.domain import Bin, Consignment
    from chalicelib.items import Attributes
    from chalicelib.ports_api import Change

_BATCH = MOST_KEYS // 2
"""Bins in one BatchGetItem: two keys each."""

_STILL_OURS = "loading = :load"
_SUPERSEDED = "a newer load of this consignment has begun"


class DynamoConsignments:
    """`ports_api.Consignments` over a DynamoDB client; `sleep` takes seconds.

    While a load runs, its consignment's item carries the attribute `loading`, which names the load. Every
    transaction of the load checks it: the item is the lock that a newer load takes away.
    """

    def __init__(self, dynamodb: Any, table: str, sleep: Callable[[float], None]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._sleep = sleep

    def get(self, consignment_id: str) -> Consignment | None:
        """Read the consignment's item consistently."""
        with temporary(f"reading consignment {consignment_id}"):
            reply = self._dynamodb.get_item(
                TableName=self._table, Key=typed(consignment_key(consignment_id)), ConsistentRead=True
            )
        if "Item" not in reply:
            return None
        item = plain(reply["Item"])
        consignment = to_consignment(item)
        return replace(consignment, digest="") if "loading" in item else consignment

    def begin(self, consignment: Consignment) -> None:
        """Put the item with the name of this load."""
        item = {**from_consignment(consignment), "loading": _load_of(consignment)}
        with temporary(f"beginning to load consignment {consignment.consignment_id}"):
            self._dynamodb.put_item(TableName=self._table, Item=typed(item))

    def members(self, consignment_id: str) -> list[str]:
        """Walk the consignment's part of the index."""
        query = {
            "TableName": self._table,
            "IndexName": "consignments",
            "KeyConditionExpression": "consignment_id = :consignment",
            "ExpressionAttributeValues": typed({":consignment": consignment_id}),
            "ProjectionExpression": "bin_id",
        }
        with temporary(f"listing the bins of consignment {consignment_id}"):
            pages = self._dynamodb.get_paginator("query").paginate(**query)
            return [plain(item)["bin_id"] for page in pages for item in page["Items"]]

    def bins(self, bin_ids: Sequence[str]) -> list[Bin]:
        """Read statuses and expectations in batches."""
        found: dict[str, list[Attributes]] = {}
        for first in range(0, len(bin_ids), _BATCH):
            for item in self._batch(bin_ids[first : first + _BATCH]):
                found.setdefault(item["PK"], []).append(item)
        return [to_bin(bin_id, found.get(bin_key(bin_id), [])) for bin_id in bin_ids]

    def write(self, consignment: Consignment, changes: Sequence[Change]) -> bool:
        """Write expectations and statuses, unless a status or the load changed, in one transaction."""
        check = {
            "TableName": self._table,
            "Key": typed(consignment_key(consignment.consignment_id)),
            **_still_ours(consignment),
        }
        writes = [write for change in changes for write in self._writes(change)]
        with temporary(f"writing bins of consignment {consignment.consignment_id}"):
            try:
                self._dynamodb.transact_write_items(TransactItems=[{"ConditionCheck": check}, *writes])
            except ClientError as error:
                codes = cancellations_in(error)
                if codes[:1] == [CHECK_FAILED]:
                    raise Conflict(_SUPERSEDED) from error
                if MET_ANOTHER.intersection(codes):
                    return False
                raise
        return True

    def finish(self, consignment: Consignment) -> None:
        """Put the item without the name of the load."""
        with temporary(f"finishing to load consignment {consignment.consignment_id}"):
            try:
                self._dynamodb.put_item(
                    TableName=self._table, Item=typed(from_consignment(consignment)), **_still_ours(consignment)
                )
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    raise Conflict(_SUPERSEDED) from error
                raise

    def _writes(self, change: Change) -> list[dict[str, Any]]:
        expectation = change.after.expectation
        about_expectation = (
            {"Put": {"TableName": self._table, "Item": typed(from_expectation(expectation))}}
            if expectation
            else {"Delete": {"TableName": self._table, "Key": typed(expectation_key(change.after.bin_id))}}
        )
        status = typed(from_status(change.after.status))
        about_status = {"TableName": self._table, "Item": status, **unchanged_since(change.before.status)}
        return [about_expectation, {"Put": about_status}]

    def _batch(self, bin_ids: Sequence[str]) -> list[Attributes]:
        keys = [key(bin_id) for bin_id in bin_ids for key in (status_key, expectation_key)]
        return read_items(self._dynamodb, self._table, keys, "bins", self._sleep)


def _load_of(consignment: Consignment) -> str:
    return f"{consignment.digest} since {timestamp(consignment.loaded_at)}"


def _still_ours(consignment: Consignment) -> dict[str, Any]:
    return {
        "ConditionExpression": _STILL_OURS,
        "ExpressionAttributeValues": typed({":load": _load_of(consignment)}),
    }
