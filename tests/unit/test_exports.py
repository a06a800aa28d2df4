"""What a list is sent as, and that spreadsheets can read it without harm."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from chalice.app import Request
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api import shapes
from chalicelib.api.errors import NotAcceptable
from chalicelib.api.exports import COLUMNS, Form, as_csv, as_lines, form_for, sent
from chalicelib.resolution import Assignment, Cause, Finding, PhotoRequest, Reopening, Resolution
from chalicelib.trail import Action, AuditRecord
from tests.examples import NOON, rejection_of, statuses
from tests.fakes_api import FakePictures, expectation_of, image_of, inspection_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.bin_status import BinStatus


def request_with(accept: str | None, **query: str) -> Request:
    return Request(
        {
            "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
            "headers": {} if accept is None else {"accept": accept},
            "pathParameters": {},
            "requestContext": {"httpMethod": "GET", "resourcePath": "/v1/bins"},
            "body": None,
            "stageVariables": None,
        }
    )


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, Form.JSON),
        ("", Form.JSON),
        ("*/*", Form.JSON),
        ("application/json", Form.JSON),
        ("application/*", Form.JSON),
        ("text/html, */*;q=0.8", Form.JSON),
        ("text/csv", Form.CSV),
        ("text/*", Form.CSV),
        ("TEXT/CSV; charset=utf-8", Form.CSV),
        ("application/json;q=0.5, text/csv", Form.CSV),
        ("text/csv;q=0.4, application/x-ndjson;q=0.6", Form.LINES),
        ("*/*, application/json;q=0", Form.CSV),
        ("text/csv;q=0.9, application/json;q=0.9", Form.JSON),
    ],
)
def test_the_form_is_the_one_that_the_caller_likes_best(accept: str | None, form: Form) -> None:
    assert form_for(request_with(accept)) is form


@pytest.mark.parametrize("accept", ["text/html", "image/png", "text/csv;q=0", "text/csv;q=nonsense", "nonsense"])
def test_a_caller_who_takes_none_of_the_forms_is_told_which_there_are(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="application/json, text/csv, application/x-ndjson"):
        form_for(request_with(accept))


@given(st.text(max_size=60))
def test_no_accept_header_breaks_the_reader(accept: str) -> None:
    try:
        assert form_for(request_with(accept)) in Form
    except NotAcceptable:
        assert accept.strip()


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_csv_has_a_header_and_what_is_unknown_is_empty() -> None:
    entries = [{"a": "x", "b": {"c": 1.5, "d": None}}, {"a": None, "b": None}]
    assert as_csv(("a", "b.c", "b.d"), entries) == "a,b.c,b.d\r\nx,1.5,\r\n,,\r\n"


def test_a_csv_keeps_quotes_commas_and_line_ends_in_their_cells() -> None:
    note = 'said "no", then\r\nleft; \u2713'
    assert read(as_csv(("note",), [{"note": note}])) == [{"note": note}]


@given(st.text().filter(lambda text: "\0" not in text))
def test_no_cell_of_a_csv_can_be_a_formula(text: str) -> None:
    [[cell]] = list(csv.reader(io.StringIO(as_csv(("note",), [{"note": text}]), newline="")))[1:] or [[""]]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell in {text, f"'{text}"}


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-0.5, "-0.5"),
        (True, "true"),
        (["mismatch", "rejected"], "mismatch rejected"),
        (["=1", "2"], "'=1 2"),
        ({"0": 0.25}, '{"0":0.25}'),
    ],
)
def test_numbers_stay_numbers_lists_are_words_and_the_rest_is_json(value: Any, cell: str) -> None:
    [row] = list(csv.reader(io.StringIO(as_csv(("x",), [{"x": value}]))))[1:]
    assert row == [cell]


def test_json_lines_are_one_entry_a_line() -> None:
    entries = [{"a": "x\ny"}, {"a": None}]
    lines = as_lines(entries).splitlines()
    assert [json.loads(line) for line in lines] == entries
    assert as_lines([]) == ""


def test_the_next_page_of_an_export_stands_in_a_header_relative_to_this_one() -> None:
    request = request_with("text/csv", site="FRA1", limit="2", cursor="before")
    page = sent(request, Form.CSV, "bins", [], "af ter")
    assert page.headers["Link"] == '<?site=FRA1&limit=2&cursor=af+ter>; rel="next"'
    assert page.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "Link" not in sent(request, Form.CSV, "bins", [], None).headers


def leaves(entry: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, value in entry.items():
        is_parted = isinstance(value, dict) and name != "probabilities"
        yield from leaves(value, f"{path}{name}.") if is_parted else [f"{path}{name}"]


@given(statuses)
def test_every_field_of_a_bin_has_its_column(status: BinStatus) -> None:
    entry = shapes.bin_with_picture(status, FakePictures())
    parted = {name for name in ("alert", "image") if entry[name] is None}
    assert set(leaves(entry)) - parted <= set(COLUMNS["bins"])


def test_every_field_of_a_photo_has_its_column() -> None:
    inspection = shapes.outcome(inspection_of("A-1", expectation=expectation_of("A-1")), FakePictures())
    rejection = shapes.outcome(rejection_of(image_of("A-1")), FakePictures())
    assert {*leaves(inspection), *leaves(rejection)} == set(COLUMNS["inspections"])
    assert set(leaves(rejection)) == set(COLUMNS["rejections"])


@given(statuses)
def test_every_field_of_what_people_said_has_its_column(stood: BinStatus) -> None:
    statements = [
        Resolution("A-1", 4, "ann", NOON, Finding(2, Cause.COUNTED), stood),
        Reopening("A-1", 5, "ann", NOON, 4, stood, "no"),
    ]
    others = [Assignment("A-1", 6, "ann", NOON, "bob"), PhotoRequest("A-1", 7, "ann", NOON, "please")]
    told = [shapes.statement(said, FakePictures()) for said in statements] + [shapes.act(said) for said in others]
    fields = {leaf for entry in told for leaf in leaves(entry)} - {"stood.alert", "stood.image"}
    assert fields <= set(COLUMNS["resolutions"])


def test_every_field_of_the_audit_trail_has_its_column() -> None:
    record = AuditRecord(NOON, "ann", Action.ASSIGNMENT, 4, "FRA1", "A-1", before={"assignee": None})
    assert tuple(shapes.audit_record(record)) == COLUMNS["audit"]


@pytest.mark.parametrize("name", COLUMNS)
def test_no_column_stands_twice(name: str) -> None:
    assert len(set(COLUMNS[name])) == len(COLUMNS[name])
