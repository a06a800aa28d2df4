"""When alerts storm: which go out by themselves, where one digest stands for the rest, and which stay silent. Pure.

Two gates stand before the topic. A window's gate counts the alerts of one place in one stretch of time: of a site, of
the bins that no consignment places, of the photos whose key names no bin. A consignment's gate counts its bins that
differ, until it is loaded anew. The first alert beyond what a gate lets out by itself becomes its digest and closes
it; a closed gate lets nothing out. Windows are told by the alert's own time, never by a clock, so that an alert that
is offered again meets the same window.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.domain import BEGINNING, EpisodeState, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.consignment import Consignment
    from chalicelib.domain import Alert
    from chalicelib.site_policy import Limits

_NAMED = 5
"""How many bins a digest names."""

_LONGEST_WINDOW_MINUTES = 24 * 60
_ROUNDING = 9
"""Decimals; a share of 0.1 of 30 bins is 3, whatever floats make of it."""


@dataclass(frozen=True, slots=True)
class DigestLimits:
    """From when on one digest stands for many alerts.

    Attributes:
        alerts_per_window: so many alerts of one place go out by themselves within a window.
        window_minutes: how long a window is; windows begin at midnight of 1970-01-01 UTC and follow each other.
        consignment_share: a consignment is off as a whole once this share of its bins differs, ...
        consignment_least: ... and at least so many.

    """

    alerts_per_window: int = 20
    window_minutes: int = 60
    consignment_share: float = 0.2
    consignment_least: int = 5

    def __post_init__(self) -> None:
        rules = {
            "alerts_per_window is at least 1": self.alerts_per_window >= 1,
            "window_minutes is between 1 and 1440": 1 <= self.window_minutes <= _LONGEST_WINDOW_MINUTES,
            "consignment_share is above 0 and at most 1": 0.0 < self.consignment_share <= 1.0,
            "consignment_least is at least 2": self.consignment_least >= 2,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError("; ".join(broken))

    @classmethod
    def of(cls, limits: Limits) -> DigestLimits:
        """Return the part of a site's limits that digests go by."""
        return cls(limits.alerts_per_window, limits.window_minutes, limits.consignment_share, limits.consignment_least)

    def off_from(self, bins: int) -> int:
        """Return how many bins of a consignment have to differ for it to be off as a whole."""
        return max(self.consignment_least, math.ceil(round(self.consignment_share * bins, _ROUNDING)))


class Scope(StrEnum):
    """What a gate counts the alerts of."""

    SITE = "site"
    NO_SITE = "no_site"
    NO_BIN = "no_bin"
    CONSIGNMENT = "consignment"


@dataclass(frozen=True, slots=True)
class GateName:
    """Names a gate: `of` is the site or consignment, `start` the window's; a consignment has one gate only."""

    scope: Scope
    of: str = ""
    start: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate and its rule: so many alerts go out `alone`. `until` is None where no time opens it again."""

    name: GateName
    since: datetime
    until: datetime | None
    alone: int
    site: str | None = None
    bins: int | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """What a digest tells of one alert; `key` is the photo's."""

    alert_id: str
    verdict: Verdict
    bin_id: str | None
    key: str
    expected: int | None
    predicted: str | None
    probability_of_mismatch: float | None

    @classmethod
    def of(cls, alert: Alert) -> Suspect:
        """Return what a digest tells of an alert."""
        return cls(
            alert.alert_id,
            alert.verdict,
            alert.bin_id,
            alert.image.key,
            alert.expected,
            alert.predicted,
            alert.probability_of_mismatch,
        )

    @property
    def rank(self) -> tuple[float, str, str]:
        """Where it stands among the worst: the most probable mismatch first, and always in the same order."""
        return (-(self.probability_of_mismatch or 0.0), self.bin_id or self.key, self.alert_id)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a gate has counted since it began.

    `revision` counts every change, for optimistic locking; 0 means that nothing is on file. `latest` is the newest
    alert's time, `worst` are the few that a digest names.
    """

    since: datetime
    revision: int = 0
    counts: tuple[tuple[Verdict, int], ...] = ()
    is_closed: bool = False
    worst: tuple[Suspect, ...] = ()
    latest: datetime = BEGINNING

    @property
    def alerts(self) -> int:
        """How many alerts it has counted."""
        return sum(number for _, number in self.counts)

    def counting(self, alert: Alert) -> Tally:
        """Return the tally with one alert more."""
        counts = Counter(dict(self.counts)) + Counter([alert.verdict])
        return replace(
            self,
            revision=self.revision + 1,
            counts=tuple(sorted(counts.items())),
            worst=tuple(sorted({*self.worst, Suspect.of(alert)}, key=lambda one: one.rank)[:_NAMED]),
            latest=max(self.latest, alert.at),
        )


@dataclass(frozen=True, slots=True)
class Digest:
    """One message in place of many; receivers drop repeats by `digest_id`.

    `alerts` counts those so far, this one's included, `counts` by verdict; `bins` is the size of the consignment.
    """

    digest_id: str
    scope: Scope
    at: datetime
    since: datetime
    until: datetime | None
    site: str | None
    consignment_id: str | None
    bins: int | None
    counts: tuple[tuple[Verdict, int], ...]
    worst: tuple[Suspect, ...]

    @property
    def alerts(self) -> int:
        """How many alerts it stands for so far."""
        return sum(number for _, number in self.counts)


class Dispatch(StrEnum):
    """How an alert leaves."""

    ALONE = "alone"
    DIGEST = "digest"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Ruling:
    """How one alert leaves, decided once and kept; `digest` is what goes out in its place where it became one."""

    dispatch: Dispatch
    digest: Digest | None = None
    is_sent: bool = False

    @property
    def is_due(self) -> bool:
        """Whether something has still to be sent."""
        return self.dispatch is not Dispatch.SILENT and not self.is_sent


def window_gate(alert: Alert, limits: DigestLimits) -> Gate:
    """Return the gate of the alert's place and time."""
    length = timedelta(minutes=limits.window_minutes)
    start = BEGINNING + (alert.at - BEGINNING) // length * length
    name = GateName(_scope_of(alert), alert.site or "", start)
    return Gate(name, start, start + length, limits.alerts_per_window, alert.site)


