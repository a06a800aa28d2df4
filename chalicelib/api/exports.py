"""A page of a list in the form that the caller accepts: JSON, CSV, or JSON Lines. Pure but for Chalice's response.

The form changes, the page does not: the same entries in the same order, and the same cursor, which CSV and JSON Lines
have no place for and which therefore stands in the header `Link`, as the address of the next page (RFC 8288).
"""

from __future__ import annotations

import csv
import io
import json
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from chalice.app import Response

from chalicelib.api.cursors import MOST
from chalicelib.api.errors import NotAcceptable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalice.app import Request


MOST_EXPORTED: Final = 1_000


class Form(Enum):
    """What a list can be sent as, by its media type; the one that is preferred first."""

    JSON = "application/json"
    CSV = "text/csv"
    LINES = "application/x-ndjson"

    @property
    def most(self) -> int:
        """How many entries a page may have: what is for programs comes in larger ones."""
        return MOST if self is Form.JSON else MOST_EXPORTED


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet takes for a formula (OWASP, CSV injection)."""

_IMAGE: Final = ("bucket", "key", "version", "etag", "sequencer", "size", "uploaded_at")
_JUDGEMENT: Final = (
    *("probability_of_mismatch", "direction", "prior", "likelihood_ratio", "review_from", "alert_from"),
    *("photos_judged", "is_settled", "is_audit", "stands_for", "expected_cost", "policy"),
)
_BIN: Final = (
    *("bin_id", "version", "status", "changed_at", "photos", "site", "consignment_id", "expected", "predicted"),
    *("certainty", "probabilities", "severity", "reason", "model", *_JUDGEMENT, "since"),
    *("alert.state", "alert.opened_at", "alert.raised", "alert.by", "assignee", "photo_requested_at"),
    *(f"image.{name}" for name in _IMAGE),
)
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "bins": (*_BIN, "picture_url"),
    "inspections": (
        *("type", "bin_id", "verdict", "expected", "consignment_id", "items", "predicted", "reason"),
        *("message", "probabilities", "model", *_JUDGEMENT, *(f"image.{name}" for name in _IMAGE), "at", "picture_url"),
    ),
    "rejections": (
        *("type", "bin_id", "verdict", "reason", "message", *(f"image.{name}" for name in _IMAGE), "at"),
        "picture_url",
    ),
    "resolutions": (
        *("type", "bin_id", "version", "by", "at", "true_count", "reason", "note", "expected", "asked", "is_wrong"),
        *("corrects", "reopens", "assignee", *(f"stood.{name}" for name in _BIN), "picture_url"),
    ),
    "audit": (
        *("at", "by", "action", "version", "site", "bin_id", "consignment_id", "policy", "before", "after", "note"),
    ),
}
"""The columns of each list, as paths into an entry; fixed, so that all pages of an export fit under one header."""


def form_for(request: Request) -> Form:
    """Return the form in which a list is to be sent, by the request's Accept; without one it is JSON.

    Raises:
        NotAcceptable: none of them would do.
    """
    ranges = [_range(text) for text in request.headers.get("accept", "").split(",") if text.strip()]
    if not ranges:
        return Form.JSON
    weights = {form: _weight(form.value, ranges) for form in Form}
    best = max(Form, key=lambda form: weights[form])
    if weights[best] == 0.0:
        raise NotAcceptable(f"a list comes as {', '.join(form.value for form in Form)}")
    return best


def sent(request: Request, form: Form, name: str, entries: Sequence[Mapping[str, Any]], cursor: str | None) -> Response:
    """Answer with a page of a list in a form; `name` is what its entries are called in JSON."""
    headers = {"Content-Type": f"{form.value}; charset=utf-8", "Vary": "Accept"}
    if cursor is not None:
        headers["Link"] = f'<{_following(request, cursor)}>; rel="next"'
    if form is Form.JSON:
        return Response({name: entries, "cursor": cursor}, headers={**headers, "Content-Type": form.value})
    body = as_csv(COLUMNS[name], entries) if form is Form.CSV else as_lines(entries)
    return Response(body, headers=headers)


def as_csv(columns: Sequence[str], entries: Iterable[Mapping[str, Any]]) -> str:
    """Return entries as CSV (RFC 4180) under a header; no cell can be a formula. What is unknown is empty.

    A list is its parts with a space between, what has names of its own is JSON. A text that a spreadsheet would take
    for a formula begins with an apostrophe.
    """
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(columns)
    rows.writerows([_cell(_at(entry, column)) for column in columns] for entry in entries)
    return file.getvalue()


def as_lines(entries: Iterable[Mapping[str, Any]]) -> str:
    """Return entries as JSON Lines."""
    return "".join(f"{json.dumps(entry, separators=(',', ':'))}\n" for entry in entries)


def _at(entry: Any, path: str) -> Any:
    for name in path.split("."):
        entry = entry.get(name) if isinstance(entry, dict) else None
    return entry


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"))
    text = " ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _range(text: str) -> tuple[str, float]:
    """Return a media range of an Accept header and its weight; parameters other than the weight say nothing to us."""
    media, *parameters = (part.strip().lower() for part in text.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return media, _number(value)
    return media, 1.0


def _number(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def _weight(media: str, ranges: Iterable[tuple[str, float]]) -> float:
    """Return how welcome a media type is: by the most specific range that takes it in, as RFC 9110 has it."""
    specific = {media: 3, f"{media.partition('/')[0]}/*": 2, "*/*": 1}
    fitting = [(specific[name], weight) for name, weight in ranges if name in specific]
    return max(fitting)[1] if fitting else 0.0


def _following(request: Request, cursor: str) -> str:
    """Return the address of the next page, relative to this one's: only the gateway knows under which path that is."""
    query = {name: value for name, value in (request.query_params or {}).items() if name != "cursor"}
    return f"?{urlencode({**query, 'cursor': cursor})}"
