"""What changed -> an alert or nothing. Pure; how it reads is `notices`' concern, whether it goes out is `digest`'s."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from chalicelib.domain import Alert, EpisodeState, Rejection, Severity, Verdict
from chalicelib.items import timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.domain import BinStatus, Episode
    from chalicelib.events import StatusChange

_HIGH_FROM = 1.5
_MEDIUM_FROM = 0.5
"""Goods that are probably wrong, from which a mismatch is that severe."""


def alert_for(change: StatusChange | Rejection) -> Alert | None:
    """Return the alert that a change calls for.

    A bin alerts once for each verdict of an episode; more photos that show the same do not. A bin in review waits in
    its queue without an alert, unless somebody has put it there again by reopening what was resolved.
    """
    if isinstance(change, Rejection):
        return _stray_alert(change)
    raised = _raised(change.after) - _raised(change.before)
    return _bin_alert(change.after, change.after.episode) if raised and change.after.episode else None


def severity_of(verdict: Verdict, probability: float | None, stake: int) -> Severity:
    """Return how soon someone should walk: by the goods that are probably wrong, probability of a mismatch x stake.

    High from 1.5 on, medium from 0.5 on: one item short is never high, three are from a probability of 0.5 on. More
    probable or more at stake is never less severe. What is no mismatch says nothing of goods, and is low.
    """
    if verdict is not Verdict.MISMATCH:
        return Severity.LOW
    wrong = (probability or 0.0) * stake
    if wrong >= _HIGH_FROM:
        return Severity.HIGH
    return Severity.MEDIUM if wrong >= _MEDIUM_FROM else Severity.LOW


def at_stake(expected: int | None, predicted: str | None) -> int:
    """Return by how many goods the count differs from the consignment: at least one, or there were no mismatch.

    An open class counts as its least member: of a bin that should hold 9 and shows "6+", one item is at stake.
    """
    if expected is None or predicted is None:
        return 1
    least = int(predicted.rstrip("+"))
    difference = max(0, least - expected) if predicted.endswith("+") else abs(expected - least)
    return max(1, difference)


def _raised(status: BinStatus | None) -> set[tuple[datetime, Verdict]]:
    """Return what a bin has alerted about, told apart by episode."""
    episode = status.episode if status else None
    return {(episode.opened_at, verdict) for verdict in episode.raised} if episode else set()


def _bin_alert(status: BinStatus, episode: Episode) -> Alert | None:
    if status.image is None:
        return None
    judgement, verdict = status.judgement, episode.raised[-1]
    probability = judgement.probability_of_mismatch if judgement else None
    return Alert(
        alert_id=_alert_id(f"{status.bin_id}/{timestamp(episode.opened_at)}/{verdict}"),
        verdict=verdict,
        severity=severity_of(verdict, probability, at_stake(status.expected, status.predicted)),
        image=status.image,
        at=status.changed_at,
        bin_id=status.bin_id,
        consignment_id=status.consignment_id,
        site=status.site,
        direction=judgement.direction if judgement else None,
        expected=status.expected,
        predicted=status.predicted,
        certainty=status.certainty,
        probability_of_mismatch=probability,
        prior=judgement.prior if judgement else None,
        likelihood_ratio=judgement.likelihood_ratio if judgement else None,
        review_from=judgement.review_from if judgement else None,
        alert_from=judgement.alert_from if judgement else None,
        photos=judgement.photos if judgement else None,
        model=status.model,
        policy=judgement.policy if judgement else None,
        reason=status.reason,
        episode=episode.state if episode.state is EpisodeState.REOPENED else EpisodeState.OPEN,
    )


def _stray_alert(rejection: Rejection) -> Alert:
    return Alert(
        alert_id=_alert_id(f"{rejection.image.image_id}/{Verdict.REJECTED}"),
        verdict=Verdict.REJECTED,
        severity=Severity.LOW,
        image=rejection.image,
        at=rejection.at,
        reason=rejection.reason,
    )


def _alert_id(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()[:32]
