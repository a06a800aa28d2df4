"""Writes anew what earlier releases have left in a table, so that it stands in the lists that came since.

What is listed carries attributes for it, and gets them when it is written. Bins are written with their next photo; this
is for those that wait for none, and for what people said long ago. It may be repeated and broken off at will.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from chalicelib.aws.bins import plain, typed
from chalicelib.aws.failures import code_of
from chalicelib.items import Attributes, from_status, to_status
from chalicelib.items_people import from_act, to_act

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KINDS: Final = ("STATUS", "RESOLUTION", "REOPENING")


@dataclass(frozen=True, slots=True)
class Reindexed:
    """How many items were looked at, and how many of them had to be written."""

    seen: int
    written: int


def reindex(dynamodb: Any, table: str) -> Reindexed:
    """Read the whole table, and write each status and statement that is not as it would be written today.

    One that changes meanwhile is left alone: whoever changed it has written it as it is to be.
    """
    seen = written = 0
    for item in _items(dynamodb, table):
        seen += 1
        renewed = renew(item)
        if renewed != item:
            written += _put(dynamodb, table, item, renewed)
    return Reindexed(seen, written)


def renew(item: Mapping[str, Any]) -> Attributes:
    """Return a status or a statement as it would be written today."""
    return from_status(to_status(item)) if item["type"] == "STATUS" else from_act(to_act(item))


def _items(dynamodb: Any, table: str) -> Iterator[Attributes]:
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="#type IN (:status, :resolution, :reopening)",
        ExpressionAttributeNames={"#type": "type"},
        ExpressionAttributeValues=typed(dict(zip((":status", ":resolution", ":reopening"), _KINDS, strict=True))),
    )
    for page in pages:
        yield from map(plain, page["Items"])


def _put(dynamodb: Any, table: str, item: Attributes, renewed: Attributes) -> bool:
    name = "revision" if item["type"] == "STATUS" else "version"
    try:
        dynamodb.put_item(
            TableName=table,
            Item=typed(renewed),
            ConditionExpression="#version = :version",
            ExpressionAttributeNames={"#version": name},
            ExpressionAttributeValues=typed({":version": item[name]}),
        )
    except ClientError as error:
        if code_of(error) != "ConditionalCheckFailedException":
            raise
        return False
    return True
