"""People at work: each thing they may do, what it says to the record, and every mixture of it with photos."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.alerts import alert_for, photo_call_for
from chalicelib.bin_status import Bin, BinStatus
from chalicelib.caller import Caller
from chalicelib.check import judgement_with
from chalicelib.decide import decide
from chalicelib.domain import BinState, EpisodeState, Reason, Verdict
from chalicelib.errors import Conflict, NotFound, PreconditionFailed, TemporaryFailure
from chalicelib.events import StatusChange
from chalicelib.evidence import Evidence
from chalicelib.feedback import NOTHING, Feedback, learnt_from
from chalicelib.resolution import Asked, Assignment, Cause, Finding, PhotoRequest, Reopening, Resolution
from chalicelib.resolve import Resolver
from tests.examples import POLICY, expecting, image_of, inspection_of, rejection_of, seconds_later, sure_of
from tests.fakes_api import FakeTable
from tests.fakes_people import FakePeople

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.domain import Outcome
    from chalicelib.ports_api import Asking, Step

ANN, BOB = Caller("ann"), Caller("bob")
COUNTED_3, COUNTED_2 = Finding(3, Cause.COUNTED), Finding(2, Cause.LOST, "one fell behind the shelf")


class BusyPeople(FakePeople):
    """Somebody else acts, once, between reading and writing."""

    def __init__(self, table: FakeTable, meanwhile: Callable[[], None]) -> None:
        super().__init__(table, table.said, table.trail)
        object.__setattr__(self, "meanwhile", iter([meanwhile]))

    def write(self, before: BinStatus, step: Step, asking: Asking) -> bool:
        next(self.meanwhile, lambda: None)()  # type: ignore[attr-defined]
        return super().write(before, step, asking)


@dataclass
class Floor:
    """One bin, A-17, which should hold 3, its photos, and the people around it; each thing takes a second."""

    table: FakeTable = field(default_factory=FakeTable)
    pauses: list[float] = field(default_factory=list)
    seconds: int = 0
    numbers: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.expect(3)

    @property
    def people(self) -> FakePeople:
        return FakePeople(self.table, self.table.said, self.table.trail)

    @property
    def resolver(self) -> Resolver:
        return self.resolver_with(self.people)

    def resolver_with(self, people: FakePeople) -> Resolver:
        return Resolver(self.table, people, self.now, self.pauses.append)

    @property
    def status(self) -> BinStatus:
        return self.table.get("A-17").status

    @property
    def learnt(self) -> Feedback:
        return self.people.feedback("FRA1")

    def now(self) -> datetime:
        self.seconds += 1
        return seconds_later(self.seconds)

    def expect(self, quantity: int) -> None:
        expectation = expecting(quantity)
        self.table.by_name["A-17"] = Bin(self.status.expecting(expectation, self.now()), expectation)

    def photograph(self, seen: int | None, seconds_ago: int = 0, certainty: float = 0.99) -> None:
        """A photo of so many goods; None for one that can't be read."""
        bin_ = self.table.get("A-17")
        uploaded_at = self.now() - timedelta(seconds=seconds_ago)
        image = image_of(version=f"v{next(self.numbers)}", uploaded_at=uploaded_at)
        if seen is None:
            rejection = rejection_of(image)
            self.record(rejection, bin_.status.after(rejection, None))
            return
        estimate = sure_of(seen, certainty)
        alone = decide(bin_.expectation, Evidence.of(estimate), POLICY)
        inspection = inspection_of(
            image, expectation=bin_.expectation, estimate=estimate, judgement=alone, at=uploaded_at
        )
        self.record(inspection, bin_.status.after(inspection, judgement_with(bin_, inspection, POLICY)))

    def record(self, outcome: Outcome, after: BinStatus) -> None:
        self.table.record(outcome, self.status, after)


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.fixture
def alerting(floor: Floor) -> Floor:
    floor.photograph(1)
    assert floor.status.state is BinState.MISMATCH
    return floor


# Acknowledge


def test_an_alert_is_taken_up_by_somebody(alerting: Floor) -> None:
    bin_ = alerting.resolver.acknowledge("A-17", ANN)
    assert bin_ == alerting.table.get("A-17")
    assert bin_.status.episode is not None
    assert (bin_.status.episode.state, bin_.status.episode.by) == (EpisodeState.ACKNOWLEDGED, "ann")


