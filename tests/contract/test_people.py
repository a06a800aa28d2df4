"""What people did: one suite for the record in memory and in a table shaped by the template."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.bins import DynamoBins
from chalicelib.aws.consignments import DynamoConsignments
from chalicelib.aws.directory import DynamoDirectory
from chalicelib.aws.people import DynamoPeople
from chalicelib.aws.trail import DynamoTrail
from chalicelib.caller import Caller
from chalicelib.domain import Judgement, Verdict
from chalicelib.errors import InvalidRequest, TemporaryFailure
from chalicelib.feedback import NOTHING, learnt_from
from chalicelib.load import Loader
from chalicelib.ports_api import Asking, Step
from chalicelib.resolution import Asked, Assignment, Cause, Finding, PhotoRequest, Reopening, Resolution
from chalicelib.resolve import Resolver, resolved
from tests.fakes_api import (
    ORDER,
    FakeConsignments,
    FakeDirectory,
    FakeTable,
    expectation_of,
    inspection_of,
    minutes,
    one_by_one,
)
from tests.fakes_people import FakePeople
from tests.table import table_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.bin_status import BinStatus
    from chalicelib.ports import Bins
    from chalicelib.ports_api import Consignments, Directory, People, Trail
    from local.emulator import Emulator

ANN = Caller("ann")
LOST = Finding(1, Cause.LOST, "one fell behind the shelf \u2713")


@dataclass
class Record:
    """The ports onto one table; each thing that people do takes a minute."""

    bins: Bins
    people: People
    directory: Directory
    consignments: Consignments
    trail: Trail
    clock: int = 1000

    @property
    def resolver(self) -> Resolver:
        return Resolver(self.bins, self.people, self.now, lambda _seconds: None)

    def now(self) -> Any:
        self.clock += 1
        return minutes(self.clock)

    def status(self, bin_id: str = "A-1") -> BinStatus:
        return self.bins.get(bin_id).status

    def judged(self, bin_id: str, judgement: Judgement, at: int = 0) -> BinStatus:
        """A bin that should hold 2, under one photo."""
        status = self.status(bin_id)
        inspection = inspection_of(bin_id, judgement.verdict, at, expectation_of(bin_id))
        assert self.bins.record(inspection, status, status.after(inspection, judgement))
        return self.status(bin_id)


@pytest.fixture
def dynamodb(emulator: Emulator) -> Iterator[Any]:
    client = emulator.client("dynamodb")
    client.create_table(TableName="people", **table_shape())
    yield client
    client.delete_table(TableName="people")


@pytest.fixture(params=["in memory", pytest.param("dynamodb", marks=pytest.mark.integration)])
def record(request: pytest.FixtureRequest) -> Record:
    if request.param == "in memory":
        table = FakeTable()
        people = FakePeople(table, table.said, table.trail)
        ports = (table, people, FakeDirectory(table), FakeConsignments(table), table.trail)
    else:
        client = request.getfixturevalue("dynamodb")
        ports = (
            DynamoBins(client, "people"),
            DynamoPeople(client, "people"),
            DynamoDirectory(client, "people", lambda _seconds: None),
            DynamoConsignments(client, "people", lambda _seconds: None),
            DynamoTrail(client, "people"),
        )
    filled = Record(*ports)
    expected = [expectation_of(f"A-{number}") for number in range(8)]
    Loader(filled.consignments, lambda: minutes(-1), lambda _seconds: None, one_by_one).load(
        "C-1", "FRA1", expected, ORDER
    )
    return filled


def judgement(verdict: Verdict, posterior: float = 0.25, *, stands_for: float = 1.0, cost: float = 0.0) -> Judgement:
    is_audit = stands_for > 1.0
    return Judgement(
        verdict, "p/1", posterior, is_audit=is_audit, stands_for=stands_for, expected_cost=cost * stands_for
    )


@pytest.fixture
def alerting(record: Record) -> Record:
    record.judged("A-1", judgement(Verdict.MISMATCH, 0.75))
    return record


def test_a_resolution_is_kept_as_it_was_said_with_where_the_bin_stood(alerting: Record) -> None:
    stood = alerting.status()
    after = alerting.resolver.resolve("A-1", LOST, ANN).status
    assert alerting.status() == after
    assert alerting.people.resolution("A-1", after.version) == Resolution(
        "A-1", after.version, "ann", after.since, LOST, stood
    )


def test_a_request_that_changes_nothing_is_remembered_and_the_bin_stays_as_it_is(alerting: Record) -> None:
    once = alerting.resolver.resolve("A-1", LOST, ANN).status
    assert alerting.resolver.resolve("A-1", LOST, Caller("ann", "k-1")).status == once
    asked = alerting.people.asked_before("A-1", "k-1")
    assert asked is not None
    assert (asked.by, alerting.status()) == ("ann", once)


def test_a_resolution_that_was_never_made_and_a_reopening_are_no_resolutions(alerting: Record) -> None:
    alerting.resolver.resolve("A-1", LOST, ANN)
    reopened = alerting.resolver.reopen("A-1", "wrong bin", ANN).status
    assert alerting.people.resolution("A-1", 999) is None
    assert alerting.people.resolution("A-1", reopened.version) is None


def test_a_site_that_nobody_resolved_a_bin_of_has_learnt_nothing(record: Record) -> None:
    assert record.people.feedback("FRA1") == NOTHING


def test_sums_are_added_up_and_taking_back_leaves_nothing(record: Record) -> None:
    verdicts = {
        "A-1": judgement(Verdict.MISMATCH, 0.75),
        "A-2": judgement(Verdict.REVIEW, 0.2),
        "A-3": judgement(Verdict.REVIEW, 0.01, stands_for=1 / 0.03),
    }
    for number, (name, verdict) in enumerate(verdicts.items()):
        record.judged(name, verdict)
        record.resolver.resolve(name, Finding(number, Cause.COUNTED), ANN)
    sums = record.people.feedback("FRA1")
    assert {asked: sums.seen(asked).bins for asked in Asked} == {"alert": 1, "review": 1, "audit": 1, "nobody": 0}
    assert sums.worth == pytest.approx((2 + 1 / 0.03) ** 2 / (2 + 1 / 0.03**2), rel=1e-5)
    for name in verdicts:
        record.resolver.reopen(name, "", ANN)
    assert record.people.feedback("FRA1") == NOTHING


def test_a_step_is_not_taken_twice(alerting: Record) -> None:
    before = alerting.status()
    step = resolved(before, None, LOST, "ann", alerting.now())
    assert step is not None
    asking = Asking("ann", "digest", "k-1")
    assert alerting.people.write(before, step, asking)
    assert not alerting.people.write(before, step, asking)
    assert alerting.people.feedback("FRA1") == step.learnt
    assert alerting.people.asked_before("A-1", "k-1") == asking


def test_a_bin_that_changed_since_it_was_read_is_left_alone_and_nothing_is_learnt(alerting: Record) -> None:
    before = alerting.status()
    step = resolved(before, None, LOST, "ann", alerting.now())
    assert step is not None
    alerting.judged("A-1", judgement(Verdict.MISMATCH, 0.8), at=5)
    changed = alerting.status()
    assert not alerting.people.write(before, step, Asking("ann", "digest", "k-1"))
    assert alerting.status() == changed
    assert alerting.people.feedback("FRA1") == NOTHING
    assert alerting.people.asked_before("A-1", "k-1") is None


def test_a_key_that_was_used_stops_another_step(alerting: Record) -> None:
    first = alerting.resolver.acknowledge("A-1", Caller("ann", "k-1")).status
    assert not alerting.people.write(first, Step(first.acknowledged("bob")), Asking("bob", "digest", "k-1"))
    assert alerting.status() == first


def test_keys_of_another_bin_are_other_keys(alerting: Record) -> None:
    alerting.resolver.acknowledge("A-1", Caller("ann", "k-1"))
    assert alerting.people.asked_before("A-2", "k-1") is None


def test_a_bins_acts_are_listed_newest_first_page_by_page(alerting: Record) -> None:
    alerting.resolver.resolve("A-1", LOST, ANN)
    alerting.resolver.resolve("A-1", replace(LOST, true_count=2), Caller("bob"))
    alerting.resolver.reopen("A-1", "", ANN)
    alerting.resolver.resolve("A-2", LOST, ANN)
    first = alerting.directory.acts("A-1", 2, None)
    second = alerting.directory.acts("A-1", 2, first.following)
    assert [act.by for act in (*first.entries, *second.entries)] == ["ann", "bob", "ann"]
    versions = [act.version for act in (*first.entries, *second.entries)]
    assert versions == sorted(versions, reverse=True)


def test_all_that_is_said_of_a_bin_is_among_its_acts_and_in_the_trail(alerting: Record) -> None:
    alerting.resolver.acknowledge("A-1", ANN)
    alerting.resolver.assign("A-1", "bob", ANN)
    alerting.resolver.request_photo("A-1", "blurred \u2713", ANN)
    alerting.resolver.resolve("A-1", LOST, ANN)
    alerting.resolver.reopen("A-1", "", ANN)
    acts = alerting.directory.acts("A-1", 50, None).entries
    assert [type(act) for act in acts] == [Reopening, Resolution, PhotoRequest, Assignment]
    told = alerting.trail.of_bin("A-1", 50, None).entries
    assert [record.action for record in told] == [
        *("reopening", "resolution", "photo_request", "assignment", "acknowledgement"),
    ]
    assert [record.version for record in told[:4]] == [act.version for act in acts]
    *of_the_site, loaded = alerting.trail.of_site("FRA1", None, None, 50, None).entries
    assert (tuple(of_the_site), loaded.action) == (told, "consignment_load")
    assert (alerting.status().assignee, told[2].note) == ("bob", "blurred \u2713")


def test_what_is_asked_of_others_stands_in_the_bin_until_the_next_photo(alerting: Record) -> None:
    asked = alerting.resolver.request_photo("A-1", "blurred", ANN).status
    assert alerting.status() == asked
    assert alerting.judged("A-1", judgement(Verdict.MATCH), at=1).photo_request == asked.photo_request
    assert alerting.judged("A-1", judgement(Verdict.MATCH), at=alerting.clock + 1).photo_request is None


def test_a_step_that_is_not_taken_leaves_no_record(alerting: Record) -> None:
    before = alerting.status()
    step = resolved(before, None, LOST, "ann", alerting.now())
    assert step is not None
    alerting.judged("A-1", judgement(Verdict.MISMATCH, 0.8), at=5)
    assert not alerting.people.write(before, step, Asking("ann", "digest"))
    assert alerting.trail.of_bin("A-1", 50, None).entries == ()


def reviews(record: Record, limit: int = 50) -> list[str]:
    names: list[str] = []
    page = record.directory.reviews("FRA1", limit, None)
    while True:
        names += [status.bin_id for status in page.entries]
        if page.following is None:
            return names
        page = record.directory.reviews("FRA1", limit, page.following)


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_reviews_come_by_falling_cost_and_audits_by_what_they_stand_for(record: Record, limit: int) -> None:
    record.judged("A-1", judgement(Verdict.REVIEW, cost=7.5))
    record.judged("A-2", judgement(Verdict.REVIEW, cost=11.25))
    record.judged("A-3", judgement(Verdict.REVIEW, stands_for=100.0, cost=3.5))
    record.judged("A-4", judgement(Verdict.MISMATCH, cost=30.0))
    record.judged("A-5", judgement(Verdict.MATCH, cost=1.0))
    assert reviews(record, limit) == ["A-3", "A-2", "A-1"]
    assert record.directory.reviews("MUC1", 5, None).entries == ()


def test_a_resolved_bin_leaves_the_queue_and_a_reopened_one_comes_back(record: Record) -> None:
    record.judged("A-1", judgement(Verdict.REVIEW, cost=7.5))
    record.resolver.resolve("A-1", LOST, ANN)
    assert reviews(record) == []
    record.resolver.reopen("A-1", "", ANN)
    assert reviews(record) == ["A-1"]


def test_a_position_of_one_sites_queue_is_refused_by_anothers(record: Record) -> None:
    for number in range(3):
        record.judged(f"A-{number}", judgement(Verdict.REVIEW, cost=number))
    position = record.directory.reviews("FRA1", 1, None).following
    assert position is not None
    with pytest.raises(InvalidRequest):
        record.directory.reviews("MUC1", 1, position)


@pytest.mark.integration
def test_nobody_can_overwrite_what_was_said(dynamodb: Any) -> None:
    people = DynamoPeople(dynamodb, "people")
    bins = DynamoBins(dynamodb, "people")
    nobody = bins.get("A-1").status
    step = resolved(nobody, None, LOST, "ann", minutes(1))
    assert step is not None
    assert people.write(nobody, step, Asking("ann", "digest"))
    dynamodb.delete_item(TableName="people", Key={"PK": {"S": "BIN#A-1"}, "SK": {"S": "BIN#STATUS"}})
    assert not people.write(nobody, step, Asking("ann", "digest"))
    assert step.act is not None
    assert people.resolution("A-1", step.act.version) == step.act


@pytest.mark.integration
def test_a_missing_table_is_a_failure_that_may_heal(dynamodb: Any) -> None:
    people = DynamoPeople(dynamodb, "elsewhere")
    status = DynamoBins(dynamodb, "people").get("A-1").status
    for attempt in (
        lambda: people.feedback("FRA1"),
        lambda: people.resolution("A-1", 1),
        lambda: people.asked_before("A-1", "k-1"),
        lambda: people.write(status, Step(status.resolved("ann", minutes(1))), Asking("ann", "digest")),
    ):
        with pytest.raises(TemporaryFailure, match="ResourceNotFoundException"):
            attempt()


@pytest.mark.integration
def test_many_people_at_once_are_each_counted_once(dynamodb: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only this test is about people at once

    bins, people = DynamoBins(dynamodb, "people"), DynamoPeople(dynamodb, "people")
    consignments = DynamoConsignments(dynamodb, "people", lambda _seconds: None)
    expected = [expectation_of(f"A-{number}") for number in range(8)]
    loader = Loader(consignments, lambda: minutes(-1), lambda _seconds: None, one_by_one)
    loader.load("C-1", "FRA1", expected, ORDER)
    resolver = Resolver(bins, people, lambda: minutes(1000), lambda _seconds: None)

    def resolve(number: int) -> None:
        caller = Caller("ann", f"k-{number % 8}")
        resolver.resolve(f"A-{number % 8}", LOST, caller)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(resolve, range(24)))
    said = [people.resolution(f"A-{number}", bins.get(f"A-{number}").status.resolution or 0) for number in range(8)]
    assert people.feedback("FRA1") == sum((learnt_from(one) for one in said if one), NOTHING)
    assert people.feedback("FRA1").seen(Asked.NOBODY).bins == 8
