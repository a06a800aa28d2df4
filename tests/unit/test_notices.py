"""What subscribers receive, to the letter where machines read it and by its facts where people do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.digest import Digest, DigestLimits, Scope, admit, concerned_consignment, consignment_gate, window_gate
from chalicelib.domain import Alert, Direction, EpisodeState, Severity, Verdict
from chalicelib.notices import Notice, attributes_of, id_of, message_of, subject_of, text_of
from tests.examples import (
    COUNTS,
    NOON,
    alert_of,
    call_of,
    consignment_of,
    image_of,
    moments,
    names,
    probabilities,
    quantities,
    stray_alert,
    texts,
    versions,
)

API = "https://api.example.org/api"
RAISED = [Verdict.MISMATCH, Verdict.REVIEW, Verdict.UNEXPECTED, Verdict.REJECTED]
UNEXPECTED = alert_of(
    1, verdict=Verdict.UNEXPECTED, site=None, consignment_id=None, expected=None, direction=None, prior=None
)


def digest_of(*alerts: Alert, bins: int = 10) -> Digest:
    """The digest that the last of these alerts becomes."""
    is_of_consignment = concerned_consignment(alerts[0]) is not None
    limits = DigestLimits(alerts_per_window=len(alerts) - (not is_of_consignment), consignment_least=2)
    loaded = consignment_of(bins)
    tallies, ruling = {}, None
    for alert in alerts:
        gate = consignment_gate(loaded, limits) if concerned_consignment(alert) else None
        ruling, tallies = admit(alert, window_gate(alert, limits), gate, tallies)
    assert ruling is not None
    assert ruling.digest is not None
    return ruling.digest


SITE_DIGEST = digest_of(*(alert_of(number, consignment_id=None) for number in range(3)))
CONSIGNMENT_DIGEST = digest_of(alert_of(1), alert_of(2, probability_of_mismatch=0.7))
STRAY_DIGEST = digest_of(stray_alert(1), stray_alert(2))
UNEXPECTED_DIGEST = digest_of(UNEXPECTED, replace(UNEXPECTED, alert_id="a2", bin_id="A-2"))
DIGESTS = [SITE_DIGEST, CONSIGNMENT_DIGEST, STRAY_DIGEST, UNEXPECTED_DIGEST]

alerts = st.builds(
    Alert,
    alert_id=names,
    verdict=st.sampled_from(RAISED),
    severity=st.sampled_from(Severity),
    image=st.builds(image_of, texts, version=versions),
    at=moments,
    bin_id=st.none() | names,
    consignment_id=st.none() | names,
    site=st.none() | texts,
    direction=st.none() | st.sampled_from(Direction),
    expected=st.none() | quantities,
    predicted=st.none() | st.sampled_from(COUNTS),
    certainty=st.none() | probabilities,
    probability_of_mismatch=st.none() | probabilities,
    prior=st.none() | probabilities,
    likelihood_ratio=st.none() | st.floats(0.0, 1e9),
    alert_from=st.none() | probabilities,
    photos=st.none() | st.integers(1, 99),
    model=st.none() | texts,
    reason=st.none() | texts,
    episode=st.none() | st.sampled_from([EpisodeState.OPEN, EpisodeState.REOPENED]),
)
calls = st.builds(
    call_of,
    by=texts,
    note=texts,
    site=st.none() | texts,
    image=st.none() | st.builds(image_of, texts, version=versions),
)
notices = alerts | calls | st.sampled_from(DIGESTS)


# For machines ----------------------------------------------------------------------------------------------------


def test_an_alerts_message_says_everything_that_was_agreed() -> None:
    assert message_of(alert_of(1), API) == {
        "kind": "alert",
        "alert_id": "a1",
        "bin_id": "A-1",
        "consignment_id": "C-1",
        "site": "FRA1",
        "verdict": "mismatch",
        "direction": "short",
        "expected": 3,
        "predicted": "1",
        "certainty": 0.61,
        "probability_of_mismatch": 0.995,
        "prior": 0.02,
        "likelihood_ratio": 9751.0,
        "review_from": 0.09,
        "alert_from": 0.3,
        "photos": 2,
        "severity": "high",
        "reason": None,
        "episode": "open",
        "image": {"bucket": "photos", "key": "incoming/A-1/1.jpg", "version": "v1"},
        "link": f"{API}/page#/bins/A-1",
        "model": "bin-counter/3",
        "policy": "FRA1/1",
        "at": "2026-11-22T12:00:00.000Z",
    }


def test_a_call_for_another_photo_says_of_which_bin_who_asks_and_why() -> None:
    assert message_of(call_of(1), API) == {
        "kind": "photo_request",
        "alert_id": "p1",
        "bin_id": "A-1",
        "consignment_id": "C-1",
        "site": "FRA1",
        "verdict": "photo_request",
        "expected": 3,
        "by": "ann",
        "note": "something hides the label",
        "image": {"bucket": "photos", "key": "incoming/A-1/1.jpg", "version": "v1"},
        "link": f"{API}/page#/bins/A-1",
        "at": "2026-11-22T12:00:00.000Z",
    }
    assert message_of(call_of(1, image=None), API)["image"] is None


def test_whoever_takes_photos_subscribes_to_calls_alone_and_whoever_wants_severe_alerts_is_left_in_peace() -> None:
    assert attributes_of(call_of(1)) == {"kind": "photo_request", "verdict": "photo_request", "site": "FRA1"}
    assert attributes_of(call_of(1, site=None)) == {"kind": "photo_request", "verdict": "photo_request"}
    assert not any(matches({"verdict": "photo_request"}, notice) for notice in (alert_of(1), stray_alert(1), *DIGESTS))


def test_a_person_reads_which_bin_to_photograph_why_and_where_it_stands() -> None:
    text = text_of(call_of(1), API)
    assert subject_of(call_of(1)) == "Bin A-1: another photo is asked for"
    for fact in ("ann", "something hides the label", "<prefix>/A-1/<name>.jpg", "FRA1", "C-1", f"{API}/page#/bins/A-1"):
        assert fact in text
    assert "no photo yet" in text_of(call_of(1, image=None), API)


def test_a_digests_message_says_how_many_the_worst_where_to_look_and_until_when_it_is_silent() -> None:
    message = message_of(SITE_DIGEST, API)
    worst = message.pop("worst")
    assert message == {
        "kind": "digest",
        "alert_id": SITE_DIGEST.digest_id,
        "scope": "site",
        "site": "FRA1",
        "consignment_id": None,
        "bins": None,
        "alerts": 3,
        "verdicts": {"mismatch": 3},
        "since": "2026-11-22T12:00:00.000Z",
        "until": "2026-11-22T13:00:00.000Z",
        "links": [f"{API}/v1/bins?status=mismatch"],
        "at": "2026-11-22T12:00:00.000Z",
    }
    assert worst[0] == {
        "alert_id": "a0",
        "verdict": "mismatch",
        "bin_id": "A-0",
        "key": "incoming/A-0/1.jpg",
        "expected": 3,
        "predicted": "1",
        "probability_of_mismatch": 0.995,
    }


def test_a_consignments_digest_names_it_its_size_and_its_bins() -> None:
    message = message_of(CONSIGNMENT_DIGEST, API)
    assert (message["scope"], message["consignment_id"], message["bins"], message["alerts"]) == (
        "consignment",
        "C-1",
        10,
        2,
    )
    assert message["until"] is None
    assert message["links"] == [f"{API}/v1/bins?status=mismatch&consignment=C-1"]
    assert [suspect["bin_id"] for suspect in message["worst"]] == ["A-1", "A-2"]


def test_the_attributes_are_what_subscribers_filter_by() -> None:
    assert attributes_of(alert_of()) == {
        "kind": "alert",
        "verdict": "mismatch",
        "severity": "high",
        "site": "FRA1",
        "direction": "short",
        "episode": "open",
    }
    assert attributes_of(stray_alert()) == {"kind": "alert", "verdict": "rejected", "severity": "low"}


def matches(filter_policy: dict[str, str], notice: Notice) -> bool:
    """Whether SNS would let a notice through: one value of each attribute has to be the filter's."""
    attributes = attributes_of(notice)
    return all(
        wanted in ([given] if isinstance(given := attributes.get(name, ""), str) else given)
        for name, wanted in filter_policy.items()
    )


