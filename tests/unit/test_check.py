from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chalicelib.alerts import alert_for
from chalicelib.check import Checker
from chalicelib.domain import BinState, Inspection, Reason, Rejection, Verdict
from chalicelib.errors import PhotoRefused, TemporaryFailure
from chalicelib.events import StatusChange
from chalicelib.items import from_expectation, from_status
from tests.examples import JPEG, NOON, POLICY, expecting, image_of, seconds_later, sure_of
from tests.fakes import AFTER, BEFORE, BusyBins, FakeBins, FakeCounter, FakeImages, FakePolicies, Trouble

if TYPE_CHECKING:
    from chalicelib.domain import BinImage, Expectation
    from chalicelib.evidence import CountEstimate
    from chalicelib.ports import Bins, Counter, Images

PHOTO = image_of()


def checker(images: Images | None = None, counter: Counter | None = None, bins: Bins | None = None) -> Checker:
    return Checker(
        images=images or FakeImages({PHOTO: JPEG}),
        counter=counter or FakeCounter(sure_of(3)),
        bins=bins or bins_expecting(3),
        policies=FakePolicies(POLICY),
        prefix="incoming/",
        clock=lambda: NOON,
    )


def bins_expecting(quantity: int) -> FakeBins:
    bins = FakeBins()
    expect(bins, expecting(quantity))
    return bins


def expect(bins: FakeBins, expectation: Expectation) -> None:
    """Do what loading a consignment does to one bin."""
    status = bins.get(expectation.bin_id).status.expecting(expectation, NOON)
    bins.put(from_expectation(expectation), from_status(status))


def reason_of(outcome: object) -> str:
    assert isinstance(outcome, Rejection)
    return outcome.reason


def verdict_of(outcome: object) -> Verdict:
    assert isinstance(outcome, Inspection)
    return outcome.judgement.verdict


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [(sure_of(3), Verdict.MATCH), (sure_of(2, 0.8), Verdict.REVIEW), (sure_of(1), Verdict.MISMATCH)],
)
def test_a_photo_is_inspected_and_its_bin_stands_where_the_verdict_says(seen: CountEstimate, verdict: Verdict) -> None:
    bins = bins_expecting(3)
    outcome, is_new = checker(counter=FakeCounter(seen), bins=bins).check(PHOTO)
    assert is_new
    assert verdict_of(outcome) is verdict
    since = bins.get("A-17").status.since
    assert outcome == Inspection("A-17", PHOTO, expecting(3), seen, outcome.judgement, NOON, since)  # type: ignore[union-attr]
    assert bins.get("A-17").status.state == BinState(verdict)


def test_the_counter_is_given_the_file_and_its_true_media_type() -> None:
    counter = FakeCounter(sure_of(3))
    png = b"\x89PNG\r\n\x1a\n..."
    checker(FakeImages({PHOTO: png}), counter).check(PHOTO)
    assert counter.asked == [(png, "image/png")]


def test_without_an_expectation_on_file_the_photo_is_unexpected() -> None:
    bins = FakeBins()
    outcome, _ = checker(bins=bins).check(PHOTO)
    assert verdict_of(outcome) is Verdict.UNEXPECTED
    assert bins.get("A-17").status.state is BinState.UNEXPECTED


def test_a_photo_checked_twice_is_recorded_once() -> None:
    bins = bins_expecting(3)
    first, was_new = checker(bins=bins).check(PHOTO)
    table = dict(bins.items)
    second, is_new = checker(bins=bins).check(PHOTO)
    assert (was_new, is_new) == (True, False)
    assert first == second
    assert bins.items == table


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (FakeImages({}), Reason.GONE),
        (FakeImages({PHOTO: b""}), Reason.EMPTY),
        (FakeImages({PHOTO: b"three books"}), Reason.NOT_AN_IMAGE),
    ],
)
def test_a_file_that_is_no_photo_is_rejected_without_asking_the_model(images: FakeImages, reason: str) -> None:
    counter = FakeCounter(sure_of(3))
    outcome, is_new = checker(images, counter).check(PHOTO)
    assert (reason_of(outcome), is_new) == (reason, True)
    assert counter.asked == []


def test_a_photo_that_the_model_refuses_is_rejected_with_the_models_reason() -> None:
    bins = bins_expecting(3)
    refusing = FakeCounter(PhotoRefused("truncated", "the file ends too early"))
    outcome, _ = checker(counter=refusing, bins=bins).check(PHOTO)
    assert outcome == Rejection("A-17", PHOTO, "truncated", "the file ends too early", NOON)
    assert bins.get("A-17").status.state is BinState.REJECTED


def test_a_photo_that_is_gone_is_recorded_and_leaves_its_bin_waiting() -> None:
    bins = bins_expecting(3)
    checker(FakeImages({}), bins=bins).check(PHOTO)
    status = bins.get("A-17").status
    assert (status.state, status.photos) == (BinState.WAITING, 1)


def test_a_key_that_names_no_bin_is_rejected_unread_and_belongs_to_no_bin() -> None:
    bins = FakeBins()
    stray = image_of("incoming/0001.jpg")
    unread = FakeImages({}, Trouble([BEFORE]))
    outcome, was_new = checker(unread, bins=bins).check(stray)
    _, is_new = checker(unread, bins=bins).check(stray)
    assert (reason_of(outcome), outcome.bin_id) == (Reason.BAD_KEY, None)
    assert (was_new, is_new) == (True, False)
    assert len(bins.items) == 1


