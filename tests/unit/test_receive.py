"""Consignments that are dropped as files: loaded once, the newest version of a file has the last word, none is lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.caller import Caller
from chalicelib.consignment import ConsignmentState
from chalicelib.domain import BinImage, Reason, Rejection
from chalicelib.errors import PhotoRefused, TemporaryFailure
from chalicelib.load import Order
from chalicelib.receive import Ending, Receiver
from tests.fakes import FakeImages
from tests.fakes_api import ORDER, FakeConsignments, FakeWorld, broken, expectation_of, minutes

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = "consignments/"
HEADER = "bin_id,expected_quantity\n"


@dataclass
class Bucket:
    """Files by version, and a world that they are loaded into; a file says one quantity of bin A-1."""

    world: FakeWorld = field(default_factory=FakeWorld)
    bodies: dict[BinImage, bytes] = field(default_factory=dict)

    def drop(self, body: str, at: int = 0, key: str = "consignments/FRA1/C-1.csv", sequencer: int | None = None) -> Any:
        """Put a version of a file into the bucket, as long after the API's first calls as the world's clock allows."""
        order = f"{at if sequencer is None else sequencer:016X}"
        file = BinImage("photos", key, f"v{order}", "etag", order, len(body), minutes(at))
        self.bodies[file] = body.encode()
        return file

    def receive(self, file: BinImage) -> Ending:
        receiver = Receiver(
            files=FakeImages(self.bodies),
            loader=self.world.loader,
            consignments=FakeConsignments(self.world.table),
            bins=self.world.table,
            prefix=PREFIX,
            clock=lambda: minutes(0),
        )
        return receiver.receive(file)

    @property
    def expected(self) -> dict[str, int]:
        bins = self.world.table.by_name.values()
        return {bin_.bin_id: bin_.expectation.quantity for bin_ in bins if bin_.expectation}

    @property
    def consignment(self) -> Any:
        return self.world.table.on_file.get("C-1")


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def saying(**quantities: int) -> str:
    return HEADER + "".join(f"{name},{quantity}\n" for name, quantity in quantities.items())


def test_a_dropped_file_is_loaded_by_the_site_and_the_name_in_its_key(bucket: Bucket) -> None:
    file = bucket.drop(saying(A1=3, A2=0))
    assert bucket.receive(file) is Ending.LOADED
    assert bucket.world.table.get("A1").expectation == expectation_of("A1", 3)
    assert (bucket.consignment.site, bucket.consignment.file) == ("FRA1", file)
    (record,) = bucket.world.table.trail.records
    assert record.by == "s3://photos/consignments/FRA1/C-1.csv"


def test_a_file_that_is_announced_twice_is_loaded_once(bucket: Bucket) -> None:
    file = bucket.drop(saying(A1=3))
    bucket.receive(file)
    before = bucket.consignment
    assert bucket.receive(file) is Ending.UNCHANGED
    assert bucket.consignment == before


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_newest_version_of_a_file_has_the_last_word_in_whatever_order_they_come(
    bucket: Bucket, order: Sequence[int]
) -> None:
    versions = [bucket.drop(saying(A1=1), 1), bucket.drop(saying(A1=2, A2=2), 2), bucket.drop(saying(A1=1), 3)]
    for number in order:
        bucket.receive(versions[number])
    assert bucket.expected == {"A1": 1}
    assert bucket.consignment.file == versions[2]


def test_within_one_key_the_sequencer_orders_and_not_the_clock(bucket: Bucket) -> None:
    older, newer = bucket.drop(saying(A1=1), at=6, sequencer=7), bucket.drop(saying(A1=2), at=5, sequencer=16)
    assert bucket.receive(newer) is Ending.LOADED
    assert bucket.receive(older) is Ending.UNCHANGED
    assert bucket.expected == {"A1": 2}


said = st.tuples(st.sampled_from(["good", "bad"]), st.integers(0, 9))


@given(st.lists(said, min_size=1, max_size=5), st.data())
def test_whatever_comes_twice_or_late_leaves_what_the_newest_good_file_says_and_the_newest_refusal(
    contents: list[tuple[str, int]], data: st.DataObject
) -> None:
    bucket = Bucket()
    files = [
        bucket.drop(saying(A1=quantity) if kind == "good" else "rubbish", at)
        for at, (kind, quantity) in enumerate(contents)
    ]
    deliveries = data.draw(st.permutations(files)) + data.draw(st.lists(st.sampled_from(files), max_size=4))
    for file in deliveries:
        bucket.receive(file)
    consignment = bucket.consignment
    assert consignment.file == files[-1]
    assert (consignment.refusal is not None) == (contents[-1][0] == "bad")
    if contents[-1][0] == "good":
        assert bucket.expected == {"A1": contents[-1][1]}


def test_a_bad_file_is_refused_with_all_its_mistakes_and_their_lines(bucket: Bucket) -> None:
    file = bucket.drop(f"{HEADER}A 1,3\nA2,x\n")
    assert bucket.receive(file) is Ending.REFUSED
    assert (bucket.consignment.state, bucket.consignment.refusal.count) == (ConsignmentState.REFUSED, 2)
    refusal = bucket.world.table.refusals["C-1"]
    assert [(one.line, one.field) for one in refusal.mistakes] == [(2, "bin_id"), (3, "expected_quantity")]
    assert bucket.expected == {}


def test_a_refusal_leaves_what_was_loaded_before_and_goes_with_the_next_good_file(bucket: Bucket) -> None:
    bucket.receive(bucket.drop(saying(A1=3), 1))
    assert bucket.receive(bucket.drop("rubbish", 2)) is Ending.REFUSED
    assert (bucket.consignment.state, bucket.expected) == (ConsignmentState.LOADED, {"A1": 3})
    assert bucket.consignment.refusal is not None
    assert bucket.receive(bucket.drop(saying(A1=3), 3)) is Ending.UNCHANGED
    assert bucket.consignment.refusal is None


def test_a_refused_consignment_is_loaded_by_its_next_good_file(bucket: Bucket) -> None:
    bucket.receive(bucket.drop("rubbish", 1))
    assert bucket.receive(bucket.drop(saying(A1=3), 2)) is Ending.LOADED
    assert (bucket.consignment.state, bucket.consignment.refusal) == (ConsignmentState.LOADED, None)


def test_bins_of_another_consignment_are_refused_by_their_lines(bucket: Bucket) -> None:
    bucket.world.load({"A1": 1, "A3": 1}, "C-2")
    assert bucket.receive(bucket.drop(saying(A1=1, A2=1, A3=1))) is Ending.REFUSED
    told = [(one.line, one.message) for one in bucket.world.table.refusals["C-1"].mistakes]
    assert told == [(2, "bin A1 belongs to consignment C-2"), (4, "bin A3 belongs to consignment C-2")]
    assert "A2" not in bucket.expected


def test_a_file_of_a_closed_consignment_is_refused(bucket: Bucket) -> None:
    bucket.receive(bucket.drop(saying(A1=1), -2000))
    bucket.world.loader.close("C-1", ORDER)
    assert bucket.receive(bucket.drop(saying(A1=1), 2)) is Ending.REFUSED
    assert bucket.consignment.state is ConsignmentState.CLOSED
    assert "reopen it" in bucket.world.table.refusals["C-1"].mistakes[0].message


def test_a_file_too_large_to_be_read_is_refused(bucket: Bucket) -> None:
    class Large(FakeImages):
        def read(self, image: BinImage) -> bytes:
            raise PhotoRefused(Reason.TOO_LARGE, f"{image.size} bytes are more than the allowed 9")

    file = bucket.drop(saying(A1=1))
    table = bucket.world.table
    receiver = Receiver(Large(), bucket.world.loader, FakeConsignments(table), table, PREFIX, lambda: minutes(0))
    assert receiver.receive(file) is Ending.REFUSED
    assert "more than the allowed" in table.refusals["C-1"].mistakes[0].message


def test_what_the_api_said_after_a_file_was_dropped_stands(bucket: Bucket) -> None:
    old = bucket.drop(saying(A1=1), at=-2000)
    bucket.world.load({"A1": 7})
    assert bucket.receive(old) is Ending.UNCHANGED
    assert bucket.expected == {"A1": 7}
    assert bucket.receive(bucket.drop("rubbish", at=-1999)) is Ending.UNCHANGED
    assert bucket.receive(bucket.drop(saying(A1=1), at=1)) is Ending.LOADED


def test_a_file_that_comes_again_does_not_undo_a_reopening(bucket: Bucket) -> None:
    file = bucket.drop(saying(A1=1), at=-2000)
    bucket.receive(file)
    bucket.world.loader.close("C-1", ORDER)
    assert bucket.receive(file) is Ending.UNCHANGED
    assert bucket.consignment.state is ConsignmentState.CLOSED
    bucket.world.loader.reopen("C-1", Order(Caller("olga")))
    assert bucket.receive(file) is Ending.UNCHANGED


def test_a_file_that_was_deleted_before_it_was_read_changes_nothing(bucket: Bucket) -> None:
    file = bucket.drop(saying(A1=1))
    bucket.bodies.clear()
    assert bucket.receive(file) is Ending.GONE
    assert bucket.consignment is None


def test_a_load_that_broke_half_way_is_completed_when_its_file_is_announced_again(bucket: Bucket) -> None:
    file = bucket.drop(saying(**{f"A{number}": 1 for number in range(100)}))
    table = bucket.world.table
    table.before_write = lambda: broken() if table.writes else None
    with pytest.raises(TemporaryFailure):
        bucket.receive(file)
    assert bucket.consignment.state is ConsignmentState.LOADING
    table.before_write = lambda: None
    assert bucket.receive(file) is Ending.LOADED
    assert len(bucket.expected) == 100


def test_a_newer_file_that_comes_while_an_older_one_is_loaded_wins(bucket: Bucket) -> None:
    older, newer = bucket.drop(saying(A1=1), 1), bucket.drop(saying(A1=2), 2)
    others = iter([newer])
    bucket.world.table.before_write = lambda: [bucket.receive(file) for file in others] and None
    with pytest.raises(TemporaryFailure):
        bucket.receive(older)
    assert bucket.receive(older) is Ending.UNCHANGED
    assert bucket.expected == {"A1": 2}


def test_a_refusal_waits_while_somebody_else_changes_the_consignment(bucket: Bucket) -> None:
    bucket.world.load({"A1": 1})
    on_file = bucket.consignment
    bucket.world.table.on_file["C-1"] = replace(on_file, state=ConsignmentState.LOADING)
    with pytest.raises(TemporaryFailure, match="is being changed"):
        bucket.receive(bucket.drop("rubbish", 1))


def test_a_bin_that_is_taken_while_its_file_is_loaded_is_refused_and_the_refusal_stays(bucket: Bucket) -> None:
    file = bucket.drop(saying(A1=1))
    once = iter([{"A1": 5}])
    bucket.world.table.before_write = lambda: [bucket.world.load(said, "C-2") for said in once] and None
    assert bucket.receive(file) is Ending.REFUSED
    assert bucket.world.table.refusals["C-1"].mistakes[0].message == "bin A1 belongs to consignment C-2"
    assert bucket.receive(file) is Ending.UNCHANGED
    assert bucket.expected == {"A1": 5}


@pytest.mark.parametrize(
    "name", ["C-1.csv", "FRA1/C-1.txt", "FRA1/C 1.csv", "FRA1/a/C-1.csv", "FRA 1/C-1.csv", "FRA1/.csv"]
)
def test_a_file_whose_key_names_no_consignment_is_recorded_beside_photos_without_a_bin(
    bucket: Bucket, name: str
) -> None:
    assert bucket.receive(bucket.drop(saying(A1=1), key=f"{PREFIX}{name}")) is Ending.STRAY
    (stray,) = bucket.world.table.outcomes
    assert isinstance(stray, Rejection)
    assert (stray.bin_id, stray.reason) == (None, Reason.BAD_KEY)
    assert stray.message == "the key is not consignments/<site>/<consignment id>.csv"


@pytest.mark.parametrize("name", ["", "FRA1/"])
def test_folders_that_a_console_makes_are_nobodys_mistake(bucket: Bucket, name: str) -> None:
    assert bucket.receive(bucket.drop("", key=f"{PREFIX}{name}")) is Ending.FOLDER
    assert not bucket.world.table.outcomes


def test_the_ending_of_a_key_may_be_in_capitals(bucket: Bucket) -> None:
    assert bucket.receive(bucket.drop(saying(A1=1), key="consignments/FRA1/C-1.CSV")) is Ending.LOADED


def test_a_table_that_does_not_answer_leaves_the_file_to_be_received_again(bucket: Bucket) -> None:
    file = bucket.drop(saying(A1=1))
    bucket.world.table.before_put = broken
    with pytest.raises(TemporaryFailure):
        bucket.receive(file)
    bucket.world.table.before_put = lambda: None
    assert bucket.receive(file) is Ending.LOADED
