"""What a request asks for, validated. Unknown query parameters are refused: a misspelt filter must not list all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.api.cursors import DEFAULT_LIMIT, MOST
from chalicelib.api.errors import TooLarge
from chalicelib.caller import Caller
from chalicelib.domain import BIN_ID
from chalicelib.errors import InvalidRequest
from chalicelib.items import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from chalice.app import Request

    from chalicelib.api.cursors import List
    from chalicelib.ports_api import Position

_PAGING = frozenset({"limit", "cursor"})
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
_ENTITY_TAGS = re.compile(r'\s*(?:W/)?"[!#-~]*"\s*(?:,\s*(?:W/)?"[!#-~]*"\s*)*')
"""RFC 9110's If-Match, in ASCII; a weak tag is one, and never matches."""
_ENTITY_TAG = re.compile(r'(W/)?"([!#-~]*)"')
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LARGEST_BODY = 4 * 1024 * 1024
"""Bytes. Lambda takes 6 MB, of which the body's escaping as a JSON string may need a third."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How many entries, and after which; None is the beginning."""

    limit: int
    start: Position | None


def query_of(request: Request, filters: AbstractSet[str] = frozenset()) -> dict[str, str]:
    """Return the parameters of a list's query: those of paging, and the list's filters.

    Raises:
        InvalidRequest: it holds others, or one twice.
    """
    return parameters_of(request, filters | _PAGING)


def parameters_of(request: Request, known: AbstractSet[str]) -> dict[str, str]:
    """Return the parameters of a query.

    Raises:
        InvalidRequest: it holds others than those known, or one twice.
    """
    query = request.query_params
    if query is None:
        return {}
    unknown = sorted(set(query) - known)
    if unknown:
        those = f"known are {', '.join(sorted(known))}" if known else "there are none here"
        raise InvalidRequest(f"unknown query parameter {', '.join(unknown)}; {those}")
    repeated = [name for name in query if len(query.getlist(name)) > 1]
    if repeated:
        raise InvalidRequest(f"query parameter {', '.join(repeated)} is given more than once")
    return dict(query)


def paging_in(query: Mapping[str, str], asked_for: List, most: int = MOST) -> Paging:
    """Return the paging of a list, of at most so many entries.

    Raises:
        InvalidRequest: the limit is none, or the cursor is not this list's.
    """
    cursor = query.get("cursor")
    start = asked_for.position(cursor) if cursor is not None else None
    return Paging(_limit(query.get("limit", str(DEFAULT_LIMIT)), most), start)


def identifier(text: str) -> str:
    """Return a bin's or a consignment's name, if it is one.

    Raises:
        InvalidRequest: no bin and no consignment can have this name.
    """
    if BIN_ID.fullmatch(text) is None:
        raise InvalidRequest("a name has 1 to 64 letters, digits, dots, hyphens and underscores")
    return text


def caller_of(request: Request) -> Caller:
    """Return who calls, as the authorizer has verified it, their Idempotency-Key and what they have seen (If-Match).

    Raises:
        InvalidRequest: the key is none, or If-Match names no entity tags.
    """
    name = authorizer_of(request).get("principalId", "unknown")
    key = request.headers.get("idempotency-key")
    if key is not None and _IDEMPOTENCY_KEY.fullmatch(key) is None:
        raise InvalidRequest("an Idempotency-Key has 1 to 255 visible ASCII characters and no space")
    return Caller(name, key, _tags_in(request.headers.get("if-match")))


def authorizer_of(request: Request) -> Mapping[str, str]:
    """Return what the authorizer tells of the caller, all of it text."""
    told: Mapping[str, str] = request.context.get("authorizer", {})
    return told


def moment_in(query: Mapping[str, str], name: str) -> datetime | None:
    """Return the moment that a parameter names, to the millisecond; None where it is not given.

    Raises:
        InvalidRequest: it names none.
    """
    text = query.get(name)
    try:
        if text is None or _RFC_3339.fullmatch(text):
            return None if text is None else moment(text.upper())
    except (ValueError, OverflowError):
        pass
    raise InvalidRequest(f"{name} must be a time as RFC 3339 has it, like 2026-11-22T12:00:00Z")


def body_of(request: Request) -> bytes:
    """Return the body.

    Raises:
        TooLarge: it is more than a consignment ever needs.
    """
    body = request.raw_body or b""
    content = body.encode() if isinstance(body, str) else bytes(body)
    if len(content) > _LARGEST_BODY:
        raise TooLarge(f"{len(content)} bytes are more than the allowed {_LARGEST_BODY}; split the consignment")
    return content


def _tags_in(header: str | None) -> frozenset[str] | None:
    """Return the tags of an If-Match header; None where any will do: what is not on file is a 404 in any case."""
    if header is None or header.strip() == "*":
        return None
    if _ENTITY_TAGS.fullmatch(header) is None:
        raise InvalidRequest('If-Match must be the ETag of an answer, with its quotes: "7"')
    return frozenset(tag for weak, tag in _ENTITY_TAG.findall(header) if not weak)


def _limit(text: str, most: int) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
    if not is_number or not 1 <= int(text) <= most:
        raise InvalidRequest(f"limit must be a whole number from 1 to {most}")
    return int(text)
