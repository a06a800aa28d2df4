from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.alerts import alert_for, attributes_of, message_of, subject_of, text_of
from chalicelib.domain import (
    BinState,
    BinStatus,
    Direction,
    Episode,
    EpisodeState,
    Judgement,
    Reason,
    Severity,
    Verdict,
)
from chalicelib.events import StatusChange
from tests.examples import NOON, image_of, names, rejection_of, seconds_later, statuses

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.domain import Alert, Rejection

ALERTING = [Verdict.MISMATCH, Verdict.UNEXPECTED, Verdict.REJECTED, Verdict.REVIEW]

WAITING = BinStatus("A-17", 1, BinState.WAITING, NOON, site="FRA1", consignment_id="C-1", expected=3)
SHORT = replace(
    WAITING,
    version=2,
    state=BinState.MISMATCH,
    changed_at=seconds_later(1),
    photos=1,
    image=image_of(),
    predicted="1",
    model="bin-counter/3",
    judgement=Judgement(Verdict.MISMATCH, "FRA1/1", 0.97, Direction.SHORT),
    episode=Episode(EpisodeState.OPEN, seconds_later(1), (Verdict.MISMATCH,)),
)
STRAY = rejection_of(image_of("incoming/x.jpg"), Reason.BAD_KEY, bin_id=None)


def alert_of(change: StatusChange | Rejection) -> Alert:
    alert = alert_for(change)
    assert alert is not None
    return alert


def raising(status: BinStatus, *verdicts: Verdict, opened_at: datetime = NOON) -> BinStatus:
    """The status with an episode that has come to alert about these verdicts, the last one just now."""
    return replace(status, state=BinState(verdicts[-1]), episode=Episode(EpisodeState.OPEN, opened_at, verdicts))


def any_alert(status: BinStatus, verdict: Verdict) -> Alert:
    assume(status.image is not None)
    return alert_of(StatusChange(None, raising(status, verdict)))


@pytest.mark.parametrize("verdict", ALERTING)
@pytest.mark.parametrize("before", [None, WAITING, replace(SHORT, state=BinState.MATCH, episode=None)])
def test_a_bin_that_begins_an_episode_alerts(before: BinStatus | None, verdict: Verdict) -> None:
    assert alert_of(StatusChange(before, raising(SHORT, verdict))).verdict is verdict


@pytest.mark.parametrize("before", [None, WAITING, SHORT])
def test_a_bin_without_an_episode_is_quiet(before: BinStatus | None) -> None:
    assert alert_for(StatusChange(before, replace(SHORT, state=BinState.REVIEW, episode=None))) is None


def test_more_photos_that_show_the_same_do_not_alert_again() -> None:
    again = replace(SHORT, version=3, photos=2, image=image_of(version="v2"), changed_at=seconds_later(5))
    assert alert_for(StatusChange(SHORT, again)) is None


@pytest.mark.parametrize("state", [EpisodeState.ACKNOWLEDGED, EpisodeState.RESOLVED])
def test_what_people_do_about_an_episode_does_not_alert(state: EpisodeState) -> None:
    assert SHORT.episode is not None
    assert alert_for(StatusChange(SHORT, replace(SHORT, episode=replace(SHORT.episode, state=state)))) is None


def test_another_verdict_in_the_same_episode_alerts_about_that() -> None:
    both = raising(SHORT, Verdict.MISMATCH, Verdict.REJECTED)
    assert alert_of(StatusChange(SHORT, both)).verdict is Verdict.REJECTED


def test_another_episode_is_another_alert() -> None:
    again = raising(SHORT, Verdict.MISMATCH, opened_at=seconds_later(9))
    assert alert_of(StatusChange(SHORT, again)).alert_id != alert_of(StatusChange(None, SHORT)).alert_id


@pytest.mark.parametrize(
    ("probability", "severity"),
    [(0.90, Severity.MEDIUM), (0.989, Severity.MEDIUM), (0.99, Severity.HIGH), (1.0, "high")],
)
def test_a_mismatch_that_is_all_but_certain_is_severe(probability: float, severity: str) -> None:
    assert (
        alert_of(
            StatusChange(WAITING, replace(SHORT, judgement=Judgement(Verdict.MISMATCH, "p", probability)))
        ).severity
        == severity
    )


