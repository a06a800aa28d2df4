from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.bin_status import BinStatus
from chalicelib.decide import judge
from chalicelib.domain import Inspection, Verdict
from chalicelib.evidence import Evidence
from chalicelib.items import from_expectation, from_status, to_outcome, to_status
from chalicelib.replay import Replayed, Tally, Truth, replay
from tests.delivery import EXPECTATIONS, deliveries, photo_sets, table_after
from tests.examples import NOON, POLICY, expecting, image_of, inspection_of, seconds_later, sure_of
from tests.fakes import FakeBins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.evidence import CountEstimate
    from chalicelib.policy import Policy
    from chalicelib.replay import Past

NEVER = replace(POLICY, version="FRA1/2", mismatch_rate=1e-6, costs=replace(POLICY.costs, false_alert=1e6))
"""Under it no photo alerts, nor sends a bin to review."""
UNSURE = sure_of(3, 0.2)


def by(policy: Policy) -> Callable[[str], Policy]:
    return lambda _bin_id: policy


def photo(estimate: CountEstimate, at: float = 0, bin_id: str = "A-17", since: float = -100) -> Inspection:
    image = image_of(f"incoming/{bin_id}/{at}.jpg", uploaded_at=seconds_later(at))
    told = expecting(3, bin_id)
    return inspection_of(image, bin_id=bin_id, expectation=told, estimate=estimate, since=seconds_later(since))


def truth(quantity: int | None, at: float, bin_id: str = "A-17", since: float = -100) -> Truth:
    return Truth(bin_id, seconds_later(at), seconds_later(since), quantity)


def tally(**counts: int) -> Tally:
    ends = {verdict: counts.pop(verdict.value, 0) for verdict in (Verdict.MATCH, Verdict.REVIEW, Verdict.MISMATCH)}
    return Tally(
        ends, **{**dict.fromkeys(("alerts", "reviews", "resolved_alerts", "right_alerts", "wrong"), 0), **counts}
    )


def replayed(*past: Past, after: Policy = POLICY) -> Replayed:
    return replay(past, by(POLICY), by(after))


def test_nothing_that_happened_replays_as_nothing() -> None:
    assert replayed() == Replayed(0, 0, 0, tally(), tally(), 0, ())


def test_a_bin_counts_once_by_what_all_of_its_photos_say_together() -> None:
    found = replayed(*(photo(sure_of(3), at) for at in range(4)), photo(sure_of(1), bin_id="B-2"))
    assert (found.inspections, found.bins) == (5, 2)
    assert found.before == found.after == tally(match=1, mismatch=1, alerts=1)


def test_a_bin_that_starts_afresh_counts_anew() -> None:
    found = replayed(photo(sure_of(1), 0), photo(sure_of(3), 20, since=10))
    assert found.before == tally(match=1, mismatch=1, alerts=1)
    assert found.bins == 2


def test_an_alert_is_not_taken_back_by_a_later_photo() -> None:
    found = replayed(photo(sure_of(1), 0), *(photo(sure_of(3), at) for at in range(1, 6)))
    assert found.before == tally(match=1, alerts=1, reviews=found.before.reviews)


def test_a_photo_from_before_its_bin_started_afresh_or_held_against_nothing_decides_nothing() -> None:
    late = photo(sure_of(1), 0, since=10)
    unexpected = replace(photo(sure_of(1), 0), expectation=None)
    assert replayed(late, unexpected) == replayed()


def test_bins_that_end_otherwise_are_counted_and_named_with_both_judgements() -> None:
    found = replayed(photo(sure_of(1)), photo(sure_of(3), bin_id="B-2"), after=NEVER)
    (change,) = found.changes
    assert found.changed == 1
    assert found.after == tally(match=2)
    assert (change.bin_id, change.expected, change.photos, change.since) == ("A-17", 3, 1, seconds_later(-100))
    assert (change.before.verdict, change.before.policy, change.is_alerted_before) == ("mismatch", "FRA1/1", True)
    assert (change.after.verdict, change.after.policy, change.is_alerted_after) == ("match", "FRA1/2", False)


def test_an_alert_that_only_one_side_ever_raises_is_a_change_though_the_bin_ends_alike() -> None:
    found = replayed(photo(sure_of(1), 0), *(photo(sure_of(3), at) for at in range(1, 6)), after=NEVER)
    assert [(change.before.verdict, change.after.verdict) for change in found.changes] == [("match", "match")]


def test_all_changes_are_counted_and_the_first_are_named() -> None:
    past = [photo(sure_of(1), bin_id=f"A-{number}") for number in range(5)]
    found = replay(past, by(POLICY), by(NEVER), most_changes=2)
    assert found.changed == 5
    assert [change.bin_id for change in found.changes] == ["A-0", "A-1"]


