"""What an export asks of Bincheck's API, as one small interface, and the adapter that asks over HTTP.

Reads only. The token goes to the API and to nobody else: pictures come from the bucket by links that are signed for
five minutes, so each is asked for when it is about to be opened and not taken from a list that was read long before.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.util import Retry

from training.errors import BrokenRecordError, UnusableSourceError
from training.fetch.sources import MissingObjectError, UnreadObjectError

LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a picture; the checker itself takes far smaller ones."""

_A_PAGE: Final = 200
_PATIENCE: Final = urllib3.Timeout(connect=10, read=60)
_AGAIN: Final = Retry(
    total=6, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), redirect=False, raise_on_status=False
)
"""For at most half a minute, or as long as the API asks for; not on redirects, which could carry the token away."""


class Api(Protocol):
    """Bincheck's API as far as an export reads it; safe to ask from several threads at once.

    Raises UnusableSourceError where nothing can be read any more: no such address, a token that is not accepted.
    """

    def sites(self) -> list[str]:
        """Name all sites."""
        ...

    def acts(self, site: str) -> Iterator[Mapping[str, Any]]:
        """Go through what people said of a site's bins."""
        ...

    def outcomes(self, bin_id: str) -> Iterator[Mapping[str, Any]]:
        """Go through how a bin's photos ended, newest first."""
        ...

    def picture(self, link: str) -> bytes:
        """Read the picture behind a link; raises MissingObjectError, UnreadObjectError or BrokenRecordError."""
        ...


class HttpApi:
    """`Api` at its address, for the bearer of a token."""

    def __init__(self, base: str, token: str, *, connections: int = 8, retries: Retry = _AGAIN) -> None:
        self._base = base.rstrip("/")
        self._token = token
        self._pool = urllib3.PoolManager(maxsize=connections, timeout=_PATIENCE, retries=retries)

    def sites(self) -> list[str]:
        """Read `/v1/sites`."""
        return [entry["site"] for entry in self._listed("/v1/sites", "sites", paged=False)]

    def acts(self, site: str) -> Iterator[Mapping[str, Any]]:
        """Read `/v1/sites/{site}/resolutions`, page by page."""
        return self._listed(f"/v1/sites/{quote(site, safe='')}/resolutions", "resolutions")

    def outcomes(self, bin_id: str) -> Iterator[Mapping[str, Any]]:
        """Read `/v1/bins/{bin_id}/inspections`, page by page."""
        return self._listed(f"/v1/bins/{quote(bin_id, safe='')}/inspections", "inspections")

    def picture(self, link: str) -> bytes:
        """Read a picture from the bucket, without the token."""
        try:
            reply = self._pool.request("GET", link, preload_content=False)
            body = reply.read(LARGEST + 1)
        except HTTPError as cause:
            raise UnreadObjectError(f"the bucket: {cause}") from cause
        if reply.status in {403, 404}:  # a bucket that may not be listed says 403 of what is gone
            raise MissingObjectError(f"the bucket answers {reply.status}")
        if reply.status != 200:
            raise UnreadObjectError(f"the bucket answers {reply.status}")
        if len(body) > LARGEST:
            reply.close()  # the rest of it is in the way of whatever would be asked next
            raise BrokenRecordError(f"too large: more than {LARGEST} bytes")
        return body

    def _listed(self, path: str, plural: str, *, paged: bool = True) -> Iterator[Mapping[str, Any]]:
        query: dict[str, str] = {"limit": str(_A_PAGE)} if paged else {}
        while True:
            page = self._asked(path, query)
            yield from page[plural]
            cursor = page.get("cursor")
            if not cursor:
                return
            query["cursor"] = cursor

    def _asked(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        address = f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        try:
            reply = self._pool.request("GET", address, headers=headers)
        except MaxRetryError as cause:
            raise UnusableSourceError(f"{self._base} does not answer: {cause.reason}") from cause
        except (HTTPError, ValueError) as cause:
            raise UnusableSourceError(f"{self._base} cannot be asked: {cause}") from cause
        if reply.status in {401, 403}:
            raise UnusableSourceError(
                f"{self._base} does not accept the token ({reply.status}): it may have ended; sign in anew, and the"
                " same command goes on"
            )
        if reply.status != 200:
            raise UnusableSourceError(f"{self._base}{path} answers {reply.status}: {_message(reply.data)}")
        return _object(reply.data, f"{self._base}{path}")


def _object(body: bytes, address: str) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError as cause:
        raise UnusableSourceError(f"{address} answers with something that is no JSON: is this the API?") from cause
    if not isinstance(answer, dict):
        raise UnusableSourceError(f"{address} answers with no JSON object: is this the API?")
    return answer


def _message(body: bytes) -> str:
    """Say what an error's body says, in whichever form it comes."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:200]
