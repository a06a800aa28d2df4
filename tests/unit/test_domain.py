from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.bin_status import BinStatus, OpenRequest
from chalicelib.domain import (
    ATTENTION,
    BinState,
    Direction,
    EpisodeState,
    Judgement,
    Reason,
    Verdict,
    bin_id_of,
    media_type_of,
)
from chalicelib.errors import PhotoRefused
from tests.examples import (
    JPEG,
    NOON,
    PNG,
    POLICY,
    expecting,
    image_of,
    images,
    inspection_of,
    moments,
    outcomes,
    rejection_of,
    seconds_later,
    statuses,
    sure_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.domain import BinImage, Outcome

hexadecimal = st.integers(0, 16**20)


@pytest.mark.parametrize(
    ("key", "bin_id"),
    [
        ("incoming/A-17/0001.jpg", "A-17"),
        ("incoming/A-17/0001.JPG", "A-17"),
        ("incoming/A-17/2026/11/22/x.jpeg", "A-17"),
        ("incoming/P-1-F105A_2.b/Überfüllt 📦.png", "P-1-F105A_2.b"),
        ("incoming/" + "x" * 64 + "/1.jpg", "x" * 64),
        ("incoming/A-17/line\nbreak.jpg", "A-17"),
    ],
)
def test_a_key_names_its_bin(key: str, bin_id: str) -> None:
    assert bin_id_of(key, "incoming/") == bin_id


@pytest.mark.parametrize(
    "key",
    [
        "",
        "incoming/",
        "incoming/0001.jpg",
        "incoming//0001.jpg",
        "incoming/A-17/",
        "incoming/A-17/.jpg/",
        "incoming/A-17/0001.gif",
        "incoming/A-17/jpg",
        "incoming/A 17/0001.jpg",
        "incoming/Ä-17/0001.jpg",
        "incoming/" + "x" * 65 + "/1.jpg",
        "outgoing/A-17/0001.jpg",
        "A-17/0001.jpg",
        "incoming/A-17\n/0001.jpg",
    ],
)
def test_any_other_key_is_refused_as_bad(key: str) -> None:
    with pytest.raises(PhotoRefused) as refusal:
        bin_id_of(key, "incoming/")
    assert refusal.value.reason == Reason.BAD_KEY


@pytest.mark.parametrize(("start", "media_type"), [(JPEG, "image/jpeg"), (PNG, "image/png")])
def test_the_first_bytes_tell_the_media_type(start: bytes, media_type: str) -> None:
    assert media_type_of(start + b"...") == media_type


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"GIF89a", Reason.NOT_AN_IMAGE),
        (JPEG[:2], Reason.NOT_AN_IMAGE),
        (b" " + PNG, "not_an_image"),
    ],
)
def test_a_file_that_is_no_image_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(PhotoRefused) as refusal:
        media_type_of(body)
    assert refusal.value.reason == reason


@given(image=images, at=moments)
def test_a_photo_keeps_its_id_whatever_time_its_event_bears(image: BinImage, at: datetime) -> None:
    assert replace(image, uploaded_at=at).image_id == image.image_id


def test_the_version_names_the_photo_where_there_is_one() -> None:
    image = image_of(version="v1")
    assert replace(image, sequencer="F").image_id == image.image_id
    assert replace(image, version="v2").image_id != image.image_id


@pytest.mark.parametrize(
    "changed", [{"etag": "e2"}, {"sequencer": "9"}, {"key": "incoming/A-17/2.jpg"}, {"bucket": "b"}]
)
def test_without_a_version_content_and_number_name_the_photo(changed: dict[str, str]) -> None:
    image = image_of(version=None)
    assert replace(image, **changed).image_id != image.image_id


@given(number=hexadecimal, zeros=st.integers(0, 4))
def test_leading_zeros_of_a_sequencer_change_neither_id_nor_order(number: int, zeros: int) -> None:
    plain = image_of(version=None, sequencer=f"{number:X}")
    padded = replace(plain, sequencer="0" * zeros + plain.sequencer)
    assert padded.image_id == plain.image_id
    assert padded.order == plain.order


