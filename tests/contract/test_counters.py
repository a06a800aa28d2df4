"""The hourly sums of sites: one suite for those in memory and for a table shaped by the template."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from chalicelib.aws.queues import SqsDeadLetters
from chalicelib.aws.statistics import DynamoCounters, DynamoStatistics
from chalicelib.errors import TemporaryFailure
from chalicelib.ports import Counters
from chalicelib.ports_api import Statistics
from chalicelib.statistics import Counted, Counts
from tests.examples import NOON
from tests.fakes_api import FakeStatistics
from tests.table import table_shape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from local.emulator import Emulator


class Both(Counters, Statistics, Protocol):
    """What counts and what is read of it."""


class InDynamo(DynamoCounters, DynamoStatistics):
    """Both adapters over one table."""


@pytest.fixture
def dynamodb(emulator: Emulator) -> Iterator[Any]:
    client = emulator.client("dynamodb")
    client.create_table(TableName="counters", **table_shape())
    yield client
    client.delete_table(TableName="counters")


@pytest.fixture(params=["in memory", pytest.param("dynamodb", marks=pytest.mark.integration)])
def counters(request: pytest.FixtureRequest) -> Both:
    if request.param == "in memory":
        return FakeStatistics()
    return InDynamo(request.getfixturevalue("dynamodb"), "counters", lambda _seconds: None)


def later(hours: int) -> datetime:
    return NOON + timedelta(hours=hours)


def batch(*hours: tuple[str, int, dict[str, int]]) -> Counted:
    """A batch of its own."""
    counts = {(site, later(hour)): Counts(numbers) for site, hour, numbers in hours}
    return Counted(counts, frozenset(site for site, *_ in hours), secrets.token_hex(16))


def test_batches_add_up_hour_by_hour_and_site_by_site(counters: Both) -> None:
    counters.add(batch(("FRA1", 0, {"photos": 2, "verdict_match": 2}), ("MUC1", 0, {"photos": 1})))
    counters.add(batch(("FRA1", 0, {"photos": 1, "latency_3": 1}), ("FRA1", 1, {"alerts": 1})))
    assert counters.hours("FRA1", later(0), later(1)) == {
        later(0): Counts({"photos": 3, "verdict_match": 2, "latency_3": 1}),
        later(1): Counts({"alerts": 1}),
    }
    assert counters.hours("MUC1", later(0), later(1)) == {later(0): Counts({"photos": 1})}


def test_only_the_hours_asked_for_are_read(counters: Both) -> None:
    counters.add(batch(*(("FRA1", hour, {"photos": 1}) for hour in range(6))))
    assert sorted(counters.hours("FRA1", later(2), later(4))) == [later(2), later(3), later(4)]
    assert counters.hours("FRA1", later(9), later(12)) == {}


def test_a_batch_that_comes_again_is_not_counted_again(counters: Both) -> None:
    again = batch(("FRA1", 0, {"photos": 2}))
    for _ in range(3):
        counters.add(again)
    assert counters.hours("FRA1", later(0), later(0)) == {later(0): Counts({"photos": 2})}


def test_a_batch_that_comes_again_to_a_release_that_counts_otherwise_stays_as_it_was_counted(counters: Both) -> None:
    first = batch(("FRA1", 0, {"photos": 2}))
    counters.add(first)
    counters.add(replace(first, hours={("FRA1", later(0)): Counts({"photos": 2, "alerts": 1})}))
    assert counters.hours("FRA1", later(0), later(0)) == {later(0): Counts({"photos": 2})}


def test_sites_are_known_by_name_also_those_where_nothing_was_counted(counters: Both) -> None:
    assert counters.sites() == []
    counters.add(batch(("MUC1", 0, {"photos": 1})))
    counters.add(Counted({}, frozenset({"FRA1", "MUC1"}), secrets.token_hex(16)))
    assert counters.sites() == ["FRA1", "MUC1"]


class Busy:
    """A client that meets another batch in its first transactions."""

    def __init__(self, client: Any, times: int) -> None:
        self._client = client
        self._times = times

    def put_item(self, **request: Any) -> Any:
        return self._client.put_item(**request)

    def transact_write_items(self, **request: Any) -> Any:
        self._times -= 1
        if self._times < 0:
            return self._client.transact_write_items(**request)
        response = {
            "Error": {"Code": "TransactionCanceledException", "Message": "busy"},
            "CancellationReasons": [{"Code": "TransactionConflict"}],
        }
        raise self._client.exceptions.TransactionCanceledException(response, "TransactWriteItems")


@pytest.mark.integration
def test_a_batch_that_meets_another_is_counted_after_a_pause(dynamodb: Any) -> None:
    pauses: list[float] = []
    DynamoCounters(Busy(dynamodb, 3), "counters", pauses.append).add(batch(("FRA1", 0, {"photos": 2})))
    assert DynamoStatistics(dynamodb, "counters").hours("FRA1", later(0), later(0)) == {later(0): Counts({"photos": 2})}
    assert pauses == sorted(pauses)
    assert len(pauses) == 3


@pytest.mark.integration
def test_a_batch_that_meets_others_for_ever_is_a_failure_that_may_heal(dynamodb: Any) -> None:
    with pytest.raises(TemporaryFailure):
        DynamoCounters(Busy(dynamodb, 99), "counters", lambda _s: None).add(batch(("FRA1", 0, {"photos": 2})))


@pytest.mark.integration
def test_hours_expire_and_sites_do_not(dynamodb: Any) -> None:
    DynamoCounters(dynamodb, "counters", lambda _s: None).add(batch(("FRA1", 0, {"photos": 2})))
    items = dynamodb.scan(TableName="counters")["Items"]
    assert {item["type"]["S"]: "expires_at" in item for item in items} == {"SITE": False, "STATISTICS": True}


@pytest.mark.integration
def test_dead_letters_are_counted_and_stay_where_they_are(emulator: Emulator) -> None:
    sqs = emulator.client("sqs")
    urls = {name: sqs.create_queue(QueueName=f"dead-{name}")["QueueUrl"] for name in ("inbox", "alerts")}
    for number in range(3):
        sqs.send_message(QueueUrl=urls["inbox"], MessageBody=str(number))
    letters = SqsDeadLetters(sqs, urls)
    assert letters.waiting() == letters.waiting() == {"inbox": 3, "alerts": 0}
    with pytest.raises(TemporaryFailure):
        SqsDeadLetters(sqs, {"inbox": f"{urls['inbox']}-elsewhere"}).waiting()
