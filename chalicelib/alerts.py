"""What changed -> an alert or nothing, and how it reads. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from chalicelib.domain import Alert, BinState, Direction, Rejection, Severity, Verdict
from chalicelib.items import timestamp

if TYPE_CHECKING:
    from chalicelib.domain import BinImage, BinStatus
    from chalicelib.events import StatusChange

_ALERTING = {BinState.MISMATCH, BinState.UNEXPECTED, BinState.REJECTED}
_HIGH_FROM = 0.99
"""A mismatch this probable is worth an immediate walk."""


def alert_for(change: StatusChange | Rejection) -> Alert | None:
    """Return the alert that a change calls for.

    A bin that enters an alerting state, or whose expectation changed within one, alerts once; more photos that
    show the same do not. A bin in review waits in its queue without an alert.
    """
    if isinstance(change, Rejection):
        return _stray_alert(change)
    is_alerting = change.after.state in _ALERTING
    is_news = change.before is None or _finding(change.before) != _finding(change.after)
    return _bin_alert(change.after) if is_alerting and is_news else None


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
    return [
        f"Reason: {alert.reason}.",
        "What to do: photograph the bin again; if it happens again, look at the camera.",
    ]


def _finding(status: BinStatus) -> tuple[object, ...]:
    return (status.state, status.consignment_id, status.expected)


def _bin_alert(status: BinStatus) -> Alert | None:
    if status.image is None:
        return None
    verdict = Verdict(status.state)
    return Alert(
        alert_id=_alert_id(status.image, verdict),
        verdict=verdict,
        severity=_severity(status),
        image=status.image,
        at=status.changed_at,
        bin_id=status.bin_id,
        consignment_id=status.consignment_id,
        site=status.site,
        direction=status.direction,
        expected=status.expected,
        predicted=status.predicted,
        probability_of_mismatch=status.probability_of_mismatch,
        model=status.model,
        policy=status.policy,
        reason=status.reason,
    )


def _stray_alert(rejection: Rejection) -> Alert:
    return Alert(
        alert_id=_alert_id(rejection.image, Verdict.REJECTED),
        verdict=Verdict.REJECTED,
        severity=Severity.LOW,
        image=rejection.image,
        at=rejection.at,
        reason=rejection.reason,
    )


def _severity(status: BinStatus) -> Severity:
    if status.state is not BinState.MISMATCH:
        return Severity.LOW
    is_all_but_certain = (status.probability_of_mismatch or 0.0) >= _HIGH_FROM
    return Severity.HIGH if is_all_but_certain else Severity.MEDIUM


def _alert_id(image: BinImage, verdict: Verdict) -> str:
    return hashlib.sha256(f"{image.image_id}/{verdict}".encode()).hexdigest()[:32]
