"""One operation of the API, declared in a few words, and what OpenAPI 3.1 says of it.

What follows from the kind of an operation is not declared but derived: its path's parameters, who may call it, and
the refusals that all operations of its kind share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from chalicelib.api.openapi.vocabulary import Schema, example_of, name_of, ref, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

JSON = "application/json"
SCHEME = "token"
"""What the security scheme is called."""

_IN_PATH = re.compile(r"\{(\w+)\}")
_NAMED = {
    "bin_id": name_of("A-17", "The bin."),
    "consignment_id": name_of("C-1", "The consignment."),
    "site": name_of("FRA1", "The site."),
}
_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names this request: sent again under the same key, it changes nothing whatever has happened since; "
    "the key with another content is a 409.",
    "schema": text("4f0c3f0e-7d52-4f0e-9d36-5a2f4f4f7b1a", pattern="^[!-~]{1,255}$"),
}


class Role(StrEnum):
    """Who may call."""

    ANYBODY = "anybody"
    VIEWER = "viewer"
    OPERATOR = "operator"


_MAY_CALL = {
    Role.ANYBODY: "Open to anybody.",
    Role.VIEWER: "For viewers and operators.",
    Role.OPERATOR: "For operators.",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query."""

    name: str
    schema: Schema
    description: str
    required: bool = False

    def described(self) -> dict[str, Any]:
        """Return what OpenAPI says of it."""
        return {
            "name": self.name,
            "in": "query",
            "required": self.required,
            "description": self.description,
            "schema": self.schema,
        }


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body: the model that validates it, and an example; `required` unless it may be left out."""

    model: type[BaseModel]
    example: Mapping[str, Any]
    required: bool = True

    def described(self) -> dict[str, Any]:
        """Return what OpenAPI says of it."""
        content = {JSON: {"schema": ref(self.model.__name__), "example": self.example}}
        return {"required": self.required, "content": content}


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a route.

    Attributes:
        name: its id, unique.
        summary: what it does, in one line.
        answer: what a success answers with.
        detail: what else a caller should know.
        role: who may call it.
        query: the parameters of its query.
        body: its body; None where it takes none.
        keyed: whether it takes an Idempotency-Key.
        refusals: status codes that it answers with beside those of its kind.

    """

    method: str
    path: str
    name: str
    summary: str
    answer: Schema
    detail: str = ""
    role: Role = Role.VIEWER
    query: tuple[Parameter, ...] = ()
    body: Body | None = None
    keyed: bool = False
    refusals: tuple[int, ...] = ()

    @property
    def tag(self) -> str:
        """The part of the API that it belongs to: the first word of its path that says something."""
        words = self.path.removeprefix("/v1").split("/")
        return words[1] if self.path.startswith("/v1") else "service"

    @property
    def statuses(self) -> list[int]:
        """The refusals that it can answer with."""
        is_asked_something = bool(self.query or self.keyed or self.body or _IN_PATH.search(self.path))
        kinds = (
            ((429, 500), True),
            ((401, 403, 503), self.role is not Role.ANYBODY),
            ((400,), is_asked_something),
            ((413, 415, 422), self.body is not None),
        )
        return sorted({*self.refusals, *(status for statuses, applies in kinds if applies for status in statuses)})

    def described(self, components: Mapping[str, Schema]) -> dict[str, Any]:
        """Return what OpenAPI says of it."""
        content = {JSON: {"schema": self.answer, "example": example_of(self.answer, components)}}
        closed = self.role is not Role.ANYBODY
        described = {
            "operationId": self.name,
            "tags": [self.tag],
            "summary": self.summary,
            "description": " ".join(filter(None, (self.detail, _MAY_CALL[self.role]))),
            "security": [{SCHEME: [self.role.value]}] if closed else [],
            "parameters": [*self._in_path(), *(one.described() for one in self.query), *([_KEY] if self.keyed else [])],
            "responses": {
                "200": {"description": "Done.", "content": content},
                **{str(status): {"$ref": f"#/components/responses/{status}"} for status in self.statuses},
            },
        }
        return described | ({"requestBody": self.body.described()} if self.body else {})

    def _in_path(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "path", "required": True, "schema": _NAMED[name]}
            for name in _IN_PATH.findall(self.path)
        ]
