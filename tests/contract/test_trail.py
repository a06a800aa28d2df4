"""The audit trail: one suite for the list in memory and for a table shaped by the template."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.trail import DynamoTrail, record_write
from chalicelib.errors import InvalidRequest, TemporaryFailure
from chalicelib.trail import Action, AuditRecord
from tests.examples import seconds_later
from tests.fakes_trail import FakeTrail
from tests.table import table_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.ports_api import Page, Trail
    from local.emulator import Emulator


def done(number: int, **changed: Any) -> AuditRecord:
    usual = AuditRecord(
        at=seconds_later(number),
        by="ann",
        action=Action.ASSIGNMENT,
        version=number,
        site="FRA1",
        bin_id="A-1",
        consignment_id="C-1",
        before={"assignee": None},
        after={"assignee": "bob \u2713", "version": number, "share": 0.25, "is_new": True, "worst": ["A-1"]},
        note="he is near",
    )
    return replace(usual, **changed)


@pytest.fixture
def dynamodb(emulator: Emulator) -> Iterator[Any]:
    client = emulator.client("dynamodb")
    client.create_table(TableName="trail", **table_shape())
    yield client
    client.delete_table(TableName="trail")


@pytest.fixture(params=["in memory", pytest.param("dynamodb", marks=pytest.mark.integration)])
def trail(request: pytest.FixtureRequest) -> Trail:
    if request.param == "in memory":
        return FakeTrail()
    return DynamoTrail(request.getfixturevalue("dynamodb"), "trail")


def numbers(page: Page[AuditRecord]) -> list[int]:
    return [record.version for record in page.entries]


def test_what_was_done_comes_back_as_it_was_told(trail: Trail) -> None:
    trail.record(done(1))
    assert trail.of_bin("A-1", 10, None).entries == (done(1),)
    assert trail.of_site("FRA1", None, None, 10, None).entries == (done(1),)


def test_what_is_told_again_is_on_file_once(trail: Trail) -> None:
    trail.record(done(1))
    trail.record(done(1))
    assert numbers(trail.of_bin("A-1", 10, None)) == [1]


@pytest.mark.parametrize(
    "subject",
    [
        {"bin_id": "A-1", "consignment_id": None, "site": None},
        {"bin_id": None, "consignment_id": "C-1"},
        {"bin_id": None, "consignment_id": None, "policy": "FRA1/1", "action": Action.POLICY_CHANGE},
    ],
)
def test_bins_consignments_and_policies_all_leave_records(trail: Trail, subject: dict[str, Any]) -> None:
    record = done(1, **subject)
    trail.record(record)
    assert trail.of_site(record.site, None, None, 10, None).entries == (record,)
    assert trail.of_bin("A-1", 10, None).entries == ((record,) if record.bin_id else ())


def test_the_newest_comes_first_and_two_of_one_moment_are_parted_by_their_versions(trail: Trail) -> None:
    for number in (2, 1, 3):
        trail.record(done(number, at=seconds_later(min(number, 2))))
    assert numbers(trail.of_bin("A-1", 10, None)) == [3, 2, 1]
    assert numbers(trail.of_site("FRA1", None, None, 10, None)) == [3, 2, 1]


def test_bins_and_sites_have_a_trail_each(trail: Trail) -> None:
    trail.record(done(1))
    trail.record(done(2, bin_id="A-10", site="MUC1"))
    trail.record(done(3, bin_id="A-3", site=None))
    assert numbers(trail.of_bin("A-1", 10, None)) == [1]
    assert [numbers(trail.of_site(site, None, None, 10, None)) for site in ("FRA1", "MUC1", None)] == [[1], [2], [3]]


def test_a_stretch_of_time_has_its_beginning_and_not_its_end(trail: Trail) -> None:
    for number in range(5):
        trail.record(done(number))
    assert numbers(trail.of_site("FRA1", seconds_later(1), seconds_later(3), 10, None)) == [2, 1]
    assert numbers(trail.of_site("FRA1", seconds_later(3), None, 10, None)) == [4, 3]
    assert numbers(trail.of_site("FRA1", None, seconds_later(2), 10, None)) == [1, 0]
    assert numbers(trail.of_site("FRA1", seconds_later(3), seconds_later(1), 10, None)) == []


def test_pages_follow_each_other_without_a_gap(trail: Trail) -> None:
    for number in range(5):
        trail.record(done(number))
    told: list[int] = []
    start = None
    while True:
        page = trail.of_site("FRA1", seconds_later(1), None, 2, start)
        told += numbers(page)
        start = page.following
        if start is None:
            break
    assert told == [4, 3, 2, 1]


def test_a_position_belongs_to_its_own_list(trail: Trail) -> None:
    for number in range(3):
        trail.record(done(number))
    of_bin = trail.of_bin("A-1", 1, None).following
    of_site = trail.of_site("FRA1", None, None, 1, None).following
    assert of_bin is not None
    assert of_site is not None
    for start in (of_site, {"PK": "BIN#A-1", "SK": "BIN#STATUS"}, {"PK": "x"}):
        with pytest.raises(InvalidRequest):
            trail.of_bin("A-1", 1, start)
    for start in (of_bin, {**of_site, "history": "FRA1", "list": "x"}):
        with pytest.raises(InvalidRequest):
            trail.of_site("FRA1", None, None, 1, start)
    with pytest.raises(InvalidRequest):
        trail.of_site("MUC1", None, None, 1, of_site)


def test_a_record_is_of_something() -> None:
    with pytest.raises(ValueError, match="of a bin, of a consignment or of a site"):
        done(1, bin_id=None, consignment_id=None, site=None)


@pytest.mark.integration
def test_a_record_in_a_transaction_is_written_with_the_change_or_not_at_all(dynamodb: Any) -> None:
    change = {"Put": {"TableName": "trail", "Item": {"PK": {"S": "x"}, "SK": {"S": "x"}}}}
    dynamodb.transact_write_items(TransactItems=[change, record_write("trail", done(1))])
    impossible = {"Put": {**change["Put"], "ConditionExpression": "attribute_not_exists(PK)"}}
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(TransactItems=[impossible, record_write("trail", done(2))])
    assert numbers(DynamoTrail(dynamodb, "trail").of_bin("A-1", 10, None)) == [1]


@pytest.mark.integration
def test_a_table_that_is_not_there_may_come_back(dynamodb: Any) -> None:
    gone = DynamoTrail(dynamodb, "elsewhere")
    with pytest.raises(TemporaryFailure):
        gone.record(done(1))
    with pytest.raises(TemporaryFailure):
        gone.of_bin("A-1", 1, None)
