"""One suite for the table in memory and a table in DynamoDB, shaped by the template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.bins import DynamoBins
from chalicelib.aws.consignments import DynamoConsignments
from chalicelib.aws.directory import DynamoDirectory
from chalicelib.domain import BinState, Verdict
from chalicelib.errors import InvalidRequest, TemporaryFailure
from chalicelib.listing import Wanted
from chalicelib.load import Loader
from tests.fakes_api import (
    ORDER,
    FakeConsignments,
    FakeDirectory,
    FakeTable,
    expectation_of,
    inspection_of,
    minutes,
    one_by_one,
    rejection_of,
)
from tests.table import table_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.domain import Outcome
    from chalicelib.ports import Bins
    from chalicelib.ports_api import Consignments, Directory, Page, Position
    from local.emulator import Emulator


@dataclass(frozen=True)
class Record:
    """The ports onto one table."""

    bins: Bins
    directory: Directory
    consignments: Consignments

    def photograph(self, outcome: Outcome) -> None:
        if outcome.bin_id is None:
            self.bins.record_stray(outcome)
            return
        status = self.bins.get(outcome.bin_id).status
        self.bins.record(outcome, status, status.after(outcome, None))

    def load(self, expected: dict[str, int], consignment_id: str = "C-1") -> None:
        loader = Loader(self.consignments, lambda: minutes(-1), lambda _seconds: None, one_by_one)
        loader.load(consignment_id, "FRA1", [expectation_of(n, q, consignment_id) for n, q in expected.items()], ORDER)


@pytest.fixture
def dynamodb(emulator: Emulator) -> Iterator[Any]:
    client = emulator.client("dynamodb")
    client.create_table(TableName="bins", **table_shape())
    yield client
    client.delete_table(TableName="bins")


@pytest.fixture(params=["in memory", pytest.param("dynamodb", marks=pytest.mark.integration)])
def record(request: pytest.FixtureRequest) -> Record:
    if request.param == "in memory":
        table = FakeTable()
        return Record(table, FakeDirectory(table), FakeConsignments(table))
    client = request.getfixturevalue("dynamodb")
    return Record(
        DynamoBins(client, "bins"),
        DynamoDirectory(client, "bins", lambda _seconds: None),
        DynamoConsignments(client, "bins", lambda _seconds: None),
    )


def walk(read: Callable[[int, Position | None], Page[Any]], limit: int) -> list[Any]:
    """Read a list to its end, page by page."""
    entries: list[Any] = []
    page = read(limit, None)
    while True:
        assert len(page.entries) <= limit
        entries += page.entries
        if page.following is None:
            return entries
        page = read(limit, page.following)


def names(
    record: Record, state: BinState | None = None, consignment_id: str | None = None, limit: int = 3
) -> list[str]:
    bins = walk(
        lambda n, start: record.directory.bins(Wanted(state=state, consignment_id=consignment_id), n, start), limit
    )
    return [status.bin_id for status in bins]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_all_bins_are_listed_once_whatever_the_pages(record: Record, limit: int) -> None:
    bins = [f"A-{n}" for n in range(23)]
    for name in bins:
        record.photograph(inspection_of(name))
    assert sorted(names(record, limit=limit)) == sorted(bins)


def test_an_empty_table_has_empty_lists(record: Record) -> None:
    assert names(record) == names(record, BinState.REVIEW) == names(record, BinState.MATCH, "C-1") == []
    assert record.directory.rejections(10, None).entries == ()


def test_bins_are_listed_by_the_state_that_they_are_in_now(record: Record) -> None:
    record.load({"A-1": 1, "A-2": 1, "A-3": 1, "B-1": 1})
    record.photograph(inspection_of("A-1", Verdict.MATCH))
    record.photograph(inspection_of("A-2", Verdict.MATCH, at=1))
    record.photograph(inspection_of("A-2", Verdict.MISMATCH, at=2))
    assert names(record, BinState.MATCH) == ["A-1"]
    assert names(record, BinState.MISMATCH) == ["A-2"]
    assert sorted(names(record, BinState.WAITING)) == ["A-3", "B-1"]


@pytest.mark.parametrize("verdict", [Verdict.MISMATCH, Verdict.REVIEW, Verdict.UNEXPECTED])
def test_bins_that_need_attention_come_newest_change_first(record: Record, verdict: Verdict) -> None:
    for name, at in {"A-1": 5, "A-2": 9, "A-3": 1, "A-4": 7}.items():
        record.photograph(inspection_of(name, verdict, at))
    assert names(record, BinState(verdict)) == ["A-2", "A-4", "A-1", "A-3"]


def test_bins_are_listed_by_consignment_and_by_state_within_it(record: Record) -> None:
    record.load({f"A-{n}": 1 for n in range(5)}, "C-1")
    record.load({f"B-{n}": 1 for n in range(5)}, "C-2")
    record.photograph(inspection_of("A-3", Verdict.MISMATCH))
    record.photograph(inspection_of("B-3", Verdict.MISMATCH))
    assert sorted(names(record, None, "C-1", limit=2)) == ["A-0", "A-1", "A-2", "A-3", "A-4"]
    assert names(record, BinState.MISMATCH, "C-1") == ["A-3"]
    assert names(record, BinState.WAITING, "C-3") == []


def test_photos_of_a_bin_come_newest_first_judged_or_not(record: Record) -> None:
    photos = [inspection_of("A-1", at=2), rejection_of("A-1", at=3), inspection_of("A-1", at=1)]
    for photo in [*photos, inspection_of("A-2", at=9)]:
        record.photograph(photo)
    listed = walk(lambda limit, start: record.directory.photos("A-1", limit, start), 2)
    assert listed == [photos[1], photos[0], photos[2]]


def test_rejections_come_newest_first_also_those_without_a_bin(record: Record) -> None:
    rejections = [rejection_of("A-1", 1), rejection_of(None, 3), rejection_of("A-2", 2)]
    for rejection in rejections:
        record.photograph(rejection)
    record.photograph(inspection_of("A-1", at=4))
    listed = walk(record.directory.rejections, 2)
    assert listed == [rejections[1], rejections[2], rejections[0]]


def test_a_position_is_refused_by_any_other_list(record: Record) -> None:
    record.load({f"A-{n}": 1 for n in range(4)})
    for at in range(4):
        record.photograph(inspection_of("B-1", Verdict.REVIEW, at))
        record.photograph(inspection_of(f"B-{at}", Verdict.REVIEW, 100 + at))
    directory = record.directory
    lists: list[Callable[[int, Position | None], Page[Any]]] = [
        lambda limit, start: directory.bins(Wanted(state=BinState.REVIEW), limit, start),
        lambda limit, start: directory.bins(Wanted(consignment_id="C-1"), limit, start),
        lambda limit, start: directory.photos("B-1", limit, start),
        directory.rejections,
    ]
    positions = [page.following for read in lists if (page := read(1, None)).following]
    assert len(positions) == 3
    for number, position in enumerate(positions):
        for read in [*lists[:number], *lists[number + 1 :]]:
            with pytest.raises(InvalidRequest):
                read(1, position)


@pytest.mark.parametrize(
    "position",
    [
        {"shard": "BINS#9"},
        {"shard": "C-1"},
        {"PK": "BIN#A-1"},
        {"PK": "BIN#A-1", "SK": "BIN#STATUS", "shard": "BINS#0", "state_bin": "match#A-1", "more": "x"},
    ],
)
def test_a_made_up_position_is_refused(record: Record, position: Position) -> None:
    with pytest.raises(InvalidRequest):
        record.directory.bins(Wanted(), 5, position)


class Frugal:
    """A client that tells at once where nothing follows; DynamoDB may tell by an empty page instead."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def query(self, **query: Any) -> dict[str, Any]:
        reply = dict(self._client.query(**query))
        last = reply.get("LastEvaluatedKey")
        if last and not self._client.query(**{**query, "ExclusiveStartKey": last})["Items"]:
            del reply["LastEvaluatedKey"]
        return reply


@pytest.mark.integration
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_page_that_ends_with_a_shard_is_followed_by_the_next_shard(dynamodb: Any, limit: int) -> None:
    record = Record(
        DynamoBins(dynamodb, "bins"),
        DynamoDirectory(Frugal(dynamodb), "bins", lambda _seconds: None),
        DynamoConsignments(dynamodb, "bins", lambda _seconds: None),
    )
    record.load({f"A-{n}": 1 for n in range(12)})
    assert sorted(names(record, limit=limit)) == sorted(f"A-{n}" for n in range(12))


@pytest.mark.integration
def test_a_missing_table_is_a_failure_that_may_heal(dynamodb: Any) -> None:
    with pytest.raises(TemporaryFailure, match="ResourceNotFoundException"):
        DynamoDirectory(dynamodb, "elsewhere", lambda _seconds: None).rejections(1, None)
