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
    from collections.abc import Iterator

    from chalice.test import HTTPResponse

_BY_GATEWAY = {401, 403}
"""What Chalice answers in the gateway's place, in a shape of its own, without a media type."""
_NOTHING_THERE = {403, 404, 405}
"""What whoever asks for what there is not may get."""
_PLACE = "chalicelib/api/openapi"


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
    template = template_of(path.partition("?")[0].rstrip("/"))
    operation = document()["paths"].get(template, {}).get(method.lower())
    media_type = {name.lower(): value for name, value in headers.items()}.get("content-type", "").partition(";")[0]
    if status in _BY_GATEWAY and not media_type:
        return
    what = f"{method} {template} answers {status}"
    assert operation or status in _NOTHING_THERE, f"{what} and is not described: add an Operation to {_PLACE}"
    if operation is None:
        return
    answer = operation["responses"].get(str(status))
    assert answer, f"{what}, which is not described: add it to the Operation's refusals in {_PLACE}"
    content = _resolved(answer).get("content")
    assert content or not body, f"{what} with a body, which is not described in {_PLACE}"
    if content:
        assert media_type in content, f"{what} as {media_type}; {_PLACE} has {[*content]}"
        mistakes = [
            mistake for value, schema in _values(media_type, content, body) for mistake in mistakes_in(value, schema)
        ]
        assert not mistakes, f"{what} otherwise than {_PLACE} says: {mistakes}"


def _values(media_type: str, content: dict[str, Any], body: bytes) -> Iterator[tuple[Any, Any]]:
    """What an answer holds, with the schemas that it has to fit: a list's entries one by one where these are lines."""
    if media_type == "application/x-ndjson":
        fields = content["application/json"]["schema"]["properties"].values()
        [entry] = [field["items"] for field in fields if "items" in field]
        yield from ((json.loads(line), entry) for line in body.splitlines())
    elif media_type.endswith("json"):
        yield json.loads(body), content[media_type]["schema"]


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
