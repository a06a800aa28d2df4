"""What a dashboard counts, hour by hour and site by site, out of the changes of bins. Pure.

Counts are sums by name and nothing else, so that those of two batches, or of two hours, are added name by name. How
long photos wait for their verdicts is kept as a histogram whose classes grow by a quarter: a percentile read out of it
is off by less than that, and any number of hours can be put together.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from chalicelib.domain import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from chalicelib.bin_status import BinStatus

PHOTOS: Final = "photos"
ALERTS: Final = "alerts"
_VERDICT: Final = "verdict_"
_LATENCY: Final = "latency_"

EDGES: Final = tuple(100.0 * 1.25**power for power in range(50))
"""Milliseconds at which the histogram's classes part, 0.1 s to 1.5 hours; one class lies before them, one after."""

ONE_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums by name; what was never counted is not in it."""

    numbers: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Counts) -> Counts:
        return Counts(Counter(self.numbers) + Counter(other.numbers))

    @property
    def photos(self) -> int:
        """Photos that came to their end."""
        return self.numbers.get(PHOTOS, 0)

    @property
    def alerts(self) -> int:
        """Alerts that came up, whether they went out one by one or in a digest."""
        return self.numbers.get(ALERTS, 0)

    def of(self, verdict: Verdict) -> int:
        """Return how many photos left their bin with this verdict."""
        return self.numbers.get(f"{_VERDICT}{verdict.value}", 0)

    def latency_ms(self, share: float) -> float | None:
        """Return the milliseconds from upload to verdict that this share of the photos, 0 to 1, took at most.

        Within its class a percentile is interpolated; past the last edge it is that edge. None without any photo.
        """
        classes = [self.numbers.get(f"{_LATENCY}{number}", 0) for number in range(len(EDGES) + 1)]
        rank, before = share * sum(classes), 0
        for number, photos in enumerate(classes):
            if photos and before + photos >= rank:
                low = EDGES[number - 1] if number else 0.0
                high = EDGES[min(number, len(EDGES) - 1)]
                return low + (high - low) * (rank - before) / photos
            before += photos
        return None


@dataclass(frozen=True, slots=True)
class Happened:
    """One record of the stream: a bin's status changed, and whether that raised an alert.

    `record_id` is the stream's own, the same each time that the record is offered; `at` is when it was written.
    """

    record_id: str
    at: datetime
    before: BinStatus | None
    after: BinStatus
    alerted: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """What a batch of the stream adds up to: counts by site and hour, and the sites that it speaks of.

    `token` names the batch: the same records, offered again, have the same one.
    """

    hours: Mapping[tuple[str, datetime], Counts]
    sites: frozenset[str]
    token: str


def counted(batch: Iterable[Happened]) -> Counted:
    """Count a batch; bins that belong to no site are in no site's figures."""
    hours: dict[tuple[str, datetime], Counts] = {}
    sites = set()
    digest = hashlib.sha256()
    for happened in batch:
        digest.update(f"{happened.record_id}\n".encode())
        site, counts = happened.after.site, counts_of(happened)
        if site is None:
            continue
        sites.add(site)
        if counts.numbers:
            key = (site, hour_of(happened.at))
            hours[key] = hours.get(key, Counts()) + counts
    # DynamoDB takes 36 characters.
    return Counted(hours, frozenset(sites), digest.hexdigest()[:36])


def counts_of(happened: Happened) -> Counts:
    """Count one change.

    A photo counts with the verdict that its bin has by it. One that decides nothing, because it was deleted before it
    was read or is older than what its bin is held against, counts as a photo and nothing more; one that is not its
    bin's newest has a verdict and no latency.
    """
    before, after = happened.before, happened.after
    photos = after.photos - (before.photos if before else 0)
    is_judged = before is None or after.changed_at != before.changed_at
    is_newest = before is None or after.image != before.image
    numbers = {PHOTOS: max(photos, 0), ALERTS: int(happened.alerted)}
    if photos > 0 and is_judged and after.state.value in _VERDICTS:
        numbers[f"{_VERDICT}{after.state.value}"] = 1
        if after.image and is_newest:
            waited = (after.changed_at - after.image.uploaded_at) / timedelta(milliseconds=1)
            numbers[f"{_LATENCY}{bisect_right(EDGES, waited)}"] = 1
    return Counts({name: number for name, number in numbers.items() if number})


def hour_of(moment: datetime) -> datetime:
    """Return the hour in which a moment lies, by its beginning."""
    return moment.replace(minute=0, second=0, microsecond=0)


_VERDICTS: Final = frozenset(verdict.value for verdict in Verdict)
