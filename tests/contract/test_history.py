"""What happened at a site: one suite for memory and for the table's index, as the template shapes it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.bins import typed
from chalicelib.aws.history import DynamoHistory
from chalicelib.bin_status import BinStatus
from chalicelib.domain import Expectation, Inspection
from chalicelib.errors import TemporaryFailure
from chalicelib.items import from_outcome, from_status
from chalicelib.items_people import from_act
from chalicelib.replay import Truth
from chalicelib.resolution import Cause, Finding, Resolution
from chalicelib.resolve import reopened, resolved
from tests.examples import expecting, image_of, inspection_of, rejection_of, seconds_later, sure_of
from tests.fakes_api import FakeHistory, FakeTable
from tests.table import table_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.domain import Outcome
    from chalicelib.ports_api import History
    from local.emulator import Emulator

pytestmark = pytest.mark.integration


class Past:
    """A history, and a way to make things happen."""

    def __init__(self, history: History, record: Callable[[Outcome], None]) -> None:
        self.history = history
        self.record = record


@pytest.fixture
def dynamodb(emulator: Emulator) -> Iterator[Any]:
    client = emulator.client("dynamodb")
    client.create_table(TableName="history", **table_shape())
    yield client
    client.delete_table(TableName="history")


@pytest.fixture(params=["memory", "dynamodb"])
def past(request: pytest.FixtureRequest) -> Past:
    if request.param == "memory":
        table = FakeTable()
        return Past(FakeHistory(table), table.outcomes.append)
    client = request.getfixturevalue("dynamodb")
    return Past(
        DynamoHistory(client, "history"),
        lambda outcome: client.put_item(TableName="history", Item=typed(from_outcome(outcome))),
    )


def photo(at: int, bin_id: str = "A-17", site: str = "FRA1") -> Inspection:
    image = image_of(f"incoming/{bin_id}/{at}.jpg", uploaded_at=seconds_later(at))
    held = Expectation(bin_id, "C-1", site, 3)
    return inspection_of(image, bin_id=bin_id, expectation=held, since=seconds_later(-5), at=seconds_later(at + 3))


def all_since(past: Past, at: int, site: str = "FRA1") -> list[Any]:
    return list(chain.from_iterable(past.history.since(site, seconds_later(at))))


def test_a_site_where_nothing_happened_has_no_history(past: Past) -> None:
    assert list(past.history.newest("FRA1", 10)) == all_since(past, 0) == []


def test_what_happened_comes_in_order_of_time_from_all_bins_of_the_site_and_of_no_other(past: Past) -> None:
    photos = [photo(at, f"A-{at % 3}") for at in range(7)]
    for one in [*photos[::-1], photo(3, site="FRA10"), photo(4, site="MUC2")]:
        past.record(one)
    assert list(past.history.newest("FRA1", 100)) == all_since(past, 0) == photos


def test_the_newest_come_when_not_all_are_asked_for(past: Past) -> None:
    photos = [photo(at) for at in range(7)]
    for one in photos:
        past.record(one)
    assert list(past.history.newest("FRA1", 3)) == photos[-3:]
    assert all_since(past, 5) == photos[5:]


def test_photos_that_were_held_against_nothing_are_no_part_of_it(past: Past) -> None:
    past.record(inspection_of(image_of(), expectation=None))
    past.record(rejection_of(image_of("incoming/A-17/2.jpg")))
    past.record(rejection_of(image_of("incoming/x.jpg"), "bad_key", bin_id=None))
    assert list(past.history.newest("FRA1", 10)) == all_since(past, 0) == []


# From here on: what only DynamoDB does.


def test_a_long_history_is_read_to_its_end_page_by_page(dynamodb: Any) -> None:
    # DynamoDB ends a page at a megabyte; a fat name makes that a matter of few photos.
    photos = [photo(at) for at in range(10)]
    for one in photos:
        dynamodb.put_item(TableName="history", Item=typed({**from_outcome(one), "ballast": "x" * 200_000}))
    history = DynamoHistory(dynamodb, "history")
    pages = list(history.since("FRA1", seconds_later(0)))
    assert len(pages) > 1
    assert list(chain.from_iterable(pages)) == photos
    assert list(history.newest("FRA1", 9)) == photos[1:]


def test_what_was_found_and_what_was_taken_back_come_with_what_they_speak_of(dynamodb: Any) -> None:
    expected = BinStatus("A-17").expecting(expecting(3), seconds_later(0))
    found = resolved(expected, None, Finding(2, Cause.COUNTED), "ann", seconds_later(1))
    assert found is not None
    assert isinstance(found.act, Resolution)
    taken_back = reopened(found.after, found.act, "wrong bin", "bob", seconds_later(2))
    assert taken_back is not None
    assert taken_back.act is not None
    for act in (found.act, taken_back.act):
        dynamodb.put_item(TableName="history", Item=typed(from_act(act)))
    assert list(DynamoHistory(dynamodb, "history").newest("FRA1", 10)) == [
        Truth("A-17", seconds_later(1), seconds_later(0), 2),
        Truth("A-17", seconds_later(2), seconds_later(0), None),
    ]


def test_what_was_found_takes_no_inspections_place(dynamodb: Any) -> None:
    photos = [photo(at) for at in range(4)]
    for one in photos:
        dynamodb.put_item(TableName="history", Item=typed(from_outcome(one)))
    for second in (0.5, 2.5, 4, 5):
        stood = BinStatus("A-17", int(second * 10)).expecting(expecting(3), seconds_later(-5))
        found = resolved(stood, None, Finding(2, Cause.COUNTED), "ann", seconds_later(second))
        assert found is not None
        assert found.act is not None
        dynamodb.put_item(TableName="history", Item=typed(from_act(found.act)))
    newest = DynamoHistory(dynamodb, "history").newest("FRA1", 2)
    assert [one for one in newest if isinstance(one, Inspection)] == photos[2:]
    assert [one.at for one in newest if isinstance(one, Truth)] == [seconds_later(second) for second in (2.5, 4, 5)]


def test_a_bins_status_is_no_part_of_it(dynamodb: Any) -> None:
    status = BinStatus("A-17").expecting(expecting(3), seconds_later(0))
    dynamodb.put_item(TableName="history", Item=typed(from_status(status)))
    assert list(DynamoHistory(dynamodb, "history").newest("FRA1", 10)) == []


def test_a_table_that_is_missing_is_a_temporary_failure(emulator: Emulator) -> None:
    nowhere = DynamoHistory(emulator.client("dynamodb"), "no-such-table")
    for attempt in (lambda: nowhere.newest("FRA1", 1), lambda: list(nowhere.since("FRA1", seconds_later(0)))):
        with pytest.raises(TemporaryFailure, match="ResourceNotFoundException"):
            attempt()


def test_an_estimate_comes_back_as_the_endpoint_gave_it(past: Past) -> None:
    one = photo(0)
    past.record(one)
    (found,) = past.history.newest("FRA1", 1)
    assert found == one
    assert sure_of(3) == one.estimate
