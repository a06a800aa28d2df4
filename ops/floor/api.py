"""The API, as the commands call it. Requests that the network or the rate limit lost are sent again under their key."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urljoin

import urllib3
from urllib3.exceptions import HTTPError

from ops.floor.errors import Unreachable, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JSON: Final = "application/json"
_TIMEOUT: Final = urllib3.Timeout(connect=5, read=40)
"""Seconds; the gateway answers within 29."""
_AGAIN: Final = (429, 502, 503, 504)
_PAGE: Final = 200
_NEXT: Final = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')

Query = dict[str, str | int | None]
"""A query's parameters; those that are None are not sent."""


def connection(pause_seconds: float = 0.25) -> urllib3.PoolManager:
    """Return connections that try again, pausing longer each time, where nothing was said against the request.

    All methods may be tried again: what changes something carries a key, or says the same however often it is said.
    """
    retries = urllib3.Retry(
        total=4,
        connect=2,
        read=2,
        status=4,
        backoff_factor=pause_seconds,
        status_forcelist=_AGAIN,
        allowed_methods=None,
        raise_on_status=False,
    )
    return urllib3.PoolManager(retries=retries, timeout=_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of a list in another format than JSON, and where the next one is; None where there is none."""

    content: bytes
    following: str | None


@dataclass(frozen=True, slots=True)
class Api:
    """One API, for the holder of a token. All methods raise `Refused` and `Unreachable`."""

    url: str
    token: str
    http: urllib3.PoolManager

    def get(self, path: str, query: Query | None = None) -> Any:
        """Return the JSON at a path below the API's base."""
        return _json_of(self._send("GET", _with_query(path, query or {}), {}))

    def post(self, path: str, body: object, key: str, version: int | None = None) -> Any:
        """Send a request that changes something, under its key, and if given only where the version is still this."""
        headers = {"Content-Type": JSON, "Idempotency-Key": key, **_if_match(version)}
        return _json_of(self._send("POST", path, headers, json.dumps(body).encode()))

    def put(self, path: str, body: bytes, media_type: str, query: Query | None = None) -> Any:
        """Put something in the place of what was there."""
        return _json_of(self._send("PUT", _with_query(path, query or {}), {"Content-Type": media_type}, body))

    def entries(self, path: str, plural: str, query: Query | None = None, most: int | None = None) -> Iterator[Any]:
        """Yield the entries of a list over all its pages, or at most so many of them."""
        asked, left = {**(query or {})}, most
        while left is None or left > 0:
            page = self.get(path, {**asked, "limit": min(_PAGE, left or _PAGE)})
            found = page[plural][:left]
            yield from found
            left = None if left is None else left - len(found)
            asked["cursor"] = page["cursor"]
            if page["cursor"] is None:
                return

    def sheet(self, path: str, media_type: str) -> Sheet:
        """Return a page of a list in a format; the path of a first page has the list's query, later ones are given."""
        reply = self._send("GET", path, {"Accept": media_type})
        following = _NEXT.search(reply.headers.get("Link", ""))
        return Sheet(reply.data, urljoin(self._address(path), following[1]) if following else None)

    def _address(self, path: str) -> str:
        is_whole = path.startswith(f"{self.url}/")
        return path if is_whole else f"{self.url}{path}"

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> urllib3.BaseHTTPResponse:
        sent = {"Accept": JSON, "Authorization": f"Bearer {self.token}", **headers}
        try:
            reply = self.http.request(method, self._address(path), headers=sent, body=body)
        except HTTPError as error:
            raise Unreachable(f"{self.url} can't be reached: {_reason(error)}") from error
        if reply.status >= 500 or reply.status in _AGAIN:
            raise Unreachable(f"{self.url} does not answer as it should ({reply.status}); try again in a moment")
        if reply.status >= 400:
            raise refusal(reply.status, _json_in(reply))
        return reply


def named(path: str, *names: str) -> str:
    """Return a path with names in the places of its `{}`."""
    return path.format(*(quote(name, safe="") for name in names))


def _with_query(path: str, query: Query) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _if_match(version: int | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"{version}"'}


def _json_of(reply: urllib3.BaseHTTPResponse) -> Any:
    try:
        return json.loads(reply.data)
    except ValueError as error:
        raise Unreachable("what answers there is not the API: is URL its base, as `status` prints it?") from error


def _json_in(reply: urllib3.BaseHTTPResponse) -> Any:
    """Return the JSON of an answer that may hold anything."""
    try:
        return json.loads(reply.data)
    except ValueError:
        return None


def _reason(error: HTTPError) -> str:
    """Return what went wrong, without the retries that came of it."""
    cause = getattr(error, "reason", None) or error
    return str(cause).rpartition(": ")[2] or type(cause).__name__
