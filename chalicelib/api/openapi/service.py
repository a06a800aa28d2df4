"""What the API tells of itself."""

from __future__ import annotations

from typing import Final

from chalicelib.api.openapi.operation import Operation, Role
from chalicelib.api.openapi.vocabulary import Schema, always, record

SCHEMAS: Final[dict[str, Schema]] = {}

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
)
