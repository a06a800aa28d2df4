"""How alerts and digests read: as JSON, as attributes for subscribers' filters, as text for a person. Pure.

A notice is what goes out: an alert, a digest, or a call for another photo, which `photo_notices` puts into words.
Links lead to the operators' page, which shows whom it knows: a signed link to a picture would end with the credentials
of the function that made it, hours after the mail, and until then open the picture to everybody whom the mail is passed
on to. The page gets a new one for each who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib import photo_notices
from chalicelib.digest import Digest, Scope
from chalicelib.domain import Alert, Direction, EpisodeState, Severity, Verdict
from chalicelib.items import timestamp
from chalicelib.photo_call import PhotoCall

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chalicelib.digest import Suspect
    from chalicelib.photo_call import Raised

Notice = Alert | Digest | PhotoCall

_LONGEST_SUBJECT = 100
"""Characters; SNS takes no longer one."""

_ALERTING = (Verdict.MISMATCH, Verdict.REVIEW, Verdict.UNEXPECTED, Verdict.REJECTED)
_STANDS_FOR = {
    Scope.SITE: _ALERTING,
    Scope.NO_SITE: (Verdict.UNEXPECTED, Verdict.REJECTED),
    Scope.NO_BIN: (Verdict.REJECTED,),
    Scope.CONSIGNMENT: (Verdict.MISMATCH,),
}
"""The verdicts that a digest may keep silent from then on."""


def id_of(notice: Notice) -> str:
    """Return the id by which receivers drop repeats."""
    return notice.digest_id if isinstance(notice, Digest) else notice.alert_id


def message_of(notice: Notice, api: str) -> dict[str, Any]:
    """Return a notice as the JSON object that subscribers receive; `api` is the API's address."""
    if isinstance(notice, PhotoCall):
        return photo_notices.message_of(notice, _link_of(notice, api))
    return _alert_message(notice, api) if isinstance(notice, Alert) else _digest_message(notice, api)


def attributes_of(notice: Notice) -> dict[str, str | list[str]]:
    """Return what subscribers' filters may look at; SNS takes no empty values.

    A digest has all values that the alerts could have that it keeps silent, so that it reaches everybody whose filter
    would have let one of them through, unless the filter asks for a kind.
    """
    if isinstance(notice, PhotoCall):
        return photo_notices.attributes_of(notice)
    return _alert_attributes(notice) if isinstance(notice, Alert) else _digest_attributes(notice)


def subject_of(notice: Notice) -> str:
    """Return the subject line: at most 100 printable characters of ASCII, as SNS wants it."""
    if isinstance(notice, PhotoCall):
        subject = photo_notices.subject_of(notice)
    else:
        subject = _alert_subject(notice) if isinstance(notice, Alert) else _digest_subject(notice)
    return "".join(one if " " <= one <= "~" else "?" for one in subject)[:_LONGEST_SUBJECT]


def text_of(notice: Notice, api: str) -> str:
    """Return a notice as a person on the floor reads it: what is wrong, what to do, and why it came."""
    if isinstance(notice, PhotoCall):
        return photo_notices.text_of(notice, _link_of(notice, api))
    return _alert_text(notice, api) if isinstance(notice, Alert) else _digest_text(notice, api)


# One alert -------------------------------------------------------------------------------------------------------


def _alert_message(alert: Alert, api: str) -> dict[str, Any]:
    image = alert.image
    return {
        "kind": "alert",
        "alert_id": alert.alert_id,
        "bin_id": alert.bin_id,
        "consignment_id": alert.consignment_id,
        "site": alert.site,
        "verdict": alert.verdict,
        "direction": alert.direction,
        "expected": alert.expected,
        "predicted": alert.predicted,
        "certainty": alert.certainty,
        "probability_of_mismatch": alert.probability_of_mismatch,
        "prior": alert.prior,
        "likelihood_ratio": alert.likelihood_ratio,
        "review_from": alert.review_from,
        "alert_from": alert.alert_from,
        "photos": alert.photos,
        "severity": alert.severity,
        "reason": alert.reason,
        "episode": alert.episode,
        "image": {"bucket": image.bucket, "key": image.key, "version": image.version},
        "link": _link_of(alert, api),
        "model": alert.model,
        "policy": alert.policy,
        "at": timestamp(alert.at),
    }


def _alert_attributes(alert: Alert) -> dict[str, str | list[str]]:
    candidates = {
        "kind": "alert",
        "verdict": alert.verdict,
        "severity": alert.severity,
        "site": alert.site,
        "direction": alert.direction,
        "episode": alert.episode,
    }
    return {name: str(value) for name, value in candidates.items() if value}


