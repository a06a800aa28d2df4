"""What changed -> an alert or nothing. Pure; how it reads is `notices`' concern, whether it goes out is `digest`'s."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from chalicelib.domain import Alert, EpisodeState, Rejection, Severity, Verdict
from chalicelib.items import timestamp
from chalicelib.photo_call import PHOTO_REQUEST, PhotoCall
from chalicelib.severity import at_stake, severity_of

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.bin_status import BinStatus, Episode
    from chalicelib.events import StatusChange
    from chalicelib.photo_call import Raised


def raised_by(change: StatusChange | Rejection) -> Raised | None:
    """Return what a change calls for: an alert, another photo, or nothing. One change never calls for both."""
    return alert_for(change) or photo_call_for(change)


def alert_for(change: StatusChange | Rejection) -> Alert | None:
    """Return the alert that a change calls for.

    A bin alerts once for each verdict of an episode; more photos that show the same do not. A bin in review waits in
    its queue without an alert, unless somebody has put it there again by reopening what was resolved.
    """
    if isinstance(change, Rejection):
        return _stray_alert(change)
    raised = _raised(change.after) - _raised(change.before)
    return _bin_alert(change.after, change.after.episode) if raised and change.after.episode else None


def photo_call_for(change: StatusChange | Rejection) -> PhotoCall | None:
    """Return the call for another photo that a change makes: once for each request."""
    if isinstance(change, Rejection):
        return None
    status, request = change.after, change.after.photo_request
    is_new = request is not None and (change.before is None or change.before.photo_request != request)
    if request is None or not is_new:
        return None
    return PhotoCall(
        alert_id=_alert_id(f"{status.bin_id}/{timestamp(request.at)}/{PHOTO_REQUEST}"),
        bin_id=status.bin_id,
        at=request.at,
        by=request.by,
        note=request.note,
        site=status.site,
        consignment_id=status.consignment_id,
        expected=status.expected,
        image=status.image,
    )


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
