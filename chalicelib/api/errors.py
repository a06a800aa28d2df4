"""Every error that the API answers with: problem details (RFC 9457), and its status code.

    {"type": "urn:bincheck:problem:<code>", "title": ..., "status": ..., "detail": text, "error": code, "message": text}

`error` and `message` say the same as the end of `type` and as `detail`: they are older than the rest, and stay. Where
a body breaks the rules, `errors` has its places, each `{"line", "field", "message"}`, and `errors_left_out` how many
more there are.
"""

from __future__ import annotations

import functools
import logging
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.errors import (
    BincheckError,
    Conflict,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    TemporaryFailure,
    Unprocessable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.errors import Mistake

_log = logging.getLogger("bincheck.api")
"""A child of the application's log, so that its lines get that one's form and fields."""

PROBLEM_JSON = "application/problem+json"
_TYPE = "urn:bincheck:problem:"
_MOST_PLACES = 1_000
"""How many mistakes one answer lists."""


class TooLarge(InvalidRequest):
    """The body is larger than the API takes."""


class NotAcceptable(InvalidRequest):
    """The caller takes no form in which this could be answered."""


class UnsupportedMediaType(InvalidRequest):
    """The body comes in a form that this route does not read."""


_ANSWERS: dict[type[BincheckError], tuple[int, str]] = {
    InvalidRequest: (400, "invalid_request"),
    NotFound: (404, "not_found"),
    NotAcceptable: (406, "not_acceptable"),
    Conflict: (409, "conflict"),
    PreconditionFailed: (412, "precondition_failed"),
    TooLarge: (413, "too_large"),
    UnsupportedMediaType: (415, "unsupported_media_type"),
    Unprocessable: (422, "unprocessable"),
    TemporaryFailure: (503, "unavailable"),
}
_NEUTRAL = {
    500: "something went wrong on our side; it has been logged",
    503: "a service behind this one did not answer as it should; try again in a moment",
}
"""What is said instead of details that are ours alone."""

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def answered(view: Callable[..., dict[str, Any] | Response]) -> Callable[..., dict[str, Any] | Response]:
    """Turn the errors that a route raises into answers; an unexpected one goes on to Chalice, which logs it."""

    @functools.wraps(view)
    def answer(**arguments: str) -> dict[str, Any] | Response:
        try:
            return view(**arguments)
        except BincheckError as error:
            kind = next((kind for kind in type(error).__mro__ if kind in _ANSWERS), None)
            if kind is None:
                raise
            status, code = _ANSWERS[kind]
            if status in _NEUTRAL:
                _log.error("answered %d: %s", status, error)
            places = _places(error) if isinstance(error, Unprocessable) else {}
            return _refusal(status, code, str(error), places)

    return answer


def tagged(body: dict[str, Any], version: int | str) -> Response:
    """Return an answer with its version as entity tag, for the If-Match of whoever wants to change what was seen."""
    return Response(body, headers={"ETag": f'"{version}"'})


def in_one_shape(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Give every response its headers, and Chalice's own errors the shape of ours (a Chalice middleware)."""
    response = get_response(event)
    said = response.body
    if isinstance(said, dict):
        if set(said) == {"Code", "Message"}:
            status = HTTPStatus(response.status_code)
            refusal = _refusal(status, status.name.lower(), str(said["Message"]))
            response.body, response.headers = refusal.body, {**response.headers, **refusal.headers}
        response.headers = {"Content-Type": "application/json", **response.headers}
    response.headers = {**_HEADERS, **response.headers}
    return response


def _refusal(status: int, code: str, said: str, places: Mapping[str, Any] = MappingProxyType({})) -> Response:
    body = {**problem(status, code, _NEUTRAL.get(status, said)), **places}
    return Response(body, status_code=status, headers={"Content-Type": PROBLEM_JSON})


def problem(status: int, code: str, message: str) -> dict[str, Any]:
    """Return what is said of an error; the code and its title stay, the message may change."""
    return {
        "type": f"{_TYPE}{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": int(status),
        "detail": message,
        "error": code,
        "message": message,
    }


def mistake(one: Mistake) -> dict[str, Any]:
    """Return what is said of one place where a document breaks the rules."""
    return {"line": one.line, "field": one.field, "message": one.message}


def _places(error: Unprocessable) -> dict[str, Any]:
    if not error.mistakes:
        return {}
    told = [mistake(one) for one in error.mistakes[:_MOST_PLACES]]
    return {"errors": told, "errors_left_out": len(error.mistakes) - len(told) + error.left_out}