@given(one=hexadecimal, other=hexadecimal)
def test_sequencers_of_any_length_order_as_the_numbers_they_are(one: int, other: int) -> None:
    first, second = image_of(sequencer=f"{one:X}", version="a"), image_of(sequencer=f"{other:x}", version="b")
    if one != other:
        assert (first.order < second.order) == (one < other)


def test_an_earlier_upload_comes_first_whatever_its_sequencer() -> None:
    assert image_of(sequencer="FF").order < image_of(uploaded_at=seconds_later(1), sequencer="1").order


@given(one=images, other=images)
def test_two_different_photos_never_tie(one: BinImage, other: BinImage) -> None:
    same_photo = one.image_id == other.image_id
    assert same_photo or one.order != other.order


def test_exactly_the_states_with_something_to_do_need_attention() -> None:
    assert {state for state in BinState if state.needs_attention} == set(ATTENTION)
    assert {BinState.IDLE, BinState.WAITING, BinState.MATCH}.isdisjoint(ATTENTION)


@given(status=statuses, outcome=outcomes)
def test_every_photo_is_counted_once_and_makes_a_new_version(status: BinStatus, outcome: Outcome) -> None:
    after = status.after(outcome, None)
    assert (after.version, after.photos) == (status.version + 1, status.photos + 1)


def test_the_newest_photo_says_where_the_bin_stands_in_whatever_order_photos_come() -> None:
    early = inspection_of(image_of(version="v1"), Verdict.MATCH)
    middle = rejection_of(image_of(version="v2", uploaded_at=seconds_later(1)))
    late = inspection_of(image_of(version="v3", uploaded_at=seconds_later(2)), Verdict.REVIEW)
    gone = rejection_of(image_of(version="v4", uploaded_at=seconds_later(3)), Reason.GONE)
    ends = set()
    for order in permutations([early, middle, late, gone]):
        status = BinStatus("A-17")
        for outcome in order:
            status = status.after(outcome, status_judgement())
        ends.add(replace(status, episode=None))
    (end,) = ends
    assert (end.state, end.image, end.photos) == (BinState.REVIEW, late.image, 4)


def test_a_photo_that_is_gone_says_nothing_of_its_bin() -> None:
    before = BinStatus("A-17").after(inspection_of(image_of()), None)
    gone = rejection_of(image_of(version="v2", uploaded_at=seconds_later(1)), Reason.GONE)
    assert before.after(gone, None) == replace(before, version=2, photos=2)


def test_a_rejected_photo_leaves_no_finding_of_an_older_one() -> None:
    judged = BinStatus("A-17").expecting(expecting(3), NOON).after(inspection_of(image_of(), Verdict.MISMATCH), None)
    unreadable = rejection_of(image_of(version="v2", uploaded_at=seconds_later(1)))
    after = judged.after(unreadable, None)
    assert (after.state, after.reason) == (BinState.REJECTED, "truncated")
    assert after.predicted is after.certainty is after.judgement is after.model is None
    assert (bool(judged.probabilities), after.probabilities) == (True, ())
    assert (after.expected, after.consignment_id) == (3, "C-1")


def test_an_inspection_leaves_no_reason_of_an_older_rejection() -> None:
    rejected = BinStatus("A-17").after(rejection_of(image_of()), None)
    assert rejected.after(inspection_of(image_of(version="v2", uploaded_at=seconds_later(1))), None).reason is None


def test_a_new_expectation_makes_older_findings_void() -> None:
    finding = inspection_of(image_of(), Verdict.MISMATCH)
    judged = BinStatus("A-17").expecting(expecting(3), NOON).after(finding, None)
    waiting = judged.expecting(expecting(5, consignment_id="C-2"), seconds_later(9))
    assert (waiting.state, waiting.expected, waiting.consignment_id) == (BinState.WAITING, 5, "C-2")
    assert waiting.predicted is waiting.certainty is waiting.judgement is waiting.evidence is None
    assert (bool(judged.probabilities), waiting.probabilities) == (True, ())
    assert waiting.image == finding.image
    late = inspection_of(image_of(version="v0", uploaded_at=seconds_later(-1)), Verdict.MISMATCH)
    assert waiting.after(late, None).state is BinState.WAITING


