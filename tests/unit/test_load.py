from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.consignment import Consignment, ConsignmentState
from chalicelib.domain import BinState, Expectation, Verdict
from chalicelib.errors import Conflict, TemporaryFailure
from chalicelib.load import digest_of
from chalicelib.ports_api import MOST_CHANGES
from tests.fakes_api import FakeWorld, broken, expectation_of, inspection_of, minutes

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def expected_now(world: FakeWorld) -> dict[str, int]:
    bins = world.table.by_name.values()
    return {bin_.bin_id: bin_.expectation.quantity for bin_ in bins if bin_.expectation}


def break_after(world: FakeWorld, writes: int) -> None:
    def count_down() -> None:
        if len(world.table.writes) >= writes:
            broken()

    world.table.before_write = count_down


def heal(world: FakeWorld) -> None:
    world.table.before_write = lambda: None


def once(action: Callable[[], object]) -> Callable[[], None]:
    """Do something before the first write only."""
    actions = iter([action])

    def act() -> None:
        for first in actions:
            first()

    return act


def many(number: int, quantity: int = 1) -> dict[str, int]:
    return {f"A-{n:03}": quantity for n in range(number)}


def test_bins_wait_for_a_photo_once_a_consignment_names_them(world: FakeWorld) -> None:
    assert world.load({"A-1": 3, "A-2": 0})
    bin_ = world.table.get("A-1")
    assert bin_.expectation == expectation_of("A-1", 3)
    assert (bin_.status.state, bin_.status.expected, bin_.status.version) == (BinState.WAITING, 3, 1)


def test_loading_the_same_twice_changes_nothing(world: FakeWorld) -> None:
    world.load({"A-1": 3, "A-2": 0})
    before = dict(world.table.by_name), dict(world.table.on_file)
    assert not world.load({"A-2": 0, "A-1": 3})
    assert (world.table.by_name, world.table.on_file) == before


def test_a_bin_whose_expectation_stays_keeps_its_finding(world: FakeWorld) -> None:
    world.load({"A-1": 3, "A-2": 1})
    world.photograph(inspection_of("A-1", Verdict.MISMATCH))
    assert world.load({"A-1": 3, "A-2": 2})
    assert world.table.get("A-1").status.state is BinState.MISMATCH
    assert world.table.writes[-1] == ["A-2"]


def test_a_bin_whose_expectation_changes_waits_for_another_photo(world: FakeWorld) -> None:
    world.load({"A-1": 3})
    world.photograph(inspection_of("A-1", Verdict.MATCH))
    world.load({"A-1": 4})
    status = world.table.get("A-1").status
    assert (status.state, status.predicted, status.expected) == (BinState.WAITING, None, 4)


def test_a_bin_that_is_no_longer_named_is_released(world: FakeWorld) -> None:
    world.load({"A-1": 3, "A-2": 1})
    world.load({"A-2": 1})
    bin_ = world.table.get("A-1")
    assert bin_.expectation is None
    assert (bin_.status.state, bin_.status.consignment_id) == (BinState.IDLE, None)


def test_a_consignment_without_bins_releases_all(world: FakeWorld) -> None:
    world.load(many(3))
    assert world.load({})
    assert expected_now(world) == {}


def test_bins_of_another_consignment_are_refused_by_name_before_anything_changes(world: FakeWorld) -> None:
    world.load({"A-1": 1, "A-2": 1}, "C-1")
    before = dict(world.table.by_name)
    with pytest.raises(Conflict, match=r"A-1 \(C-1\), A-2 \(C-1\)"):
        world.load({"A-1": 1, "A-2": 1, "A-3": 1}, "C-2")
    assert world.table.by_name == before
    assert "C-2" not in world.table.on_file


def test_a_refusal_names_the_first_bins_and_counts_the_rest(world: FakeWorld) -> None:
    world.load(many(25), "C-1")
    with pytest.raises(Conflict, match=r"A-019 \(C-1\) and 5 more"):
        world.load(many(25), "C-2")


def test_a_released_bin_may_go_to_another_consignment(world: FakeWorld) -> None:
    world.load({"A-1": 1}, "C-1")
    world.load({}, "C-1")
    world.load({"A-1": 2}, "C-2")
    assert world.table.get("A-1").expectation == expectation_of("A-1", 2, "C-2")


