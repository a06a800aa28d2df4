from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.cursors import List
from chalicelib.errors import InvalidRequest
from chalicelib.ports_api import Page

names = st.text(min_size=1, max_size=64)
positions = st.dictionaries(st.sampled_from(["PK", "SK", "shard"]), st.text("abc#-0", min_size=1), min_size=1)
BINS = List.of_bins("match", "C-1")


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
    [List.of_bins("match", None), List.of_bins(None, "C-1"), List.of_photos("C-1"), List.of_rejections()],
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
        encoded(["bins", "match", "C-1", {"PK": "x" * 1000}]),
        encoded("bins"),
        encoded([]),
        encoded(7),
        encoded(None),
        encoded({"bins": 1}),
        encoded(["bins", "match", "C-1"]),
        encoded(["bins", "match", "C-1", {}]),
        encoded(["bins", "match", "C-1", "x"]),
        encoded(["bins", "match", "C-1", {"PK": 1}]),
        encoded(["bins", "match", "C-1", {"PK": ""}]),
        encoded(["bins", "match", "C-1", {"PK": {"S": "x"}}]),
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


def test_the_longest_names_fit_into_a_cursor() -> None:
    longest = "x" * 64
    position = {
        "PK": f"BIN#{longest}",
        "SK": "BIN#STATUS",
        "consignment_id": longest,
        "state_bin": f"unexpected#{longest}",
    }
    photos = List.of_bins("unexpected", longest)
    cursor = photos.cursor(Page((), position))
    assert cursor is not None
    assert photos.position(cursor) == position