def _scope_of(alert: Alert) -> Scope:
    if alert.bin_id is None:
        return Scope.NO_BIN
    return Scope.NO_SITE if alert.site is None else Scope.SITE


def concerned_consignment(alert: Alert) -> str | None:
    """Return the consignment whose gate the alert passes, if it does.

    That counts bins that differ, each once: an episode that opens anew is about a bin that a person has looked into,
    and a photo that can't be judged says nothing of the goods.
    """
    is_about_the_goods = alert.verdict is Verdict.MISMATCH and alert.episode is EpisodeState.OPEN
    return alert.consignment_id if is_about_the_goods else None


def consignment_gate(consignment: Consignment, limits: DigestLimits) -> Gate:
    """Return the gate of a consignment as it was loaded last."""
    return Gate(
        name=GateName(Scope.CONSIGNMENT, consignment.consignment_id),
        since=consignment.loaded_at,
        until=None,
        alone=limits.off_from(consignment.bins) - 1,
        site=consignment.site,
        bins=consignment.bins,
    )


def admit(
    alert: Alert, window: Gate, consignment: Gate | None, tallies: Mapping[GateName, Tally]
) -> tuple[Ruling, dict[GateName, Tally]]:
    """Decide how an alert leaves, and return the tallies after it.

    What a closed consignment holds back takes no room in its site's window, so that a consignment that is off does
    not drown the others. A consignment whose digest has no room in the window stays open until it has: its digest is
    late then, not lost.
    """
    ours = _tally(window, tallies).counting(alert)
    if consignment is None:
        dispatch, ours = _through(window, ours)
        return _ruling(dispatch, alert, window, ours), {**tallies, window.name: ours}
    theirs = _tally(consignment, tallies).counting(alert)
    if theirs.is_closed:
        return Ruling(Dispatch.SILENT), {**tallies, consignment.name: theirs}
    dispatch, ours = _through(window, ours)
    is_off = dispatch is Dispatch.ALONE and theirs.alerts > consignment.alone
    theirs = replace(theirs, is_closed=is_off)
    after = {**tallies, window.name: ours, consignment.name: theirs}
    if is_off:
        return _ruling(Dispatch.DIGEST, alert, consignment, theirs), after
    return _ruling(dispatch, alert, window, ours), after


def _tally(gate: Gate, tallies: Mapping[GateName, Tally]) -> Tally:
    """Return what the gate has counted; a tally of an earlier load of the consignment is begun anew."""
    on_file = tallies.get(gate.name)
    if on_file is None:
        return Tally(gate.since)
    return on_file if on_file.since == gate.since else Tally(gate.since, on_file.revision)


def _through(gate: Gate, counted: Tally) -> tuple[Dispatch, Tally]:
    if counted.is_closed:
        return Dispatch.SILENT, counted
    if counted.alerts > gate.alone:
        return Dispatch.DIGEST, replace(counted, is_closed=True)
    return Dispatch.ALONE, counted


def _ruling(dispatch: Dispatch, alert: Alert, gate: Gate, counted: Tally) -> Ruling:
    return Ruling(dispatch, _digest(alert, gate, counted) if dispatch is Dispatch.DIGEST else None)


def _digest(alert: Alert, gate: Gate, counted: Tally) -> Digest:
    what = f"digest/{gate.name.scope}/{gate.name.of}/{gate.since.isoformat()}"
    return Digest(
        digest_id=hashlib.sha256(what.encode()).hexdigest()[:32],
        scope=gate.name.scope,
        at=alert.at,
        since=gate.since,
        until=gate.until,
        site=gate.site,
        consignment_id=gate.name.of if gate.name.scope is Scope.CONSIGNMENT else None,
        bins=gate.bins,
        counts=counted.counts,
        worst=counted.worst,
    )
