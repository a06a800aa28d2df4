"""Domain values as the API's JSON. Times are RFC 3339 UTC; what is unknown is null, never left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.domain import Reason, Rejection
from chalicelib.feedback import CERTAINTY, POSTERIOR_BINS, is_enough, rate_from, with_rate
from chalicelib.items import timestamp
from chalicelib.resolution import Asked, Assignment, PhotoRequest, Reopening
from chalicelib.severity import severity_of_bin

if TYPE_CHECKING:
    from chalicelib.bin_status import Bin, BinStatus, Episode
    from chalicelib.domain import BinImage, Expectation, Inspection, Judgement, Outcome
    from chalicelib.feedback import Estimate, Feedback, Seen
    from chalicelib.ports_api import Pictures, SiteRules
    from chalicelib.resolution import Act, Statement
    from chalicelib.trail import AuditRecord


def bin_status(status: BinStatus) -> dict[str, Any]:
    """Return a bin as it stands in a list."""
    return {
        "bin_id": status.bin_id,
        "version": status.version,
        "status": status.state,
        "changed_at": timestamp(status.changed_at),
        "photos": status.photos,
        "site": status.site,
        "consignment_id": status.consignment_id,
        "expected": status.expected,
        "predicted": status.predicted,
        "certainty": status.certainty,
        "probabilities": dict(status.probabilities) or None,
        "severity": severity_of_bin(status),
        "reason": status.reason,
        "model": status.model,
        **_judgement(status.judgement),
        "since": timestamp(status.since),
        "alert": _episode(status.episode) if status.episode else None,
        "assignee": status.assignee,
        "photo_requested_at": timestamp(status.photo_request.at) if status.photo_request else None,
        "image": stored(status.image) if status.image else None,
    }


def bin_in_full(bin_: Bin, pictures: Pictures) -> dict[str, Any]:
    """Return a bin with what it should hold and a link to its newest photo."""
    return {
        **bin_with_picture(bin_.status, pictures),
        "expectation": _expectation(bin_.expectation) if bin_.expectation else None,
    }


def bin_with_picture(status: BinStatus, pictures: Pictures) -> dict[str, Any]:
    """Return a bin as it stands in a list, with a link to its newest photo."""
    return {**bin_status(status), "picture_url": pictures.link(status.image) if status.image else None}


def bin_without_picture(status: BinStatus, _pictures: Pictures) -> dict[str, Any]:
    """Return a bin as it stands in a list."""
    return bin_status(status)


def outcome(outcome: Outcome, pictures: Pictures) -> dict[str, Any]:
    """Return how one photo ended, with a link to it unless it was gone before it could be read."""
    if isinstance(outcome, Rejection):
        is_gone = outcome.reason == Reason.GONE
        return {**_rejection(outcome), "picture_url": None if is_gone else pictures.link(outcome.image)}
    return {**_inspection(outcome), "picture_url": pictures.link(outcome.image)}


def review(status: BinStatus, rank: int, due_hour: int, pictures: Pictures) -> dict[str, Any]:
    """Return a bin in its site's review queue: why it waits, and in which hour from now its turn comes."""
    return {
        "rank": rank,
        "due_hour": due_hour,
        "why": "audit" if status.judgement and status.judgement.is_audit else "uncertain",
        **bin_with_picture(status, pictures),
    }


def act(act: Act) -> dict[str, Any]:
    """Return what somebody said of a bin: a resolution, what took one back, and what was wanted of others."""
    common = {"bin_id": act.bin_id, "version": act.version, "by": act.by, "at": timestamp(act.at)}
    if isinstance(act, Assignment):
        return {"type": "assignment", **common, "assignee": act.assignee}
    if isinstance(act, PhotoRequest):
        return {"type": "photo_request", **common, "note": act.note}
    if isinstance(act, Reopening):
        return {"type": "reopening", **common, "reopens": act.reopens, "note": act.note}
    return {
        "type": "resolution",
        **common,
        "true_count": act.finding.true_count,
        "reason": act.finding.cause,
        "note": act.finding.note,
        "expected": act.stood.expected,
        "asked": act.asked,
        "is_wrong": act.is_wrong,
        "corrects": act.corrects,
        "stood": bin_status(act.stood),
    }


def statement(said: Statement, pictures: Pictures) -> dict[str, Any]:
    """Return what somebody said of a bin's goods, with a link to the photo that they spoke of."""
    image = said.stood.image
    return {**act(said), "picture_url": pictures.link(image) if image else None}