def test_taking_an_alert_up_again_changes_nothing_and_somebody_else_takes_it_over(alerting: Floor) -> None:
    once = alerting.resolver.acknowledge("A-17", ANN)
    assert alerting.resolver.acknowledge("A-17", ANN) == once
    taken_over = alerting.resolver.acknowledge("A-17", BOB).status
    assert taken_over.episode is not None
    assert (taken_over.episode.by, taken_over.version) == ("bob", once.status.version + 1)


def test_where_nothing_alerts_nothing_can_be_taken_up(floor: Floor) -> None:
    with pytest.raises(Conflict, match="no open alert"):
        floor.resolver.acknowledge("A-17", ANN)


# Resolve


def test_a_resolved_bin_starts_afresh_and_what_was_said_is_kept(alerting: Floor) -> None:
    stood = alerting.status
    status = alerting.resolver.resolve("A-17", COUNTED_2, ANN).status
    assert (status.state, status.evidence, status.judgement) == (BinState.RESOLVED, None, None)
    (act,) = alerting.table.said.of_bin("A-17")
    assert act == Resolution("A-17", status.version, "ann", status.since, COUNTED_2, stood)


def test_a_site_learns_from_a_resolution(alerting: Floor) -> None:
    alerting.resolver.resolve("A-17", COUNTED_2, ANN)
    alert = alerting.learnt.seen(Asked.ALERT)
    assert (alert.bins, alert.wrong, alerting.learnt.rated) == (1, 1, 1)


def test_resolving_alike_once_more_changes_nothing(alerting: Floor) -> None:
    once = alerting.resolver.resolve("A-17", COUNTED_2, ANN)
    learnt = alerting.learnt
    assert alerting.resolver.resolve("A-17", COUNTED_2, ANN) == once
    assert (alerting.learnt, len(alerting.table.said.acts)) == (learnt, 1)


def test_a_second_resolution_corrects_the_first_both_are_kept_and_one_counts(alerting: Floor) -> None:
    stood = alerting.status
    first = alerting.resolver.resolve("A-17", COUNTED_2, ANN).status
    second = alerting.resolver.resolve("A-17", COUNTED_3, BOB).status
    one, other = alerting.table.said.of_bin("A-17")
    assert isinstance(other, Resolution)
    assert (one.by, other.by) == ("ann", "bob")
    assert (other.corrects, other.stood, second.resolution) == (first.version, stood, second.version)
    assert alerting.learnt == learnt_from(other)


def test_a_bin_that_alerts_again_after_it_was_resolved_counts_as_another_alert_and_not_for_the_rate(
    alerting: Floor,
) -> None:
    alerting.resolver.resolve("A-17", COUNTED_2, ANN)
    alerting.photograph(1)
    alerting.resolver.resolve("A-17", COUNTED_2, ANN)
    assert (alerting.learnt.seen(Asked.ALERT).bins, alerting.learnt.rated) == (2, 1)


def test_a_bin_that_nobody_heard_of_can_not_be_resolved(floor: Floor) -> None:
    with pytest.raises(NotFound):
        floor.resolver.resolve("B-1", COUNTED_3, ANN)


def test_a_bin_that_no_consignment_names_is_resolved_and_teaches_no_site() -> None:
    floor = Floor()
    floor.table.by_name["A-17"] = Bin(BinStatus("A-17", 3, BinState.UNEXPECTED))
    assert floor.resolver.resolve("A-17", COUNTED_3, ANN).status.state is BinState.RESOLVED
    assert floor.table.said.sums == {}


# Reopen


def test_a_reopened_bin_stands_as_it_stood_alerts_again_and_its_site_unlearns(alerting: Floor) -> None:
    stood = alerting.status
    before = alerting.resolver.resolve("A-17", COUNTED_3, ANN).status
    after = alerting.resolver.reopen("A-17", "wrong bin", BOB).status
    assert (after.state, after.judgement, after.evidence) == (stood.state, stood.judgement, stood.evidence)
    alert = alert_for(StatusChange(before, after))
    assert alert is not None
    assert alert.verdict is Verdict.MISMATCH
    assert alert.alert_id != getattr(alert_for(StatusChange(None, stood)), "alert_id", None)
    assert alerting.learnt == NOTHING


def test_who_reopened_what_is_kept(alerting: Floor) -> None:
    stood = alerting.status
    resolved = alerting.resolver.resolve("A-17", COUNTED_3, ANN).status
    reopened = alerting.resolver.reopen("A-17", "wrong bin", BOB).status
    *_, act = alerting.table.said.of_bin("A-17")
    assert act == Reopening("A-17", reopened.version, "bob", reopened.changed_at, resolved.version, stood, "wrong bin")