@pytest.mark.parametrize(
    ("digest", "silenced"),
    [
        (SITE_DIGEST, alert_of(9)),
        (SITE_DIGEST, alert_of(9, direction=Direction.OVER, episode=EpisodeState.REOPENED)),
        (SITE_DIGEST, alert_of(9, verdict=Verdict.REJECTED, direction=None)),
        (SITE_DIGEST, alert_of(9, verdict=Verdict.REVIEW, direction=None, episode=EpisodeState.REOPENED)),
        (CONSIGNMENT_DIGEST, alert_of(9, direction=Direction.OVER)),
        (UNEXPECTED_DIGEST, replace(UNEXPECTED, severity="low")),
        (STRAY_DIGEST, stray_alert(9)),
    ],
)
def test_a_digest_reaches_whoever_would_have_received_what_it_keeps_silent(digest: Digest, silenced: Alert) -> None:
    attributes = attributes_of(silenced)
    for name, value in attributes.items():
        assert name == "kind" or matches({name: str(value)}, digest)
    assert matches({name: str(value) for name, value in attributes.items() if name != "kind"}, digest)


@pytest.mark.parametrize("digest", DIGESTS)
def test_a_filter_by_kind_tells_digests_from_alerts(digest: Digest) -> None:
    assert matches({"kind": "digest"}, digest)
    assert not matches({"kind": "alert"}, digest)


