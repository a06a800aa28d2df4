from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.alerts import alert_for, photo_call_for, raised_by
from chalicelib.bin_status import BinStatus, Episode, OpenRequest
from chalicelib.domain import BinState, Direction, EpisodeState, Judgement, Reason, Severity, Verdict
from chalicelib.events import StatusChange
from chalicelib.severity import at_stake, severity_of, severity_of_bin
from tests.examples import NOON, image_of, rejection_of, seconds_later

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.domain import Alert, Rejection

RANKS = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2}
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
    ("probability", "stake", "severity"),
    [
        (0.30, 1, Severity.LOW),
        (0.50, 1, Severity.MEDIUM),
        (1.00, 1, Severity.MEDIUM),
        (0.30, 2, Severity.MEDIUM),
        (0.75, 2, Severity.HIGH),
        (0.50, 3, Severity.HIGH),
        (None, 9, Severity.LOW),
    ],
)
def test_a_mismatch_is_as_severe_as_goods_are_probably_wrong(
    probability: float | None, stake: int, severity: Severity
) -> None:
    assert severity_of(Verdict.MISMATCH, probability, stake) is severity


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.integers(1, 50), st.integers(1, 50))
def test_more_probable_or_more_at_stake_is_never_less_severe(one: float, other: float, few: int, many: int) -> None:
    less = severity_of(Verdict.MISMATCH, min(one, other), min(few, many))
    assert RANKS[less] <= RANKS[severity_of(Verdict.MISMATCH, max(one, other), min(few, many))]
    assert RANKS[less] <= RANKS[severity_of(Verdict.MISMATCH, min(one, other), max(few, many))]


@pytest.mark.parametrize(
    ("expected", "predicted", "stake"),
    [(3, "1", 2), (1, "3", 2), (3, "3", 1), (9, "6+", 1), (6, "6+", 1), (2, "6+", 4), (9, "5", 4), (None, "2", 1)],
)
def test_at_stake_is_how_far_the_count_is_off(expected: int | None, predicted: str, stake: int) -> None:
    assert at_stake(expected, predicted) == stake


def test_an_alert_takes_its_severity_from_both() -> None:
    one_short = replace(SHORT, predicted="2")
    assert alert_of(StatusChange(WAITING, SHORT)).severity is Severity.HIGH
    assert alert_of(StatusChange(WAITING, one_short)).severity is Severity.MEDIUM


@pytest.mark.parametrize("verdict", [Verdict.UNEXPECTED, Verdict.REJECTED])
def test_what_is_no_mismatch_is_not_severe(verdict: Verdict) -> None:
    assert alert_of(StatusChange(WAITING, raising(SHORT, verdict))).severity is Severity.LOW


def test_an_alert_carries_what_the_verdict_rests_on() -> None:
    judgement = Judgement(Verdict.MISMATCH, "FRA1/1", 0.97, Direction.SHORT, 0.02, 1584.0, 0.09, 0.3, 2)
    alert = alert_of(StatusChange(WAITING, replace(SHORT, certainty=0.61, judgement=judgement)))
    assert (alert.prior, alert.likelihood_ratio, alert.review_from, alert.alert_from) == (0.02, 1584.0, 0.09, 0.3)
    assert (alert.photos, alert.certainty, alert.policy) == (2, 0.61, "FRA1/1")


@pytest.mark.parametrize("state", [EpisodeState.OPEN, EpisodeState.REOPENED])
def test_an_alert_says_whether_its_bin_alerts_again(state: EpisodeState) -> None:
    episode = Episode(state, seconds_later(1), (Verdict.MISMATCH,))
    assert alert_of(StatusChange(WAITING, replace(SHORT, episode=episode))).episode is state


def test_a_reopened_review_asks_for_another_look() -> None:
    reviewed = replace(SHORT, state=BinState.REVIEW, judgement=Judgement(Verdict.REVIEW, "FRA1/1", 0.2), episode=None)
    resolved = reviewed.resolved("ann", seconds_later(2))
    alert = alert_of(StatusChange(resolved, resolved.reopened(reviewed, "bob", seconds_later(3))))
    assert (alert.verdict, alert.severity) == (Verdict.REVIEW, Severity.LOW)


def test_a_photo_whose_key_names_no_bin_alerts_with_its_reason() -> None:
    alert = alert_of(STRAY)
    assert (alert.verdict, alert.bin_id, alert.severity) == (Verdict.REJECTED, None, Severity.LOW)
    assert (alert.reason, alert.episode) == ("bad_key", None)


def test_one_episode_and_verdict_have_one_alert_id() -> None:
    first, repeated = (alert_of(StatusChange(before, SHORT)) for before in (None, WAITING))
    other_bin = alert_of(StatusChange(WAITING, replace(SHORT, bin_id="B-2")))
    assert first.alert_id == repeated.alert_id != other_bin.alert_id


@pytest.mark.parametrize("state", [EpisodeState.OPEN, EpisodeState.ACKNOWLEDGED, EpisodeState.REOPENED])
def test_a_bins_severity_is_its_open_alerts(state: EpisodeState) -> None:
    assert SHORT.episode is not None
    status = replace(SHORT, episode=replace(SHORT.episode, state=state))
    assert severity_of_bin(status) is alert_of(StatusChange(None, status)).severity is Severity.HIGH
    assert severity_of_bin(raising(SHORT, Verdict.REJECTED)) is Severity.LOW


def test_a_bin_without_an_open_alert_has_no_severity() -> None:
    assert SHORT.episode is not None
    resolved = replace(SHORT, episode=replace(SHORT.episode, state=EpisodeState.RESOLVED))
    assert [severity_of_bin(status) for status in (WAITING, resolved)] == [None, None]


# Another photo

ASKED = replace(SHORT, version=3, photo_request=OpenRequest(seconds_later(7), "ann", "blurred"))


def test_a_request_for_another_photo_is_called_out_with_who_asks_and_why() -> None:
    call = photo_call_for(StatusChange(SHORT, ASKED))
    assert call is not None
    assert (call.bin_id, call.site, call.consignment_id, call.expected) == ("A-17", "FRA1", "C-1", 3)
    assert (call.at, call.by, call.note, call.image) == (seconds_later(7), "ann", "blurred", SHORT.image)
    assert raised_by(StatusChange(SHORT, ASKED)) == call


def test_a_bin_that_was_never_photographed_can_be_asked_for_too() -> None:
    call = photo_call_for(StatusChange(WAITING, replace(WAITING, photo_request=ASKED.photo_request)))
    assert call is not None
    assert call.image is None


def test_a_request_is_called_out_once_and_another_one_is_another_call() -> None:
    assert photo_call_for(StatusChange(ASKED, replace(ASKED, version=4, assignee="bob"))) is None
    again = replace(ASKED, photo_request=OpenRequest(seconds_later(8), "ann", "blurred"))
    first, second = (
        photo_call_for(StatusChange(before, status)) for before, status in [(SHORT, ASKED), (ASKED, again)]
    )
    assert first is not None
    assert second is not None
    assert first.alert_id != second.alert_id


@pytest.mark.parametrize("change", [StatusChange(ASKED, SHORT), StatusChange(None, WAITING), STRAY])
def test_nothing_else_calls_for_another_photo(change: StatusChange | Rejection) -> None:
    assert photo_call_for(change) is None


def test_a_change_that_alerts_calls_for_nothing_else() -> None:
    assert raised_by(StatusChange(WAITING, SHORT)) == alert_of(StatusChange(WAITING, SHORT))
    assert raised_by(STRAY) == alert_of(STRAY)