def test_reopening_once_more_changes_nothing(alerting: Floor) -> None:
    alerting.resolver.resolve("A-17", COUNTED_3, ANN)
    once = alerting.resolver.reopen("A-17", "", BOB)
    assert alerting.resolver.reopen("A-17", "", BOB) == once


def test_reopening_once_more_leaves_the_resolution_before_though_somebody_has_taken_the_alert_up(
    alerting: Floor,
) -> None:
    first = alerting.resolver.resolve("A-17", COUNTED_2, ANN).status
    alerting.photograph(1)
    alerting.resolver.resolve("A-17", COUNTED_3, ANN)
    alerting.resolver.reopen("A-17", "", BOB)
    taken_up = alerting.resolver.acknowledge("A-17", ANN)
    assert alerting.resolver.reopen("A-17", "", BOB) == taken_up
    assert alerting.status.resolution == first.version


def test_the_resolution_before_can_be_taken_back_too_once_the_bin_is_resolved_again(alerting: Floor) -> None:
    alerting.resolver.resolve("A-17", COUNTED_2, ANN)
    alerting.resolver.reopen("A-17", "", BOB)
    alerting.resolver.resolve("A-17", COUNTED_3, ANN)
    alerting.resolver.reopen("A-17", "", BOB)
    assert (alerting.status.state, alerting.learnt) == (BinState.MISMATCH, NOTHING)


def test_what_was_never_resolved_can_not_be_reopened(alerting: Floor) -> None:
    with pytest.raises(Conflict, match="no resolution"):
        alerting.resolver.reopen("A-17", "", BOB)


def test_a_resolution_of_a_past_expectation_stays_as_it_is(alerting: Floor) -> None:
    alerting.resolver.resolve("A-17", COUNTED_3, ANN)
    alerting.expect(5)
    with pytest.raises(Conflict, match="present expectation"):
        alerting.resolver.reopen("A-17", "", BOB)


def test_a_reopened_review_is_a_review_again_when_it_is_resolved(floor: Floor) -> None:
    floor.photograph(2, certainty=0.9)
    assert floor.status.state is BinState.REVIEW
    floor.resolver.resolve("A-17", COUNTED_3, ANN)
    floor.resolver.reopen("A-17", "", BOB)
    floor.resolver.resolve("A-17", COUNTED_2, BOB)
    assert (floor.learnt.seen(Asked.REVIEW).bins, floor.learnt.seen(Asked.ALERT).bins) == (1, 0)


@pytest.mark.parametrize("seen", [3, None], ids=["it matched", "it waited for a photo"])
def test_a_reopened_bin_that_had_called_for_nobody_is_in_review_and_teaches_nothing_about_the_rate(
    floor: Floor, seen: int | None
) -> None:
    if seen is not None:
        floor.photograph(seen)
    assert not floor.status.state.needs_attention
    floor.resolver.resolve("A-17", COUNTED_3, ANN)
    assert floor.resolver.reopen("A-17", "", BOB).status.state is BinState.REVIEW
    floor.resolver.resolve("A-17", COUNTED_2, BOB)
    asked = {why: floor.learnt.seen(why).bins for why in Asked}
    assert (asked[Asked.NOBODY], sum(asked.values()), floor.learnt.rated) == (1, 1, 0)


# Ask others


def test_somebody_is_named_to_look_after_a_bin_and_gives_it_back(alerting: Floor) -> None:
    assert alerting.resolver.assign("A-17", "bob", ANN).status.assignee == "bob"
    assert alerting.resolver.assign("A-17", None, BOB).status.assignee is None
    first, second = alerting.table.said.of_bin("A-17")
    assert isinstance(first, Assignment)
    assert (first.by, first.assignee, second.by) == ("ann", "bob", "bob")


def test_naming_whoever_is_named_already_changes_nothing(alerting: Floor) -> None:
    once = alerting.resolver.assign("A-17", "bob", ANN)
    assert alerting.resolver.assign("A-17", "bob", BOB) == once
    assert len(alerting.table.said.acts) == 1


