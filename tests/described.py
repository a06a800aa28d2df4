"""A client that holds every answer of the API against the OpenAPI document: what is not described must not come.

Objects are taken as closed: a field that the document does not know is as wrong as one that is missing.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from chalice.test import Client, TestHTTPClient
from jsonschema import Draft202012Validator

from chalicelib.api.openapi import document

if TYPE_CHECKING:
    from chalice.test import HTTPResponse

_BY_GATEWAY = {403, 404, 405}
"""What a gateway, or Chalice in its place, answers to whoever asks for what there is not."""


class DescribedClient(Client):  # type: ignore[misc]
    """Chalice's test client; `http` fails where an answer is not as described."""

    @property
    def http(self) -> TestHTTPClient:
        if self._http_client is None:
            self._http_client = _DescribedHTTP(self._app, self._chalice_config)
        return self._http_client


class _DescribedHTTP(TestHTTPClient):  # type: ignore[misc]
    def request(self, method: str, path: str, **kwargs: Any) -> HTTPResponse:
        reply = super().request(method, path, **kwargs)
        hold_against_document(method, path, reply.status_code, dict(reply.headers), reply.body)
        return reply


def hold_against_document(method: str, path: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """Fail where an answer is not as described, and say what to add."""
    template = template_of(path.partition("?")[0])
    operation = document()["paths"].get(template, {}).get(method.lower())
    if operation is None:
        assert status in _BY_GATEWAY, f"{method} {path} is not described: add an Operation to chalicelib/api/openapi"
        return
    described = operation["responses"].get(str(status))
    assert described, (
        f"{method} {template} answers {status}: add it to the Operation's refusals in chalicelib/api/openapi"
    )
    media_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "").partition(";")[
        0
    ]
    content = _resolved(described).get("content")
    if content is None:
        assert not body, f"{method} {template} answers {status} with a body"
        return
    assert media_type in content, f"{method} {template} answers {status} as {media_type}, described are {[*content]}"
    if media_type.endswith("json"):
        mistakes = mistakes_in(json.loads(body), content[media_type]["schema"])
        assert not mistakes, (
            f"{method} {template} answers {status} otherwise than chalicelib/api/openapi says: {mistakes}"
        )


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    """The paths as patterns; those with fewer parameters come first, as `/page/config.json` before `/page/{file}`."""
    paths = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in paths]


def template_of(path: str) -> str:
    """The document's path that a request's path belongs to; itself where there is none."""
    return next((template for pattern, template in _templates() if pattern.fullmatch(path)), path)


def mistakes_in(value: Any, schema: Any) -> list[str]:
    """What is wrong with a value, by a schema of the document."""
    whole = {**_closed(schema), "components": _closed_components()}
    found = Draft202012Validator(whole).iter_errors(value)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]


@cache
def _closed_components() -> Any:
    return _closed(document()["components"])


def _closed(schema: Any) -> Any:
    """The schema with no room for fields that it does not name."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: part if name in {"examples", "example"} else _closed(part) for name, part in schema.items()}
    is_record = schema.get("type") in ("object", ["object", "null"]) and "properties" in schema
    return {"additionalProperties": False, **closed} if is_record else closed


def _resolved(response: dict[str, Any]) -> dict[str, Any]:
    status = response.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document()["components"]["responses"][status] if status else response
    return found
