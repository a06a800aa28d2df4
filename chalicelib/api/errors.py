"""Every error that the API answers with: `{"error": code, "message": text}`, and its status code."""

from __future__ import annotations

import functools
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.errors import BincheckError, Conflict, InvalidRequest, NotFound, TemporaryFailure

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("bincheck.api")
"""A child of the application's log, so that its lines get that one's form and fields."""


class Unprocessable(InvalidRequest):
    """The body is JSON and breaks the rules; the message names every place where it does."""


class TooLarge(InvalidRequest):
    """The body is larger than the API takes."""


class NotAcceptable(InvalidRequest):
    """The caller accepts none of the forms that the answer can have; the message names them."""


_ANSWERS: dict[type[BincheckError], tuple[int, str]] = {
    InvalidRequest: (400, "invalid_request"),
    NotFound: (404, "not_found"),
    NotAcceptable: (406, "not_acceptable"),
    Conflict: (409, "conflict"),
    TooLarge: (413, "too_large"),
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
            if type(error) not in _ANSWERS:
                raise
            status, code = _ANSWERS[type(error)]
            if status in _NEUTRAL:
                _log.error("answered %d: %s", status, error)
            return Response(_body(code, _NEUTRAL.get(status, str(error))), status_code=status)

    return answer


def in_one_shape(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Give every response its headers, and Chalice's own errors the shape of ours (a Chalice middleware)."""
    response = get_response(event)
    said = response.body
    if isinstance(said, dict):
        response.headers = {"Content-Type": "application/json", **response.headers}
        if set(said) == {"Code", "Message"}:
            status = HTTPStatus(response.status_code)
            response.body = _body(status.name.lower(), _NEUTRAL.get(status, str(said["Message"])))
    response.headers = {**_HEADERS, **response.headers}
    return response


def _body(code: str, message: str) -> dict[str, str]:
    return {"error": code, "message": message}
