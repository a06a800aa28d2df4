"""Policies and replays as JSON, for the API and the command. What is unknown is null, never left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.items import timestamp
from chalicelib.site_policy import to_document

if TYPE_CHECKING:
    from chalicelib.domain import Judgement
    from chalicelib.replay import Change, Replayed, Tally
    from chalicelib.site_policy import SitePolicy, Standing


def version(policy: SitePolicy) -> dict[str, Any]:
    """Return one version of a site's policy; `policy` is the document that operators write."""
    return {
        "site": policy.site,
        "version": policy.version,
        "author": policy.author,
        "at": timestamp(policy.at) if policy.at else None,
        "note": policy.note,
        "policy": to_document(policy.rules),
    }


def standing(standing: Standing) -> dict[str, Any]:
    """Return the version in force, and what follows from it for the default (group null) and for each group."""
    return {**version(standing.policy), "thresholds": thresholds(standing)}


def thresholds(standing: Standing) -> list[dict[str, Any]]:
    """Return from which posterior on bins are reviewed and alerted, under the rate of mismatches in force."""
    return [
        {
            "group": group.name if group else None,
            "policy": policy.version,
            "mismatch_rate": policy.mismatch_rate,
            "review_from": policy.review_from,
            "alert_from": policy.alert_from,
        }
        for group, policy in standing.policies()
    ]


def replayed(site: str, what: Replayed) -> dict[str, Any]:
    """Return a replay: the same photos judged by the policy in force, and by the proposed one."""
    return {
        "site": site,
        "inspections": what.inspections,
        "bins": what.bins,
        "resolved": what.resolved,
        "before": _tally(what.before),
        "after": _tally(what.after),
        "changed": what.changed,
        "changes": [_change(change) for change in what.changes],
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "verdicts": dict(tally.verdicts),
        "alerts": tally.alerts,
        "reviews": tally.reviews,
        "resolved_alerts": tally.resolved_alerts,
        "right_alerts": tally.right_alerts,
        "wrong": tally.wrong,
        "precision": tally.precision,
        "found": tally.found,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "bin_id": change.bin_id,
        "since": timestamp(change.since),
        "photos": change.photos,
        "expected": change.expected,
        "truth": change.truth,
        "before": _side(change.before, is_alerted=change.is_alerted_before),
        "after": _side(change.after, is_alerted=change.is_alerted_after),
    }


def _side(judgement: Judgement, *, is_alerted: bool) -> dict[str, Any]:
    return {
        "policy": judgement.policy,
        "verdict": judgement.verdict,
        "probability_of_mismatch": judgement.probability_of_mismatch,
        "alerted": is_alerted,
    }
