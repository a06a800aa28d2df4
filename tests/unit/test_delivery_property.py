"""The promise of the checker's delivery: how photos arrive makes no difference to what the table says in the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.bin_status import BinStatus
from chalicelib.domain import Rejection
from chalicelib.items import from_expectation, from_status, to_outcome, to_status
from tests.delivery import (
    EXPECTATIONS,
    Delivery,
    Photo,
    Table,
    but_for_episodes,
    deliveries,
    in_order,
    photo_sets,
    table_after,
)
from tests.examples import NOON
from tests.fakes import FakeBins

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.domain import BinImage


def table_of(photos: list[Photo], delivery: Delivery) -> Table:
    bins = FakeBins(*map(from_expectation, EXPECTATIONS))
    bins.put(*(from_status(BinStatus(said.bin_id).expecting(said, NOON)) for said in EXPECTATIONS))
    table_after(photos, delivery, bins)
    return bins.items


def of_type(table: Table, *types: str) -> list[dict[str, Any]]:
    return [item for item in table.values() if item["type"] in types]


def newest_last(image: BinImage) -> tuple[datetime, int, str]:
    return (image.uploaded_at, int(image.sequencer, 16), image.image_id)


@settings(max_examples=250)
@given(st.data())
def test_any_order_and_any_duplication_of_the_same_events_ends_in_the_same_table(data: st.DataObject) -> None:
    photos = data.draw(photo_sets())
    delivery = data.draw(deliveries(len(photos)))
    one, other = table_of(photos, delivery), table_of(photos, in_order(photos))
    assert but_for_episodes(one) == but_for_episodes(other)


@settings(max_examples=250)
@given(st.data())
def test_each_photo_ends_as_exactly_one_inspection_or_one_rejection(data: st.DataObject) -> None:
    photos = data.draw(photo_sets())
    table = table_of(photos, data.draw(deliveries(len(photos))))
    ended = Counter(item["SK"] for item in of_type(table, "INSPECTION", "REJECTION"))
    assert ended == Counter(f"PHOTO#{photo.announced.image_id}" for photo in photos)


@settings(max_examples=250)
@given(st.data())
def test_each_bin_stands_where_its_newest_photo_that_could_be_read_says(data: st.DataObject) -> None:
    photos = data.draw(photo_sets())
    table = table_of(photos, data.draw(deliveries(len(photos))))
    outcomes = [to_outcome(item) for item in of_type(table, "INSPECTION", "REJECTION")]
    for status in map(to_status, of_type(table, "STATUS")):
        of_the_bin = [outcome for outcome in outcomes if outcome.bin_id == status.bin_id]
        telling = [end.image for end in of_the_bin if not isinstance(end, Rejection) or end.reason != "gone"]
        assert status.photos == len(of_the_bin)
        assert status.image == max(telling, key=newest_last, default=None)
