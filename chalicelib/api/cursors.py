"""Cursors: where a list goes on, as text that a client hands back unread.

A cursor is not secret and not signed. It names the list that made it, so that it can't be used with another
filter, and whoever makes one up gets at most another page of the same list: what lies in it is checked here
and by the directory.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InvalidRequest

if TYPE_CHECKING:
    from chalicelib.listing import Wanted
    from chalicelib.ports_api import Page, Position

DEFAULT_LIMIT = 50
MOST = 200
_LONGEST = 2_000
"""Characters; the longest names that a bin, a consignment, a site and a person can have need about 1,500."""


@dataclass(frozen=True, slots=True)
class List:
    """A list by name and filters."""

    name: str
    filters: tuple[str | None, ...] = ()

    @classmethod
    def of_bins(cls, wanted: Wanted) -> List:
        """Name a list of bins by what was asked for."""
        asked = {name: value for name, value in asdict(wanted).items() if value not in {None, False}}
        return cls("bins", tuple(f"{name}={value}" for name, value in asked.items()))

    @classmethod
    def of_photos(cls, bin_id: str) -> List:
        """Name the list of one bin's photos."""
        return cls("photos", (bin_id,))

    @classmethod
    def of_rejections(cls) -> List:
        """Name the list of all rejected photos."""
        return cls("rejections")

    @classmethod
    def of_consignments(cls, site: str | None, state: str | None) -> List:
        """Name the list of all consignments, or of those of a site, in a state, or both."""
        return cls("consignments", (site, state))

    @classmethod
    def of_policies(cls, site: str) -> List:
        """Name the list of the versions of one site's policy."""
        return cls("policies", (site,))

    @classmethod
    def of_acts(cls, bin_id: str) -> List:
        """Name the list of what people said of one bin."""
        return cls("acts", (bin_id,))

    @classmethod
    def of_bin_trail(cls, bin_id: str) -> List:
        """Name the list of what was done about one bin."""
        return cls("bin-audit", (bin_id,))

    @classmethod
    def of_trail(cls, site: str | None, since: str | None, until: str | None) -> List:
        """Name the list of what was changed at a site in a stretch of time."""
        return cls("audit", (site, since, until))

    @classmethod
    def of_reviews(cls, site: str) -> List:
        """Name a site's review queue."""
        return cls("reviews", (site,))

    @classmethod
    def of_statements(cls, site: str, since: str | None, until: str | None) -> List:
        """Name the list of what people said of a site's goods in a stretch of time."""
        return cls("statements", (site, since, until))

    def cursor(self, page: Page[Any]) -> str | None:
        """Return the cursor of what follows a page of this list; None where nothing can."""
        if page.following is None:
            return None
        content = json.dumps([self.name, *self.filters, page.following], separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")

    def position(self, cursor: str) -> Position:
        """Return where this list goes on.

        Raises:
            InvalidRequest: the text is no cursor, or it belongs to another list.
        """
        try:
            *made_by, position = _content(cursor)
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidRequest("cursor is not one that this API gave out") from error
        if made_by != [self.name, *self.filters]:
            raise InvalidRequest("cursor belongs to a list with other filters")
        if not _is_position(position):
            raise InvalidRequest("cursor is not one that this API gave out")
        return position


def _content(cursor: str) -> Any:
    if len(cursor) > _LONGEST:
        raise ValueError("too long")
    padded = cursor + "=" * (-len(cursor) % 4)
    return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))


def _is_position(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(v, str) and v for v in value.values())
