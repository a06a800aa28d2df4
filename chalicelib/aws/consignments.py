"""The table, as the loading of consignments uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.bins import NOT_ON_FILE, UNCHANGED, plain, typed, unchanged_since
from chalicelib.aws.failures import CHECK_FAILED, MET_ANOTHER, THROTTLED, cancellations_in, temporary
from chalicelib.aws.reading import MOST_KEYS, read_items
from chalicelib.aws.trail import record_write
from chalicelib.errors import Superseded
from chalicelib.items import (
    bin_key,
    consignment_key,
    expectation_key,
    from_expectation,
    from_status,
    status_key,
    to_bin,
)
from chalicelib.items_consignments import (
    KEPT,
    asked_key,
    from_asked,
    from_consignment,
    from_kept,
    from_lane,
    from_refusal,
    kept_at,
    lane_key,
    to_consignment,
    to_kept,
)
from chalicelib.ports_api import LANES, Asking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from chalicelib.bin_status import Bin
    from chalicelib.consignment import Consignment
    from chalicelib.domain import Expectation
    from chalicelib.items import Attributes
    from chalicelib.ports_api import Change
    from chalicelib.trail import AuditRecord

_BATCH = MOST_KEYS // 2
"""Bins in one BatchGetItem: two keys each."""

_NEVER_COUNTED = {"ConditionExpression": "attribute_exists(PK) AND attribute_not_exists(revision)"}
"""Of a consignment that was loaded before its versions were counted."""


class DynamoConsignments:
    """`ports_api.Consignments` over a DynamoDB client, which several threads may use; `sleep` takes seconds.

    Whoever begins to change a consignment's bins puts the version that this makes into all lanes. Every transaction of
    the change checks its lane: they are the lock that a newer change takes away.
    """

    def __init__(self, dynamodb: Any, table: str, sleep: Callable[[float], None]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._sleep = sleep

    def get(self, consignment_id: str) -> Consignment | None:
        """Read the consignment's item consistently."""
        item = self._item(consignment_key(consignment_id), f"reading consignment {consignment_id}")
        return to_consignment(item) if item else None

    def put(
        self,
        before: Consignment | None,
        after: Consignment,
        record: AuditRecord | None = None,
        asking: Asking | None = None,
    ) -> bool:
        """Write the consignment's item, if it is the one read before, and all that belongs to it in one transaction."""
        writes = [self._put(from_consignment(after), _still(before))]
        if after.state.is_passing:
            writes += [self._put(from_lane(after, lane)) for lane in range(LANES)]
        if after.refusal is not None and after.refusal.mistakes:
            writes.append(self._put(from_refusal(after.consignment_id, after.refusal)))
        if record is not None:
            writes.append(record_write(self._table, record))
        if asking is not None and asking.key is not None:
            remembered = from_asked(after.consignment_id, asking.key, asking.by, asking.content)
            writes.append(self._put(remembered, {"ConditionExpression": NOT_ON_FILE}))
        return self._transact(writes, f"changing consignment {after.consignment_id}") is None

    def members(self, consignment_id: str) -> list[str]:
        """Walk the consignment's part of the index."""
        query = {
            "IndexName": "consignments",
            "KeyConditionExpression": "consignment_id = :consignment",
            "ExpressionAttributeValues": typed({":consignment": consignment_id}),
            "ProjectionExpression": "bin_id",
        }
        return [item["bin_id"] for item in self._all(query, f"listing the bins of consignment {consignment_id}")]

    def bins(self, bin_ids: Sequence[str]) -> list[Bin]:
        """Read statuses and expectations in batches."""
        found: dict[str, list[Attributes]] = {}
        for first in range(0, len(bin_ids), _BATCH):
            for item in self._batch(bin_ids[first : first + _BATCH]):
                found.setdefault(item["PK"], []).append(item)
        return [to_bin(bin_id, found.get(bin_key(bin_id), [])) for bin_id in bin_ids]

    def write(self, consignment: Consignment, changes: Sequence[Change], lane: int) -> bool:
        """Write expectations and statuses, unless a status or the lane changed, in one transaction.

        Where the table takes no more at the moment, the bins count as changed: they are written after a pause.
        """
        check = {
            "TableName": self._table,
            "Key": typed(lane_key(consignment.consignment_id, lane)),
            **_still(consignment),
        }
        writes = [{"ConditionCheck": check}, *(write for change in changes for write in self._writes(change))]
        doing = f"writing bins of consignment {consignment.consignment_id}"
        met = self._transact(writes, doing, MET_ANOTHER | THROTTLED)
        if met and met[0] == CHECK_FAILED:
            raise Superseded(f"a newer change of consignment {consignment.consignment_id} has begun")
        return met is None

    def keep(self, consignment: Consignment, expectations: Sequence[Expectation]) -> None:
        """Put as many items as it takes; doing it again puts the same."""
        with temporary(f"keeping what consignment {consignment.consignment_id} says"):
            for item in from_kept(consignment, expectations):
                self._dynamodb.put_item(TableName=self._table, Item=typed(item))

    def kept(self, consignment: Consignment) -> list[Expectation] | None:
        """Query that part of the consignment's partition; it is whole if it speaks of all bins."""
        query = {
            "KeyConditionExpression": "PK = :consignment AND begins_with(SK, :kept)",
            "ExpressionAttributeValues": typed(
                {":consignment": _partition(consignment), ":kept": kept_at(consignment)}
            ),
            "ConsistentRead": True,
        }
        items = self._all(query, f"reading what consignment {consignment.consignment_id} says")
        expectations = [expectation for item in items for expectation in to_kept(item, consignment)]
        return expectations if len(expectations) == consignment.bins else None

    def forget_older(self, consignment: Consignment) -> None:
        """Delete what sorts before what this load keeps."""
        query = {
            "KeyConditionExpression": "PK = :consignment AND SK BETWEEN :first AND :kept",
            "ExpressionAttributeValues": typed(
                {":consignment": _partition(consignment), ":first": KEPT, ":kept": kept_at(consignment)}
            ),
            "ProjectionExpression": "PK, SK",
        }
        doing = f"forgetting what consignment {consignment.consignment_id} said"
        for key in self._all(query, doing):
            with temporary(doing):
                self._dynamodb.delete_item(TableName=self._table, Key=typed(key))

    def asked_before(self, consignment_id: str, key: str) -> Asking | None:
        """Read one item consistently."""
        item = self._item(asked_key(consignment_id, key), f"reading a request about consignment {consignment_id}")
        return Asking(item["by"], item["content"], key) if item else None

    def _item(self, key: Attributes, doing: str) -> Attributes | None:
        with temporary(doing):
            reply = self._dynamodb.get_item(TableName=self._table, Key=typed(key), ConsistentRead=True)
        return plain(reply["Item"]) if "Item" in reply else None

    def _all(self, query: dict[str, Any], doing: str) -> list[Attributes]:
        with temporary(doing):
            pages = self._dynamodb.get_paginator("query").paginate(TableName=self._table, **query)
            return [plain(item) for page in pages for item in page["Items"]]

    def _transact(
        self, writes: Sequence[dict[str, Any]], doing: str, passing: AbstractSet[str] = MET_ANOTHER
    ) -> list[str] | None:
        """Make writes, all or none; returns why each was cancelled if that passes, None where they were made."""
        with temporary(doing):
            try:
                self._dynamodb.transact_write_items(TransactItems=writes)
            except ClientError as error:
                codes = cancellations_in(error)
                if passing & set(codes):
                    return codes
                raise
        return None

    def _put(self, item: Attributes, condition: dict[str, Any] | None = None) -> dict[str, Any]:
        return {"Put": {"TableName": self._table, "Item": typed(item), **(condition or {})}}

    def _writes(self, change: Change) -> list[dict[str, Any]]:
        expectation = change.after.expectation
        about_expectation = (
            self._put(from_expectation(expectation))
            if expectation
            else {"Delete": {"TableName": self._table, "Key": typed(expectation_key(change.after.bin_id))}}
        )
        return [about_expectation, self._put(from_status(change.after.status), unchanged_since(change.before.status))]

    def _batch(self, bin_ids: Sequence[str]) -> list[Attributes]:
        keys = [key(bin_id) for bin_id in bin_ids for key in (status_key, expectation_key)]
        return read_items(self._dynamodb, self._table, keys, "bins", self._sleep)


def _still(consignment: Consignment | None) -> dict[str, Any]:
    """Return the condition under which an item of a consignment may be written: it is of this version."""
    if consignment is None:
        return {"ConditionExpression": NOT_ON_FILE}
    if consignment.version == 0:
        return _NEVER_COUNTED
    return {"ConditionExpression": UNCHANGED, "ExpressionAttributeValues": typed({":revision": consignment.version})}


def _partition(consignment: Consignment) -> str:
    return str(consignment_key(consignment.consignment_id)["PK"])
