"""The demo's figures come from what was found, so a lost, doubled or wrong one must show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib.domain import BinImage, Rejection, Verdict
from local.plan import Photo
from local.tally import Tally
from tests.examples import image_of, inspection_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = "incoming/A-1/a.jpg"


def end_of(key: str, version: str, seconds: float = 1.0) -> Rejection:
    image = BinImage("bucket", key, version, "etag", "01", 10, NOON)
    return Rejection("A-1", image, "empty", "", NOON + timedelta(seconds=seconds))


def alert(bin_id: str, alert_id: str, verdict: str = "mismatch") -> dict[str, Any]:
    return {"kind": "alert", "alert_id": alert_id, "bin_id": bin_id, "verdict": verdict}


def digest(alert_id: str) -> dict[str, Any]:
    return {"kind": "digest", "alert_id": alert_id, "scope": "site", "site": "FRA1", "alerts": 21}


def test_an_upload_without_an_end_is_lost_and_another_version_of_its_key_does_not_hide_it() -> None:
    tally = Tally(frozenset({(KEY, "v1"), (KEY, "v2")}), (end_of(KEY, "v1"),), ())
    assert tally.lost == 1
    assert tally.doubled == 0


def test_an_upload_with_two_ends_is_doubled_and_so_is_an_alert_that_came_twice() -> None:
    twice = end_of(KEY, "v1")
    tally = Tally(frozenset({(KEY, "v1")}), (twice, replace(twice, reason="gone")), (alert("a", "1"), alert("a", "1")))
    assert tally.doubled == 2


def test_the_summary_tells_planted_bins_that_alerted_from_false_alerts() -> None:
    plan = [Photo("wrong", Path("w"), 1, 2), Photo("right", Path("r"), 1, 1), Photo("unlisted", Path("u"), 1, None)]
    alerts = (alert("wrong", "1"), alert("right", "2"), alert("unlisted", "3", "unexpected"))
    summary = Tally(frozenset(), (), alerts).summary(plan)
    assert (summary["planted"], summary["planted_alerted"], summary["false_alerts"], summary["alerts"]) == (1, 1, 1, 3)


def test_the_summary_tells_planted_bins_that_wait_for_a_review_from_others() -> None:
    plan = [Photo("wrong", Path("w"), 1, 2), Photo("right", Path("r"), 1, 1)]
    ends = [inspection_of(image_of(), Verdict.REVIEW, bin_id=name) for name in ("wrong", "right")]
    summary = Tally(frozenset(), (*ends, end_of(KEY, "v1")), ()).summary(plan)
    assert (summary["planted_in_review"], summary["in_review"]) == (1, 2)


def test_digests_are_told_from_alerts_and_counted_beside_them() -> None:
    tally = Tally.of(frozenset(), (), [alert("a", "1"), digest("d"), alert("b", "2")])
    assert tally.alerts == (alert("a", "1"), alert("b", "2"))
    summary = tally.summary([])
    assert (summary["alerts"], summary["digests"], summary["doubled"]) == (2, 1, 0)


def test_a_digest_that_came_twice_is_doubled() -> None:
    assert Tally.of(frozenset(), (), [digest("d"), digest("d")]).doubled == 1


def test_the_seconds_to_a_verdict_are_from_upload_to_record() -> None:
    ends = tuple(end_of(f"incoming/A-{number}/a.jpg", "v", seconds=float(number)) for number in range(101))
    assert Tally(frozenset(), ends, ()).seconds_to_verdict() == (50.0, 95.0)
