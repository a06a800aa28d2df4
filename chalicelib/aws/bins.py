"""The table, as the checker uses it: one query to know a bin, one transaction to record a photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from chalicelib.aws.failures import CHECK_FAILED, MET_ANOTHER, cancellations_in, code_of, temporary
from chalicelib.errors import Conflict
from chalicelib.items import bin_key, from_outcome, from_status, to_bin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.bin_status import Bin, BinStatus
    from chalicelib.domain import Outcome

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()

NOT_ON_FILE = "attribute_not_exists(PK)"
UNCHANGED = "revision = :revision"


def typed(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item as DynamoDB's typed JSON."""
    return {name: _serializer.serialize(value) for name, value in item.items()}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of an item in DynamoDB's typed JSON."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}


def unchanged_since(status: BinStatus) -> dict[str, Any]:
    """Return the condition under which a bin's status may be written: it is still this one."""
    if status.version == 0:
        return {"ConditionExpression": NOT_ON_FILE}
    return {
        "ConditionExpression": UNCHANGED,
        "ExpressionAttributeValues": {":revision": {"N": str(status.version)}},
    }


class DynamoBins:
    """`ports.Bins` over a DynamoDB client."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def get(self, bin_id: str) -> Bin:
        """Read a bin's status and expectation in one consistent query."""
        with temporary(f"reading bin {bin_id}"):
            reply = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="PK = :bin AND begins_with(SK, :about_the_bin)",
                ExpressionAttributeValues=typed({":bin": bin_key(bin_id), ":about_the_bin": "BIN#"}),
                ConsistentRead=True,
            )
        return to_bin(bin_id, [plain(item) for item in reply["Items"]])

    def record(self, outcome: Outcome, before: BinStatus, after: BinStatus) -> bool:
        """Write the photo's end, unless it has one, and the bin's status, unless it changed: both or neither."""
        photo = {
            "TableName": self._table,
            "Item": typed(from_outcome(outcome)),
            "ConditionExpression": NOT_ON_FILE,
        }
        status = {"TableName": self._table, "Item": typed(from_status(after)), **unchanged_since(before)}
        with temporary(f"recording a photo of bin {after.bin_id}"):
            try:
                self._dynamodb.transact_write_items(TransactItems=[{"Put": photo}, {"Put": status}])
            except ClientError as error:
                codes = cancellations_in(error)
                if codes[:1] == [CHECK_FAILED]:
                    return False
                if MET_ANOTHER.intersection(codes):
                    raise Conflict(f"bin {after.bin_id} changed meanwhile") from error
                raise
        return True

    def record_stray(self, outcome: Outcome) -> bool:
        """Write the end of a photo without a bin, unless it has one."""
        with temporary("recording a photo without a bin"):
            try:
                self._dynamodb.put_item(
                    TableName=self._table, Item=typed(from_outcome(outcome)), ConditionExpression=NOT_ON_FILE
                )
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True
