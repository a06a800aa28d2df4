"""What a query asks for, as `listing.Wanted`: each parameter's own rules; which go together is the listing's to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from chalicelib.api import requests
from chalicelib.domain import BIN_ID, BinState, Severity
from chalicelib.errors import InvalidRequest
from chalicelib.listing import NO_SITE, Sort, Wanted, list_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

    Choice = TypeVar("Choice", bound=StrEnum)

OF_BINS: Final = frozenset(
    {"site", "status", "attention", "consignment", "severity", "assignee", "from", "to", "q", "sort", "pictures"}
)
OF_TIME: Final = frozenset({"from", "to"})
_LONGEST_ASSIGNEE: Final = 256


def wanted_in(query: Mapping[str, str]) -> Wanted:
    """Return which bins a query asks for.

    Raises:
        InvalidRequest: a parameter makes no sense, or there is no list for them all.
    """
    wanted = Wanted(
        site=site_in(query),
        state=_choice(BinState, query, "status"),
        waiting=flag_in(query, "attention"),
        consignment_id=requests.identifier(query["consignment"]) if "consignment" in query else None,
        severity=_choice(Severity, query, "severity"),
        assignee=_assignee(query),
        since=requests.moment_in(query, "from"),
        until=requests.moment_in(query, "to"),
        name=_beginning(query),
        sort=_choice(Sort, query, "sort"),
    )
    list_for(wanted)
    return wanted


def site_in(query: Mapping[str, str]) -> str | None:
    """Return the site, None where none is named; `site=` without a value names the bins that are at none."""
    if query.get("site", NO_SITE) == NO_SITE:
        return query.get("site")
    return requests.identifier(query["site"])


def flag_in(query: Mapping[str, str], name: str) -> bool:
    """Return whether a parameter is `true`; `false` is the same as leaving it out."""
    value = query.get(name, "false")
    if value not in {"true", "false"}:
        raise InvalidRequest(f"{name} must be true or false")
    return value == "true"


def _choice(choices: type[Choice], query: Mapping[str, str], name: str) -> Choice | None:
    try:
        return choices(query[name]) if name in query else None
    except ValueError as error:
        raise InvalidRequest(f"{name} must be one of {', '.join(choices)}") from error


def _assignee(query: Mapping[str, str]) -> str | None:
    assignee = query.get("assignee")
    if assignee is not None and not 0 < len(assignee) <= _LONGEST_ASSIGNEE:
        raise InvalidRequest(f"assignee must have 1 to {_LONGEST_ASSIGNEE} characters")
    return assignee


def _beginning(query: Mapping[str, str]) -> str | None:
    beginning = query.get("q")
    if beginning is not None and BIN_ID.fullmatch(beginning) is None:
        raise InvalidRequest("q must be how a bin's name begins: letters, digits, dots, hyphens and underscores")
    return beginning
