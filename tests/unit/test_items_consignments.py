"""Consignments in the table: everything comes back as it was, and nothing lands in a list where it does not belong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.consignment import ConsignmentState
from chalicelib.domain import Expectation, Item
from chalicelib.items_consignments import (
    _PART,
    from_asked,
    from_consignment,
    from_kept,
    from_lane,
    from_refusal,
    kept_at,
    to_consignment,
    to_kept,
    to_refusal,
)
from tests.examples import NOON, consignment_of, consignments, mistakes, names, refusals

if TYPE_CHECKING:
    from chalicelib.consignment import Consignment, Refusal
    from chalicelib.errors import Mistake
    from chalicelib.items import Attributes

quantities = st.integers(0, 100_000)
goods = st.lists(st.builds(Item, st.text('!Aa09~"\\', min_size=1, max_size=64), quantities), max_size=3).map(tuple)


def through_the_table(item: Attributes) -> Attributes:
    typed = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    return {name: TypeDeserializer().deserialize(value) for name, value in typed.items()}


@given(consignments)
def test_every_consignment_comes_back_as_it_was(consignment: Consignment) -> None:
    assert to_consignment(through_the_table(from_consignment(consignment))) == consignment


@given(names, refusals, st.lists(mistakes, max_size=5))
def test_every_refusal_comes_back_with_its_mistakes(name: str, refusal: Refusal, told: list[Mistake]) -> None:
    whole = replace(refusal, mistakes=tuple(told))
    assert to_refusal(through_the_table(from_refusal(name, whole))) == whole


def test_a_refusal_is_only_mentioned_in_its_consignment() -> None:
    assert "mistakes" not in str(from_consignment(consignment_of(3)))


@given(st.dictionaries(names, st.tuples(quantities, goods), max_size=20))
def test_what_a_load_said_comes_back_as_it_was(said: dict[str, tuple[int, tuple[Item, ...]]]) -> None:
    consignment = consignment_of(len(said))
    expectations = [Expectation(name, "C-1", "FRA1", quantity, its) for name, (quantity, its) in said.items()]
    kept = [through_the_table(item) for item in from_kept(consignment, expectations)]
    assert [one for item in kept for one in to_kept(item, consignment)] == expectations


def test_the_largest_load_is_kept_in_parts_that_the_table_takes_and_in_order() -> None:
    expectations = [
        Expectation(f"bin-{number:060}", "C-1", "FRA1", 5, tuple(Item(f"{number:064}", 1) for _ in range(5)))
        for number in range(10_000)
    ]
    kept = from_kept(consignment_of(10_000), expectations)
    assert len(kept) > 10
    assert [item["SK"] for item in kept] == sorted(item["SK"] for item in kept)
    assert all(len(item["bins"]) <= _PART for item in kept)
    assert [one for item in kept for one in to_kept(item, consignment_of(10_000))] == expectations


def test_what_older_loads_said_sorts_before_what_the_newest_says() -> None:
    older = consignment_of(1, digest="f")
    newer = replace(older, loaded_at=NOON.replace(microsecond=1000), digest="a")
    assert kept_at(older) < kept_at(newer)


@pytest.mark.parametrize("state", ConsignmentState)
def test_a_consignment_is_listed_by_site_and_by_state_and_is_none_of_its_own_bins(state: ConsignmentState) -> None:
    item = from_consignment(consignment_of(1, state=state))
    assert (item["attention"], item["history"]) == ("consignments", "CONSIGNMENTS#FRA1")
    assert (item["shard"], item["review"]) == (f"CONSIGNMENTS#{state}", f"CONSIGNMENTS#FRA1#{state}")
    assert "consignment_id" not in item


def test_what_belongs_to_a_consignment_is_in_no_list() -> None:
    consignment = consignment_of(1)
    said = [Expectation("A-1", "C-1", "FRA1", 1)]
    others = [from_lane(consignment, 1), *from_kept(consignment, said), from_asked("C-1", "k", "olga", "digest")]
    keys = {"consignment_id", "state_bin", "shard", "attention", "history", "review", "by_time"}
    assert not any(keys & item.keys() for item in others)


@pytest.mark.parametrize(
    ("more", "state"), [({}, ConsignmentState.LOADED), ({"loading": "x"}, ConsignmentState.LOADING)]
)
def test_a_consignment_of_before_states_were_kept_is_understood(more: Attributes, state: ConsignmentState) -> None:
    item = {"PK": "CONSIGNMENT#C-1", "site": "FRA1", "bins": 3, "digest": "d", "loaded_at": "2026-11-22T12:00:00.000Z"}
    assert to_consignment({**item, **more}) == consignment_of(3, digest="d", state=state)
