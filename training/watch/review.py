"""The share of photos that went to a person, from the app's own metrics: the capture knows no consignment.

A verdict needs what a bin should hold, which the endpoint is never told; the app counts its verdicts in CloudWatch
(`Verdicts` by `verdict`, namespace `Bincheck/STACK`). A share of review depends on the consignments as much as on the
photos, and training has none: it is held against the stretch of the same length before, and never rings.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain import Verdict
from training.errors import NothingPublishedError

_JUDGED: Final = (Verdict.MATCH, Verdict.MISMATCH, Verdict.REVIEW)
"""Of photos whose bin was expected to hold something."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the judged photos were left to a person: in the window, and in as long a stretch before it."""

    review: int
    judged: int
    review_before: int
    judged_before: int

    @property
    def now(self) -> float:
        """The window's share; NaN where nothing was judged."""
        return self.review / self.judged if self.judged else math.nan

    @property
    def before(self) -> float:
        """The share before; NaN likewise."""
        return self.review_before / self.judged_before if self.judged_before else math.nan

    @property
    def standard_errors(self) -> float:
        """By how many standard errors the two differ (two proportions, pooled); NaN where that is not known."""
        photos = self.judged + self.judged_before
        pooled = (self.review + self.review_before) / photos if photos else 0.0
        if not (self.judged and self.judged_before and 0 < pooled < 1):
            return math.nan
        spread = math.sqrt(pooled * (1 - pooled) * (1 / self.judged + 1 / self.judged_before))
        return (self.now - self.before) / spread


def share_of(cloudwatch: Any, stack: str, since: datetime, until: datetime, now: datetime) -> Share:
    """Ask CloudWatch for the verdicts of a stack; raises NothingPublishedError where it does not answer."""
    before = since - (until - since)
    counted = _counted(cloudwatch, stack, since, until, now)
    earlier = _counted(cloudwatch, stack, before, since, now)
    return Share(counted[Verdict.REVIEW], sum(counted.values()), earlier[Verdict.REVIEW], sum(earlier.values()))


def _counted(cloudwatch: Any, stack: str, since: datetime, until: datetime, now: datetime) -> dict[Verdict, int]:
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[_query(stack, verdict, _period(now - since)) for verdict in _JUDGED],
        StartTime=since,
        EndTime=until,
    )
    counted = dict.fromkeys(_JUDGED, 0)
    try:
        for page in pages:
            for series in page["MetricDataResults"]:
                counted[Verdict(series["Id"])] += round(sum(series["Values"]))
    except (ClientError, BotoCoreError) as cause:
        raise NothingPublishedError(f"the verdicts of {stack} cannot be read: {cause}") from cause
    return counted


def _query(stack: str, verdict: Verdict, period: int) -> dict[str, Any]:
    dimensions = [{"Name": "service", "Value": "bincheck"}, {"Name": "verdict", "Value": verdict.value}]
    metric = {"Namespace": f"Bincheck/{stack}", "MetricName": "Verdicts", "Dimensions": dimensions}
    return {"Id": verdict.value, "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}}


def _period(age: timedelta) -> int:
    """Give the seconds to a figure: CloudWatch forgets minutes after 15 days and five minutes after 63."""
    if age < timedelta(days=15):
        return 60
    return 300 if age < timedelta(days=63) else 3600