def test_another_photo_is_asked_for_once_until_it_comes(alerting: Floor) -> None:
    asked = alerting.resolver.request_photo("A-17", "blurred", ANN).status
    assert asked.photo_request is not None
    assert (asked.photo_request.by, asked.photo_request.note) == ("ann", "blurred")
    assert alerting.resolver.request_photo("A-17", "blurred", ANN).status == asked
    alerting.photograph(1)
    assert alerting.status.photo_request is None
    assert alerting.resolver.request_photo("A-17", "blurred", ANN).status.photo_request is not None
    assert [type(act) for act in alerting.table.said.of_bin("A-17")] == [PhotoRequest, PhotoRequest]


@pytest.mark.parametrize(("who", "note"), [(BOB, "blurred"), (ANN, "still blurred")])
def test_another_person_or_another_word_asks_anew(alerting: Floor, who: Caller, note: str) -> None:
    first = alerting.resolver.request_photo("A-17", "blurred", ANN).status
    second = alerting.resolver.request_photo("A-17", note, who).status
    assert photo_call_for(StatusChange(first, second)) is not None


def test_a_site_learns_nothing_from_what_is_asked_of_others(alerting: Floor) -> None:
    alerting.resolver.assign("A-17", "bob", ANN)
    alerting.resolver.request_photo("A-17", "", ANN)
    assert alerting.learnt == NOTHING


# What the trail keeps


def test_every_change_leaves_its_record_with_what_it_replaced(alerting: Floor) -> None:
    resolver = alerting.resolver
    resolver.acknowledge("A-17", ANN)
    resolver.assign("A-17", "bob", ANN)
    resolver.request_photo("A-17", "blurred", BOB)
    resolver.resolve("A-17", COUNTED_2, BOB)
    resolver.reopen("A-17", "wrong bin", ANN)
    version = alerting.status.version
    told = [(one.action, one.by, one.before, one.after, one.note) for one in alerting.table.trail.records]
    assert told == [
        (
            *("acknowledgement", "ann"),
            {"version": version - 5, "alert": "open", "alert_by": None},
            {"version": version - 4, "alert": "acknowledged", "alert_by": "ann"},
            "",
        ),
        (
            *("assignment", "ann"),
            {"version": version - 4, "assignee": None},
            {"version": version - 3, "assignee": "bob"},
            "",
        ),
        (
            *("photo_request", "bob"),
            {"version": version - 3, "photo_requested_by": None},
            {"version": version - 2, "photo_requested_by": "bob"},
            "blurred",
        ),
        (
            *("resolution", "bob"),
            {
                "version": version - 2,
                "status": "mismatch",
                "alert": "acknowledged",
                "alert_by": "ann",
                "assignee": "bob",
                "photo_requested_by": "bob",
            },
            {
                "version": version - 1,
                "status": "resolved",
                "alert": "resolved",
                "alert_by": "bob",
                "assignee": None,
                "photo_requested_by": None,
                "true_count": 2,
                "reason": "lost",
                "corrects": None,
            },
            "one fell behind the shelf",
        ),
        (
            *("reopening", "ann"),
            {"version": version - 1, "status": "resolved", "alert": "resolved", "alert_by": "bob", "assignee": None},
            {
                "version": version,
                "status": "mismatch",
                "alert": "reopened",
                "alert_by": "ann",
                "assignee": "bob",
                "reopens": version - 1,
            },
            "wrong bin",
        ),
    ]
    assert {(one.site, one.bin_id, one.consignment_id) for one in alerting.table.trail.records} == {
        ("FRA1", "A-17", "C-1")
    }


def test_what_changes_nothing_leaves_no_record(alerting: Floor) -> None:
    alerting.resolver.assign("A-17", None, replace(ANN, key="k-1"))
    assert alerting.table.said.asked != {}
    assert alerting.table.trail.records == []


# What the caller has seen


def test_a_change_of_what_the_caller_has_seen_goes_through(alerting: Floor) -> None:
    seen = replace(ANN, tags=frozenset({"1", str(alerting.status.version)}))
    assert alerting.resolver.assign("A-17", "bob", seen).status.assignee == "bob"


@pytest.mark.parametrize("tags", [{"1"}, set(), {"two"}], ids=["an older version", "none", "no version"])
def test_a_change_of_what_stands_otherwise_by_now_is_refused_and_changes_nothing(
    alerting: Floor, tags: set[str]
) -> None:
    stood = alerting.status
    with pytest.raises(PreconditionFailed, match=f"version {stood.version}"):
        alerting.resolver.resolve("A-17", COUNTED_2, replace(ANN, tags=frozenset(tags)))
    assert (alerting.status, alerting.table.trail.records) == (stood, [])


