"""What the API tells of itself."""

from __future__ import annotations

from typing import Final

from chalicelib.api.openapi.operation import JSON, Operation, Role
from chalicelib.api.openapi.vocabulary import Schema, always, maybe, one_of, record, text

SCHEMAS: Final[dict[str, Schema]] = {}

_TEXT: Final[Schema] = {"type": "string", "examples": ["<!doctype html>"]}
_UNCHANGED: Final = {304: "Unchanged since the ETag that If-None-Match names."}
_SIGN_IN: Final = record(
    "Where the page's people sign in.",
    **{
        name: maybe(text(example))
        for name, example in {
            "authorize_url": "https://issuer.example/authorize",
            "token_url": "https://issuer.example/token",
            "logout_url": "https://issuer.example/logout",
            "client_id": "operators",
            "redirect_uri": "https://api.example/api/page",
            "scope": "openid",
        }.items()
    },
)

OPERATIONS: Final = (
    Operation(
        "GET",
        "/health",
        "health",
        "Tell whether the API answers",
        record("It answers.", status=always("ok")),
        "It asks no service behind the API.",
        Role.ANYBODY,
    ),
    Operation(
        "GET",
        "/openapi.json",
        "describe",
        "Describe the API: this document",
        {"type": "object", "description": "An OpenAPI 3.1 document.", "examples": [{"openapi": "3.1.0"}]},
        role=Role.ANYBODY,
    ),
    Operation(
        "GET",
        "/v1/me",
        "show_caller",
        "Tell who the caller is",
        record(
            "The caller, as the token has it.",
            name=text("0f4c3b9e-2f0b-4c8e-a7a1-5d5a5f1f6f11", "By which changes are recorded: the token's subject."),
            display=text(
                "ann@example.com", "For people to read; the same as `name` where the token has nothing better."
            ),
            role=maybe(one_of(("viewer", "operator"), "operator")),
        ),
    ),
    Operation(
        "GET",
        "/page",
        "page",
        "The operators' page",
        _TEXT,
        role=Role.ANYBODY,
        media=("text/html",),
        also=_UNCHANGED | {308: "The same without a slash at its end."},
        refusals=(404,),
    ),
    Operation(
        "GET",
        "/page/{file}",
        "page_file",
        "A file of the operators' page",
        _SIGN_IN,
        "`config.json` says where the page's people sign in; all null where they can't.",
        role=Role.ANYBODY,
        media=("text/html", "text/css", "text/javascript", "image/svg+xml", JSON),
        also=_UNCHANGED,
        refusals=(404,),
    ),
)
