from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.bodies import consignment_in
from chalicelib.domain import Expectation, Item
from chalicelib.errors import InvalidRequest, Mistake, Unprocessable


def a_bin(**changes: Any) -> dict[str, Any]:
    return {"bin_id": "A-17", "expected_quantity": 3, **changes}


def body(*bins: Any, **changes: Any) -> bytes:
    return json.dumps({"site": "FRA1", "bins": bins, **changes}).encode()


def test_a_body_becomes_expectations() -> None:
    items = [{"sku": "B2", "quantity": 1}, {"sku": "B1", "quantity": 2}]
    consignment = consignment_in(body(a_bin(items=items), a_bin(bin_id="A-18", expected_quantity=0)))
    assert consignment.expectations("C-1") == [
        Expectation("A-17", "C-1", "FRA1", 3, (Item("B1", 2), Item("B2", 1))),
        Expectation("A-18", "C-1", "FRA1", 0),
    ]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (body(a_bin(bin_id="A 17")), "bins[0].bin_id"),
        (body(a_bin(bin_id="")), "bins[0].bin_id"),
        (body(a_bin(bin_id="A-17\n")), "bins[0].bin_id"),
        (body(a_bin(bin_id="x" * 65)), "bins[0].bin_id"),
        (body(a_bin(bin_id=17)), "bins[0].bin_id"),
        (body(a_bin(expected_quantity=-1)), "bins[0].expected_quantity"),
        (body(a_bin(expected_quantity=100_001)), "bins[0].expected_quantity"),
        (body(a_bin(expected_quantity=3.0)), "bins[0].expected_quantity"),
        (body(a_bin(expected_quantity="3")), "bins[0].expected_quantity"),
        (body(a_bin(expected_quantity=True)), "bins[0].expected_quantity"),
        (body(a_bin(expected_quantity=None)), "bins[0].expected_quantity"),
        (body({"bin_id": "A-17"}), "bins[0].expected_quantity"),
        (body(a_bin(items=[])), "items add up to 0, not to expected_quantity 3"),
        (body(a_bin(items=[{"sku": "B1", "quantity": 2}])), "bins[0]: Value error, items add up to 2"),
        (body(a_bin(items=[{"sku": "", "quantity": 3}])), "bins[0].items[0].sku"),
        (body(a_bin(items=[{"sku": "B1\x00", "quantity": 3}])), "bins[0].items[0].sku"),
        (body(a_bin(items=[{"sku": "B1", "quantity": 0}] * 201)), "bins[0].items"),
        (body(a_bin(quantity=3)), "bins[0].quantity"),
        (body(a_bin(), a_bin()), "A-17 is named 2 times"),
        (body(a_bin(), site="FRA 1"), "site"),
        (body(a_bin(), consignment="C-1"), "consignment"),
        (body("A-17"), "bins[0]"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"{}", "site"),
        (body(bins="A-17"), "bins"),
        (body(*[a_bin()] * 10_001), "bins: List should have at most 10000 items"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_with_the_place(fault: bytes, message: str) -> None:
    with pytest.raises(Unprocessable) as refusal:
        consignment_in(fault)
    assert message in str(refusal.value)


def test_all_mistakes_are_told_at_once() -> None:
    faulty = body(a_bin(bin_id="A-1"), a_bin(bin_id="A-1"), a_bin(expected_quantity=-1), a_bin(items=[]), site="")
    with pytest.raises(Unprocessable) as refusal:
        consignment_in(faulty)
    told = str(refusal.value)
    for part in ("site", "bins[2].expected_quantity", "bins[3]: ", "A-1 is named 2 times"):
        assert part in told


def test_each_mistake_has_its_place() -> None:
    with pytest.raises(Unprocessable) as refusal:
        consignment_in(body(a_bin(bin_id="A-1"), a_bin(bin_id="A-1"), a_bin(items=[{"sku": "B1", "quantity": "3"}])))
    assert refusal.value.mistakes == (
        Mistake("Input should be a valid integer", "bins.2.items.0.quantity"),
        Mistake("A-1 is named 2 times", "bins"),
    )
    with pytest.raises(Unprocessable) as refusal:
        consignment_in(b"[]")
    assert [mistake.field for mistake in refusal.value.mistakes] == [None]


def test_a_flood_of_mistakes_is_counted_after_the_first_fifty() -> None:
    with pytest.raises(Unprocessable, match=r"; and 50 more$") as refusal:
        consignment_in(body(*[a_bin(bin_id=f"A-{n}", expected_quantity=-1) for n in range(100)]))
    assert len(refusal.value.mistakes) == 100


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"site": NaN}', b"[" * 100_000, b"9" * 10_000])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidRequest):
        consignment_in(text)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["site", "bins", "bin_id", "items", "sku"]), inner)
        ),
    )
)
def test_no_json_breaks_the_reader(fields: Any) -> None:
    with pytest.raises(InvalidRequest):
        consignment_in(json.dumps(fields).encode())