@pytest.mark.parametrize("verdict", [Verdict.UNEXPECTED, Verdict.REJECTED])
def test_what_is_no_mismatch_is_not_severe(verdict: Verdict) -> None:
    assert alert_of(StatusChange(WAITING, raising(SHORT, verdict))).severity is Severity.LOW


def test_the_message_says_everything_that_was_agreed() -> None:
    assert message_of(alert_of(StatusChange(WAITING, SHORT))) == {
        "alert_id": alert_of(StatusChange(WAITING, SHORT)).alert_id,
        "bin_id": "A-17",
        "consignment_id": "C-1",
        "site": "FRA1",
        "verdict": "mismatch",
        "direction": "short",
        "expected": 3,
        "predicted": "1",
        "probability_of_mismatch": 0.97,
        "severity": "medium",
        "reason": None,
        "image": {"bucket": "photos", "key": "incoming/A-17/0001.jpg", "version": "v1"},
        "model": "bin-counter/3",
        "policy": "FRA1/1",
        "at": "2026-11-22T12:00:01.000Z",
    }


def test_the_attributes_are_what_subscribers_filter_by() -> None:
    assert attributes_of(alert_of(StatusChange(WAITING, SHORT))) == {
        "verdict": "mismatch",
        "severity": "medium",
        "site": "FRA1",
        "direction": "short",
    }


def test_the_text_tells_a_person_what_is_wrong_and_what_to_do() -> None:
    text = text_of(alert_of(StatusChange(WAITING, SHORT)))
    for part in (
        "A-17",
        "Expected 3, counted 1",
        "missing",
        "97.0%",
        "go to the bin and count",
        "FRA1",
        "C-1",
        "s3://photos/",
    ):
        assert part in text


def test_the_text_of_a_surplus_speaks_of_too_many() -> None:
    over = replace(SHORT, judgement=Judgement(Verdict.MISMATCH, "p", 0.97, Direction.OVER))
    assert "too many" in text_of(alert_of(StatusChange(WAITING, over)))


def test_a_reopened_review_asks_for_another_look() -> None:
    reviewed = replace(SHORT, state=BinState.REVIEW, judgement=Judgement(Verdict.REVIEW, "FRA1/1", 0.2), episode=None)
    resolved = reviewed.resolved("ann", seconds_later(2))
    alert = alert_of(StatusChange(resolved, resolved.reopened(reviewed, "bob", seconds_later(3))))
    assert (alert.verdict, alert.severity) == (Verdict.REVIEW, Severity.LOW)
    assert subject_of(alert) == "Bin A-17: reopened, another look is asked for"
    assert "Expected 3." in text_of(alert)
    assert "What to do" in text_of(alert)


def test_a_photo_whose_key_names_no_bin_alerts_with_its_reason() -> None:
    alert = alert_of(STRAY)
    assert (alert.verdict, alert.bin_id, alert.severity) == (Verdict.REJECTED, None, Severity.LOW)
    assert subject_of(alert).startswith("Photo without a bin")
    assert "bad_key" in text_of(alert)
    assert attributes_of(alert) == {"verdict": "rejected", "severity": "low"}


def test_one_episode_and_verdict_have_one_alert_id() -> None:
    first, repeated = (alert_of(StatusChange(before, SHORT)) for before in (None, WAITING))
    other_bin = alert_of(StatusChange(WAITING, replace(SHORT, bin_id="B-2")))
    assert first.alert_id == repeated.alert_id != other_bin.alert_id


@given(statuses, st.sampled_from(ALERTING))
def test_every_message_is_plain_json(status: BinStatus, verdict: Verdict) -> None:
    message = message_of(any_alert(status, verdict))
    assert json.loads(json.dumps(message, allow_nan=False)) == message


@given(names, statuses, st.sampled_from(ALERTING))
def test_every_subject_is_short_printable_ascii(bin_id: str, status: BinStatus, verdict: Verdict) -> None:
    subject = subject_of(any_alert(replace(status, bin_id=bin_id), verdict))
    assert 0 < len(subject) <= 100
    assert subject.isascii()
    assert subject.isprintable()


@given(statuses, st.sampled_from(ALERTING))
def test_no_attribute_is_empty(status: BinStatus, verdict: Verdict) -> None:
    assert all(attributes_of(any_alert(status, verdict)).values())