def test_a_photo_is_judged_by_the_expectation_of_its_moment() -> None:
    bins = bins_expecting(3)
    second = image_of(version="v2", uploaded_at=seconds_later(1))
    check = checker(FakeImages({PHOTO: JPEG, second: JPEG}), bins=bins).check
    before, _ = check(PHOTO)
    expect(bins, expecting(4, consignment_id="C-2"))
    assert bins.get("A-17").status.state is BinState.WAITING
    after, _ = check(second)
    assert (verdict_of(before), verdict_of(after)) == (Verdict.MATCH, Verdict.MISMATCH)
    assert bins.get("A-17").status.consignment_id == "C-2"


def test_a_late_photo_adds_its_evidence_and_is_not_the_newest() -> None:
    bins = bins_expecting(3)
    newer = image_of(version="v2", uploaded_at=seconds_later(1))
    seeing = FakeCounter(lambda body: sure_of(int(body[-1:]), 0.8))
    check = checker(FakeImages({PHOTO: JPEG + b"2", newer: JPEG + b"3"}), seeing, bins).check
    check(newer)
    late, is_new = check(PHOTO)
    assert (verdict_of(late), is_new) == (Verdict.REVIEW, True)
    status = bins.get("A-17").status
    assert (status.state, status.image, status.predicted, status.photos) == (BinState.MATCH, newer, "3", 2)
    assert status.judgement is not None
    assert status.judgement.photos == 2


def test_photos_that_each_leave_doubt_make_a_mismatch_together() -> None:
    bins = bins_expecting(3)
    photos = [image_of(version=f"v{number}", uploaded_at=seconds_later(number)) for number in range(3)]
    check = checker(FakeImages(dict.fromkeys(photos, JPEG)), FakeCounter(sure_of(2, 0.8)), bins).check
    verdicts = [verdict_of(check(photo)[0]) for photo in photos]
    states = bins.get("A-17").status.state
    assert verdicts == [Verdict.REVIEW] * 3
    assert states is BinState.MISMATCH


def test_an_audited_bin_that_matches_waits_in_the_review_queue_marked_as_such_and_alerts_nobody() -> None:
    bins = bins_expecting(3)
    everyone = replace(checker(bins=bins), policies=FakePolicies(replace(POLICY, audit_share=1.0)))
    before = bins.get("A-17").status
    everyone.check(PHOTO)
    item = bins.items["BIN#A-17", "BIN#STATUS"]
    status = bins.get("A-17").status
    assert (item["review"], item["judgement"]["is_audit"]) == ("REVIEW#FRA1", True)
    assert status.episode is None
    assert alert_for(StatusChange(before, status)) is None


def test_the_policy_asked_for_is_that_of_the_site_and_the_bin() -> None:
    policies = FakePolicies(POLICY)
    replace(checker(), policies=policies).check(PHOTO)
    assert policies.asked == [("FRA1", "A-17")]


def test_an_expectation_that_changes_while_the_photo_is_judged_is_the_one_that_counts() -> None:
    bins = bins_expecting(3)
    new_expectations = [expecting(5, consignment_id="C-2")]

    def load_once() -> None:
        if new_expectations:
            expect(bins, new_expectations.pop())

    counter = FakeCounter(sure_of(5))
    busy = BusyBins(bins, load_once)
    outcome, is_new = checker(counter=counter, bins=busy).check(PHOTO)
    assert (verdict_of(outcome), is_new) == (Verdict.MATCH, True)
    assert outcome.expectation == expecting(5, consignment_id="C-2")  # type: ignore[union-attr]
    assert len(counter.asked) == 1


def test_a_bin_that_never_holds_still_is_a_temporary_failure_and_records_nothing() -> None:
    bins = bins_expecting(3)
    busy = BusyBins(bins, lambda: expect(bins, expecting(5)))
    with pytest.raises(TemporaryFailure, match="A-17"):
        checker(bins=busy).check(PHOTO)
    assert photos_in(bins) == []


def photos_in(bins: FakeBins) -> list[tuple[str, str]]:
    return [key for key in bins.items if key[1].startswith("PHOTO#")]


def troubled(port: str, plans: list[str | None], bins: FakeBins, photo: BinImage) -> Checker:
    """A checker of which one port fails as planned."""
    trouble = {name: Trouble(plans if name == port else ()) for name in ("images", "counter", "bins")}
    return checker(
        FakeImages({photo: JPEG}, trouble["images"]),
        FakeCounter(sure_of(3), trouble["counter"]),
        BusyBins(bins, lambda: None, trouble["bins"]),
    )


@pytest.mark.parametrize(
    ("port", "plans", "key"),
    [
        ("images", [BEFORE], PHOTO.key),
        ("counter", [BEFORE], PHOTO.key),
        ("bins", [BEFORE], PHOTO.key),
        ("bins", [None, BEFORE], PHOTO.key),
        ("bins", [BEFORE], "incoming/0001.jpg"),
    ],
)
def test_a_temporary_failure_of_any_port_records_nothing_and_the_next_try_succeeds(
    port: str, plans: list[str | None], key: str
) -> None:
    bins, photo = bins_expecting(3), image_of(key)
    unreliable = troubled(port, plans, bins, photo)
    with pytest.raises(TemporaryFailure):
        unreliable.check(photo)
    assert photos_in(bins) == []
    assert unreliable.check(photo)[1]
    assert len(photos_in(bins)) == 1


def test_a_photo_that_was_recorded_though_the_answer_was_lost_is_not_recorded_again() -> None:
    bins = bins_expecting(3)
    unreliable = troubled("bins", [None, AFTER], bins, PHOTO)
    with pytest.raises(TemporaryFailure):
        unreliable.check(PHOTO)
    assert unreliable.check(PHOTO)[1] is False
    assert bins.get("A-17").status.photos == 1
