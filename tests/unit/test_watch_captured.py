"""Captured traffic, line by line: what is taken, what is passed over and why. The lines are in tests/captured."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import BadSelectionError, UnreadableCaptureError
from training.watch.captured import BrokenLine, File, Folder, Span, exchange_in, moment
from training.watch.window import NotAnswered, Window, answer_in, gathered

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = (Path(__file__).parents[1] / "captured" / "exchanges.jsonl").read_bytes().splitlines()
PLACE = "captured/bin-counter/champion/2026/11/27/03/47-25-113-7f0a5b7e.jsonl"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
UNTIL_FOUR = Span(until=datetime(2026, 11, 27, 4, tzinfo=UTC))
ANSWER = {"model": "tiny/1", "counts": ["0", "1", "2", "3", "4", "5", "6+"], "probabilities": [0.4, *[0.1] * 6]}


@dataclass
class FakeCapture:
    """Files and their lines, from memory."""

    held: dict[str, list[bytes]] = field(default_factory=dict)

    def files(self, span: Span) -> Iterator[File]:
        return (file for file in map(File.at, self.held) if span.may_hold(file))

    def lines(self, file: File) -> Iterator[bytes]:
        return iter(self.held[file.path])


def window_of(*lines: bytes, span: Span | None = None) -> Window:
    return gathered(FakeCapture({PLACE: list(lines)}), span or Span(), "tiny/1", (224, 224))


def test_every_line_is_a_photo_that_counts_or_has_a_reason_why_not() -> None:
    window = window_of(*LINES, span=UNTIL_FOUR)
    tally = window.tally

    assert len(window) == 2
    assert tally.lines == 13, "an empty line is none"
    assert (tally.broken, tally.outside, tally.unanswered, tally.undecodable, tally.repeated) == (4, 1, 2, 1, 1)
    assert (dict(tally.refused), dict(tally.other_models)) == ({"not_an_image": 1}, {"tiny/2": 1})
    assert window.sources == {("bin-counter", "champion")}
    assert (window.first, window.last) == (
        datetime(2026, 11, 27, 3, 47, 25, tzinfo=UTC),
        datetime(2026, 11, 27, 3, 52, 1, tzinfo=UTC),
    )


def test_what_counts_is_measured() -> None:
    window = window_of(*LINES[:2])

    assert window.values("width").tolist() == [64, 80]
    assert window.values("height").tolist() == [48, 48]
    assert window.values("confidence").tolist() == pytest.approx([0.5, 0.5])
    assert window.values("prediction").tolist() == [1, 1]
    assert 0 < window.values("brightness")[0] < 255
    assert window.values("kilobytes")[0] == pytest.approx(len(exchange_in(LINES[0]).photo) / 1000)


def test_both_encodings_give_the_same_reply() -> None:
    as_text, in_base_64 = (exchange_in(line) for line in LINES[:2])

    assert as_text.reply == in_base_64.reply
    assert as_text.photo.startswith(b"\xff\xd8\xff")
    assert in_base_64.event_id == "2"


@given(st.binary(max_size=80))
def test_no_line_is_believed(line: bytes) -> None:
    with pytest.raises(BrokenLine):
        exchange_in(line)


@given(st.integers(0, len(LINES[0]) - 1))
def test_a_line_that_was_cut_off_is_broken(end: int) -> None:
    with pytest.raises(BrokenLine):
        exchange_in(LINES[0][:end])


@pytest.mark.parametrize(
    "reply",
    [
        None,
        b"",
        b"[]",
        json.dumps(ANSWER | {"probabilities": [0.5, 0.5]}).encode(),
        json.dumps(ANSWER | {"probabilities": [float("nan"), *[0.1] * 6]}).encode(),
        json.dumps(ANSWER | {"probabilities": [1.4, -0.4, 0, 0, 0, 0, 0]}).encode(),
        json.dumps(ANSWER | {"counts": ["0", "1", "2", "3", "4", "5", "6"]}).encode(),
    ],
)
def test_what_is_no_distribution_over_the_counts_is_no_answer(reply: bytes | None) -> None:
    with pytest.raises(NotAnswered):
        answer_in(reply)


@pytest.mark.parametrize(
    ("path", "endpoint", "variant", "hour"),
    [
        (PLACE, "bin-counter", "champion", datetime(2026, 11, 27, 3, tzinfo=UTC)),
        ("counter/AllTraffic/2026/11/27/23/1.jsonl", "counter", "AllTraffic", datetime(2026, 11, 27, 23, tzinfo=UTC)),
        ("downloads/some.jsonl", "", "", None),
        ("a/b/2026/13/40/99/1.jsonl", "", "", None),
    ],
)
def test_a_files_place_says_whose_and_of_when_it_is(path: str, endpoint: str, variant: str, hour: datetime) -> None:
    assert File.at(path) == File(path, endpoint, variant, hour)


@given(st.integers(-400, 400), st.integers(0, 59))
def test_no_file_is_left_out_that_may_hold_an_exchange_of_the_span(minutes: int, late: int) -> None:
    began = datetime(2026, 11, 27, 10, tzinfo=UTC)
    file = File("x", "a", "b", began)
    happened = began + timedelta(minutes=59 + late)  # flushed a while after the file was begun
    at = began + timedelta(minutes=minutes)

    assert Span(since=at).may_hold(file) or happened < at
    assert Span(until=at).may_hold(file) or began - timedelta(minutes=late) >= at


def test_files_of_other_days_are_not_even_opened() -> None:
    capture = FakeCapture({PLACE: [LINES[0]], PLACE.replace("/27/", "/20/"): [b"broken"]})

    window = gathered(capture, Span(since=NOW - timedelta(days=1)), "tiny/1", (224, 224))
    assert (len(window), window.tally.lines) == (1, 1)


def test_nothing_captured_is_an_empty_window() -> None:
    window = gathered(FakeCapture(), Span(), "tiny/1", (224, 224))

    assert len(window) == 0
    assert window.first is None
    assert window.counts("brightness", [0, 1, 2]).tolist() == [0, 0]  # type: ignore[arg-type]


def test_a_folder_is_read_in_the_order_of_its_hours(tmp_path: Path) -> None:
    for hour in ("11", "02", "05"):
        folder = tmp_path / "bin-counter" / "champion" / "2026" / "11" / "27" / hour
        folder.mkdir(parents=True)
        (folder / "1.jsonl").write_bytes(hour.encode() + b"\n")
        (folder / "note.txt").write_text("no capture")

    found = list(Folder(tmp_path).files(Span()))
    assert [b"".join(Folder(tmp_path).lines(file)) for file in found] == [b"02\n", b"05\n", b"11\n"]
    assert {(file.endpoint, file.variant) for file in found} == {("bin-counter", "champion")}


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UnreadableCaptureError, match="no such folder"):
        list(Folder(tmp_path / "nowhere").files(Span()))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("24h", NOW - timedelta(hours=24)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-26T08:00:00Z", datetime(2026, 11, 26, 8, tzinfo=UTC)),
        ("2026-11-26T08:00:00", datetime(2026, 11, 26, 8, tzinfo=UTC)),
        ("2026-11-26T09:00:00+01:00", datetime(2026, 11, 26, 8, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_date_or_how_long_ago(text: str, at: datetime) -> None:
    assert moment(text, NOW) == at


@pytest.mark.parametrize("text", ["", "soon", "7 d", "24", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadSelectionError, match="a time reads"):
        moment(text, NOW)