def test_another_sites_subscriber_does_not_receive_the_digest() -> None:
    assert not matches({"site": "LEJ3"}, SITE_DIGEST)


@given(notices)
def test_every_message_is_plain_json_and_repeats_are_told_by_its_alert_id(notice: Notice) -> None:
    message = message_of(notice, API)
    assert json.loads(json.dumps(message, allow_nan=False)) == message
    assert message["alert_id"] == id_of(notice)


@given(notices)
def test_every_subject_is_short_printable_ascii(notice: Notice) -> None:
    subject = subject_of(notice)
    assert 0 < len(subject) <= 100
    assert subject.isascii()
    assert subject.isprintable()


@given(notices)
def test_every_notice_has_a_text_without_empty_lines_at_its_ends(notice: Notice) -> None:
    text = text_of(notice, API)
    assert text.strip("\n") == text
    assert id_of(notice) in text


@given(notices)
def test_no_attribute_is_empty_and_a_queue_takes_them_all(notice: Notice) -> None:
    attributes = attributes_of(notice)
    assert all(attributes.values())
    assert len(attributes) <= 10


@pytest.mark.parametrize("verdict", RAISED)
def test_where_photos_have_nothing_to_say_the_text_does_not_say_none(verdict: Verdict) -> None:
    bare = alert_of(verdict=verdict, predicted=None, certainty=None, prior=None, likelihood_ratio=None, photos=None)
    unjudged = replace(bare, probability_of_mismatch=None, direction=None, reason="truncated")
    assert "None" not in text_of(unjudged, API)


# For people ------------------------------------------------------------------------------------------------------

