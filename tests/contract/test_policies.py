"""Policies of sites: one suite for the book in memory and for the table; then what the checker is told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from chalicelib.aws.bins import plain, typed
from chalicelib.aws.policies import LIFETIME_S, DynamoPolicies, DynamoPolicyBook
from chalicelib.errors import Conflict, InvalidRequest, TemporaryFailure
from chalicelib.items_policy import FEEDBACK, site_key
from chalicelib.items_trail import TRAIL, to_record
from chalicelib.policy import DEFAULT
from chalicelib.site_policy import Group, Limits, Rules, SitePolicy
from chalicelib.trail import policy_changed
from tests.examples import NOON, seconds_later
from tests.fakes_api import FakePolicyBook
from tests.policy_examples import with_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.items import Attributes
    from chalicelib.policy import Policy
    from chalicelib.ports_api import PolicyBook
    from chalicelib.trail import AuditRecord
    from local.emulator import Emulator

pytestmark = pytest.mark.integration

SMALL = Group("small-parts", ("S-*",), (("costs.missed_mismatch", 80.0),))


def version(number: int, site: str = "FRA1", rate: float = 0.05) -> SitePolicy:
    return SitePolicy(site, number, with_rate(rate, SMALL), "someone", seconds_later(number), f"change {number}")


def change(book: PolicyBook, policy: SitePolicy) -> None:
    """Put a version, as somebody does who has read the site's policy before."""
    book.put(policy, policy_changed(SitePolicy(policy.site), policy))


def taught(policy: Policy, limits: Limits, feedback: Attributes | None) -> Policy:
    """A way to adapt that shows what it was given."""
    if feedback is None:
        return policy
    return replace(policy, mismatch_rate=float(feedback["rate"]) * limits.consignment_share)


class Shelf:
    """A book, a way to put in what the site has taught, as resolved bins do, and what lies with it in the trail."""

    def __init__(
        self,
        book: PolicyBook,
        teach: Callable[[str, Attributes], None],
        recorded: Callable[[], Sequence[AuditRecord]],
    ) -> None:
        self.book = book
        self.teach = teach
        self.recorded = recorded