def _alert_subject(alert: Alert) -> str:
    again = " again" if alert.episode is EpisodeState.REOPENED else ""
    if alert.bin_id is None:
        return f"Photo without a bin: it could not be judged ({alert.reason})"
    if alert.verdict is Verdict.UNEXPECTED:
        return f"Bin {alert.bin_id}{again}: photographed, but no consignment names it"
    if alert.verdict is Verdict.REJECTED:
        return f"Bin {alert.bin_id}{again}: photo could not be judged ({alert.reason})"
    if alert.verdict is Verdict.REVIEW:
        return f"Bin {alert.bin_id}{again}: another look is asked for"
    if alert.predicted is None:
        return f"Bin {alert.bin_id}{again}: it may not hold the {alert.expected} expected"
    way = alert.direction or "wrong"
    return f"Bin {alert.bin_id}{again} seems {way}: {alert.predicted} counted, {alert.expected} expected"


def _alert_text(alert: Alert, api: str) -> str:
    blocks = [
        [subject_of(alert)],
        _finding(alert),
        [f"What to do: {_advice(alert)}"],
        _whereabouts(alert, api),
        _grounds(alert),
        [f"Severity: {alert.severity}. Alert {alert.alert_id}, {timestamp(alert.at)}"],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _finding(alert: Alert) -> list[str]:
    if alert.verdict in {Verdict.MISMATCH, Verdict.REVIEW}:
        return _difference(alert)
    if alert.verdict is Verdict.UNEXPECTED:
        seen = f"The photo shows {alert.predicted}, and no" if alert.predicted is not None else "No"
        return [f"{seen} open consignment says what the bin should hold."]
    return [f"Reason: {alert.reason}"]


def _difference(alert: Alert) -> list[str]:
    lines = [f"Expected: {alert.expected}"]
    if alert.predicted is not None:
        sure = f" (the newest photo is {_percent(alert.certainty)} sure)" if alert.certainty is not None else ""
        lines.append(f"Counted:  {alert.predicted}{sure}")
    if alert.probability_of_mismatch is not None:
        missing = {Direction.SHORT: "Goods seem to be missing. ", Direction.OVER: "There seem to be too many. "}
        way = missing[alert.direction] if alert.direction else ""
        probability = _percent(alert.probability_of_mismatch)
        lines.append(f"{way}Probability that the bin does not hold {alert.expected}: {probability}")
    return lines


def _advice(alert: Alert) -> str:
    if alert.verdict is Verdict.MISMATCH:
        return "go to the bin and count. Then report what it holds, so that the alert ends."
    if alert.verdict is Verdict.REVIEW:
        return "look at the picture and at what was said of the bin; go and count if that leaves a doubt."
    if alert.verdict is Verdict.UNEXPECTED:
        return "load the consignment, or clear the bin."
    if alert.bin_id is None:
        return "look at what the camera calls its photos: <prefix>/<bin id>/<name>.jpg is asked for."
    return "photograph the bin again; if it happens again, look at the camera."


def _whereabouts(alert: Alert, api: str) -> list[str]:
    place = [f"Site: {alert.site}", f"Consignment: {alert.consignment_id}"] if alert.site else []
    image = alert.image
    return [
        *place,
        f"Picture: {_link_of(alert, api)} (sign in)",
        f"File: s3://{image.bucket}/{image.key}",
    ]


def _grounds(alert: Alert) -> list[str]:
    """Say why the bin was alerted, so that each number can be checked (docs/decision.md)."""
    if alert.prior is None or alert.likelihood_ratio is None:
        return [f"Judged by {alert.model}"] if alert.model else []
    why = (
        f"Why: {_percent(alert.prior)} of bins here are wrong before any photo. What {_photos(alert)} "
        f"{_number(alert.likelihood_ratio)} times as probable for a wrong bin as for a right one, which makes it "
        f"{_percent(alert.probability_of_mismatch)}; alerts are sent from {_percent(alert.alert_from)} on."
    )
    return [why, f"Judged by {alert.model} under policy {alert.policy}"]


def _photos(alert: Alert) -> str:
    many = alert.photos is not None and alert.photos > 1
    return f"its {alert.photos} photos show together is" if many else "its photo shows is"


def _link_of(alert: Raised, api: str) -> str:
    return f"{api}/page#/bins/{alert.bin_id}" if alert.bin_id else f"{api}/page#/rejections"


# A digest --------------------------------------------------------------------------------------------------------


def _digest_message(digest: Digest, api: str) -> dict[str, Any]:
    return {
        "kind": "digest",
        "alert_id": digest.digest_id,
        "scope": digest.scope,
        "site": digest.site,
        "consignment_id": digest.consignment_id,
        "bins": digest.bins,
        "alerts": digest.alerts,
        "verdicts": {verdict.value: number for verdict, number in digest.counts},
        "since": timestamp(digest.since),
        "until": timestamp(digest.until) if digest.until else None,
        "worst": [_suspect(suspect) for suspect in digest.worst],
        "links": _lists_of(digest, api),
        "at": timestamp(digest.at),
    }


def _suspect(suspect: Suspect) -> dict[str, Any]:
    return {
        "alert_id": suspect.alert_id,
        "verdict": suspect.verdict,
        "bin_id": suspect.bin_id,
        "key": suspect.key,
        "expected": suspect.expected,
        "predicted": suspect.predicted,
        "probability_of_mismatch": suspect.probability_of_mismatch,
    }


def _digest_attributes(digest: Digest) -> dict[str, str | list[str]]:
    verdicts = _STANDS_FOR[digest.scope]
    is_of_goods = Verdict.MISMATCH in verdicts
    values: dict[str, str | list[str]] = {
        "kind": "digest",
        "verdict": _texts(verdicts),
        "severity": _texts(Severity) if is_of_goods else [str(Severity.LOW)],
    }
    if is_of_goods:
        values["direction"] = _texts(Direction)
    if digest.scope is not Scope.NO_BIN:
        values["episode"] = _texts((EpisodeState.OPEN, EpisodeState.REOPENED))
    return {**values, "site": digest.site} if digest.site else values


def _digest_subject(digest: Digest) -> str:
    if digest.scope is Scope.CONSIGNMENT:
        return f"Consignment {digest.consignment_id}: {digest.alerts} of {digest.bins} bins differ, more are silent"
    until = f"until {_minute(digest.until)}" if digest.until else ""
    return f"{digest.alerts} alerts {_place(digest)}, more are silent {until}"


def _digest_text(digest: Digest, api: str) -> str:
    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in digest.counts)
    silence = (
        f"Further ones are silent until {_minute(digest.until)}."
        if digest.until
        else "Further bins of it that differ are silent until the consignment is loaded anew."
    )
    blocks = [
        [subject_of(digest)],
        [
            f"{digest.alerts} alerts {_place(digest)} since {_minute(digest.since)}: {verdicts}.",
            f"This one message stands for all that follow. {silence} Each is recorded all the same.",
        ],
        [f"What to do: {_ADVICE[digest.scope]}"],
        ["The worst so far:", *(f"  {_line_of(suspect)}" for suspect in digest.worst)],
        [f"All of them: {_page_of(digest, api)} (sign in)"],
        [f"Digest {digest.digest_id}, {timestamp(digest.at)}"],
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


_ADVICE = {
    Scope.SITE: "look whether one thing is behind it (a camera, a delivery, a new list), then work the list off.",
    Scope.NO_SITE: "look which consignment has not been loaded, or whether a camera misnames its bins.",
    Scope.NO_BIN: "look at what the cameras call their photos: <prefix>/<bin id>/<name>.jpg is asked for.",
    Scope.CONSIGNMENT: "look at the consignment itself before its bins: is it the right list for this delivery?",
}


def _place(digest: Digest) -> str:
    return {
        Scope.SITE: f"at {digest.site}",
        Scope.NO_SITE: "of bins that no consignment names",
        Scope.NO_BIN: "of photos without a bin",
        Scope.CONSIGNMENT: f"of consignment {digest.consignment_id}",
    }[digest.scope]


def _page_of(digest: Digest, api: str) -> str:
    """Return the view of the page that has all of a digest's bins, or the one where looking for them begins."""
    views = {
        Scope.SITE: f"#/queue/{digest.site}",
        Scope.NO_SITE: "",
        Scope.NO_BIN: "#/rejections",
        Scope.CONSIGNMENT: f"#/consignments/{digest.consignment_id}",
    }
    return f"{api}/page{views[digest.scope]}"


def _lists_of(digest: Digest, api: str) -> list[str]:
    if digest.scope is Scope.NO_BIN:
        return [f"{api}/v1/rejections"]
    of_consignment = f"&consignment={digest.consignment_id}" if digest.consignment_id else ""
    return [f"{api}/v1/bins?status={verdict}{of_consignment}" for verdict, _ in digest.counts]


def _line_of(suspect: Suspect) -> str:
    if suspect.bin_id is None:
        return suspect.key
    if suspect.verdict is not Verdict.MISMATCH:
        return f"{suspect.bin_id}: {suspect.verdict}"
    probability = _percent(suspect.probability_of_mismatch)
    return f"{suspect.bin_id}: {suspect.predicted} counted, {suspect.expected} expected, {probability} wrong"


# Words -----------------------------------------------------------------------------------------------------------


def _percent(share: float | None) -> str:
    """Return a share for people; what is all but certain is not called certain."""
    if share is None:
        return "?"
    return "over 99.9 %" if 0.999 < share < 1.0 else f"{share:.1%}".replace("%", " %")


def _number(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10.0 else f"{ratio:.2g}"


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _texts(values: Iterable[object]) -> list[str]:
    return [str(value) for value in values]
