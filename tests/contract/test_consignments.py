"""Consignments: one suite for the record in memory and in a table shaped by the template."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.bins import DynamoBins
from chalicelib.aws.consignment_lists import DynamoConsignmentLists
from chalicelib.aws.consignments import DynamoConsignments
from chalicelib.aws.trail import DynamoTrail
from chalicelib.bin_status import Bin, BinStatus
from chalicelib.caller import Caller
from chalicelib.consignment import Consignment, ConsignmentState, Progress, Refusal
from chalicelib.domain import Item, Verdict
from chalicelib.errors import InvalidRequest, Mistake, Superseded, TemporaryFailure
from chalicelib.load import Loader, Order
from chalicelib.ports_api import LANES, Asking, Change
from chalicelib.trail import Action, AuditRecord
from chalicelib.wiring import side_by_side
from tests.fakes_api import (
    FakeConsignmentLists,
    FakeConsignments,
    FakeTable,
    expectation_of,
    image_of,
    inspection_of,
    minutes,
    one_by_one,
)
from tests.table import table_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.ports import Bins
    from chalicelib.ports_api import ConsignmentLists, Consignments, Page, Position, Trail
    from local.emulator import Emulator

LOADED, LOADING, CLOSED, REFUSED = (
    ConsignmentState.LOADED,
    ConsignmentState.LOADING,
    ConsignmentState.CLOSED,
    ConsignmentState.REFUSED,
)


@dataclass
class Record:
    """The ports onto one table; each thing that is done takes a minute."""

    bins: Bins
    consignments: Consignments
    lists: ConsignmentLists
    trail: Trail
    clock: int = 0

    def now(self) -> Any:
        self.clock += 1
        return minutes(self.clock)

    @property
    def loader(self) -> Loader:
        return Loader(self.consignments, self.now, lambda _seconds: None, side_by_side)

    def load(self, expected: dict[str, int], consignment_id: str = "C-1", site: str = "FRA1") -> Consignment:
        said = [
            replace(expectation_of(name, quantity, consignment_id), site=site) for name, quantity in expected.items()
        ]
        return self.loader.load(consignment_id, site, said, Order(Caller("olga")))[0]

    def photograph(self, bin_id: str, verdict: Verdict) -> None:
        status = self.bins.get(bin_id).status
        inspection = inspection_of(bin_id, verdict, 10_000)
        assert self.bins.record(inspection, status, status.after(inspection, None))


@pytest.fixture
def dynamodb(emulator: Emulator) -> Iterator[Any]:
    client = emulator.client("dynamodb")
    client.create_table(TableName="consignments", **table_shape())
    yield client
    client.delete_table(TableName="consignments")


def record_in(client: Any, table: str = "consignments") -> Record:
    return Record(
        DynamoBins(client, table),
        DynamoConsignments(client, table, lambda _seconds: None),
        DynamoConsignmentLists(client, table),
        DynamoTrail(client, table),
    )


@pytest.fixture(params=["in memory", pytest.param("dynamodb", marks=pytest.mark.integration)])
def record(request: pytest.FixtureRequest) -> Record:
    if request.param == "in memory":
        table = FakeTable()
        return Record(table, FakeConsignments(table), FakeConsignmentLists(table), table.trail)
    return record_in(request.getfixturevalue("dynamodb"))


def consignment(version: int = 1, state: ConsignmentState = LOADING, **changed: Any) -> Consignment:
    return replace(Consignment("C-1", "FRA1", 2, "d1", minutes(0), state, version), **changed)


def taking(bin_: Bin) -> Change:
    expectation = expectation_of(bin_.bin_id)
    return Change(bin_, Bin(bin_.status.expecting(expectation, minutes(3)), expectation))


def test_a_consignment_is_read_as_it_was_put(record: Record) -> None:
    assert record.consignments.get("C-1") is None
    whole = consignment(
        told_at=minutes(1), file=image_of("x"), closed_at=minutes(2), outcome=Progress(2, 1, 1, 0, 0), state=CLOSED
    )
    assert record.consignments.put(None, whole)
    assert record.consignments.get("C-1") == whole


def test_only_the_version_that_was_read_is_replaced(record: Record) -> None:
    first, second = consignment(1, LOADED), consignment(2, LOADED)
    assert record.consignments.put(None, first)
    assert not record.consignments.put(None, second)
    assert record.consignments.put(first, second)
    assert not record.consignments.put(first, consignment(2, CLOSED))
    assert record.consignments.get("C-1") == second


@pytest.mark.integration
def test_a_consignment_of_before_versions_were_counted_is_replaced_once(dynamodb: Any) -> None:
    record = record_in(dynamodb)
    old = {
        "PK": {"S": "CONSIGNMENT#C-1"},
        "SK": {"S": "CONSIGNMENT"},
        "type": {"S": "CONSIGNMENT"},
        "consignment_id": {"S": "C-1"},
        "site": {"S": "FRA1"},
        "bins": {"N": "2"},
        "digest": {"S": "d1"},
        "loaded_at": {"S": "2026-05-04T12:00:00.000Z"},
    }
    dynamodb.put_item(TableName="consignments", Item=old)
    before = record.consignments.get("C-1")
    assert before == consignment(0, LOADED)
    assert record.consignments.put(before, consignment(1, LOADED))
    assert not record.consignments.put(before, consignment(1, CLOSED))


def test_a_refusal_is_mentioned_by_its_consignment_and_told_in_full_beside_it(record: Record) -> None:
    refusal = Refusal(image_of("C-1"), minutes(1), 7, (Mistake("is no CSV", None, 3), Mistake("is odd", "sku", 4)))
    assert record.consignments.put(None, consignment(1, REFUSED, refusal=refusal))
    on_file = record.consignments.get("C-1")
    assert on_file is not None
    assert on_file.refusal == replace(refusal, mistakes=())
    assert record.lists.refusal("C-1") == refusal
    assert record.lists.refusal("C-2") is None


def test_a_request_and_its_record_are_put_with_the_change_or_not_at_all(record: Record) -> None:
    asking = Asking("olga", "content", "k-1")
    done = AuditRecord(minutes(1), "olga", Action.CONSIGNMENT_LOAD, 1, "FRA1", consignment_id="C-1")
    assert record.consignments.asked_before("C-1", "k-1") is None
    assert record.consignments.put(None, consignment(1, LOADED), done, asking)
    assert record.consignments.asked_before("C-1", "k-1") == asking
    assert record.consignments.asked_before("C-2", "k-1") is None
    again = replace(done, version=2)
    assert not record.consignments.put(consignment(1, LOADED), consignment(2, LOADED), again, asking)
    assert record.consignments.get("C-1") == consignment(1, LOADED)
    assert record.trail.of_site("FRA1", None, None, 10, None).entries == (done,)


def test_bins_are_read_in_the_order_asked_for_known_or_not(record: Record) -> None:
    record.load({f"A-{n}": 1 for n in range(0, 120, 2)})
    bins = record.consignments.bins([f"A-{n}" for n in range(120)])
    assert [bin_.bin_id for bin_ in bins] == [f"A-{n}" for n in range(120)]
    assert [bin_.expectation is not None for bin_ in bins] == [True, False] * 60


@pytest.mark.parametrize("lane", range(LANES))
def test_a_written_change_is_read_back(record: Record, lane: int) -> None:
    record.consignments.put(None, consignment())
    change = taking(Bin(BinStatus("A-1")))
    assert record.consignments.write(consignment(), [change], lane)
    assert record.consignments.bins(["A-1"]) == [change.after] == [record.bins.get("A-1")]
    assert record.consignments.members("C-1") == ["A-1"]


def test_a_released_bin_has_no_expectation_and_is_no_member(record: Record) -> None:
    record.load({"A-1": 1, "A-2": 2})
    record.load({"A-2": 2})
    assert record.bins.get("A-1").expectation is None
    assert record.consignments.members("C-1") == ["A-2"]


def test_no_change_is_made_where_one_of_the_bins_changed(record: Record) -> None:
    record.consignments.put(None, consignment())
    record.photograph("A-1", Verdict.MATCH)
    changes = [taking(Bin(BinStatus("A-0"))), taking(Bin(BinStatus("A-1")))]
    assert not record.consignments.write(consignment(), changes, 0)
    assert record.bins.get("A-0").status.version == 0


@pytest.mark.parametrize("lane", range(LANES))
def test_a_change_can_not_go_on_in_any_lane_once_another_has_begun(record: Record, lane: int) -> None:
    record.consignments.put(None, consignment(1))
    record.consignments.put(consignment(1), consignment(2))
    with pytest.raises(Superseded):
        record.consignments.write(consignment(1), [taking(Bin(BinStatus("A-1")))], lane)
    assert record.consignments.write(consignment(2), [taking(Bin(BinStatus("A-1")))], lane)


def test_a_change_that_has_ended_leaves_its_lanes_as_they_are(record: Record) -> None:
    record.consignments.put(None, consignment(1))
    record.consignments.put(consignment(1), consignment(2, LOADED))
    with pytest.raises(Superseded):
        record.consignments.write(consignment(2, LOADED), [taking(Bin(BinStatus("A-1")))], 0)


def test_what_a_load_said_is_kept_until_a_later_one_has_ended(record: Record) -> None:
    said = [replace(expectation_of("A-1"), items=(Item("X", 1), Item("Y", 1))), expectation_of("A-2", 0)]
    older, newer = consignment(1), consignment(2, loaded_at=minutes(1))
    assert record.consignments.kept(older) is None
    record.consignments.keep(older, said)
    record.consignments.keep(newer, said)
    assert record.consignments.kept(older) == record.consignments.kept(newer) == said
    record.consignments.forget_older(newer)
    assert record.consignments.kept(older) is None
    assert record.consignments.kept(newer) == said


def test_what_was_not_kept_to_its_end_is_not_known(record: Record) -> None:
    record.consignments.keep(consignment(), [expectation_of("A-1")])
    assert record.consignments.kept(consignment()) is None


def test_a_consignment_is_loaded_closed_and_reopened(record: Record) -> None:
    loaded = record.load({f"A-{n}": n for n in range(120)})
    assert record.consignments.get("C-1") == loaded
    closed = record.loader.close("C-1", Order(Caller("olga", "k-1")))
    assert record.consignments.get("C-1") == closed
    assert record.consignments.members("C-1") == []
    assert record.bins.get("A-7").expectation is None
    reopened = record.loader.reopen("C-1", Order(Caller("olga")))
    assert record.consignments.get("C-1") == reopened
    assert len(record.consignments.members("C-1")) == 120
    assert record.bins.get("A-7").expectation == expectation_of("A-7", 7)
    assert record.loader.close("C-1", Order(Caller("olga", "k-1"))) == reopened
    trail = record.trail.of_site("FRA1", None, None, 10, None).entries
    assert [one.action for one in trail] == [
        Action.CONSIGNMENT_REOPENING,
        Action.CONSIGNMENT_CLOSING,
        Action.CONSIGNMENT_LOAD,
    ]


def walk(read: Callable[[int, Position | None], Page[Consignment]], limit: int) -> list[str]:
    """Read a list to its end, page by page."""
    found: list[str] = []
    page = read(limit, None)
    while True:
        assert len(page.entries) <= limit
        found += [one.consignment_id for one in page.entries]
        if page.following is None:
            return found
        page = read(limit, page.following)


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_consignments_are_listed_newest_first_by_site_and_by_state(record: Record, limit: int) -> None:
    for number, site in enumerate(("FRA1", "LEJ1", "FRA1", "FRA1")):
        record.load({f"A-{number}": 1}, f"C-{number}", site)
    record.loader.close("C-0", Order(Caller("olga")))
    record.loader.close("C-1", Order(Caller("olga")))
    record.load({"A-9": 1}, "C-2")

    def names(site: str | None, state: ConsignmentState | None) -> list[str]:
        return walk(lambda n, start: record.lists.newest(site, state, n, start), limit)

    assert names(None, None) == ["C-2", "C-3", "C-1", "C-0"]
    assert names("FRA1", None) == ["C-2", "C-3", "C-0"]
    assert names(None, CLOSED) == ["C-1", "C-0"]
    assert names("FRA1", CLOSED) == ["C-0"]
    assert names("FRA1", LOADED) == ["C-2", "C-3"]
    assert names("HAM2", None) == names(None, LOADING) == []


def test_a_position_is_refused_by_any_other_list(record: Record) -> None:
    for number in range(3):
        record.load({f"A-{number}": 1}, f"C-{number}")
    asked = [(None, None), ("FRA1", None), (None, LOADED), ("FRA1", LOADED)]
    positions = [record.lists.newest(site, state, 1, None).following for site, state in asked]
    for number, position in enumerate(positions):
        for site, state in asked[:number] + asked[number + 1 :] + [("LEJ1", LOADED)]:
            with pytest.raises(InvalidRequest):
                record.lists.newest(site, state, 1, position)


def test_progress_counts_the_bins_by_what_they_wait_for(record: Record) -> None:
    loaded = record.load({f"A-{n}": 1 for n in range(7)})
    verdicts = [Verdict.MATCH, Verdict.MATCH, Verdict.MISMATCH, Verdict.REVIEW]
    for number, verdict in enumerate(verdicts):
        record.photograph(f"A-{number}", verdict)
    record.photograph("B-1", Verdict.UNEXPECTED)
    assert record.lists.progress(loaded) == Progress(bins=7, waiting=3, matching=2, open=2, resolved=0)


def test_a_consignment_is_none_of_its_own_bins(record: Record) -> None:
    loaded = record.load({})
    assert record.consignments.members("C-1") == []
    assert record.lists.progress(loaded) == Progress.of(0, {})


class Throttling:
    """A client that takes no transaction a few times, as DynamoDB may while a consignment is loaded."""

    def __init__(self, client: Any, code: str, times: int) -> None:
        self._client = client
        self._code = code
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, TransactItems: list[Any]) -> Any:  # noqa: N803 - boto3's name
        is_of_bins = "ConditionCheck" in TransactItems[0]
        if is_of_bins and self._times:
            self._times -= 1
            reasons = [{"Code": "None"}] * (len(TransactItems) - 1) + [{"Code": self._code}]
            answer = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(answer, "TransactWriteItems")
        return self._client.transact_write_items(TransactItems=TransactItems)


@pytest.mark.integration
@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_load_that_the_table_slows_down_pauses_and_goes_on(dynamodb: Any, code: str) -> None:
    pauses: list[float] = []
    throttled = DynamoConsignments(Throttling(dynamodb, code, times=3), "consignments", pauses.append)
    loader = Loader(throttled, lambda: minutes(0), pauses.append, one_by_one)
    said = [expectation_of(f"A-{n}") for n in range(60)]
    assert loader.load("C-1", "FRA1", said, Order(Caller("olga")))[0].state is LOADED
    assert pauses == sorted(pauses)
    assert len(pauses) == 3
    assert len(throttled.members("C-1")) == 60


@pytest.mark.integration
def test_a_table_that_never_takes_a_load_is_a_failure_that_may_heal(dynamodb: Any) -> None:
    throttled = DynamoConsignments(Throttling(dynamodb, "ThrottlingError", times=99), "consignments", lambda _s: None)
    loader = Loader(throttled, lambda: minutes(0), lambda _s: None, one_by_one)
    with pytest.raises(TemporaryFailure):
        loader.load("C-1", "FRA1", [expectation_of("A-1")], Order(Caller("olga")))


class Halting:
    """A client that answers the first batch in parts, as DynamoDB may."""

    def __init__(self, client: Any, parts: int) -> None:
        self._client = client
        self._parts = parts

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self._parts -= 1
        if self._parts < 0:
            return dict(self._client.batch_get_item(RequestItems=RequestItems))
        [(table, request)] = RequestItems.items()
        half = len(request["Keys"]) // 2
        reply = self._client.batch_get_item(RequestItems={table: {**request, "Keys": request["Keys"][:half]}})
        return {**reply, "UnprocessedKeys": {table: {**request, "Keys": request["Keys"][half:]}}}


@pytest.mark.integration
def test_a_batch_that_is_answered_in_parts_is_read_to_its_end(dynamodb: Any) -> None:
    pauses: list[float] = []
    whole = DynamoConsignments(dynamodb, "consignments", pauses.append)
    whole.put(None, consignment())
    whole.write(consignment(), [taking(Bin(BinStatus(f"A-{n}"))) for n in range(40)], 0)
    asked = [f"A-{n}" for n in range(40)]
    in_parts = DynamoConsignments(Halting(dynamodb, parts=2), "consignments", pauses.append)
    assert in_parts.bins(asked) == whole.bins(asked)
    assert pauses == sorted(pauses)
    assert len(pauses) == 2


@pytest.mark.integration
def test_a_batch_that_is_never_answered_in_full_is_a_failure_that_may_heal(dynamodb: Any) -> None:
    with pytest.raises(TemporaryFailure):
        DynamoConsignments(Halting(dynamodb, parts=99), "consignments", lambda _s: None).bins(["A-1"])


@pytest.mark.integration
def test_a_missing_table_is_a_failure_that_may_heal(dynamodb: Any) -> None:
    elsewhere = record_in(dynamodb, "elsewhere")
    for call in (
        lambda: elsewhere.consignments.get("C-1"),
        lambda: elsewhere.consignments.put(None, consignment()),
        lambda: elsewhere.lists.newest(None, None, 1, None),
        lambda: elsewhere.lists.progress(consignment()),
    ):
        with pytest.raises(TemporaryFailure, match="ResourceNotFoundException"):
            call()
