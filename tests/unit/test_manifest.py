"""Consignments as CSV: whatever is written is read back, and whatever is wrong is told with its line."""

from __future__ import annotations

import csv
import io
import json
import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.bodies import consignment_in
from chalicelib.domain import Expectation, Item
from chalicelib.errors import Unprocessable
from chalicelib.manifest import MOST_TOLD, WITH_ITEMS, WITHOUT_ITEMS, Manifest, read_manifest

if TYPE_CHECKING:
    from chalicelib.errors import Mistake

SHORT, LONG = ",".join(WITHOUT_ITEMS), ",".join(WITH_ITEMS)

quantities = st.integers(0, 100_000)
names = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=64)
skus = st.text([chr(code) for code in range(ord("!"), ord("~") + 1)], min_size=1, max_size=64)
goods = st.lists(st.builds(Item, skus, st.integers(0, 500)), max_size=4)


def expectation_of(name: str, quantity: int, items: list[Item]) -> Expectation:
    total = sum(item.quantity for item in items) if items else quantity
    return Expectation(name, "C-1", "FRA1", total, tuple(sorted(items)))


said_of_bins = st.dictionaries(names, st.tuples(quantities, goods), min_size=1, max_size=12).map(
    lambda said: [expectation_of(name, quantity, items) for name, (quantity, items) in said.items()]
)