def test_a_photo_that_comes_in_between_is_not_resolved_unseen(alerting: Floor) -> None:
    seen = replace(ANN, tags=frozenset({str(alerting.status.version)}))
    busy = BusyPeople(alerting.table, lambda: alerting.photograph(2))
    with pytest.raises(PreconditionFailed):
        alerting.resolver_with(busy).resolve("A-17", COUNTED_2, seen)
    assert alerting.table.said.acts == {}


def test_a_request_that_comes_again_is_answered_though_the_bin_has_changed_by_it(alerting: Floor) -> None:
    seen = replace(ANN, key="k-1", tags=frozenset({str(alerting.status.version)}))
    once = alerting.resolver.resolve("A-17", COUNTED_2, seen)
    assert alerting.resolver.resolve("A-17", COUNTED_2, seen) == once


# Requests that come again, and people who meet


def test_a_request_that_comes_again_with_its_key_changes_nothing_whatever_happened_since(alerting: Floor) -> None:
    caller = replace(ANN, key="k-1")
    alerting.resolver.resolve("A-17", COUNTED_2, caller)
    alerting.photograph(1)
    standing, learnt = alerting.table.get("A-17"), alerting.learnt
    assert alerting.resolver.resolve("A-17", COUNTED_2, caller) == standing
    assert (alerting.learnt, len(alerting.table.said.acts)) == (learnt, 1)


def test_a_request_that_changed_nothing_changes_nothing_later_either(alerting: Floor) -> None:
    caller = replace(ANN, key="k-1")
    once = alerting.resolver.resolve("A-17", COUNTED_2, ANN)
    assert alerting.resolver.resolve("A-17", COUNTED_2, caller) == once
    alerting.photograph(1)
    alerting.resolver.resolve("A-17", COUNTED_2, caller)
    assert alerting.status.state is BinState.MISMATCH


@pytest.mark.parametrize(
    "other",
    [
        lambda resolver: resolver.resolve("A-17", COUNTED_3, Caller("ann", "k-1")),
        lambda resolver: resolver.resolve("A-17", COUNTED_2, Caller("bob", "k-1")),
        lambda resolver: resolver.reopen("A-17", "", Caller("ann", "k-1")),
        lambda resolver: resolver.acknowledge("A-17", Caller("ann", "k-1")),
    ],
    ids=["another count", "another person", "another act", "one without a body"],
)
def test_a_key_belongs_to_one_request(alerting: Floor, other: Callable[[Resolver], Bin]) -> None:
    alerting.resolver.resolve("A-17", COUNTED_2, replace(ANN, key="k-1"))
    with pytest.raises(Conflict, match="Idempotency-Key"):
        other(alerting.resolver)


def test_one_request_sent_twice_at_once_is_carried_out_once(alerting: Floor) -> None:
    caller = replace(ANN, key="k-1")
    twin = alerting.resolver
    busy = BusyPeople(alerting.table, lambda: twin.resolve("A-17", COUNTED_2, caller) and None)
    alerting.resolver_with(busy).resolve("A-17", COUNTED_2, caller)
    assert (len(alerting.table.said.acts), alerting.learnt.seen(Asked.ALERT).bins) == (1, 1)


def test_a_photo_that_comes_in_between_is_resolved_with_the_rest(alerting: Floor) -> None:
    busy = BusyPeople(alerting.table, lambda: alerting.photograph(2))
    alerting.resolver_with(busy).resolve("A-17", COUNTED_2, ANN)
    (act,) = alerting.table.said.of_bin("A-17")
    assert isinstance(act, Resolution)
    assert act.stood.photos == 2
    assert len(alerting.pauses) == 1


def test_two_people_who_say_different_things_at_once_are_both_heard(alerting: Floor) -> None:
    other = alerting.resolver
    busy = BusyPeople(alerting.table, lambda: other.resolve("A-17", COUNTED_3, BOB) and None)
    alerting.resolver_with(busy).resolve("A-17", COUNTED_2, ANN)
    first, second = alerting.table.said.of_bin("A-17")
    assert isinstance(second, Resolution)
    assert (first.by, second.by, second.corrects) == ("bob", "ann", first.version)


