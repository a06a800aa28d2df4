from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.cursors import List
from chalicelib.domain import BinState
from chalicelib.errors import InvalidRequest
from chalicelib.listing import NO_SITE, Sort, Wanted
from chalicelib.ports_api import Page

names = st.text(min_size=1, max_size=64)
positions = st.dictionaries(st.sampled_from(["PK", "SK", "shard"]), st.text("abc#-0", min_size=1), min_size=1)
BINS = List.of_bins(Wanted(state=BinState.MATCH, consignment_id="C-1"))
ASKED = ["bins", "state=match", "consignment_id=C-1"]


def encoded(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@given(positions)
def test_a_cursor_leads_back_to_its_position(position: dict[str, str]) -> None:
    cursor = BINS.cursor(Page((), position))
    assert cursor is not None
    assert BINS.position(cursor) == position


def test_the_end_of_a_list_has_no_cursor() -> None:
    assert BINS.cursor(Page(())) is None


@pytest.mark.parametrize(
    "other",
    [
        List.of_bins(Wanted(state=BinState.MATCH)),
        List.of_bins(Wanted(consignment_id="C-1")),
        List.of_bins(Wanted(state=BinState.MATCH, site="C-1")),
        List.of_photos("C-1"),
        List.of_rejections(),
    ],
)
def test_a_cursor_belongs_to_the_filters_that_made_it(other: List) -> None:
    cursor = other.cursor(Page((), {"PK": "x"}))
    assert cursor is not None
    with pytest.raises(InvalidRequest, match="other filters"):
        BINS.position(cursor)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%%%",
        "abc",
        "ä",
        encoded([*ASKED, {"PK": "x" * 2000}]),
        encoded("bins"),
        encoded([]),
        encoded(7),
        encoded(None),
        encoded({"bins": 1}),
        encoded(ASKED),
        encoded([*ASKED, {}]),
        encoded([*ASKED, "x"]),
        encoded([*ASKED, {"PK": 1}]),
        encoded([*ASKED, {"PK": ""}]),
        encoded([*ASKED, {"PK": {"S": "x"}}]),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 740).decode(),
    ],
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        BINS.position(cursor)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(InvalidRequest):
        BINS.position(text)


def test_bins_of_no_site_are_another_list_than_bins_of_all() -> None:
    assert List.of_bins(Wanted(site=NO_SITE)) != List.of_bins(Wanted())


def test_the_longest_names_fit_into_a_cursor() -> None:
    longest, person = "x" * 64, "ä" * 256
    position = {
        "PK": f"BIN#{longest}",
        "SK": "BIN#STATUS",
        "queue_assignee": f"SITE#{longest}#{person}",
        "review_cost": f"0000000000000.000000#{longest}",
    }
    bins = List.of_bins(Wanted(site=longest, assignee=person, sort=Sort.COST))
    cursor = bins.cursor(Page((), position))
    assert cursor is not None
    assert bins.position(cursor) == position