def test_a_released_bin_expects_nothing() -> None:
    released = BinStatus("A-17").expecting(expecting(3), NOON).released(seconds_later(1))
    assert (released.state, released.site, released.consignment_id, released.expected) == ("idle", None, None, None)


def test_the_direction_of_a_mismatch_goes_with_it() -> None:
    judged = inspection_of(image_of())
    short = replace(judged, judgement=replace(judged.judgement, direction=Direction.SHORT))
    judgement = BinStatus("A-17").after(short, None).judgement
    assert judgement is not None
    assert judgement.direction is Direction.SHORT


# Evidence --------------------------------------------------------------------------------------------------------

EXPECTING = BinStatus("A-17").expecting(expecting(3), NOON)


def photo(number: int) -> BinImage:
    return image_of(version=f"v{number}", uploaded_at=seconds_later(number))


def test_photos_of_one_bin_add_up_in_whatever_order_they_come() -> None:
    seen = [inspection_of(photo(number), estimate=sure_of(number, 0.5)) for number in range(4)]
    ends = set()
    for order in permutations(seen):
        status = EXPECTING
        for inspection in order:
            status = status.after(inspection, status_judgement())
        ends.add(status)
    (end,) = ends
    assert end.evidence is not None
    assert end.evidence.photos == 4
    assert end.image == photo(3)


def status_judgement() -> Judgement:
    return Judgement(Verdict.REVIEW, POLICY.version, 0.5)


def test_a_rejected_photo_keeps_the_evidence_and_takes_the_verdict() -> None:
    seen = EXPECTING.after(inspection_of(photo(1)), status_judgement())
    after = seen.after(rejection_of(photo(2)), None)
    assert (after.evidence, after.judgement) == (seen.evidence, None)


def test_without_an_expectation_there_is_no_evidence() -> None:
    unexpected = inspection_of(image_of(), Verdict.UNEXPECTED, expectation=None)
    assert BinStatus("A-17").after(unexpected, None).evidence is None


@pytest.mark.parametrize(
    "afresh",
    [
        lambda status: status.expecting(expecting(4), seconds_later(5)),
        lambda status: status.released(seconds_later(5)),
        lambda status: status.resolved("ann", seconds_later(5)),
    ],
)
def test_a_bin_starts_afresh_and_photos_of_before_no_longer_count(afresh: Callable[[BinStatus], BinStatus]) -> None:
    seen = EXPECTING.after(inspection_of(photo(1), Verdict.MISMATCH), None)
    fresh = afresh(seen)
    assert (fresh.evidence, fresh.since, fresh.version) == (None, seconds_later(5), seen.version + 1)
    late = fresh.after(inspection_of(photo(2), Verdict.MISMATCH), status_judgement())
    assert (late.state, late.evidence, late.photos) == (fresh.state, None, 2)


# Episodes --------------------------------------------------------------------------------------------------------


def after_photos(*outcomes: Outcome, start: BinStatus = EXPECTING) -> BinStatus:
    for outcome in outcomes:
        start = start.after(outcome, None)
    return start


def test_an_episode_begins_with_its_first_alert_and_goes_on_through_more_of_the_same() -> None:
    once = after_photos(inspection_of(photo(1), Verdict.MISMATCH))
    twice = after_photos(inspection_of(photo(2), Verdict.MISMATCH), start=once)
    assert once.episode is not None
    assert (once.episode.state, once.episode.raised) == (EpisodeState.OPEN, (Verdict.MISMATCH,))
    assert twice.episode == once.episode


def test_a_mismatch_waits_for_a_person_even_if_the_next_photo_matches() -> None:
    status = after_photos(inspection_of(photo(1), Verdict.MISMATCH), inspection_of(photo(2), Verdict.MATCH))
    assert status.state is BinState.MATCH
    assert status.episode is not None
    assert status.episode.is_active


