"""How the API says no: one shape for all errors, and what each status code means."""

from __future__ import annotations

from typing import Any, Final

from chalicelib.api.openapi.vocabulary import Schema, record, ref, text

PROBLEM_TYPE: Final = "application/json"
RATE: Final = 50
BURST: Final = 100
"""Requests a second, and at once, over all callers: the gateway's throttle in `.chalice/resources.yaml`."""

CODES: Final = {
    400: ("invalid_request", "A name, a parameter or a header is none, or the body is no JSON."),
    401: ("unauthorized", "The token is missing, has run out, or is no good."),
    403: ("forbidden", "The token's role does not allow this."),
    404: ("not_found", "Nothing of that name is on file."),
    409: (
        "conflict",
        "It does not stand so that this could be done, or the Idempotency-Key belongs to another request.",
    ),
    413: ("too_large", "The body is larger than 4 MiB."),
    415: ("unsupported_media_type", "The body is of a type that this route does not take."),
    422: ("unprocessable", "The body breaks the rules; every place is named."),
    429: (
        "too_many_requests",
        f"More than {RATE} requests a second, or {BURST} at once, over all callers. Nothing was done: try again later.",
    ),
    500: ("internal_server_error", "Something went wrong on our side; it has been logged."),
    503: ("unavailable", "A service behind the API did not answer as it should. Try again in a moment."),
}
"""The code in `error`, and what it means, by status code."""

SCHEMAS: Final[dict[str, Schema]] = {
    "Problem": record(
        "What went wrong.",
        error=text("not_found", "The kind of the error; programs go by it."),
        message=text("no bin A-17 is on file", "What is the matter, for people."),
    ),
}


def responses() -> dict[str, Any]:
    """Return what OpenAPI says of the answers that say no, by status code."""
    return {
        str(status): {
            "description": meaning,
            "content": {PROBLEM_TYPE: {"schema": ref("Problem"), "example": _example(status)}},
        }
        for status, (_, meaning) in CODES.items()
    }


def _example(status: int) -> dict[str, Any]:
    code, meaning = CODES[status]
    return {"error": code, "message": meaning}
