"""The audit trail in the table: a write for the transaction that makes a change, and lists of what was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.bins import NOT_ON_FILE, plain, typed
from chalicelib.aws.failures import code_of, temporary
from chalicelib.errors import InvalidRequest
from chalicelib.items import bin_key
from chalicelib.items_trail import TRAIL, from_record, happened_before, happened_from, to_record, trail_of
from chalicelib.ports_api import Page

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.ports_api import Position
    from chalicelib.trail import AuditRecord

INDEX = "history"


def record_write(table: str, record: AuditRecord) -> dict[str, Any]:
    """Return the write that puts a record on file, to stand among the `TransactItems` of the change that it is of."""
    return {"Put": {"TableName": table, "Item": typed(from_record(record)), "ConditionExpression": NOT_ON_FILE}}


class DynamoTrail:
    """`ports_api.Trail` over a DynamoDB client."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def record(self, record: AuditRecord) -> None:
        """Put one item, unless it is on file."""
        with temporary("recording what was changed"):
            try:
                self._dynamodb.put_item(**record_write(self._table, record)["Put"])
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise

    def of_bin(self, bin_id: str, limit: int, start: Position | None) -> Page[AuditRecord]:
        """Query that part of the bin's partition backwards."""
        partition = bin_key(bin_id)
        is_elsewhere = start is not None and (
            set(start) != {"PK", "SK"} or start["PK"] != partition or not start["SK"].startswith(TRAIL)
        )
        if is_elsewhere:
            raise InvalidRequest("the cursor does not belong to this list")
        condition = "PK = :partition AND begins_with(SK, :trail)"
        return self._page(condition, {":partition": partition, ":trail": TRAIL}, limit, start)

    def of_site(
        self, site: str | None, since: datetime | None, until: datetime | None, limit: int, start: Position | None
    ) -> Page[AuditRecord]:
        """Query that stretch of the site's partition of the index backwards."""
        first, last, partition = happened_from(since), happened_before(until), trail_of(site)
        is_elsewhere = start is not None and (
            set(start) != {"PK", "SK", "history", "happened_at"}
            or start["history"] != partition
            or not first <= start["happened_at"] <= last
        )
        if is_elsewhere:
            raise InvalidRequest("the cursor does not belong to this list")
        if first > last:
            return Page(())
        condition = "history = :partition AND happened_at BETWEEN :first AND :last"
        values = {":partition": partition, ":first": first, ":last": last}
        return self._page(condition, values, limit, start, IndexName=INDEX)

    def _page(
        self, condition: str, values: dict[str, str], limit: int, start: Position | None, **how: str
    ) -> Page[AuditRecord]:
        with temporary("reading what was changed"):
            reply = self._dynamodb.query(
                TableName=self._table,
                **how,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=typed(values),
                ScanIndexForward=False,
                Limit=limit,
                **({"ExclusiveStartKey": typed(start)} if start else {}),
            )
        last = reply.get("LastEvaluatedKey")
        return Page(tuple(to_record(plain(item)) for item in reply["Items"]), plain(last) if last else None)