def test_a_bin_that_never_holds_still_is_a_failure_that_may_heal(alerting: Floor) -> None:
    class NeverWrites(FakePeople):
        def write(self, *_: object) -> bool:
            return False

    with pytest.raises(TemporaryFailure, match="too fast"):
        alerting.resolver_with(NeverWrites(alerting.table, alerting.table.said)).resolve("A-17", COUNTED_2, ANN)
    assert alerting.pauses == sorted(alerting.pauses)


def test_a_photo_taken_before_a_resolution_leaves_the_bin_resolved(alerting: Floor) -> None:
    alerting.resolver.resolve("A-17", COUNTED_2, ANN)
    resolved = alerting.status
    alerting.photograph(6, seconds_ago=5)
    assert alerting.status == replace(resolved, version=resolved.version + 1, photos=2)


def test_a_photo_that_vanished_leaves_the_bin_resolved(alerting: Floor) -> None:
    alerting.resolver.resolve("A-17", COUNTED_2, ANN)
    gone = rejection_of(image_of(version="gone", uploaded_at=alerting.now()), Reason.GONE)
    alerting.record(gone, alerting.status.after(gone, None))
    assert alerting.status.state is BinState.RESOLVED


# Everything mixed

callers = st.sampled_from([ANN, BOB, Caller("ann", "k-1"), Caller("bob", "k-2")])
counts = st.integers(1, 4)
happenings: st.SearchStrategy[tuple[str, Callable[[Floor], object]]] = st.one_of(
    st.builds(
        lambda seen, ago, sure: ("photo", lambda floor: floor.photograph(seen, ago, sure)),
        st.none() | counts,
        st.sampled_from([0, 0, 3, 50]),
        st.sampled_from([0.6, 0.9, 0.99]),
    ),
    st.builds(lambda who: ("acknowledge", lambda floor: floor.resolver.acknowledge("A-17", who)), callers),
    st.builds(
        lambda who, true: ("resolve", lambda floor: floor.resolver.resolve("A-17", Finding(true, Cause.COUNTED), who)),
        callers,
        counts,
    ),
    st.builds(lambda who: ("reopen", lambda floor: floor.resolver.reopen("A-17", "", who)), callers),
    st.builds(
        lambda who, whom: ("assign", lambda floor: floor.resolver.assign("A-17", whom, who)),
        callers,
        st.sampled_from(["ann", "bob", None]),
    ),
    st.builds(lambda who: ("ask", lambda floor: floor.resolver.request_photo("A-17", "", who)), callers),
    st.builds(lambda quantity: ("expect", lambda floor: floor.expect(quantity)), counts),
)


def standing_in(floor: Floor) -> list[Resolution]:
    """The resolutions that nobody has corrected or taken back."""
    acts = floor.table.said.of_bin("A-17")
    ended = {act.reopens for act in acts if isinstance(act, Reopening)}
    ended |= {act.corrects for act in acts if isinstance(act, Resolution) and act.corrects}
    return [act for act in acts if isinstance(act, Resolution) and act.version not in ended]


def must_stay(status: BinStatus) -> bool:
    """Whether an episode can only be ended by a person or a new expectation."""
    episode = status.episode
    return episode is not None and episode.is_active and not {*episode.raised} <= {Verdict.UNEXPECTED, Verdict.REJECTED}


@settings(max_examples=150)
@given(st.lists(happenings, max_size=12))
def test_whatever_happens_each_resolution_counts_once_and_nothing_is_lost(
    happened: list[tuple[str, Callable[[Floor], object]]],
) -> None:
    floor = Floor()
    for kind, happen in happened:
        before, acts, told = floor.status, dict(floor.table.said.acts), len(floor.table.trail.records)
        try:
            happen(floor)
        except Conflict:
            assert floor.status == before
        after = floor.status
        assert after == before or after.version > before.version
        assert acts.items() <= floor.table.said.acts.items()
        is_peoples_doing = after != before and kind not in {"photo", "expect"}
        new = floor.table.trail.records[told:]
        assert [(one.version, one.after["version"]) for one in new] == [(after.version,) * 2] * is_peoples_doing
        assert floor.learnt == sum(map(learnt_from, standing_in(floor)), NOTHING)
        if must_stay(before) and kind not in {"resolve", "expect"}:
            assert must_stay(after)
        if after.resolution is not None:
            assert after.resolution in {resolution.version for resolution in standing_in(floor)}
        if kind == "photo" and after.image == before.image and before.state is BinState.RESOLVED:
            assert after.state is BinState.RESOLVED
