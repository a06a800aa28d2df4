"""Lists of bins: every list that there is, over bins of all kinds, in memory and in a table shaped by the template."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.bins import typed
from chalicelib.aws.directory import DynamoDirectory
from chalicelib.bin_status import Bin, BinStatus, Episode
from chalicelib.domain import ATTENTION, BinState, EpisodeState, Judgement, Severity, Verdict
from chalicelib.errors import InvalidRequest
from chalicelib.items import from_status
from chalicelib.items_people import from_act
from chalicelib.listing import NO_SITE, Listed, Sort, Wanted, list_for
from chalicelib.resolution import Cause, Finding, Resolution
from chalicelib.severity import severity_of_bin
from tests.fakes_api import FakeDirectory, FakeTable, cost_of, image_of, minutes
from tests.table import table_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chalicelib.ports_api import Directory, Page, Position
    from chalicelib.resolution import Act
    from local.emulator import Emulator


def bins_of_all_kinds() -> list[BinStatus]:
    """Bins in every state, at two sites and at none, with and without alerts, people, and costs; some cost alike."""
    kinds = product(("FRA1", "MUC1", None), BinState, range(3))
    return [_bin(number, *kind) for number, kind in enumerate(kinds)]


def _bin(number: int, site: str | None, state: BinState, which: int) -> BinStatus:
    judgement = Judgement(Verdict.MISMATCH, "p/1", 1.0, expected_cost=float(number % 4) if which else None)
    raised = (Verdict.MISMATCH, Verdict.UNEXPECTED, None)[which]
    return BinStatus(
        f"{'AB'[number % 2]}-{number:03d}",
        version=number + 1,
        state=state,
        changed_at=minutes(number * 7 % 50),
        site=site,
        consignment_id=f"C-{which}" if site else None,
        image=image_of("A", number),
        judgement=judgement,
        expected=5,
        predicted="1",
        episode=Episode(EpisodeState.OPEN, minutes(0), (raised,)) if raised else None,
        assignee=("ann", None, "bob")[which],
    )


BINS = bins_of_all_kinds()
CHOICES: dict[str, tuple[Any, ...]] = {
    "site": (None, NO_SITE, "FRA1"),
    "state": (None, BinState.MATCH, BinState.MISMATCH),
    "waiting": (False, True),
    "consignment_id": (None, "C-1"),
    "severity": (None, Severity.HIGH),
    "assignee": (None, "ann"),
    "since": (None, minutes(5)),
    "until": (None, minutes(45)),
    "name": (None, "A-0"),
    "sort": (None, *Sort),
}


def is_served(wanted: Wanted) -> bool:
    try:
        return bool(list_for(wanted))
    except InvalidRequest:
        return False


EVERYTHING = [Wanted(**dict(zip(CHOICES, chosen, strict=True))) for chosen in product(*CHOICES.values())]
ALL_SERVED = [wanted for wanted in EVERYTHING if is_served(wanted)]


@dataclass(frozen=True)
class Filled:
    """A directory, and how a bin in it is made to stand otherwise."""

    directory: Directory
    put: Callable[[BinStatus], None]
    say: Callable[[Act], None]


def in_memory() -> Filled:
    table = FakeTable()

    def put(status: BinStatus) -> None:
        table.by_name[status.bin_id] = Bin(status)

    def say(act: Act) -> None:
        table.said.acts[act.bin_id, act.version] = act

    return Filled(FakeDirectory(table), put, say)


def in_dynamodb(client: Any, table: str) -> Filled:
    def put(item: Mapping[str, Any]) -> None:
        client.put_item(TableName=table, Item=typed(item))

    directory = DynamoDirectory(client, table, lambda _seconds: None)
    return Filled(directory, lambda status: put(from_status(status)), lambda act: put(from_act(act)))


@pytest.fixture(params=["in memory", pytest.param("dynamodb", marks=pytest.mark.integration)], scope="module")
def filled(request: pytest.FixtureRequest) -> Iterator[Filled]:
    """All bins, for tests that change none."""
    yield from _filled(request, "lists")


@pytest.fixture(params=["in memory", pytest.param("dynamodb", marks=pytest.mark.integration)])
def changing(request: pytest.FixtureRequest) -> Iterator[Filled]:
    """All bins, for tests that change some."""
    yield from _filled(request, "changing")


def _filled(request: pytest.FixtureRequest, table: str) -> Iterator[Filled]:
    if request.param == "in memory":
        here, tidy = in_memory(), lambda: None
    else:
        emulator: Emulator = request.getfixturevalue("emulator")
        client = emulator.client("dynamodb")
        client.create_table(TableName=table, **table_shape())
        here, tidy = in_dynamodb(client, table), lambda: client.delete_table(TableName=table)
    for status in BINS:
        here.put(status)
    yield here
    tidy()


def walk(directory: Directory, wanted: Wanted, limit: int) -> list[BinStatus]:
    """Read a list to its end, page by page."""
    entries: list[BinStatus] = []
    page: Page[BinStatus] = directory.bins(wanted, limit, None)
    while True:
        assert len(page.entries) <= limit
        entries += page.entries
        if page.following is None:
            return entries
        page = directory.bins(wanted, limit, page.following)


ORDERS: dict[Sort | None, Callable[[BinStatus], Any]] = {
    Sort.NEWEST: lambda status: (status.changed_at, status.bin_id),
    Sort.COST: lambda status: (cost_of(status), status.bin_id),
    Sort.NAME: lambda status: status.bin_id,
    None: lambda status: status.bin_id,
}


@pytest.mark.parametrize("limit", [4, 200])
def test_every_list_has_just_the_bins_asked_for_in_its_order(filled: Filled, limit: int) -> None:
    for wanted in ALL_SERVED:
        sort = list_for(wanted).sort
        found = walk(filled.directory, wanted, limit)
        expected = sorted(
            (status for status in BINS if wanted.fits(status)), key=ORDERS[sort], reverse=sort in {"newest", "cost"}
        )
        assert (found if sort else sorted(found, key=ORDERS[None])) == expected, wanted


def test_all_kinds_of_lists_are_among_those_that_are_tested() -> None:
    assert {list_for(wanted).listed for wanted in ALL_SERVED} == set(Listed)
    assert {list_for(wanted).sort for wanted in ALL_SERVED} == {None, *Sort}
    assert all(any(wanted.fits(status) for status in BINS) for wanted in ALL_SERVED if wanted.consignment_id is None)


def test_a_position_of_one_list_is_refused_by_every_list_of_other_bins(filled: Filled) -> None:
    of_one_kind = {list_for(wanted).listed: wanted for wanted in ALL_SERVED if wanted.site != NO_SITE}
    positions = {
        listed: position
        for listed, wanted in of_one_kind.items()
        if (position := filled.directory.bins(wanted, 1, None).following)
    }
    assert len(positions) >= 7
    for listed, position in positions.items():
        for other, wanted in of_one_kind.items():
            if other is not listed:
                with pytest.raises(InvalidRequest):
                    filled.directory.bins(wanted, 1, position)


@pytest.mark.parametrize(
    "position", [{"last": "9999"}, {"last": "2026-05-04T12:00:00.000Z#A", "more": "x"}, {"x": "y"}]
)
def test_a_made_up_position_in_a_list_by_time_is_refused(filled: Filled, position: Position) -> None:
    wanted = Wanted(site="FRA1", until=minutes(20), sort=Sort.NEWEST)
    with pytest.raises(InvalidRequest):
        filled.directory.bins(wanted, 1, position)


def test_what_waits_at_a_site_is_counted_by_state_and_in_all(filled: Filled) -> None:
    for site in ("FRA1", NO_SITE):
        by_state = filled.directory.waiting(site)
        waiting = [status for status in BINS if Wanted(site=site, waiting=True).fits(status)]
        assert by_state == {state: sum(one.state is state for one in waiting) for state in ATTENTION}
        assert filled.directory.waiting_in_all(site) == len(waiting) == sum(by_state.values())
    assert filled.directory.waiting_in_all("NOWHERE") == 0


def test_a_bin_that_waits_no_longer_leaves_every_queue(changing: Filled) -> None:
    wanted = Wanted(site="FRA1", waiting=True)
    first, *others = walk(changing.directory, replace(wanted, assignee="ann", severity=None), 50)
    others = walk(changing.directory, wanted, 50)
    others.remove(first)
    changing.put(replace(first, state=BinState.RESOLVED, changed_at=minutes(99), version=99))
    assert walk(changing.directory, wanted, 50) == others
    for queue in (replace(wanted, severity=severity_of_bin(first)), replace(wanted, assignee=first.assignee)):
        assert first.bin_id not in [status.bin_id for status in walk(changing.directory, queue, 50)]
    assert changing.directory.bins(Wanted(site="FRA1", sort=Sort.NEWEST), 1, None).entries[0].bin_id == first.bin_id


def said(bin_id: str, version: int, at: int, site: str | None = "FRA1") -> Resolution:
    stood = BinStatus(bin_id, version - 1, BinState.MISMATCH, minutes(0), site=site, image=image_of(bin_id))
    return Resolution(bin_id, version, "ann", minutes(at), Finding(1, Cause.COUNTED), stood)


def test_what_people_said_at_a_site_comes_oldest_first_within_the_time_asked_for(changing: Filled) -> None:
    acts = [said("A-1", 2, 5), said("A-2", 2, 5), said("A-1", 4, 9), said("A-3", 12, 9), said("A-3", 2, 20)]
    for act in [*reversed(acts), said("B-1", 2, 7, "MUC1"), said("B-2", 2, 7, None)]:
        changing.say(act)
    read = changing.directory.statements
    first = read("FRA1", None, None, 2, None)
    second = read("FRA1", None, None, 5, first.following)
    assert [*first.entries, *second.entries] == acts
    assert list(read("FRA1", minutes(5), minutes(20), 9, None).entries) == acts[:4]
    assert list(read("FRA1", minutes(5) + timedelta(milliseconds=1), None, 9, None).entries) == acts[2:]
    assert read("FRA1", minutes(9), minutes(5), 9, None).entries == ()
    with pytest.raises(InvalidRequest):
        read("MUC1", None, None, 2, first.following)


class Ages:
    """A client whose indexes lag: they still name what is gone from the table."""

    def __init__(self, client: Any, keys: list[dict[str, Any]]) -> None:
        self._client = client
        self._keys = keys

    def query(self, **query: Any) -> dict[str, Any]:
        reply = self._client.query(**query)
        return {**reply, "Items": [*self._keys, *reply["Items"]]}

    def batch_get_item(self, **request: Any) -> Any:
        return self._client.batch_get_item(**request)


@pytest.mark.integration
def test_what_an_index_still_names_and_is_otherwise_by_now_is_left_out(emulator: Emulator) -> None:
    client = emulator.client("dynamodb")
    client.create_table(TableName="lagging", **table_shape())
    resolved = BinStatus("A-1", 2, BinState.RESOLVED, minutes(1), site="FRA1")
    waiting = BinStatus("A-2", 2, BinState.REVIEW, minutes(1), site="FRA1")
    here = in_dynamodb(client, "lagging")
    here.put(resolved)
    here.put(waiting)
    lagging = [typed({"PK": f"BIN#{name}", "SK": "BIN#STATUS"}) for name in ("A-1", "never-there")]
    directory = DynamoDirectory(Ages(client, lagging), "lagging", lambda _seconds: None)
    assert directory.bins(Wanted(site="FRA1", waiting=True), 5, None).entries == (waiting,)
    client.delete_table(TableName="lagging")