def test_a_bin_that_the_index_has_not_yet_let_go_stays_with_its_new_consignment(world: FakeWorld) -> None:
    world.load({"A-1": 1}, "C-2")
    world.table.late_members = ["A-1"]
    world.load({"A-2": 1}, "C-1")
    assert world.table.get("A-1").expectation == expectation_of("A-1", 1, "C-2")


def test_many_bins_are_written_in_transactions_of_a_size_that_dynamodb_takes(world: FakeWorld) -> None:
    world.load(many(2 * MOST_CHANGES + 1))
    assert [len(names) for names in world.table.writes] == [MOST_CHANGES, MOST_CHANGES, 1]


def test_a_load_that_broke_half_way_is_completed_by_sending_it_again(world: FakeWorld) -> None:
    break_after(world, 1)
    with pytest.raises(TemporaryFailure):
        world.load(many(100))
    assert world.table.on_file["C-1"].state is ConsignmentState.LOADING
    heal(world)
    assert world.load(many(100))
    assert [len(names) for names in world.table.writes] == [49, 49, 2]
    assert expected_now(world) == many(100)
    assert not world.load(many(100))


def test_after_a_broken_load_the_former_body_is_not_taken_for_unchanged(world: FakeWorld) -> None:
    world.load(many(100, quantity=1))
    break_after(world, 4)
    with pytest.raises(TemporaryFailure):
        world.load(many(100, quantity=2))
    heal(world)
    assert world.load(many(100, quantity=1))
    assert expected_now(world) == many(100, quantity=1)


def test_a_photo_in_between_makes_the_load_read_again_and_is_kept(world: FakeWorld) -> None:
    world.table.before_write = once(lambda: world.photograph(inspection_of("A-1", Verdict.UNEXPECTED)))
    world.load({"A-1": 3})
    status = world.table.get("A-1").status
    assert (status.state, status.photos, status.expected) == (BinState.WAITING, 1, 3)
    assert len(world.pauses) == 1


def test_a_bin_that_never_rests_ends_the_load_with_a_failure_that_may_heal(world: FakeWorld) -> None:
    photos = (inspection_of("A-1", at=n) for n in range(100))
    world.table.before_write = lambda: world.photograph(next(photos))
    with pytest.raises(TemporaryFailure, match="too fast"):
        world.load({"A-1": 3})
    assert world.pauses == sorted(world.pauses)


def test_a_bin_taken_by_another_consignment_meanwhile_is_refused(world: FakeWorld) -> None:
    world.table.before_write = once(lambda: world.load({"A-1": 1}, "C-2"))
    with pytest.raises(Conflict, match=r"A-1 \(C-2\)"):
        world.load({"A-1": 3}, "C-1")


def test_a_newer_load_stops_an_older_one(world: FakeWorld) -> None:
    world.table.before_write = once(lambda: world.load({"A-1": 9}))
    with pytest.raises(Conflict, match="newer change"):
        world.load({"A-1": 3})
    assert expected_now(world) == {"A-1": 9}


bodies = st.dictionaries(st.sampled_from([*many(60)]), st.integers(0, 3))


@given(st.lists(st.tuples(bodies, st.integers(0, 3))), bodies)
def test_whatever_broke_before_a_complete_load_leaves_what_it_says(
    broken_loads: list[tuple[dict[str, int], int]], last: dict[str, int]
) -> None:
    world = FakeWorld()
    for body, writes in broken_loads:
        break_after(world, len(world.table.writes) + writes)
        try:
            world.load(body)
        except TemporaryFailure:
            heal(world)
    heal(world)
    world.load(last)
    assert expected_now(world) == last
    assert isinstance(world.table.on_file["C-1"], Consignment)
    assert not world.load(last)


@given(st.lists(st.builds(expectation_of, st.sampled_from("ABC"), st.integers(0, 9)), unique=True))
def test_the_order_of_bins_does_not_change_a_consignments_digest(expectations: list[Expectation]) -> None:
    assert digest_of("FRA1", expectations) == digest_of("FRA1", expectations[::-1])
    assert digest_of("FRA1", expectations) != digest_of("FRA2", expectations)


def test_times_come_from_the_clock(world: FakeWorld) -> None:
    world.load({"A-1": 1})
    assert world.table.get("A-1").status.changed_at == minutes(-999)