def audit_record(record: AuditRecord) -> dict[str, Any]:
    """Return one record of the audit trail."""
    return {
        "at": timestamp(record.at),
        "by": record.by,
        "action": record.action,
        "version": record.version,
        "site": record.site,
        "bin_id": record.bin_id,
        "consignment_id": record.consignment_id,
        "policy": record.policy,
        "before": dict(record.before),
        "after": dict(record.after),
        "note": record.note,
    }


def feedback(found: Feedback, rules: SiteRules) -> dict[str, Any]:
    """Return what resolved bins have taught about a site, what that rests on, and the rate that it has led to."""
    rate = rate_from(rules.policy, found, rules.adaptation)
    return {
        "mismatch_rate": {
            "in_force": with_rate(rules.policy, found, rules.adaptation).mismatch_rate,
            "set": rules.policy.mismatch_rate,
            "is_adapted": is_enough(found, rules.adaptation),
            "estimate": _estimate(rate),
            "rests_on": {
                "resolved": found.rated,
                "audits": found.seen(Asked.AUDIT).bins,
                "worth": found.worth,
                "weighted_share": found.weighted_share,
                "prior_bins": rules.adaptation.prior_bins,
                "adapt_from": rules.adaptation.adapt_from,
                "audits_from": rules.adaptation.audits_from,
            },
        },
        "alert_precision": resolved_bins(found.seen(Asked.ALERT)),
        "review_yield": resolved_bins(found.seen(Asked.REVIEW)),
        "audit_misses": resolved_bins(found.seen(Asked.AUDIT)),
        "unasked": resolved_bins(found.seen(Asked.NOBODY)),
        "brier": found.brier,
        "calibration": [
            {"from": number / POSTERIOR_BINS, "to": (number + 1) / POSTERIOR_BINS, **resolved_bins(seen)}
            for number, seen in enumerate(found.calibration())
        ],
    }


def resolved_bins(seen: Seen) -> dict[str, Any]:
    """Return resolved bins of one kind; the share is null where there are none."""
    return {
        "bins": seen.bins,
        "wrong": seen.wrong,
        "expected_wrong": seen.expected,
        "share": _estimate(seen.share) if seen.bins else None,
    }


def _estimate(estimate: Estimate) -> dict[str, float]:
    return {"mean": estimate.mean, "low": estimate.low, "high": estimate.high, "certainty": CERTAINTY}


def _inspection(inspection: Inspection) -> dict[str, Any]:
    estimate, expectation = inspection.estimate, inspection.expectation
    return {
        "type": "inspection",
        "bin_id": inspection.bin_id,
        "verdict": inspection.judgement.verdict,
        "expected": expectation.quantity if expectation else None,
        "consignment_id": expectation.consignment_id if expectation else None,
        "items": _items(expectation) if expectation else [],
        "predicted": estimate.prediction,
        "probabilities": dict(zip(estimate.counts, estimate.probabilities, strict=True)),
        "model": estimate.model,
        **_judgement(inspection.judgement),
        "image": stored(inspection.image),
        "at": timestamp(inspection.at),
    }


def _judgement(judgement: Judgement | None) -> dict[str, Any]:
    """Return what a verdict rests on; a bin without one has the same fields, all null."""
    return {
        name: getattr(judgement, name, None)
        for name in (
            "probability_of_mismatch",
            "direction",
            "prior",
            "likelihood_ratio",
            "review_from",
            "alert_from",
            "is_settled",
            "is_audit",
            "stands_for",
            "expected_cost",
            "policy",
        )
    } | {"photos_judged": judgement.photos if judgement else None}


def _episode(episode: Episode) -> dict[str, Any]:
    return {
        "state": episode.state,
        "opened_at": timestamp(episode.opened_at),
        "raised": list(episode.raised),
        "by": episode.by,
    }


def _rejection(rejection: Rejection) -> dict[str, Any]:
    return {
        "type": "rejection",
        "bin_id": rejection.bin_id,
        "verdict": "rejected",
        "reason": rejection.reason,
        "message": rejection.message,
        "image": stored(rejection.image),
        "at": timestamp(rejection.at),
    }


def _expectation(expectation: Expectation) -> dict[str, Any]:
    return {
        "consignment_id": expectation.consignment_id,
        "site": expectation.site,
        "expected_quantity": expectation.quantity,
        "items": _items(expectation),
    }


def _items(expectation: Expectation) -> list[dict[str, Any]]:
    return [{"sku": item.sku, "quantity": item.quantity} for item in expectation.items]


def stored(image: BinImage) -> dict[str, Any]:
    """Return one version of a file in the bucket."""
    return {
        "bucket": image.bucket,
        "key": image.key,
        "version": image.version,
        "etag": image.etag,
        "sequencer": image.sequencer,
        "size": image.size,
        "uploaded_at": timestamp(image.uploaded_at),
    }