def test_an_unreadable_photo_is_put_right_by_a_readable_one() -> None:
    assert after_photos(rejection_of(photo(1)), inspection_of(photo(2))).episode is None


def test_each_verdict_of_an_episode_is_raised_once() -> None:
    status = after_photos(
        rejection_of(photo(1)),
        inspection_of(photo(2), Verdict.MISMATCH),
        rejection_of(photo(3)),
    )
    assert status.episode is not None
    assert status.episode.raised == (Verdict.REJECTED, Verdict.MISMATCH)


def test_somebody_takes_up_an_episode_and_resolves_it() -> None:
    alerting = after_photos(inspection_of(photo(1), Verdict.MISMATCH))
    taken = alerting.acknowledged("ann")
    done = taken.resolved("ann", seconds_later(9))
    assert [status.episode.state for status in (taken, done) if status.episode] == ["acknowledged", "resolved"]
    assert (done.state, done.judgement) == (BinState.RESOLVED, None)


def test_a_bin_that_comes_back_after_it_was_resolved_is_reopened() -> None:
    done = after_photos(inspection_of(photo(1), Verdict.MISMATCH)).resolved("ann", seconds_later(9))
    again = after_photos(inspection_of(photo(10), Verdict.MISMATCH), start=done)
    assert again.episode is not None
    assert (again.episode.state, again.episode.raised) == (EpisodeState.REOPENED, (Verdict.MISMATCH,))


def test_a_bin_that_was_resolved_once_comes_back_with_each_verdict_until_something_else_is_expected() -> None:
    done = after_photos(inspection_of(photo(1), Verdict.MISMATCH)).resolved("ann", seconds_later(9))
    unreadable = after_photos(rejection_of(photo(10)), start=done)
    both = after_photos(inspection_of(photo(11), Verdict.MISMATCH), start=unreadable)
    passed = after_photos(inspection_of(photo(11)), start=unreadable)
    later = after_photos(inspection_of(photo(12), Verdict.MISMATCH), start=passed)
    assert [status.episode and status.episode.state for status in (unreadable, both, passed, later)] == [
        *(EpisodeState.REOPENED, EpisodeState.REOPENED),
        *(None, EpisodeState.REOPENED),
    ]
    assert both.episode is not None
    assert both.episode.raised == (Verdict.REJECTED, Verdict.MISMATCH)
    afresh = after_photos(
        inspection_of(photo(22), Verdict.MISMATCH), start=later.expecting(expecting(4), seconds_later(20))
    )
    assert afresh.episode is not None
    assert afresh.episode.state is EpisodeState.OPEN


def test_a_resolution_that_was_none_is_taken_back_and_alerts_anew() -> None:
    stood = after_photos(inspection_of(photo(1), Verdict.MISMATCH))
    again = stood.resolved("ann", seconds_later(9)).reopened(stood, "bob", seconds_later(10))
    assert again.episode is not None
    assert (again.episode.state, again.episode.opened_at, again.episode.by) == ("reopened", seconds_later(10), "bob")
    assert again == replace(stood, version=again.version, changed_at=seconds_later(10), episode=again.episode)


def test_a_bin_that_nobody_was_alerted_about_asks_for_another_look_once_it_is_reopened() -> None:
    stood = after_photos(inspection_of(photo(1), Verdict.REVIEW))
    again = stood.resolved("ann", seconds_later(9)).reopened(stood, "bob", seconds_later(10))
    assert again.episode is not None
    assert (again.state, again.episode.raised) == (BinState.REVIEW, (Verdict.REVIEW,))


def test_what_was_seen_since_a_resolution_stays_when_it_is_taken_back() -> None:
    stood = after_photos(inspection_of(photo(1), Verdict.MISMATCH))
    since = after_photos(inspection_of(photo(10), Verdict.MATCH), start=stood.resolved("ann", seconds_later(9)))
    again = since.reopened(stood, "bob", seconds_later(11))
    assert (again.state, again.judgement) == (BinState.MISMATCH, stood.judgement)
    assert (again.image, again.photos) == (since.image, 2)
    assert again.evidence == after_photos(inspection_of(photo(1)), inspection_of(photo(10))).evidence


