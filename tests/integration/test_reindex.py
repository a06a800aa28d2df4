"""What earlier releases have left in a table comes into the lists that there are today."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.bins import typed
from chalicelib.aws.directory import DynamoDirectory
from chalicelib.bin_status import BinStatus
from chalicelib.domain import BinState
from chalicelib.items import INDEX_ATTRIBUTES, from_status
from chalicelib.items_people import from_act
from chalicelib.listing import Wanted
from chalicelib.resolution import Cause, Finding, Resolution
from local.table import table_shape
from ops.reindex import Reindexed, reindex
from tests.examples import NOON, image_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.items import Attributes
    from local.emulator import Emulator

pytestmark = pytest.mark.integration

WAITING = BinStatus("A-1", 3, BinState.REVIEW, NOON, site="FRA1", image=image_of())
SAID = Resolution("A-2", 5, "ann", NOON, Finding(1, Cause.COUNTED), replace(WAITING, bin_id="A-2"))


@pytest.fixture
def dynamodb(emulator: Emulator) -> Iterator[Any]:
    client = emulator.client("dynamodb")
    client.create_table(TableName="old", **table_shape())
    yield client
    client.delete_table(TableName="old")


def put(client: Any, item: Attributes) -> None:
    client.put_item(TableName="old", Item=typed(item))


def unlisted(item: Attributes) -> Attributes:
    """An item as it was before there were lists."""
    return {name: value for name, value in item.items() if name not in INDEX_ATTRIBUTES}


def test_what_was_in_no_list_is_in_all_lists_then_and_is_written_once(dynamodb: Any) -> None:
    put(dynamodb, unlisted(from_status(WAITING)))
    put(dynamodb, unlisted(from_act(SAID)))
    put(dynamodb, {"PK": "BIN#A-1", "SK": "PHOTO#1", "type": "REJECTION"})
    directory = DynamoDirectory(dynamodb, "old", lambda _seconds: None)
    queue = Wanted(site="FRA1", waiting=True)
    assert directory.bins(queue, 5, None).entries == ()
    assert reindex(dynamodb, "old") == Reindexed(seen=2, written=2)
    assert directory.bins(queue, 5, None).entries == (WAITING,)
    assert directory.statements("FRA1", None, None, 5, None).entries == (SAID,)
    assert reindex(dynamodb, "old") == Reindexed(seen=2, written=0)


class Hasty:
    """A client in whose table somebody changes a bin between its being read and its being written."""

    def __init__(self, client: Any, changed: Attributes) -> None:
        self._client = client
        self._changed = changed

    def get_paginator(self, name: str) -> Any:
        return self._client.get_paginator(name)

    def put_item(self, **request: Any) -> Any:
        put(self._client, self._changed)
        return self._client.put_item(**request)


def test_a_bin_that_changes_meanwhile_is_left_as_it_is_then(dynamodb: Any) -> None:
    put(dynamodb, unlisted(from_status(WAITING)))
    resolved = from_status(replace(WAITING, version=4, state=BinState.RESOLVED))
    assert reindex(Hasty(dynamodb, resolved), "old") == Reindexed(seen=1, written=0)
    assert dynamodb.scan(TableName="old")["Items"] == [typed(resolved)]