def test_where_the_truth_is_known_it_tells_which_alerts_were_right_and_what_was_found() -> None:
    found = replayed(
        *(photo(sure_of(1), bin_id=name) for name in ("right", "false", "unknown")),
        *(photo(sure_of(3), bin_id=name) for name in ("missed", "fine")),
        truth(1, 5, "right"),
        truth(3, 5, "false"),
        truth(2, 5, "missed"),
        truth(3, 5, "fine"),
        after=NEVER,
    )
    assert found.resolved == 4
    assert found.before == tally(match=2, mismatch=3, alerts=3, resolved_alerts=2, right_alerts=1, wrong=2)
    assert (found.before.precision, found.before.found) == (0.5, 0.5)
    assert (found.after.precision, found.after.found) == (None, 0.0)
    assert {change.bin_id: change.truth for change in found.changes} == {"right": 1, "false": 3, "unknown": None}


def test_a_truth_about_a_bin_without_photos_says_nothing() -> None:
    assert replayed(truth(2, 0)) == replayed()
    assert (replayed().before.precision, replayed().before.found) == (None, None)


def test_photos_after_a_truth_belong_to_another_story() -> None:
    found = replayed(photo(sure_of(1), 0), truth(1, 5), photo(sure_of(3), 6, since=5))
    assert (found.bins, found.resolved) == (2, 1)
    assert found.before == tally(match=1, mismatch=1, alerts=1, resolved_alerts=1, right_alerts=1, wrong=1)


def test_a_correction_is_the_truth() -> None:
    found = replayed(photo(sure_of(1)), truth(3, 5), truth(2, 6))
    assert (found.resolved, found.before.right_alerts, found.before.wrong) == (1, 1, 1)


def test_a_truth_that_was_taken_back_is_none_and_later_photos_go_on() -> None:
    found = replayed(photo(sure_of(1)), truth(1, 5), truth(None, 6), photo(sure_of(1), 7))
    assert (found.bins, found.inspections, found.resolved, found.before.wrong) == (1, 2, 0, 0)


def test_a_truth_under_a_newer_expectation_says_nothing_of_the_photos_before() -> None:
    found = replayed(photo(sure_of(3)), truth(2, 5, since=4))
    assert (found.bins, found.resolved, found.before.wrong) == (1, 0, 0)


def test_the_number_of_resolved_bins_is_a_number() -> None:
    assert type(replayed(photo(sure_of(3))).resolved) is int


def test_each_bin_is_judged_by_its_own_policy() -> None:
    past = [photo(sure_of(1), bin_id=name) for name in ("A-1", "B-1")]
    found = replay(past, by(POLICY), lambda bin_id: NEVER if bin_id == "B-1" else POLICY)
    assert [change.bin_id for change in found.changes] == ["B-1"]


def test_the_bins_chosen_for_audit_are_those_that_the_checker_chooses() -> None:
    audited = replace(POLICY, audit_share=0.5)
    past = [photo(sure_of(3), bin_id=f"A-{number}") for number in range(50)]
    chosen = {
        one.bin_id
        for one in past
        if judge(one.bin_id, one.since, one.expectation, Evidence.of(one.estimate), audited).is_audit
    }
    found = replayed(*past, after=audited)
    assert {change.bin_id for change in found.changes} == chosen
    assert 10 < len(chosen) == found.after.reviews < 40


@settings(max_examples=60)
@given(st.data())
def test_a_replay_under_the_policy_that_judged_ends_as_the_table_did(data: st.DataObject) -> None:
    photos = data.draw(photo_sets())
    bins = FakeBins(*map(from_expectation, EXPECTATIONS))
    bins.put(*(from_status(BinStatus(said.bin_id).expecting(said, NOON)) for said in EXPECTATIONS))
    table_after(photos, data.draw(deliveries(len(photos))), bins)
    items = bins.items.values()
    outcomes = [to_outcome(item) for item in items if item["type"] in {"INSPECTION", "REJECTION"}]
    past = sorted((one for one in outcomes if isinstance(one, Inspection)), key=lambda one: one.image.order)
    judged = [to_status(item) for item in items if item["type"] == "STATUS" and "evidence" in item]

    found = replay(past, by(POLICY), by(POLICY))

    expected = [decided_on(status).verdict for status in judged]
    assert found.before.verdicts == {verdict: expected.count(verdict) for verdict in found.before.verdicts}
    assert (found.bins, found.changed) == (len(judged), 0)


def decided_on(status: BinStatus) -> Verdict:
    (expectation,) = [said for said in EXPECTATIONS if said.bin_id == status.bin_id]
    assert status.evidence is not None
    return judge(status.bin_id, status.since, expectation, status.evidence, POLICY)


def test_memory_grows_with_bins_and_not_with_their_photos() -> None:
    few, many = (_peak_bytes(photos_each) for photos_each in (2, 20))
    assert many < 2 * few, "ten times as many photos; what differs is rubbish that waits to be collected"
    assert few / _BINS < 3_000


_BINS = 100


def _peak_bytes(photos_each: int) -> int:
    def past() -> Iterator[Inspection]:
        for at in range(photos_each):
            for number in range(_BINS):
                yield photo(replace(UNSURE, counts=(*UNSURE.counts,)), at, f"A-{number}")

    tracemalloc.start()
    replay(past(), by(POLICY), by(NEVER))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("late", [timedelta(0), timedelta(milliseconds=1)])
def test_a_photo_taken_at_the_very_moment_when_its_bin_started_afresh_counts(late: timedelta) -> None:
    one = photo(sure_of(1), 0, since=0)
    assert replayed(replace(one, since=one.since - late)).bins == 1
