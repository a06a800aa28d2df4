"""The ledger of alerts: one suite for the fake that unit tests trust and for DynamoDB, which the alerter trusts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from chalicelib.aws.bins import typed
from chalicelib.aws.ledger import DynamoLedger
from chalicelib.digest import Dispatch, GateName, Ruling, Scope, Tally
from chalicelib.errors import Conflict, TemporaryFailure
from chalicelib.items_consignments import from_consignment
from chalicelib.ports import MOST_AT_ONCE, Standing
from tests.examples import NOON, alert_of, call_of, consignment_of, stray_alert
from tests.fakes import FakeLedger

if TYPE_CHECKING:
    from chalicelib.consignment import Consignment
    from chalicelib.ports import Ledger
    from local.emulator import Emulator

pytestmark = pytest.mark.integration

ALONE, SILENT = Ruling(Dispatch.ALONE), Ruling(Dispatch.SILENT)
WINDOW = GateName(Scope.SITE, "FRA1", NOON)
CONSIGNMENT = GateName(Scope.CONSIGNMENT, "C-1")
ONE = Tally(NOON).counting(alert_of(1))
TWO = ONE.counting(alert_of(2))


@dataclass
class InMemory:
    ledger: FakeLedger = field(default_factory=FakeLedger)

    def load(self, consignment: Consignment) -> None:
        self.ledger.load(consignment)


@dataclass
class InDynamo:
    dynamodb: Any
    table: str

    @property
    def ledger(self) -> DynamoLedger:
        return DynamoLedger(self.dynamodb, self.table, lambda _seconds: None)

    def load(self, consignment: Consignment) -> None:
        self.dynamodb.put_item(TableName=self.table, Item=typed(from_consignment(consignment)))


@pytest.fixture(params=["memory", "dynamodb"])
def book(request: pytest.FixtureRequest) -> InMemory | InDynamo:
    if request.param == "memory":
        return InMemory()
    emulator: Emulator = request.getfixturevalue("emulator")
    return InDynamo(emulator.client("dynamodb"), request.getfixturevalue("table"))


def read(ledger: Ledger, *numbers: int) -> Standing:
    return ledger.read([alert_of(number) for number in numbers], [WINDOW], ["C-1"])


def test_nothing_is_known_of_what_was_never_recorded(book: InMemory | InDynamo) -> None:
    assert read(book.ledger, 1) == Standing({}, {}, {})


def test_how_alerts_leave_and_what_gates_counted_are_recorded_together(book: InMemory | InDynamo) -> None:
    book.load(consignment_of(10))
    book.ledger.record([(alert_of(1), ALONE), (alert_of(2), SILENT)], {}, {WINDOW: TWO, CONSIGNMENT: ONE})
    assert read(book.ledger, 1, 2, 3) == Standing(
        {"a1": ALONE, "a2": SILENT}, {WINDOW: TWO, CONSIGNMENT: ONE}, {"C-1": consignment_of(10)}
    )


def test_a_call_for_another_photo_is_recorded_without_a_gate_and_marked_as_sent(book: InMemory | InDynamo) -> None:
    book.ledger.record([(call_of(1), ALONE)], {}, {})
    assert book.ledger.read([call_of(1), alert_of(1)], [], []).rulings == {"p1": ALONE}
    book.ledger.mark_sent(call_of(1))
    assert book.ledger.read([call_of(1)], [], []).rulings == {"p1": replace(ALONE, is_sent=True)}
    with pytest.raises(Conflict):
        book.ledger.record([(call_of(1), ALONE)], {}, {})


def test_a_stray_alert_is_recorded_too(book: InMemory | InDynamo) -> None:
    gate = GateName(Scope.NO_BIN, "", NOON)
    book.ledger.record([(stray_alert(), ALONE)], {}, {gate: ONE})
    assert book.ledger.read([stray_alert()], [gate], []).rulings == {"s1": ALONE}


def test_an_alert_that_is_on_file_is_a_conflict_and_changes_nothing(book: InMemory | InDynamo) -> None:
    book.ledger.record([(alert_of(1), ALONE)], {}, {WINDOW: ONE})
    before = read(book.ledger, 1, 2)
    with pytest.raises(Conflict):
        book.ledger.record([(alert_of(1), SILENT), (alert_of(2), ALONE)], {WINDOW: ONE}, {WINDOW: TWO})
    assert read(book.ledger, 1, 2) == before


@pytest.mark.parametrize("seen", [{}, {WINDOW: TWO}], ids=["none at all", "another one"])
def test_a_gate_that_is_not_as_it_was_read_is_a_conflict_and_nothing_is_recorded(
    book: InMemory | InDynamo, seen: dict[GateName, Tally]
) -> None:
    book.ledger.record([(alert_of(1), ALONE)], {}, {WINDOW: ONE})
    with pytest.raises(Conflict):
        book.ledger.record([(alert_of(2), ALONE)], seen, {WINDOW: TWO})
    assert read(book.ledger, 2).rulings == {}


def test_an_alert_that_was_sent_is_known_as_sent(book: InMemory | InDynamo) -> None:
    book.ledger.record([(alert_of(1), ALONE)], {}, {WINDOW: ONE})
    book.ledger.mark_sent(alert_of(1))
    assert read(book.ledger, 1).rulings == {"a1": replace(ALONE, is_sent=True)}


def test_the_most_that_is_offered_at_once_fits_into_one_read_and_one_transaction(book: InMemory | InDynamo) -> None:
    alerts = [
        alert_of(number, site=f"S{number}", consignment_id=f"C-{number}", bin_id=f"B-{number}")
        for number in range(MOST_AT_ONCE)
    ]
    windows = [GateName(Scope.SITE, alert.site or "", NOON) for alert in alerts]
    consignments = [alert.consignment_id or "" for alert in alerts]
    gates = dict.fromkeys([*windows, *(GateName(Scope.CONSIGNMENT, one) for one in consignments)], ONE)
    book.ledger.record([(alert, ALONE) for alert in alerts], {}, gates)
    standing = book.ledger.read(alerts, windows, consignments)
    assert (len(standing.rulings), len(standing.tallies)) == (MOST_AT_ONCE, 2 * MOST_AT_ONCE)


# From here on: what only DynamoDB does.


def test_a_mark_on_a_record_that_has_expired_is_not_needed(emulator: Emulator, table: str) -> None:
    book = InDynamo(emulator.client("dynamodb"), table)
    book.ledger.mark_sent(alert_of(1))
    assert read(book.ledger, 1).rulings == {}


def recording(emulator: Emulator, code: str, *reasons: str) -> None:
    dynamodb = emulator.client("dynamodb")
    modeled = {"CancellationReasons": [{"Code": reason} for reason in reasons]} if reasons else {}
    with Stubber(dynamodb) as stubber:
        stubber.add_client_error("transact_write_items", code, modeled_fields=modeled)
        InDynamo(dynamodb, "bins").ledger.record([(alert_of(1), ALONE)], {}, {WINDOW: ONE})


@pytest.mark.parametrize(
    "reasons", [("None", "TransactionConflict"), ("TransactionConflict", "ConditionalCheckFailed")]
)
def test_two_transactions_that_meet_are_a_conflict(emulator: Emulator, reasons: tuple[str, ...]) -> None:
    with pytest.raises(Conflict):
        recording(emulator, "TransactionCanceledException", *reasons)


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        ("TransactionCanceledException", ("None", "ThrottlingError")),
        ("TransactionCanceledException", ("ConditionalCheckFailed", "ValidationError")),
        ("TransactionCanceledException", ()),
        ("InternalServerError", ()),
    ],
)
def test_a_table_in_trouble_is_a_temporary_failure(emulator: Emulator, code: str, reasons: tuple[str, ...]) -> None:
    with pytest.raises(TemporaryFailure, match=code):
        recording(emulator, code, *reasons)


def test_a_table_that_is_missing_is_a_temporary_failure(emulator: Emulator) -> None:
    nowhere = InDynamo(emulator.client("dynamodb"), "no-such-table").ledger
    for attempt in (lambda: read(nowhere, 1), lambda: nowhere.mark_sent(alert_of(1))):
        with pytest.raises(TemporaryFailure, match="ResourceNotFoundException"):
            attempt()
