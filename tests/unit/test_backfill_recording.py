"""Each photo goes the checker's own way, with the answer of its job where that is surely about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain import BinState
from chalicelib.errors import PhotoRefused, TemporaryFailure
from chalicelib.items import from_expectation, from_status
from ops.backfill.answers import answer_at
from ops.backfill.errors import NotReady, Outage
from ops.backfill.listing import photos_in
from ops.backfill.recording import Attempt, attempts, record
from tests.backfill_fixtures import (
    ANSWER,
    BUCKET,
    GOOD,
    MAX_BYTES,
    PLACE,
    PREFIX,
    REFUSED,
    WORK,
    FakeSageMaker,
    OnFile,
    Whole,
    a_ledger,
    counted,
    listed,
    recorder,
    s3_with,
)
from tests.delivery import but_for_episodes
from tests.examples import NOON, expecting, image_of, inspection_of, sure_of
from tests.fakes import BEFORE, BusyBins, FakeBins, FakeCounter, FakeImages, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from chalicelib.evidence import CountEstimate
    from ops.backfill.ledger import Ledger
    from ops.backfill.recording import Recorder

KEY = f"{PREFIX}A-17/1.jpg"
TRUNCATED = PhotoRefused("truncated", "the file ends too early")


def as_the_model_sees(body: bytes) -> CountEstimate | PhotoRefused:
    return TRUNCATED if body == REFUSED else sure_of(3)


def recorded(ledger: Ledger, with_this: Recorder) -> list[Attempt]:
    done: list[Attempt] = []
    record(ledger, with_this, 2, done.append)
    return done


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[tuple[Any, Ledger]]:
    """One photo, listed and counted."""
    with s3_with({KEY: GOOD}) as s3, a_ledger(tmp_path) as ledger:
        prepare(s3, ledger)
        yield s3, ledger


def prepare(s3: Any, ledger: Ledger) -> None:
    listed(s3, ledger)
    counted(FakeSageMaker(s3), ledger)


def ends(done: list[Attempt]) -> list[tuple[str, str | None, str, bool]]:
    return [(one.end.verdict, one.end.reason, one.end.way, one.end.is_new) for one in done if one.end]


def nobody() -> FakeCounter:
    """A model that may not be asked."""
    return FakeCounter(sure_of(0), Trouble([BEFORE] * 100))


def test_a_counted_photo_is_judged_by_its_jobs_answer_and_the_endpoint_is_not_asked(ready: tuple[Any, Ledger]) -> None:
    s3, ledger = ready
    bins = FakeBins()
    bins.put(from_expectation(expecting(3)), from_status(bins.get("A-17").status.expecting(expecting(3), NOON)))
    images = Whole(s3)
    done = recorded(ledger, recorder(s3, bins, counter=nobody(), images=images))
    assert ends(done) == [("match", None, "batch", True)]
    assert bins.get("A-17").status.state is BinState.MATCH
    assert images.read_keys == [], "the photo was not read whole"


def test_the_photo_is_recorded_under_the_id_that_its_event_would_have_given_it(ready: tuple[Any, Ledger]) -> None:
    s3, ledger = ready
    ((_, image),) = ledger.photos_of(0)
    bins = FakeBins()
    recorded(ledger, recorder(s3, bins))
    assert ("BIN#A-17", f"PHOTO#{image_of(KEY, bucket=BUCKET, version=image.version).image_id}") in bins.items


def test_a_photo_that_came_through_the_event_path_before_is_not_recorded_again(ready: tuple[Any, Ledger]) -> None:
    s3, ledger = ready
    ((_, image),) = ledger.photos_of(0)
    bins = FakeBins()
    recorder(s3, bins).checker.check(image_of(KEY, bucket=BUCKET, version=image.version, etag=image.etag))
    before = dict(bins.items)
    assert ends(recorded(ledger, recorder(s3, bins))) == [("unexpected", None, "batch", False)]
    assert bins.items == before


def test_a_photo_without_an_answer_goes_to_the_endpoint_which_says_why(tmp_path: Path) -> None:
    files = {f"{PREFIX}A-{number}/1.jpg": GOOD for number in range(5)} | {KEY: REFUSED}
    with s3_with(files) as s3, a_ledger(tmp_path) as ledger:
        prepare(s3, ledger)
        done = recorded(ledger, recorder(s3, counter=FakeCounter(as_the_model_sees)))
    assert ("rejected", "truncated", "endpoint", True) in ends(done)
    assert sum(end[2] == "batch" for end in ends(done)) == 5


def test_an_answer_that_is_not_what_was_agreed_sends_the_photo_to_the_endpoint(ready: tuple[Any, Ledger]) -> None:
    s3, ledger = ready
    s3.put_object(Bucket=BUCKET, Key=f"{PLACE.answers(0)}{KEY}.out", Body=ANSWER[:40])
    assert ends(recorded(ledger, recorder(s3)))[0][2] == "endpoint"


def test_a_photo_replaced_since_it_was_listed_is_counted_anew_in_the_version_that_was_listed(
    ready: tuple[Any, Ledger],
) -> None:
    s3, ledger = ready
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=REFUSED)
    counter = FakeCounter(as_the_model_sees)
    assert ends(recorded(ledger, recorder(s3, counter=counter))) == [("unexpected", None, "endpoint", True)]
    assert counter.asked == [(GOOD, "image/jpeg")]


def test_a_photo_deleted_for_good_is_gone(ready: tuple[Any, Ledger]) -> None:
    s3, ledger = ready
    ((_, image),) = ledger.photos_of(0)
    s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=image.version)
    assert ends(recorded(ledger, recorder(s3, images=FakeImages()))) == [("rejected", "gone", "endpoint", True)]


@pytest.mark.parametrize(
    ("key", "body", "reason", "way"),
    [
        (f"{PREFIX}A-17/notes.txt", GOOD, "bad_key", "nobody"),
        (f"{PREFIX}A-17/1.jpg", b"", "empty", "nobody"),
        (f"{PREFIX}A-17/1.jpg", b"no photo at all, though the job gave an answer", "not_an_image", "batch"),
    ],
)
def test_what_is_no_photo_is_rejected_as_the_event_path_rejects_it(
    tmp_path: Path, key: str, body: bytes, reason: str, way: str
) -> None:
    with s3_with({key: body}) as s3, a_ledger(tmp_path) as ledger:
        prepare(s3, ledger)
        assert ends(recorded(ledger, recorder(s3, counter=nobody()))) == [("rejected", reason, way, True)]


def test_of_several_photos_of_a_bin_the_newest_is_recorded_first_so_its_state_changes_once(tmp_path: Path) -> None:
    keys = [f"{PREFIX}A-17/{number}.jpg" for number in range(4)]
    with s3_with(dict.fromkeys(keys, GOOD)) as s3, a_ledger(tmp_path) as ledger:
        prepare(s3, ledger)
        bins = FakeBins()
        states: list[BinState] = []
        watched = BusyBins(bins, lambda: states.append(bins.get("A-17").status.state))
        done = recorded(ledger, recorder(s3, watched))
        newest_first = sorted(photos_in(s3, BUCKET, PREFIX), key=lambda image: image.order, reverse=True)
    assert [one.number for one in done] == [keys.index(image.key) for image in newest_first]
    assert states == [BinState.IDLE, *[BinState.UNEXPECTED] * 3]
    assert bins.get("A-17").status.image == newest_first[0]
    assert bins.get("A-17").status.photos == 4


def test_in_a_bucket_without_versions_a_photo_on_file_is_known_by_its_key_and_etag(tmp_path: Path) -> None:
    with s3_with({KEY: GOOD}, versioned=False) as s3, a_ledger(tmp_path) as ledger:
        prepare(s3, ledger)
        ((_, image),) = ledger.photos_of(0)
        others = [inspection_of(image_of(f"{PREFIX}A-17/{number}.jpg", version=None)) for number in range(250)]
        from_event = image_of(KEY, bucket=BUCKET, version=None, etag=image.etag)
        bins, on_file = FakeBins(), OnFile([*others, inspection_of(from_event)])
        recorder(s3, bins).checker.check(from_event)
        done = recorded(ledger, recorder(s3, bins, on_file=on_file))
    assert ends(done) == [("unexpected", None, "batch", False)]
    assert bins.get("A-17").status.photos == 1


def test_what_has_ended_is_not_looked_at_again(ready: tuple[Any, Ledger]) -> None:
    s3, ledger = ready
    recorded(ledger, recorder(s3))
    assert recorded(ledger, recorder(s3)) == []


def test_a_kill_between_table_and_ledger_records_nothing_twice(tmp_path: Path) -> None:
    files = {f"{PREFIX}A-{number}/1.jpg": GOOD for number in range(9)}
    bins = FakeBins()

    def killed(attempt: Attempt) -> None:
        if attempt.number == 4:
            raise KeyboardInterrupt

    with s3_with(files) as s3:
        with a_ledger(tmp_path) as ledger:
            prepare(s3, ledger)
        with pytest.raises(KeyboardInterrupt), a_ledger(tmp_path) as ledger:
            record(ledger, recorder(s3, bins), 2, killed)
        at_the_kill = {key: item for key, item in bins.items.items() if key[1].startswith("PHOTO#")}
        with a_ledger(tmp_path) as ledger:
            recorded(ledger, recorder(s3, bins))
            assert ledger.standing().left == 0
    photos = {key: item for key, item in bins.items.items() if key[1].startswith("PHOTO#")}
    assert 5 <= len(at_the_kill) <= len(photos) == 9
    assert {bins.get(f"A-{number}").status.photos for number in range(9)} == {1}


def test_a_temporary_failure_is_tried_again_after_pauses(ready: tuple[Any, Ledger]) -> None:
    s3, ledger = ready
    bins, pauses = FakeBins(), list[float]()
    troubled = BusyBins(bins, lambda: None, Trouble([BEFORE, BEFORE]))
    assert len(ends(recorded(ledger, recorder(s3, troubled, sleep=pauses.append)))) == 1
    assert pauses == [1.0, 4.0]


def test_a_photo_that_keeps_failing_is_left_with_its_reason_and_recorded_by_the_next_run(
    ready: tuple[Any, Ledger],
) -> None:
    s3, ledger = ready
    bins = FakeBins()
    (failed,) = recorded(ledger, recorder(s3, BusyBins(bins, lambda: None, Trouble([BEFORE] * 3))))
    assert failed.end is None
    assert "no connection" in failed.failure
    assert len(ends(recorded(ledger, recorder(s3, bins)))) == 1


def test_when_nothing_can_be_recorded_any_more_the_run_ends(tmp_path: Path) -> None:
    files = {f"{PREFIX}A-{number:03d}/1.jpg": GOOD for number in range(60)}
    with s3_with(files) as s3, a_ledger(tmp_path) as ledger:
        prepare(s3, ledger)
        broken = BusyBins(FakeBins(), lambda: None, Trouble([BEFORE] * 1000))
        with pytest.raises(Outage, match="no connection"):
            recorded(ledger, recorder(s3, broken))


def test_parts_that_are_not_counted_wait_and_the_others_are_recorded(tmp_path: Path) -> None:
    with s3_with({f"{PREFIX}A-{number}/1.jpg": GOOD for number in range(4)}) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger, photos_per_job=2)
        ledger.note_counted(0, photos=2, answered=2)
        with pytest.raises(NotReady, match="count"):
            recorded(ledger, recorder(s3))
        assert ledger.standing().recorded == 2


def test_a_preview_judges_and_writes_nothing_and_asks_no_endpoint(tmp_path: Path) -> None:
    files = {f"{PREFIX}A-{number}/1.jpg": GOOD for number in range(3)} | {KEY: REFUSED}
    with s3_with(files) as s3, a_ledger(tmp_path) as ledger:
        prepare(s3, ledger)
        bins, counter = FakeBins(), FakeCounter(sure_of(3))
        done = list(attempts(ledger, recorder(s3, bins, counter=counter).without_writing(), 2))
        assert ledger.standing().left == 4
    assert sorted(str(one.end.reason or one.end.verdict) for one in done if one.end) == [
        "endpoint_would_be_asked",
        *["unexpected"] * 3,
    ]
    assert (bins.items, counter.asked) == ({}, [])


KINDS = {
    "good": GOOD,
    "refused": REFUSED,
    "empty": b"",
    "note": b"a note",
    "large": GOOD + bytes(MAX_BYTES),
}
names = st.sampled_from(["A-17/1.jpg", "A-17/2.png", "B-2/1.jpg", "B-2/notes.txt", "stray.jpg"])


@pytest.fixture(scope="module")
def one_bucket() -> Iterator[Any]:
    """The same account for many examples: making one takes long."""
    with s3_with({}) as s3:
        yield s3


def only(s3: Any, files: Mapping[str, bytes]) -> None:
    """Make these files all that the bucket holds, or ever held."""
    for version in s3.list_object_versions(Bucket=BUCKET).get("Versions", []):
        s3.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    for key, body in files.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)


@settings(max_examples=30)
@given(files=st.dictionaries(names, st.sampled_from(sorted(KINDS)), max_size=5))
def test_a_backfill_leaves_the_table_as_events_would_have_left_it(
    one_bucket: Any, tmp_path_factory: pytest.TempPathFactory, files: Mapping[str, str]
) -> None:
    s3, model = one_bucket, FakeCounter(as_the_model_sees)
    only(s3, {PREFIX + name: KINDS[kind] for name, kind in files.items()})
    by_backfill, by_events = FakeBins(), FakeBins()
    with a_ledger(tmp_path_factory.mktemp("ledger")) as ledger:
        listed(s3, ledger)
        counted(FakeSageMaker(s3), ledger, work=replace(WORK, few=5))
        photos = [image for _, image in ledger.photos_of(0)]
        recorded(ledger, recorder(s3, by_backfill, counter=model, images=Limited(s3)))
    for image in photos:
        recorder(s3, by_events, counter=model, images=Limited(s3)).checker.check(image)
    assert but_for_episodes(by_backfill.items) == but_for_episodes(by_events.items)


class Limited(Whole):
    """The checker's own images: what is too large is refused unread."""

    def read(self, image: Any) -> bytes:
        if image.size > MAX_BYTES:
            raise PhotoRefused("too_large", "too many bytes")
        return super().read(image)


def test_a_failing_store_is_temporary() -> None:
    with s3_with({}) as s3, pytest.raises(TemporaryFailure):
        answer_at(s3, BUCKET, "nowhere.out")