TEXT = """\
Bin A-1 seems short: 1 counted, 3 expected

Expected: 3
Counted:  1 (the newest photo is 61.0 % sure)
Goods seem to be missing. Probability that the bin does not hold 3: 99.5 %

What to do: go to the bin and count. Then report what it holds, so that the alert ends.

Site: FRA1
Consignment: C-1
Picture: https://api.example.org/api/page#/bins/A-1 (sign in)
File: s3://photos/incoming/A-1/1.jpg

Why: 2.0 % of bins here are wrong before any photo. What its 2 photos show together is 9,751 times as probable for a \
wrong bin as for a right one, which makes it 99.5 %; alerts are sent from 30.0 % on.
Judged by bin-counter/3 under policy FRA1/1

Severity: high. Alert a1, 2026-11-22T12:00:00.000Z"""

DIGEST_TEXT = """\
Consignment C-1: 2 of 10 bins differ, more are silent

2 alerts of consignment C-1 since 2026-11-22 12:00 UTC: 2 mismatch.
This one message stands for all that follow. Further bins of it that differ are silent until the consignment is loaded \
anew. Each is recorded all the same.

What to do: look at the consignment itself before its bins: is it the right list for this delivery?

The worst so far:
  A-1: 1 counted, 3 expected, 99.5 % wrong
  A-2: 1 counted, 3 expected, 70.0 % wrong

All of them: https://api.example.org/api/page#/consignments/C-1 (sign in)

Digest {digest_id}, 2026-11-22T12:00:00.000Z"""


def test_the_text_tells_a_person_what_is_wrong_what_to_do_and_why() -> None:
    assert text_of(alert_of(1), API) == TEXT


def test_a_digests_text_tells_what_is_off_and_what_stays_silent() -> None:
    assert text_of(CONSIGNMENT_DIGEST, API) == DIGEST_TEXT.format(digest_id=CONSIGNMENT_DIGEST.digest_id)


def test_a_digest_leads_to_where_its_bins_are_worked_off() -> None:
    assert f"All of them: {API}/page#/queue/FRA1 (sign in)" in text_of(SITE_DIGEST, API)
    assert f"All of them: {API}/page (sign in)" in text_of(UNEXPECTED_DIGEST, API)


def test_a_sites_digest_says_until_when_it_is_silent() -> None:
    assert subject_of(SITE_DIGEST) == "3 alerts at FRA1, more are silent until 2026-11-22 13:00 UTC"


def test_a_digest_of_photos_without_a_bin_shows_the_keys_that_the_camera_wrote() -> None:
    text = text_of(STRAY_DIGEST, API)
    assert "incoming/1.jpg" in text
    assert f"{API}/page#/rejections" in text


def test_no_text_holds_a_link_that_opens_the_picture_to_whoever_has_the_mail() -> None:
    for notice in (alert_of(), *DIGESTS):
        assert "X-Amz" not in text_of(notice, API)


@pytest.mark.parametrize(
    ("alert", "parts"),
    [
        (alert_of(1, direction=Direction.OVER), ["seems over", "too many"]),
        (alert_of(1, photos=1), ["What its photo shows is"]),
        (alert_of(1, probability_of_mismatch=0.99999), ["over 99.9 %"]),
        (alert_of(1, episode=EpisodeState.REOPENED), ["Bin A-1 again seems short"]),
        (UNEXPECTED, ["no consignment names it", "The photo shows 1", "load the consignment"]),
        (alert_of(1, verdict=Verdict.REJECTED, reason="truncated"), ["truncated", "photograph the bin again"]),
        (alert_of(1, verdict=Verdict.REVIEW), ["another look is asked for", "look at the picture"]),
        (stray_alert(), ["Photo without a bin", "bad_key", "<prefix>/<bin id>/<name>.jpg", f"{API}/page#/rejections"]),
    ],
)
def test_the_text_speaks_of_the_case(alert: Alert, parts: list[str]) -> None:
    text = text_of(alert, API)
    for part in parts:
        assert part in text


def test_a_window_that_ends_later_is_another_digest() -> None:
    later = digest_of(*(alert_of(number, consignment_id=None, at=NOON + timedelta(hours=1)) for number in range(3)))
    assert (later.scope, later.site) == (Scope.SITE, "FRA1")
    assert id_of(later) != id_of(SITE_DIGEST)