def test_a_bin_whose_photo_was_unreadable_stands_where_a_readable_one_put_it_since() -> None:
    stood = after_photos(rejection_of(photo(1)))
    since = after_photos(inspection_of(photo(10), Verdict.REVIEW), start=stood.resolved("ann", seconds_later(9)))
    again = since.reopened(stood, "bob", seconds_later(11))
    assert (again.state, again.judgement, again.reason) == (BinState.REVIEW, since.judgement, None)


def test_photos_do_not_end_a_resolution_and_a_new_expectation_does() -> None:
    done = after_photos(inspection_of(photo(1), Verdict.MISMATCH)).resolved("ann", seconds_later(9))
    assert done.resolution == done.version
    assert after_photos(inspection_of(photo(10)), start=done).resolution == done.version
    assert done.expecting(expecting(4), seconds_later(10)).resolution is None


def test_a_new_expectation_ends_every_episode() -> None:
    alerting = after_photos(inspection_of(photo(1), Verdict.MISMATCH))
    assert alerting.expecting(expecting(4), seconds_later(5)).episode is None


# What people ask of others

REQUEST = OpenRequest(seconds_later(5), "ann", "blurred")


def test_somebody_looks_after_a_bin_until_it_is_given_back_or_starts_afresh() -> None:
    assigned = after_photos(inspection_of(photo(1), Verdict.MISMATCH)).assigned("bob")
    assert (assigned.assignee, assigned.assigned(None).assignee) == ("bob", None)
    assert after_photos(inspection_of(photo(2)), start=assigned).assignee == "bob"
    for afresh in (
        assigned.resolved("ann", seconds_later(9)),
        assigned.expecting(expecting(4), seconds_later(9)),
        assigned.released(seconds_later(9)),
    ):
        assert afresh.assignee is None


def test_a_resolution_that_was_none_gives_the_bin_back_to_whoever_looked_after_it() -> None:
    stood = after_photos(inspection_of(photo(1), Verdict.MISMATCH)).assigned("bob")
    resolved = stood.resolved("ann", seconds_later(9))
    assert resolved.reopened(stood, "ann", seconds_later(10)).assignee == "bob"
    assert resolved.assigned("cem").reopened(stood, "ann", seconds_later(10)).assignee == "cem"


@pytest.mark.parametrize(
    ("outcome", "is_answer"),
    [
        (inspection_of(photo(5)), True),
        (inspection_of(photo(6), Verdict.REVIEW), True),
        (rejection_of(photo(6)), True),
        (inspection_of(photo(4)), False),
        (rejection_of(photo(6), Reason.GONE), False),
    ],
    ids=["of that moment", "later", "later and no good", "taken before", "gone before it was read"],
)
def test_the_next_photo_answers_a_request_and_no_earlier_one(outcome: Outcome, is_answer: bool) -> None:  # noqa: FBT001
    asked = after_photos(inspection_of(photo(1), Verdict.REVIEW)).photo_requested(REQUEST)
    assert after_photos(outcome, start=asked).photo_request == (None if is_answer else REQUEST)


def test_a_request_ends_where_the_bin_starts_afresh_and_is_not_asked_again_when_that_is_taken_back() -> None:
    stood = after_photos(inspection_of(photo(1), Verdict.REVIEW)).photo_requested(REQUEST)
    resolved = stood.resolved("ann", seconds_later(9))
    assert resolved.photo_request is None
    assert resolved.reopened(stood, "ann", seconds_later(10)).photo_request is None
    assert stood.expecting(expecting(4), seconds_later(9)).photo_request is None


def test_asking_and_assigning_leave_all_else_as_it_stands() -> None:
    status = after_photos(inspection_of(photo(1), Verdict.MISMATCH))
    both = status.assigned("bob").photo_requested(REQUEST)
    assert both == replace(status, version=status.version + 2, assignee="bob", photo_request=REQUEST)