@pytest.fixture(params=["memory", "dynamodb"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    if request.param == "memory":
        book = FakePolicyBook(taught)
        return Shelf(book, book.feedback.__setitem__, lambda: book.trail.records)
    dynamodb = request.getfixturevalue("emulator").client("dynamodb")
    table = request.getfixturevalue("table")
    return Shelf(
        DynamoPolicyBook(dynamodb, table, taught),
        lambda site, item: put(dynamodb, table, site, item),
        lambda: recorded_in(dynamodb, table),
    )


def recorded_in(dynamodb: Any, table: str) -> list[AuditRecord]:
    """Read what lies with the site: the plain table of this suite has no index."""
    reply = dynamodb.query(
        TableName=table,
        KeyConditionExpression="PK = :site AND begins_with(SK, :trail)",
        ExpressionAttributeValues=typed({":site": site_key("FRA1"), ":trail": TRAIL}),
    )
    return [to_record(plain(item)) for item in reply["Items"]]


def put(dynamodb: Any, table: str, site: str, item: Attributes) -> None:
    dynamodb.put_item(TableName=table, Item=typed({"PK": site_key(site), "SK": FEEDBACK, **item}))


@pytest.fixture
def book(shelf: Shelf) -> PolicyBook:
    return shelf.book


def numbers(book: PolicyBook, limit: int = 2) -> list[int]:
    found, page = [], book.versions("FRA1", limit, None)
    while True:
        found += [entry.version for entry in page.entries]
        if page.following is None:
            return found
        page = book.versions("FRA1", limit, page.following)


def test_a_site_that_nobody_has_set_anything_for_stands_at_version_0(book: PolicyBook) -> None:
    assert book.standing("FRA1").policy == SitePolicy("FRA1")
    assert numbers(book) == []


def test_a_version_put_is_in_force_and_comes_back_as_it_was(book: PolicyBook) -> None:
    change(book, version(1))
    assert book.standing("FRA1").policy == version(1)
    assert book.standing("FRA1").policy_for("S-1").version == "FRA1/1/small-parts"


def test_sites_do_not_know_of_each_other(book: PolicyBook) -> None:
    change(book, version(1))
    change(book, version(1, "FRA10"))
    change(book, version(2, "FRA10"))
    assert book.standing("FRA1").policy.version == 1
    assert numbers(book) == [1]


def test_every_version_stays_on_file_newest_first_whatever_the_pages(book: PolicyBook) -> None:
    for number in range(1, 12):
        change(book, version(number, rate=number / 100))
    assert numbers(book, 2) == numbers(book, 5) == numbers(book, 100) == list(range(11, 0, -1))
    assert book.version("FRA1", 3) == version(3, rate=0.03)
    assert book.version("FRA1", 12) is book.version("FRA2", 1) is None


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_change_of_another_version_than_the_one_in_force_is_a_conflict_and_changes_nothing(
    book: PolicyBook, number: int
) -> None:
    change(book, version(1))
    change(book, version(2))
    with pytest.raises(Conflict, match=f"version {number - 1} is not the one in force"):
        change(book, version(number, rate=0.5))
    assert book.standing("FRA1").policy == version(2)
    assert numbers(book) == [2, 1]


def test_a_version_that_is_put_leaves_its_record_and_one_that_is_not_leaves_none(shelf: Shelf) -> None:
    change(shelf.book, version(1))
    with pytest.raises(Conflict):
        change(shelf.book, replace(version(1, rate=0.5), at=seconds_later(9)))
    assert shelf.recorded() == [policy_changed(SitePolicy("FRA1"), version(1))]


def test_a_first_version_that_replaces_one_that_is_not_there_is_a_conflict(book: PolicyBook) -> None:
    with pytest.raises(Conflict):
        change(book, version(2))
    assert book.standing("FRA1").policy.version == 0


def test_a_position_is_refused_by_the_list_of_another_site(book: PolicyBook) -> None:
    for number in (1, 2):
        change(book, version(number))
    page = book.versions("FRA1", 1, None)
    with pytest.raises(InvalidRequest):
        book.versions("FRA2", 1, page.following)


def test_what_a_site_has_taught_is_put_into_its_policies(shelf: Shelf) -> None:
    change(shelf.book, version(1))
    shelf.teach("FRA1", {"rate": "0.25"})
    standing = shelf.book.standing("FRA1")
    assert standing.policy == version(1)
    assert standing.policy_for("A-1").mismatch_rate == 0.25 * Limits().consignment_share


def test_a_site_without_a_policy_learns_too(shelf: Shelf) -> None:
    shelf.teach("FRA1", {"rate": "0.25"})
    assert shelf.book.standing("FRA1").policy_for("A-1").mismatch_rate == 0.25 * Limits().consignment_share


# From here on: what only DynamoDB does, and what the checker is told.


class Counted:
    """The table's client with a count of its queries, a clock that a test moves, and the checker's port over both."""

    def __init__(self, emulator: Emulator, table: str) -> None:
        self.now = 1000.0
        self.calls: list[str] = []
        dynamodb = emulator.client("dynamodb")
        dynamodb.meta.events.register("before-call", lambda model, **_: self.calls.append(model.name))
        self.book = DynamoPolicyBook(emulator.client("dynamodb"), table, taught)
        self.policies = DynamoPolicies(dynamodb, table, lambda: self.now, taught)

    def judges(self, site: str | None = "FRA1", bin_id: str = "A-1") -> str:
        return self.policies.policy_for(site, bin_id).version


@pytest.fixture
def counted(emulator: Emulator, table: str) -> Counted:
    return Counted(emulator, table)


def test_the_first_photo_of_an_interval_costs_one_query_and_the_others_none(counted: Counted) -> None:
    change(counted.book, version(1))
    for bin_id in ("A-1", "A-2", "S-1"):
        counted.judges(bin_id=bin_id)
    assert counted.calls == ["Query"]
    counted.now += LIFETIME_S
    counted.judges()
    assert counted.calls == ["Query", "Query"]


def test_a_change_is_in_force_when_the_interval_is_over_and_not_sooner(counted: Counted) -> None:
    assert counted.judges() == DEFAULT.version
    change(counted.book, version(1))
    counted.now += LIFETIME_S - 0.001
    assert counted.judges() == DEFAULT.version
    counted.now += 0.001
    assert counted.judges() == "FRA1/1"
    assert counted.judges(bin_id="S-1") == "FRA1/1/small-parts"


def test_each_site_has_an_interval_of_its_own(counted: Counted) -> None:
    change(counted.book, version(1, "MUC2"))
    assert counted.judges("FRA1") == DEFAULT.version
    assert counted.judges("MUC2") == "MUC2/1"
    counted.now += 20
    assert [counted.judges(site) for site in ("FRA1", "MUC2")] == [DEFAULT.version, "MUC2/1"]
    assert counted.calls == ["Query", "Query"]


def test_a_bin_without_an_expectation_belongs_to_no_site_and_costs_no_query(counted: Counted) -> None:
    assert counted.judges(site=None) == DEFAULT.version
    assert counted.calls == []


def test_neither_versions_nor_what_else_belongs_to_the_site_is_read_by_the_checker(
    emulator: Emulator, table: str, counted: Counted
) -> None:
    dynamodb = emulator.client("dynamodb")
    for sort in ("ALERT#1", "WINDOW#1"):
        dynamodb.put_item(TableName=table, Item=typed({"PK": site_key("FRA1"), "SK": sort}))
    for number in (1, 2, 3):
        change(counted.book, version(number))
    put(dynamodb, table, "FRA1", {"rate": "0.25"})
    read: list[int] = []
    listening = emulator.client("dynamodb")
    listening.meta.events.register("after-call", lambda parsed, **_: read.append(parsed["ScannedCount"]))
    DynamoPolicyBook(listening, table, taught).standing("FRA1")
    assert read == [2]


@pytest.mark.parametrize("code", ["ConditionalCheckFailed", "TransactionConflict"])
def test_two_changes_that_meet_are_a_conflict(emulator: Emulator, code: str) -> None:
    with pytest.raises(Conflict):
        putting(emulator, "TransactionCanceledException", {"CancellationReasons": [{"Code": "None"}, {"Code": code}]})


@pytest.mark.parametrize("code", ["TransactionCanceledException", "ProvisionedThroughputExceededException"])
def test_a_table_in_trouble_is_a_temporary_failure(emulator: Emulator, code: str) -> None:
    with pytest.raises(TemporaryFailure, match=f"FRA1: {code}"):
        putting(emulator, code, {})


def putting(emulator: Emulator, code: str, modeled: dict[str, Any]) -> None:
    dynamodb = emulator.client("dynamodb")
    with Stubber(dynamodb) as stubber:
        stubber.add_client_error("transact_write_items", code, modeled_fields=modeled)
        change(DynamoPolicyBook(dynamodb, "bins", taught), version(1))


def test_a_table_that_is_missing_is_a_temporary_failure(emulator: Emulator) -> None:
    nowhere = DynamoPolicyBook(emulator.client("dynamodb"), "no-such-table", taught)
    for attempt in (
        lambda: nowhere.standing("FRA1"),
        lambda: nowhere.version("FRA1", 1),
        lambda: nowhere.versions("FRA1", 1, None),
        lambda: change(nowhere, SitePolicy("FRA1", 1, Rules(), "someone", NOON, "why")),
    ):
        with pytest.raises(TemporaryFailure, match="ResourceNotFoundException"):
            attempt()