def csv_of(expectations: list[Expectation], newline: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    """What Python's own writer makes of a consignment."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator=newline, quoting=quoting)
    writer.writerow(WITH_ITEMS)
    for bin_ in expectations:
        for item in bin_.items:
            writer.writerow([bin_.bin_id, bin_.quantity, item.sku, item.quantity])
        if not bin_.items:
            writer.writerow([bin_.bin_id, bin_.quantity, "", ""])
    return written.getvalue()


def read(text: str | bytes) -> Manifest:
    return read_manifest(text.encode() if isinstance(text, str) else text, "C-1", "FRA1")


def refused(text: str | bytes) -> Unprocessable:
    with pytest.raises(Unprocessable) as refusal:
        read(text)
    return refusal.value


def places(text: str | bytes) -> list[tuple[int | None, str | None]]:
    return [(mistake.line, mistake.field) for mistake in refused(text).mistakes]


def message(text: str | bytes) -> str:
    (mistake,) = refused(text).mistakes
    return mistake.message


@given(
    said_of_bins,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_what_is_written_is_read_back(said: list[Expectation], newline: str, quoting: int, mark: bytes) -> None:
    assert list(read(mark + csv_of(said, newline, quoting).encode()).expectations) == said


@given(said_of_bins)
def test_a_file_says_just_what_the_same_json_says(said: list[Expectation]) -> None:
    bins = [
        {
            "bin_id": bin_.bin_id,
            "expected_quantity": bin_.quantity,
            "items": [{"sku": item.sku, "quantity": item.quantity} for item in bin_.items] or None,
        }
        for bin_ in said
    ]
    body = consignment_in(json.dumps({"site": "FRA1", "bins": bins}).encode())
    assert list(read(csv_of(said)).expectations) == body.expectations("C-1")


def has_a_place(mistake: Mistake, lines: int) -> bool:
    return bool(mistake.message) and mistake.line is not None and 1 <= mistake.line <= lines + 1


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="surrogatepass")))
def test_garbage_is_refused_with_lines_and_never_breaks_the_reader(garbage: bytes) -> None:
    refusal = refused(garbage)
    assert refusal.mistakes
    assert all(has_a_place(mistake, len(garbage)) for mistake in refusal.mistakes)


@given(st.lists(st.text('ab1",;\n\r \0é\ud800', max_size=12), min_size=1, max_size=12))
def test_garbage_below_a_header_is_refused_with_lines_or_says_something(lines: list[str]) -> None:
    body = "\n".join([LONG, *lines]).encode(errors="surrogatepass")
    try:
        manifest = read(body)
    except Unprocessable as refusal:
        told = [mistake.line for mistake in refusal.mistakes]
        assert told == sorted(told, key=lambda line: line or 0)
        assert all(line is not None for line in told) or len(told) == 1
    else:
        assert manifest.expectations


@given(said_of_bins.filter(lambda said: all(bin_.bin_id != "x" for bin_ in said)), st.data())
def test_one_bad_line_among_good_ones_is_told_by_its_number(said: list[Expectation], data: st.DataObject) -> None:
    lines = csv_of(said).splitlines()
    at = data.draw(st.integers(1, len(lines)))
    bad = data.draw(st.sampled_from(["no bin,1,,", "x,-1,,", "x,1,sku,", "x,1,,1", "x,1", '"x"y,1,,', "x,1,,,"]))
    lines.insert(at, bad)
    assert [line for line, _ in places("\n".join(lines))] == [at + 1]


def test_items_are_optional_and_so_are_their_columns() -> None:
    plain = (Expectation("A-1", "C-1", "FRA1", 3), Expectation("A-2", "C-1", "FRA1", 0))
    assert read(f"{SHORT}\nA-1,3\nA-2,0\n").expectations == plain
    assert read(f"{LONG}\nA-1,3,,\nA-2,0,,").expectations == plain


def test_lines_of_one_bin_are_its_items_wherever_they_stand() -> None:
    manifest = read(f"{LONG}\nA-1,3,X,2\nA-2,1,,\nA-1,3,W,1\n")
    assert manifest.expectations[0] == Expectation("A-1", "C-1", "FRA1", 3, (Item("W", 1), Item("X", 2)))
    assert manifest.lines == {"A-1": 2, "A-2": 3}


def test_blank_lines_and_spaces_around_cells_say_nothing() -> None:
    assert [bin_.bin_id for bin_ in read(f"{SHORT}\n\n A-1 , 3 \n,\n   \nA-2,1\n\n").expectations] == ["A-1", "A-2"]


def test_all_mistakes_of_all_lines_are_told_at_once() -> None:
    lines = ["A 1,x", "A-2,1", "A-2,1", "A-3", "A-4,100001", "A-5,1", '"A-6"7,1']
    assert places("\n".join([SHORT, *lines])) == [
        (2, "bin_id"),
        (2, "expected_quantity"),
        (4, "bin_id"),
        (5, None),
        (6, "expected_quantity"),
        (8, None),
    ]


@pytest.mark.parametrize(
    ("lines", "line", "column", "told"),
    [
        ("A-1,3,X,2", 2, "expected_quantity", "add up to 2, not to 3"),
        ("A-1,3,X,2\nA-1,4,Y,1", 3, "expected_quantity", "is 4 here and 3"),
        ("A-1,3,X,3\nA-1,3,,", 3, "bin_id", "already"),
        ("A-1,3,,\nA-1,3,X,3", 3, "bin_id", "already"),
        ("A-1,3,,\nA-1,3,,", 3, "bin_id", "is on line 2 already"),
        ("A-1,3,X,", 2, "quantity", "a whole number"),
        ("A-1,3,,3", 2, "sku", "visible ASCII"),
        ("A-1,3,X Y,3", 2, "sku", "not 'X Y'"),
        ("A-1,1e3,,", 2, "expected_quantity", "not '1e3'"),
        ("A-1,\u0663,,", 2, "expected_quantity", "a whole number"),
        (f"{'A' * 65},3,,", 2, "bin_id", "AAA..."),
        ("A-1,3,X", 2, None, "has 3 cells, not 4"),
        ('A-1,3,"X,3', 2, None, "no CSV"),
    ],
)
def test_each_mistake_is_told_where_it_is(lines: str, line: int, column: str | None, told: str) -> None:
    (mistake,) = refused(f"{LONG}\n{lines}").mistakes
    assert (mistake.line, mistake.field) == (line, column)
    assert told in mistake.message


def test_a_line_in_another_encoding_is_told_and_the_others_are_read_on() -> None:
    body = f"{SHORT}\n".encode() + "B\u00fcro,1\n".encode("latin-1") + b"A-1,x\n"
    assert places(body) == [(2, None), (3, "expected_quantity")]


@pytest.mark.parametrize("body", ["", "\n\n", "bin_id;expected_quantity\nA-1;3", "A-1,3", LONG.upper(), "\ufeff\ufeff"])
def test_without_its_header_a_file_is_refused(body: str) -> None:
    assert f"the header must be {SHORT} or {LONG}" in message(body)


def test_a_file_that_names_no_bin_does_not_release_them_all_by_accident() -> None:
    assert "names no bin" in message(f"{LONG}\n")


def test_ten_thousand_bins_are_taken_and_one_more_is_told_once() -> None:
    lines = [f"A-{number},1" for number in range(10_003)]
    assert len(read("\n".join([SHORT, *lines[:10_000]])).expectations) == 10_000
    refusal = refused("\n".join([SHORT, *lines]))
    assert [(mistake.line, mistake.message) for mistake in refusal.mistakes] == [
        (10_002, "the file names more than 10000 bins")
    ]


def test_two_hundred_items_are_taken_and_one_more_is_told() -> None:
    lines = [f"A-1,200,S-{number},1" for number in range(200)]
    assert len(read("\n".join([LONG, *lines])).expectations[0].items) == 200
    assert places("\n".join([LONG, *lines, "A-1,200,S-200,0"])) == [(202, "sku")]


def test_of_very_many_mistakes_the_first_are_told_and_the_rest_is_counted() -> None:
    refusal = refused("\n".join([SHORT, *["?"] * (MOST_TOLD + 7)]))
    assert [mistake.line for mistake in refusal.mistakes] == list(range(2, MOST_TOLD + 2))
    assert refusal.left_out == 7
    assert str(refusal) == f"line 2: has 1 cells, not 2; and {MOST_TOLD + 6} more"
