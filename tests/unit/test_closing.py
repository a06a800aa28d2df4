"""Consignments are closed and reopened: what becomes of their bins, who may, and what a second request changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chalicelib.caller import Caller
from chalicelib.consignment import Consignment, ConsignmentState, Progress
from chalicelib.domain import BinState, Verdict
from chalicelib.errors import Closed, Conflict, Held, NotFound, PreconditionFailed, Superseded, TemporaryFailure
from chalicelib.load import Order
from chalicelib.trail import Action
from tests.fakes_api import ORDER, FakeWorld, broken, expectation_of, inspection_of, minutes

if TYPE_CHECKING:
    from collections.abc import Callable

CLOSED, CLOSING, LOADED, LOADING = (
    ConsignmentState.CLOSED,
    ConsignmentState.CLOSING,
    ConsignmentState.LOADED,
    ConsignmentState.LOADING,
)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def many(number: int) -> dict[str, int]:
    return {f"A-{n:03}": 1 for n in range(number)}


def holders(world: FakeWorld) -> dict[str, str]:
    bins = world.table.by_name.values()
    return {bin_.bin_id: bin_.expectation.consignment_id for bin_ in bins if bin_.expectation}


def break_after(world: FakeWorld, writes: int) -> None:
    def count_down() -> None:
        if len(world.table.writes) >= writes:
            broken()

    world.table.before_write = count_down


def heal(world: FakeWorld) -> None:
    world.table.before_write = world.table.before_put = lambda: None


def close(world: FakeWorld, order: Order = ORDER, *, even_if_open: bool = False) -> Consignment:
    return world.loader.close("C-1", order, even_if_open=even_if_open)


def keyed(key: str, name: str = "olga", note: str = "") -> Order:
    return Order(Caller(name, key), note)


def having_seen(version: int) -> Order:
    return Order(Caller("olga", tags=frozenset({str(version)})))


def test_a_closed_consignment_has_let_its_bins_go(world: FakeWorld) -> None:
    world.load({"A-1": 1, "A-2": 0})
    closed = close(world)
    assert (closed.state, closed.closed_at) == (CLOSED, world.table.get("A-1").status.changed_at)
    assert holders(world) == {}
    assert [world.table.get(name).status.state for name in ("A-1", "A-2")] == [BinState.IDLE] * 2
    world.load({"A-1": 5}, "C-2")
    assert holders(world) == {"A-1": "C-2"}


def test_a_closed_consignment_keeps_how_far_its_bins_were(world: FakeWorld) -> None:
    world.load(many(5))
    for name, verdict in {"A-000": Verdict.MATCH, "A-001": Verdict.MATCH, "A-002": Verdict.REVIEW}.items():
        world.photograph(inspection_of(name, verdict))
    closed = close(world, even_if_open=True)
    assert closed.outcome == Progress(bins=5, waiting=2, matching=2, open=1, resolved=0)
    assert closed.outcome.checked == 3


@pytest.mark.parametrize("verdict", [Verdict.MISMATCH, Verdict.REVIEW])
def test_while_bins_wait_for_a_person_only_who_says_so_closes(world: FakeWorld, verdict: Verdict) -> None:
    world.load(many(3))
    world.photograph(inspection_of("A-001", verdict))
    before = dict(world.table.by_name), dict(world.table.on_file)
    with pytest.raises(Conflict, match="1 bins of consignment C-1 wait for a person"):
        close(world)
    assert (world.table.by_name, world.table.on_file) == before
    assert close(world, even_if_open=True).state is CLOSED


def test_a_resolved_bin_does_not_keep_a_consignment_open(world: FakeWorld) -> None:
    world.load(many(1))
    world.photograph(inspection_of("A-000", Verdict.MISMATCH))
    status = world.table.get("A-000").status
    resolved = replace(world.table.get("A-000"), status=replace(status, state=BinState.RESOLVED))
    world.table.by_name["A-000"] = resolved
    assert close(world).outcome == Progress(bins=1, waiting=0, matching=0, open=0, resolved=1)


def test_a_bin_that_the_index_does_not_yet_list_is_released_all_the_same(world: FakeWorld) -> None:
    world.load(many(2))
    status = world.table.get("A-001").status
    world.table.by_name["A-001"] = replace(world.table.get("A-001"), status=replace(status, consignment_id=None))
    close(world)
    assert holders(world) == {}


def test_a_consignment_takes_its_bins_back_as_they_were_loaded(world: FakeWorld) -> None:
    world.load({"A-1": 3, "A-2": 0})
    world.photograph(inspection_of("A-1", Verdict.MATCH))
    close(world)
    reopened = world.loader.reopen("C-1", ORDER)
    assert (reopened.state, reopened.closed_at, reopened.outcome) == (LOADED, None, None)
    bin_ = world.table.get("A-1")
    assert (bin_.expectation, bin_.status.state) == (expectation_of("A-1", 3), BinState.WAITING)
    assert bin_.status.changed_at == reopened.loaded_at
    assert world.table.get("A-2").expectation == expectation_of("A-2", 0)


def test_a_consignment_is_not_reopened_while_another_holds_one_of_its_bins(world: FakeWorld) -> None:
    world.load({"A-1": 3, "A-2": 0})
    closed = close(world)
    world.load({"A-2": 4}, "C-2")
    with pytest.raises(Held, match=r"A-2 \(C-2\)"):
        world.loader.reopen("C-1", ORDER)
    assert world.table.on_file["C-1"] == closed
    assert holders(world) == {"A-2": "C-2"}


def test_a_closed_consignment_can_not_be_loaded(world: FakeWorld) -> None:
    world.load(many(2))
    close(world)
    for said in (many(2), many(3)):
        with pytest.raises(Closed, match="reopen it"):
            world.load(said)
    assert holders(world) == {}


def test_closing_and_reopening_twice_changes_nothing_more(world: FakeWorld) -> None:
    world.load(many(3))
    assert close(world) == close(world)
    reopened = world.loader.reopen("C-1", ORDER)
    assert world.loader.reopen("C-1", ORDER) == reopened
    assert [record.action for record in world.table.trail.records] == [
        Action.CONSIGNMENT_LOAD,
        Action.CONSIGNMENT_CLOSING,
        Action.CONSIGNMENT_REOPENING,
    ]


@pytest.mark.parametrize("name", ["nobody", "C-9"])
def test_what_is_not_on_file_is_neither_closed_nor_reopened(world: FakeWorld, name: str) -> None:
    with pytest.raises(NotFound):
        world.loader.close(name, ORDER)
    with pytest.raises(NotFound):
        world.loader.reopen(name, ORDER)


def test_a_request_with_its_key_is_carried_out_once_whatever_has_happened_since(world: FakeWorld) -> None:
    world.load(many(2))
    close(world, keyed("k-1"))
    world.loader.reopen("C-1", keyed("k-2"))
    assert close(world, keyed("k-1")).state is LOADED
    close(world)
    assert world.loader.reopen("C-1", keyed("k-2")).state is CLOSED
    assert len(holders(world)) == 0


def test_a_key_is_remembered_even_where_there_was_nothing_to_do(world: FakeWorld) -> None:
    world.load(many(2))
    version = world.table.on_file["C-1"].version
    assert world.loader.reopen("C-1", keyed("k-1")).version == version
    close(world)
    assert world.loader.reopen("C-1", keyed("k-1")).state is CLOSED


@pytest.mark.parametrize("order", [keyed("k-1", name="otto"), keyed("k-1", note="why")])
def test_a_key_of_another_request_is_a_conflict(world: FakeWorld, order: Order) -> None:
    world.load(many(2))
    close(world, keyed("k-1"))
    with pytest.raises(Conflict, match="another request"):
        close(world, order)


def test_only_the_version_that_somebody_has_seen_is_changed(world: FakeWorld) -> None:
    world.load(many(2))
    seen = world.table.on_file["C-1"].version
    world.load(many(3))
    for change in (
        lambda: world.load(many(4), order=having_seen(seen)),
        lambda: close(world, having_seen(seen)),
        lambda: world.loader.reopen("C-1", having_seen(seen)),
    ):
        with pytest.raises(PreconditionFailed):
            change()
    assert len(holders(world)) == 3
    assert close(world, having_seen(world.table.on_file["C-1"].version)).state is CLOSED


def test_a_consignment_that_is_not_there_has_no_version_that_somebody_could_have_seen(world: FakeWorld) -> None:
    with pytest.raises(PreconditionFailed):
        world.load(many(1), order=having_seen(1))


def test_somebody_who_comes_between_reading_and_writing_is_seen(world: FakeWorld) -> None:
    world.load(many(2))
    world.table.before_put = once(lambda: world.load(many(3)))
    with pytest.raises(PreconditionFailed):
        close(world, having_seen(world.table.on_file["C-1"].version))
    assert len(holders(world)) == 3


def test_whoever_has_seen_no_version_closes_what_is_there_by_then(world: FakeWorld) -> None:
    world.load(many(2))
    world.table.before_put = once(lambda: world.load(many(3)))
    assert (close(world).bins, holders(world)) == (3, {})


def test_a_consignment_that_never_rests_ends_in_a_failure_that_may_heal(world: FakeWorld) -> None:
    world.load(many(1))

    def disturb() -> None:
        on_file = world.table.on_file["C-1"]
        world.table.on_file["C-1"] = replace(on_file, version=on_file.version + 1)

    world.table.before_put = disturb
    with pytest.raises(TemporaryFailure, match="changes too fast"):
        close(world)


def once(action: Callable[[], object]) -> Callable[[], None]:
    """Do something before the first write only."""
    actions = iter([action])

    def act() -> None:
        for first in actions:
            first()

    return act


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_closing_that_broke_half_way_is_completed_by_sending_it_again(world: FakeWorld, writes: int) -> None:
    world.load(many(120))
    world.photograph(inspection_of("A-000", Verdict.MISMATCH))
    break_after(world, len(world.table.writes) + writes)
    with pytest.raises(TemporaryFailure):
        close(world, even_if_open=True)
    assert world.table.on_file["C-1"].state is CLOSING
    heal(world)
    closed = close(world)
    assert (closed.state, closed.outcome.open if closed.outcome else None) == (CLOSED, 1)
    assert holders(world) == {}
    world.loader.reopen("C-1", ORDER)
    assert len(holders(world)) == 120


def test_a_closing_that_broke_half_way_can_be_taken_back(world: FakeWorld) -> None:
    world.load(many(120))
    break_after(world, len(world.table.writes) + 1)
    with pytest.raises(TemporaryFailure):
        close(world)
    heal(world)
    assert world.loader.reopen("C-1", ORDER).state is LOADED
    assert len(holders(world)) == 120


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_load_that_broke_half_way_can_be_completed_or_closed(world: FakeWorld, writes: int) -> None:
    break_after(world, writes)
    with pytest.raises(TemporaryFailure):
        world.load(many(120))
    heal(world)
    assert world.loader.reopen("C-1", ORDER).state is LOADED
    assert len(holders(world)) == 120
    break_after(world, len(world.table.writes) + writes)
    with pytest.raises(TemporaryFailure):
        world.load(dict.fromkeys(many(120), 2))
    assert world.table.on_file["C-1"].state is LOADING
    heal(world)
    assert close(world).state is CLOSED
    assert holders(world) == {}


def test_a_load_that_broke_before_it_was_kept_has_to_be_sent_again(world: FakeWorld) -> None:
    break_after(world, 0)
    with pytest.raises(TemporaryFailure):
        world.load(many(2))
    world.table.kept.clear()
    heal(world)
    for change in (lambda: close(world), lambda: world.loader.reopen("C-1", ORDER)):
        with pytest.raises(Conflict, match="load it again"):
            change()
    assert world.load(many(2))


def test_a_consignment_of_before_loads_were_kept_is_closed_and_reopened_by_its_bins(world: FakeWorld) -> None:
    world.load(many(3))
    world.table.kept.clear()
    close(world)
    world.loader.reopen("C-1", ORDER)
    assert len(holders(world)) == 3


def test_of_such_a_consignment_no_bin_is_lost_that_the_index_does_not_list(world: FakeWorld) -> None:
    world.load(many(3))
    world.table.kept.clear()
    status = world.table.get("A-001").status
    world.table.by_name["A-001"] = replace(world.table.get("A-001"), status=replace(status, consignment_id=None))
    with pytest.raises(Conflict, match="load it again"):
        close(world)
    assert len(holders(world)) == 3


def test_a_closing_stops_a_load_that_runs(world: FakeWorld) -> None:
    world.load(many(60))
    world.table.before_write = once(lambda: close(world))
    with pytest.raises(Superseded, match="newer change"):
        world.load(dict.fromkeys(many(60), 2))
    assert world.table.on_file["C-1"].state is CLOSED
    assert holders(world) == {}


def test_only_what_the_newest_load_said_is_kept(world: FakeWorld) -> None:
    for number in range(1, 4):
        world.load(many(number))
    (kept,) = world.table.kept["C-1"].values()
    assert len(kept) == 3


def test_a_load_is_later_than_the_one_before_though_the_clock_stands_still(world: FakeWorld) -> None:
    loader = replace(world.loader, clock=lambda: minutes(0))
    first, _ = loader.load("C-1", "FRA1", [expectation_of("A-1", 1)], ORDER)
    second, _ = loader.load("C-1", "FRA1", [expectation_of("A-1", 2)], ORDER)
    assert second.loaded_at > first.loaded_at
    assert world.table.get("A-1").status.changed_at == second.loaded_at


def test_the_trail_tells_who_changed_what(world: FakeWorld) -> None:
    world.load(many(2))
    close(world, Order(Caller("otto"), "all put away"))
    loaded, closed = world.table.trail.records
    assert (loaded.by, loaded.before, loaded.after["bins"], loaded.site) == ("olga", {}, 2, "FRA1")
    assert (closed.by, closed.note, closed.consignment_id) == ("otto", "all put away", "C-1")
    assert (closed.before["state"], closed.after["state"]) == ("loaded", "closed")
