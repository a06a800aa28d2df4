"""The record of bins: one suite for the fake that unit tests trust and for DynamoDB, which the functions trust."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.aws.bins import DynamoBins, plain, typed
from chalicelib.bin_status import Bin, BinStatus
from chalicelib.domain import Reason
from chalicelib.errors import Conflict, TemporaryFailure
from chalicelib.items import from_expectation, from_outcome, from_status
from tests.delivery import EXPECTATIONS, Delivery, Photo, deliveries, in_order, photo_sets, table_after
from tests.examples import NOON, expecting, image_of, inspection_of, rejection_of, seconds_later
from tests.fakes import FakeBins

if TYPE_CHECKING:
    from chalicelib.ports import Bins
    from local.emulator import Emulator

pytestmark = pytest.mark.integration

FIRST = inspection_of(image_of(version="v1"))
SECOND = inspection_of(image_of(version="v2", uploaded_at=seconds_later(1)))
UNKNOWN = BinStatus("A-17")
STRAY = rejection_of(image_of("incoming/x.jpg"), Reason.BAD_KEY, bin_id=None)


class Record(Protocol):
    """A port, and the table behind it as its other users see it."""

    @property
    def bins(self) -> Bins: ...

    def put(self, *items: dict[str, Any]) -> None: ...

    def items(self) -> list[dict[str, Any]]: ...


class InMemory:
    def __init__(self) -> None:
        self.bins = FakeBins()

    def put(self, *items: dict[str, Any]) -> None:
        self.bins.put(*items)

    def items(self) -> list[dict[str, Any]]:
        return [self.bins.items[key] for key in sorted(self.bins.items)]


class InDynamo:
    def __init__(self, dynamodb: Any, table: str) -> None:
        self.bins = DynamoBins(dynamodb, table)
        self._dynamodb = dynamodb
        self._table = table

    def put(self, *items: dict[str, Any]) -> None:
        for item in items:
            self._dynamodb.put_item(TableName=self._table, Item=typed(item))

    def items(self) -> list[dict[str, Any]]:
        found = map(plain, self._dynamodb.scan(TableName=self._table, ConsistentRead=True)["Items"])
        return sorted(found, key=lambda item: (item["PK"], item["SK"]))

    def clear(self) -> None:
        for item in self.items():
            self._dynamodb.delete_item(TableName=self._table, Key=typed({"PK": item["PK"], "SK": item["SK"]}))


@pytest.fixture
def in_dynamo(emulator: Emulator, table: str) -> InDynamo:
    return InDynamo(emulator.client("dynamodb"), table)


@pytest.fixture(params=["memory", "dynamodb"])
def record(request: pytest.FixtureRequest) -> Record:
    in_memory: Record = InMemory()
    return in_memory if request.param == "memory" else request.getfixturevalue("in_dynamo")


def test_a_bin_never_heard_of_is_at_its_beginning(record: Record) -> None:
    assert record.bins.get("A-17") == Bin(UNKNOWN)


def test_a_bin_is_known_by_its_status_and_its_expectation(record: Record) -> None:
    status = UNKNOWN.expecting(expecting(3), NOON)
    record.put(from_status(status), from_expectation(expecting(3)))
    assert record.bins.get("A-17") == Bin(status, expecting(3))


def test_a_bin_is_not_known_by_what_belongs_to_its_neighbours(record: Record) -> None:
    neighbour = expecting(9, bin_id="A-1")
    record.put(from_expectation(neighbour), from_status(BinStatus("A-1").expecting(neighbour, NOON)))
    record.put(from_outcome(FIRST))
    assert record.bins.get("A-17") == Bin(UNKNOWN)


def test_a_photo_and_its_bins_status_are_recorded_together(record: Record) -> None:
    assert record.bins.record(FIRST, UNKNOWN, UNKNOWN.after(FIRST, None))
    assert record.bins.get("A-17").status == UNKNOWN.after(FIRST, None)
    assert record.items() == [from_status(UNKNOWN.after(FIRST, None)), from_outcome(FIRST)]


def test_a_bins_next_photo_builds_on_its_status(record: Record) -> None:
    one = UNKNOWN.after(FIRST, None)
    assert record.bins.record(FIRST, UNKNOWN, one)
    assert record.bins.record(SECOND, one, one.after(SECOND, None))
    assert record.bins.get("A-17").status.photos == 2


def test_a_photo_that_has_been_recorded_changes_nothing(record: Record) -> None:
    one = UNKNOWN.after(FIRST, None)
    record.bins.record(FIRST, UNKNOWN, one)
    before = record.items()
    as_rejection = rejection_of(FIRST.image)
    assert not record.bins.record(as_rejection, one, one.after(as_rejection, None))
    assert record.items() == before


def test_a_photo_recorded_before_is_no_conflict_though_its_bin_has_changed_since(record: Record) -> None:
    record.bins.record(FIRST, UNKNOWN, UNKNOWN.after(FIRST, None))
    assert not record.bins.record(FIRST, UNKNOWN, UNKNOWN.after(FIRST, None))


@pytest.mark.parametrize(
    "seen", [UNKNOWN, UNKNOWN.after(FIRST, None).after(FIRST, None)], ids=["none at all", "a later one"]
)
def test_a_bin_that_changed_since_it_was_read_is_a_conflict_and_nothing_is_recorded(
    record: Record, seen: BinStatus
) -> None:
    record.bins.record(FIRST, UNKNOWN, UNKNOWN.after(FIRST, None))
    before = record.items()
    with pytest.raises(Conflict, match="A-17"):
        record.bins.record(SECOND, seen, seen.after(SECOND, None))
    assert record.items() == before


def test_a_bin_that_should_be_on_file_and_is_not_is_a_conflict(record: Record) -> None:
    one = UNKNOWN.after(FIRST, None)
    with pytest.raises(Conflict):
        record.bins.record(SECOND, one, one.after(SECOND, None))
    assert record.items() == []


def test_a_photo_without_a_bin_is_recorded_once_and_makes_no_bin(record: Record) -> None:
    assert record.bins.record_stray(STRAY)
    assert not record.bins.record_stray(replace(STRAY, at=seconds_later(9)))
    assert record.items() == [from_outcome(STRAY)]


# From here on: what only DynamoDB does.


def cancelled(photo: str, status: str) -> dict[str, Any]:
    """What DynamoDB answers when a transaction of a photo and a status does not go through."""
    return {"CancellationReasons": [{"Code": photo}, {"Code": status}]}


def recording(emulator: Emulator, code: str, modeled: dict[str, Any]) -> None:
    dynamodb = emulator.client("dynamodb")
    with Stubber(dynamodb) as stubber:
        stubber.add_client_error("transact_write_items", code, modeled_fields=modeled)
        DynamoBins(dynamodb, "bins").record(FIRST, UNKNOWN, UNKNOWN.after(FIRST, None))


@pytest.mark.parametrize(
    ("photo", "status"),
    [
        ("None", "TransactionConflict"),
        ("TransactionConflict", "None"),
        ("TransactionConflict", "TransactionConflict"),
        ("None", "ConditionalCheckFailed"),
        ("TransactionConflict", "ConditionalCheckFailed"),
    ],
)
def test_two_transactions_that_meet_are_a_conflict(emulator: Emulator, photo: str, status: str) -> None:
    with pytest.raises(Conflict):
        recording(emulator, "TransactionCanceledException", cancelled(photo, status))


@pytest.mark.parametrize(
    ("code", "modeled"),
    [
        ("TransactionCanceledException", cancelled("None", "ThrottlingError")),
        ("TransactionCanceledException", cancelled("ValidationError", "None")),
        ("TransactionCanceledException", {}),
        ("ProvisionedThroughputExceededException", {}),
        ("InternalServerError", {}),
        ("AccessDeniedException", {}),
    ],
)
def test_a_table_in_trouble_is_a_temporary_failure(emulator: Emulator, code: str, modeled: dict[str, Any]) -> None:
    with pytest.raises(TemporaryFailure, match=f"A-17: {code}"):
        recording(emulator, code, modeled)


def test_a_table_that_is_missing_is_a_temporary_failure(emulator: Emulator) -> None:
    nowhere = DynamoBins(emulator.client("dynamodb"), "no-such-table")
    for attempt in (
        lambda: nowhere.get("A-17"),
        lambda: nowhere.record(FIRST, UNKNOWN, UNKNOWN.after(FIRST, None)),
        lambda: nowhere.record_stray(STRAY),
    ):
        with pytest.raises(TemporaryFailure, match="ResourceNotFoundException"):
            attempt()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_delivery_of_the_same_events_leaves_the_same_table_in_dynamodb_as_in_memory(
    in_dynamo: InDynamo, data: st.DataObject
) -> None:
    photos = data.draw(photo_sets(max_size=6))
    in_dynamo.clear()
    in_memory = InMemory()
    deliver(photos, data.draw(deliveries(len(photos))), in_dynamo)
    deliver(photos, in_order(photos), in_memory)
    assert but_for_episodes(in_dynamo.items()) == but_for_episodes(in_memory.items())


def but_for_episodes(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What alerts went out depends on what was known when: a bin that was wrong for a moment has alerted."""
    return [{name: value for name, value in item.items() if name != "episode"} for item in items]


def deliver(photos: list[Photo], delivery: Delivery, record: Record) -> None:
    record.put(*map(from_expectation, EXPECTATIONS))
    record.put(*(from_status(BinStatus(said.bin_id).expecting(said, NOON)) for said in EXPECTATIONS))
    table_after(photos, delivery, record.bins)
