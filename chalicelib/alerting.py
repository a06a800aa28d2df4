"""The stream's use case: alerts have come up; send them, or one digest in their place, each exactly once recorded.

Calls for another photo go the same way, and none of them becomes part of a digest.

Gather, decide, apply, for a handful of alerts at a time. `gather` reads how those stand that were offered before, and
what their gates have counted. `decide` is pure. `apply` records how the new ones leave together with the gates, in
one conditional transaction, and only then publishes what is due and marks it as sent. Dying between two steps loses
nothing, since the stream offers the same change again and the record says what had been decided; what was published
and not yet marked is published once more, under the same id. Whoever is silent costs a share of one read and of one
transaction, and nothing else.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.digest import Dispatch, Ruling, admit, concerned_consignment, consignment_gate, window_gate
from chalicelib.domain import Alert
from chalicelib.errors import Conflict, TemporaryFailure
from chalicelib.ports import MOST_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from chalicelib.digest import DigestLimits, GateName, Tally
    from chalicelib.photo_call import Raised
    from chalicelib.ports import Ledger, Standing, Topic

_ATTEMPTS = 8
_FIRST_PAUSE_S = 0.05

Ruled = tuple["Raised", Ruling]


@dataclass(frozen=True, slots=True)
class Alerter:
    """What sending alerts needs: the ledger, the topic, each site's limits, and how to pause (in seconds)."""

    ledger: Ledger
    topic: Topic
    limits_for: Callable[[str | None], DigestLimits]
    sleep: Callable[[float], None]

    def work_off(self, alerts: Iterable[Raised]) -> Iterator[Ruled]:
        """Send what is due; yields each alert that was dealt with now and not before, with how it left.

        Raises:
            TemporaryFailure: something that may heal; offering the same alerts again completes the work.

        """
        each_once = list({alert.alert_id: alert for alert in alerts}.values())
        for first in range(0, len(each_once), MOST_AT_ONCE):
            yield from self._work_off(each_once[first : first + MOST_AT_ONCE])

    def _work_off(self, alerts: Sequence[Raised]) -> Iterator[Ruled]:
        known, new = self._ruled(alerts)
        for alert, ruling in [*known, *new]:
            if ruling.is_due:
                self.topic.publish(ruling.digest or alert)
                self.ledger.mark_sent(alert)
                yield alert, ruling
        yield from ((alert, ruling) for alert, ruling in new if not ruling.is_due)

    def _ruled(self, alerts: Sequence[Raised]) -> tuple[list[Ruled], list[Ruled]]:
        """Return the alerts that had been ruled upon, and those that are now, with how they leave."""
        limits = {alert.alert_id: self.limits_for(alert.site) for alert in alerts if isinstance(alert, Alert)}
        for attempt in range(_ATTEMPTS):
            standing = self._gather(alerts, limits)
            known = [
                (alert, standing.rulings[alert.alert_id]) for alert in alerts if alert.alert_id in standing.rulings
            ]
            new, tallies = rule([alert for alert in alerts if alert.alert_id not in standing.rulings], limits, standing)
            if not new:
                return known, []
            try:
                self.ledger.record(new, standing.tallies, tallies)
            except Conflict:
                self.sleep(_pause(attempt, alerts[0]))
                continue
            return known, new
        raise TemporaryFailure(f"the gates of alerts change too fast: {_ATTEMPTS} attempts met another change")

    def _gather(self, alerts: Sequence[Raised], limits: Mapping[str, DigestLimits]) -> Standing:
        gated = [alert for alert in alerts if isinstance(alert, Alert)]
        windows = {window_gate(alert, limits[alert.alert_id]).name for alert in gated}
        consignments = {concerned_consignment(alert) for alert in gated} - {None}
        return self.ledger.read(alerts, windows, [one for one in consignments if one])


def rule(
    alerts: Sequence[Raised], limits: Mapping[str, DigestLimits], standing: Standing
) -> tuple[list[Ruled], dict[GateName, Tally]]:
    """Decide how alerts leave, one after the other; returns that, and the tallies that have changed.

    A call for another photo passes no gate: somebody waits for what it asks for.
    """
    tallies = dict(standing.tallies)
    rulings: list[Ruled] = []
    for alert in alerts:
        if not isinstance(alert, Alert):
            rulings.append((alert, Ruling(Dispatch.ALONE)))
            continue
        its = limits[alert.alert_id]
        consignment = standing.consignments.get(concerned_consignment(alert) or "")
        gate = consignment_gate(consignment, its) if consignment else None
        ruling, tallies = admit(alert, window_gate(alert, its), gate, tallies)
        rulings.append((alert, ruling))
    return rulings, {name: tally for name, tally in tallies.items() if tally != standing.tallies.get(name)}


def _pause(attempt: int, alert: Raised) -> float:
    """Return how long to wait for others; two that met wait differently long, each always alike."""
    share = zlib.crc32(alert.alert_id.encode()) / 2**32
    return _FIRST_PAUSE_S * 2.0**attempt * (0.5 + share)
