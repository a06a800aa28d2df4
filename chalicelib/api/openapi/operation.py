"""One operation of the API, declared in a few words, and what OpenAPI 3.1 says of it.

What follows from the kind of an operation is not declared but derived: its path's parameters, who may call it, and
the refusals that all operations of its kind share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
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
    "file": text("index.html", "A file of the page.", pattern="^[A-Za-z0-9._-]+$"),
}
_LISTED = (JSON, "text/csv", "application/x-ndjson")
"""In what forms lists come; `chalicelib.api.exports` makes them."""
_FOLLOWING = {
    "Link": {
        "description": 'The next page, as `<...>; rel="next"`, where there may be one.',
        "schema": text('<?limit=50&cursor=WyJiaW5zIl0>; rel="next"'),
    }
}
_TAG = {"ETag": {"description": "The version, for If-Match.", "schema": text('"7"', pattern='^"[0-9]+"$')}}
_IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The version that this is about, as ETag gave it; where it is another by now, it is a 412.",
    "schema": text('"7"'),
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
    """A request's body: the model that validates it, and an example; `required` unless it may be left out.

    `texts` are other forms that it may have: an example of each, by its media type.
    """

    model: type[BaseModel]
    example: Mapping[str, Any]
    required: bool = True
    texts: Mapping[str, str] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """Return what OpenAPI says of it."""
        json = {"schema": ref(self.model.__name__), "example": self.example}
        texts = {media: {"schema": {"type": "string"}, "example": sample} for media, sample in self.texts.items()}
        content = {JSON: json, **texts}
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
        tagged: whether it answers with the version, as an ETag.
        guarded: whether it takes that as If-Match.
        is_list: whether it is a list that comes as JSON, CSV and JSON Lines.
        media: the media types of its answer, where that is no JSON; example and schema are of JSON alone.
        also: what else it may answer, by status code.
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
    tagged: bool = False
    guarded: bool = False
    is_list: bool = False
    media: tuple[str, ...] = (JSON,)
    also: Mapping[int, str] = field(default_factory=dict)
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
            ((401, 403, 503, 504), self.role is not Role.ANYBODY),
            ((400,), is_asked_something),
            ((406,), self.is_list),
            ((412,), self.guarded),
            ((413, 415, 422), self.body is not None),
        )
        return sorted({*self.refusals, *(status for statuses, applies in kinds if applies for status in statuses)})

    def described(self, components: Mapping[str, Schema]) -> dict[str, Any]:
        """Return what OpenAPI says of it."""
        closed = self.role is not Role.ANYBODY
        headers = [header for header, is_read in ((_KEY, self.keyed), (_IF_MATCH, self.guarded)) if is_read]
        described = {
            "operationId": self.name,
            "tags": [self.tag],
            "summary": self.summary,
            "description": " ".join(filter(None, (self.detail, _MAY_CALL[self.role]))),
            "security": [{SCHEME: [self.role.value]}] if closed else [],
            "parameters": [*self._in_path(), *(one.described() for one in self.query), *headers],
            "responses": {
                "200": self._success(components),
                **{str(status): {"description": what} for status, what in self.also.items()},
                **{str(status): {"$ref": f"#/components/responses/{status}"} for status in self.statuses},
            },
        }
        return described | ({"requestBody": self.body.described()} if self.body else {})

    def _success(self, components: Mapping[str, Schema]) -> dict[str, Any]:
        json = {"schema": self.answer, "example": example_of(self.answer, components)}
        text = {"schema": {"type": "string"}}
        media = _LISTED if self.is_list else self.media
        headers = {**(_FOLLOWING if self.is_list else {}), **(_TAG if self.tagged else {})}
        content = {one: json if one == JSON else text for one in media}
        return {"description": "Done.", "content": content, **({"headers": headers} if headers else {})}

    def _in_path(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "path", "required": True, "schema": _NAMED[name]}
            for name in _IN_PATH.findall(self.path)
        ]
