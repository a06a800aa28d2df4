from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import items
from chalicelib.bin_status import Bin, BinStatus
from chalicelib.domain import BinState
from tests.examples import (
    NOON,
    expectations,
    expecting,
    image_of,
    inspection_of,
    outcomes,
    rejection_of,
    statuses,
    sure_of,
)

if TYPE_CHECKING:
    from chalicelib.domain import Expectation, Outcome


def through_the_table(item: items.Attributes) -> items.Attributes:
    """What comes back of an item that boto3 has written as DynamoDB's typed JSON and read again."""
    typed = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    return {name: TypeDeserializer().deserialize(value) for name, value in typed.items()}


@given(outcomes)
def test_every_outcome_comes_back_as_it_was(outcome: Outcome) -> None:
    assert items.to_outcome(through_the_table(items.from_outcome(outcome))) == outcome


@given(statuses)
def test_every_status_comes_back_as_it_was(status: BinStatus) -> None:
    assert items.to_status(through_the_table(items.from_status(status))) == status


@given(expectations)
def test_every_expectation_comes_back_as_it_was(expectation: Expectation) -> None:
    assert items.to_expectation(through_the_table(items.from_expectation(expectation))) == expectation


@given(statuses, expectations)
def test_a_bin_is_put_together_from_its_items_in_any_order(status: BinStatus, expectation: Expectation) -> None:
    both = [items.from_status(status), items.from_expectation(expectation)]
    assert items.to_bin("A-17", both) == items.to_bin("A-17", both[::-1]) == Bin(status, expectation)


def test_a_bin_never_heard_of_has_a_status_of_version_0() -> None:
    assert items.to_bin("A-17", []) == Bin(BinStatus("A-17", version=0, state=BinState.IDLE))


def test_a_photo_has_one_key_however_it_ended() -> None:
    image = image_of()
    assert items.photo_key(inspection_of(image)) == items.photo_key(rejection_of(image))


def test_a_photo_without_a_bin_has_a_partition_of_its_own() -> None:
    stray = rejection_of(image_of("incoming/x.jpg"), "bad_key", bin_id=None)
    item = items.from_outcome(stray)
    assert item["PK"] == f"STRAY#{stray.image.image_id}"
    assert "bin_id" not in item


@pytest.mark.parametrize("state", BinState)
def test_only_what_a_person_should_look_at_is_in_the_attention_index(state: BinState) -> None:
    item = items.from_status(BinStatus("A-17", state=state, changed_at=NOON))
    assert ("attention" in item) == ("attention_at" in item) == state.needs_attention


def test_an_inspection_stays_out_of_the_attention_index_and_a_rejection_is_in_it() -> None:
    assert "attention" not in items.from_outcome(inspection_of(image_of()))
    assert items.from_outcome(rejection_of(image_of()))["attention"] == items.REJECTIONS


def test_expectations_stay_out_of_every_index() -> None:
    assert "state_bin" not in items.from_expectation(expecting(3))


def test_bins_are_spread_over_all_shards_evenly() -> None:
    bins_in = Counter(items.shard_of(f"P-1-F{number:03}") for number in range(1000))
    assert len(bins_in) == items.SHARDS
    assert max(bins_in.values()) < 1.5 * 1000 / items.SHARDS


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-11-22T12:00:00.000Z"),
        (NOON + timedelta(microseconds=1999), "2026-11-22T12:00:00.001Z"),
        (datetime(2026, 11, 22, 13, tzinfo=timezone(timedelta(hours=1))), "2026-11-22T12:00:00.000Z"),
    ],
)
def test_a_moment_is_written_in_utc_with_milliseconds(moment: datetime, text: str) -> None:
    assert items.timestamp(moment) == text


@given(st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_a_moment_reads_alike_before_and_after_it_was_stored(moment: datetime) -> None:
    arrived = items.moment(moment.isoformat())
    assert items.moment(items.timestamp(arrived)) == arrived


def test_a_probability_too_small_for_the_table_is_stored_as_none_at_all() -> None:
    minute = sure_of(3, certainty=1.0 - 6e-200)
    estimate = type(minute)(minute.model, minute.counts, (1e-200, *minute.probabilities[1:]), minute.prior)
    item = through_the_table(items.from_outcome(inspection_of(image_of(), estimate=estimate)))
    assert item["probabilities"][0] == Decimal(0)
