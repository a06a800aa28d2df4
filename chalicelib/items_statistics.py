"""The table's shape of what is counted, beside `items`, which has all the rest. Pure.

    PK           SK                    type
    SITE#<site>  STATISTICS#<hour>     STATISTICS  sums of one hour of a site; they are only added to
    SITES        <site>                SITE        a site that bins have been at

Hours sort behind a site's policy, because the checker reads what lies before it in one query. They expire after
`KEPT`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.items import Attributes, adding, timestamp
from chalicelib.statistics import ONE_HOUR, Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = timedelta(days=400)
SITES = "SITES"
_HOURS = "STATISTICS#"
_NO_COUNTS = frozenset({"PK", "SK", "type", "expires_at"})


def hour_key(site: str, hour: datetime) -> Attributes:
    """Return the primary key of the sums of one hour; text order is the order of the hours."""
    return {"PK": f"SITE#{site}", "SK": f"{_HOURS}{timestamp(hour)}"}


def expiry_of(hour: datetime) -> Decimal:
    """Return the second at which DynamoDB may delete an hour, as it wants it."""
    return Decimal(int((hour + ONE_HOUR + KEPT).timestamp()))


def to_hour(item: Mapping[str, Any]) -> tuple[datetime, Counts]:
    """Return an hour and its sums."""
    numbers = {name: int(value) for name, value in item.items() if name not in _NO_COUNTS}
    return datetime.fromisoformat(item["SK"].removeprefix(_HOURS)), Counts(numbers)


def from_site(site: str) -> Attributes:
    """Return the item of a site."""
    return {"PK": SITES, "SK": site, "type": "SITE"}


def addition(hour: datetime, counts: Counts) -> dict[str, Any]:
    """Return the update that adds to the sums of an hour, as DynamoDB's expression with plain values."""
    sums = {name: Decimal(number) for name, number in counts.numbers.items()}
    return adding(sums, {"type": "STATISTICS", "expires_at": expiry_of(hour)})
