"""What is counted at a site, as the API's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.api import shapes
from chalicelib.domain import BinState, Verdict
from chalicelib.items import timestamp
from chalicelib.resolution import Asked
from chalicelib.statistics import ONE_HOUR, Counts, hour_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.feedback import Feedback


@dataclass(frozen=True, slots=True)
class Period:
    """Some hours up to now, the last of them the one that runs."""

    hours: int
    now: datetime

    @property
    def last(self) -> datetime:
        """The hour that runs, by its beginning."""
        return hour_of(self.now)

    @property
    def first(self) -> datetime:
        """The first of the hours, by its beginning."""
        return self.last - (self.hours - 1) * ONE_HOUR


def traffic(period: Period, counted: Mapping[datetime, Counts]) -> dict[str, Any]:
    """Return what happened in a period, hour by hour, those too in which nothing did, and in all."""
    beginnings = [period.first + number * ONE_HOUR for number in range(period.hours)]
    total = sum(counted.values(), Counts())
    # Within the first minute of an hour a rate by the minute would be made of seconds.
    minutes = max((period.now - period.first) / timedelta(minutes=1), 1.0)
    return {
        "from": timestamp(period.first),
        "to": timestamp(period.now),
        "photos_per_minute": total.photos / minutes,
        "hours": [_hour(beginning, counted.get(beginning, Counts())) for beginning in beginnings],
        "verdicts": _verdicts(total),
    }


def workload(waiting: Mapping[BinState, int], per_hour: int, learnt: Feedback) -> dict[str, Any]:
    """Return what waits for people, how many hours of reviews that is, and how often people were called rightly."""
    reviews = waiting[BinState.REVIEW]
    return {
        "open": {state.value: number for state, number in waiting.items()},
        "alert_precision": shapes.resolved_bins(learnt.seen(Asked.ALERT)),
        "review_yield": shapes.resolved_bins(learnt.seen(Asked.REVIEW)),
        "review_load": {"waiting": reviews, "per_hour": per_hour, "hours_to_clear": reviews / per_hour},
    }


def _hour(beginning: datetime, counts: Counts) -> dict[str, Any]:
    median, late = counts.latency_ms(0.5), counts.latency_ms(0.95)
    return {
        "at": timestamp(beginning),
        "photos": counts.photos,
        "verdicts": _verdicts(counts),
        "rejections": counts.of(Verdict.REJECTED),
        "alerts": counts.alerts,
        "latency_ms": None if median is None else {"p50": median, "p95": late},
    }


def _verdicts(counts: Counts) -> dict[str, int]:
    return {verdict.value: counts.of(verdict) for verdict in Verdict}
