"""What changed -> an alert or nothing, and how it reads. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from chalicelib.domain import Alert, Direction, Rejection, Severity, Verdict
from chalicelib.items import timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.domain import BinStatus, Episode, Judgement
    from chalicelib.events import StatusChange

_HIGH_FROM = 0.99
"""A mismatch this probable is worth an immediate walk."""


def alert_for(change: StatusChange | Rejection) -> Alert | None:
    """Return the alert that a change calls for.

    A bin alerts once for each verdict of an episode; more photos that show the same do not. A bin in review waits in
    its queue without an alert, unless somebody has put it there again by reopening what was resolved.
    """
    if isinstance(change, Rejection):
        return _stray_alert(change)
    raised = _raised(change.after) - _raised(change.before)
    return _bin_alert(change.after, change.after.episode) if raised and change.after.episode else None


def message_of(alert: Alert) -> dict[str, Any]:
    """Return the alert as the JSON object that subscribers receive."""
    image = alert.image
    return {
        "alert_id": alert.alert_id,
        "bin_id": alert.bin_id,
        "consignment_id": alert.consignment_id,
        "site": alert.site,
        "verdict": alert.verdict,
        "direction": alert.direction,
        "expected": alert.expected,
        "predicted": alert.predicted,
        "probability_of_mismatch": alert.probability_of_mismatch,
        "severity": alert.severity,
        "reason": alert.reason,
        "image": {"bucket": image.bucket, "key": image.key, "version": image.version},
        "model": alert.model,
        "policy": alert.policy,
        "at": timestamp(alert.at),
    }


def attributes_of(alert: Alert) -> dict[str, str]:
    """Return what subscribers' filters may look at; SNS takes no empty values."""
    candidates = {
        "verdict": alert.verdict,
        "severity": alert.severity,
        "site": alert.site,
        "direction": alert.direction,
    }
    return {name: str(value) for name, value in candidates.items() if value}


def subject_of(alert: Alert) -> str:
    """Return the subject line: at most 100 characters of ASCII, as SNS wants it."""
    place = f"Bin {alert.bin_id}" if alert.bin_id else "Photo without a bin"
    return f"{place}: {_HEADLINES[alert.verdict]}"[:100]


_HEADLINES = {
    Verdict.MISMATCH: "count differs from the consignment",
    Verdict.REVIEW: "reopened, another look is asked for",
    Verdict.UNEXPECTED: "photographed, but no consignment names it",
    Verdict.REJECTED: "photo could not be judged",
}


def text_of(alert: Alert) -> str:
    """Return the alert as a person on the floor reads it: what is wrong, what to do, and the evidence."""
    lines = [subject_of(alert), "", *_explanation(alert), "", f"Severity: {alert.severity}"]
    if alert.site:
        lines.append(f"Site: {alert.site}, consignment: {alert.consignment_id}")
    lines += [f"Photo: s3://{alert.image.bucket}/{alert.image.key}", f"Alert: {alert.alert_id}"]
    return "\n".join(lines)


def _explanation(alert: Alert) -> list[str]:
    if alert.verdict is Verdict.MISMATCH and alert.probability_of_mismatch is not None:
        missing = "Goods seem to be missing" if alert.direction is Direction.SHORT else "There seem to be too many"
        return [
            f"Expected {alert.expected}, counted {alert.predicted}. {missing}.",
            f"Probability that the bin does not hold {alert.expected}: {alert.probability_of_mismatch:.1%}.",
            "What to do: go to the bin and count.",
        ]
    if alert.verdict is Verdict.UNEXPECTED:
        return [
            f"The photo shows {alert.predicted}, and no open consignment says what the bin should hold.",
            "What to do: load the consignment, or clear the bin.",
        ]
    if alert.verdict is Verdict.REVIEW:
        return [
            f"Expected {alert.expected}. The bin had been resolved, and somebody has reopened it.",
            "What to do: look at the picture and at what was said of the bin; go and count if that leaves a doubt.",
        ]
    return [
        f"Reason: {alert.reason}.",
        "What to do: photograph the bin again; if it happens again, look at the camera.",
    ]


def _raised(status: BinStatus | None) -> set[tuple[datetime, Verdict]]:
    """Return what a bin has alerted about, told apart by episode."""
    episode = status.episode if status else None
    return {(episode.opened_at, verdict) for verdict in episode.raised} if episode else set()


def _bin_alert(status: BinStatus, episode: Episode) -> Alert | None:
    if status.image is None:
        return None
    judgement, verdict = status.judgement, episode.raised[-1]
    return Alert(
        alert_id=_alert_id(f"{status.bin_id}/{timestamp(episode.opened_at)}/{verdict}"),
        verdict=verdict,
        severity=_severity(verdict, judgement),
        image=status.image,
        at=status.changed_at,
        bin_id=status.bin_id,
        consignment_id=status.consignment_id,
        site=status.site,
        direction=judgement.direction if judgement else None,
        expected=status.expected,
        predicted=status.predicted,
        probability_of_mismatch=judgement.probability_of_mismatch if judgement else None,
        model=status.model,
        policy=judgement.policy if judgement else None,
        reason=status.reason,
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


def _severity(verdict: Verdict, judgement: Judgement | None) -> Severity:
    if verdict is not Verdict.MISMATCH:
        return Severity.LOW
    is_all_but_certain = judgement is not None and (judgement.probability_of_mismatch or 0.0) >= _HIGH_FROM
    return Severity.HIGH if is_all_but_certain else Severity.MEDIUM


def _alert_id(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()[:32]
