"""How the API says no: problem details (RFC 9457) for all errors, and what each status code means."""

from __future__ import annotations

from typing import Any, Final

from chalicelib.api.errors import PROBLEM_JSON, problem
from chalicelib.api.openapi.vocabulary import Schema, many, maybe, optional, record, ref, text, whole

RATE: Final = 50
BURST: Final = 100
"""Requests a second, and at once, over all callers: the gateway's throttle in `.chalice/resources.yaml`."""

CODES: Final = {
    400: ("invalid_request", "A name, a parameter or a header is none, or the body is no JSON."),
    401: ("unauthorized", "The token is missing, has run out, or is no good."),
    403: ("forbidden", "The token's role does not allow this."),
    404: ("not_found", "Nothing of that name is on file."),
    406: ("not_acceptable", "The list does not come in a form that Accept names."),
    409: (
        "conflict",
        "It does not stand so that this could be done, or the Idempotency-Key belongs to another request.",
    ),
    412: ("precondition_failed", "It no longer stands as If-Match says; nothing was changed."),
    413: ("too_large", "The body is larger than 4 MiB."),
    415: ("unsupported_media_type", "The body is of a type that this route does not take."),
    422: ("unprocessable", "The body breaks the rules; every place is named."),
    429: (
        "too_many_requests",
        f"More than {RATE} requests a second, or {BURST} at once, over all callers. Nothing was done: try again later.",
    ),
    500: ("internal_server_error", "Something went wrong on our side; it has been logged."),
    503: ("unavailable", "A service behind the API did not answer as it should. Try again in a moment."),
    504: ("gateway_timeout", "It took too long, and may have been done all the same: try again under the same key."),
}
"""The code in `error`, and what it means, by status code."""

_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds to wait.", "schema": whole(1)}}

SCHEMAS: Final[dict[str, Schema]] = {
    "Problem": optional(
        record(
            "What went wrong.",
            type=text("urn:bincheck:problem:not_found", "The kind of the problem, as a URI."),
            title=text("Not found", "The kind of the problem, for people; always the same for one kind."),
            status=whole(404, "The status code."),
            detail=text("no bin A-17 is on file", "What is the matter this time, for people."),
            error=text("not_found", "The kind of the problem; programs go by it."),
            message=text("no bin A-17 is on file", "The same as `detail`."),
            errors=many(ref("Mistake"), "Each place in what was sent that is wrong; only where there are such places."),
            errors_left_out=whole(0, "How many more there are."),
        ),
        # Where the gateway answers several codes from one template, it does not know which.
        "status",
        "errors",
        "errors_left_out",
    ),
    "Mistake": record(
        "One place that is wrong.",
        line=maybe(whole(17, "Of a CSV, from 1.", least=1)),
        field=maybe(text("bins.3.quantity", "Of a JSON body, its parts joined by dots.")),
        message=text("Input should be greater than or equal to 0"),
    ),
}


def responses() -> dict[str, Any]:
    """Return what OpenAPI says of the answers that say no, by status code."""
    return {
        str(status): {
            "description": meaning,
            **({"headers": _RETRY_AFTER} if status == 429 else {}),
            "content": {PROBLEM_JSON: {"schema": ref("Problem"), "example": problem(status, code, meaning)}},
        }
        for status, (code, meaning) in CODES.items()
    }
