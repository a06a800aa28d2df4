"""Alerts are sent at least once, recorded exactly once, and never lost: killed at every step and offered again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.alerting import Alerter
from chalicelib.digest import Digest, DigestLimits, Dispatch
from chalicelib.errors import TemporaryFailure
from chalicelib.notices import id_of
from tests.examples import alert_of, call_of, consignment_of, stray_alert
from tests.fakes import AFTER, BEFORE, FakeLedger, FakeTopic, Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.digest import Ruling
    from chalicelib.domain import Alert
    from chalicelib.photo_call import Raised

FEW = DigestLimits(alerts_per_window=3, consignment_share=0.1, consignment_least=2)
OFF = consignment_of(10, "C-2")
"""A consignment that the second of its alerts puts off."""


@dataclass
class World:
    """An alerter over fakes, and what became of the alerts."""

    ledger: FakeLedger = field(default_factory=lambda: FakeLedger(OFF))
    topic: FakeTopic = field(default_factory=FakeTopic)
    limits: DigestLimits = FEW
    pauses: list[float] = field(default_factory=list)

    @property
    def alerter(self) -> Alerter:
        return Alerter(self.ledger, self.topic, lambda _site: self.limits, self.pauses.append)

    def offer(self, alerts: Sequence[Raised]) -> list[tuple[Raised, Ruling]]:
        return list(self.alerter.work_off(alerts))

    def offer_until_done(self, alerts: Sequence[Raised]) -> None:
        """Offer a batch as the stream does: whole, again and again, until it goes through."""
        while True:
            try:
                self.offer(alerts)
            except TemporaryFailure:
                continue
            return

    def beside(self, *batches: Sequence[Raised]) -> None:
        """Let another shard work off a batch between each reading and its recording, as long as there are some."""
        left = list(batches)

        def meanwhile() -> None:
            self.ledger.meanwhile = lambda: None
            if left:
                World(self.ledger, self.topic).offer_until_done(left.pop(0))
            self.ledger.meanwhile = meanwhile

        self.ledger.meanwhile = meanwhile

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        return {item["alert_id"]: item for item in self.ledger.of_type("ALERT")}

    @property
    def received(self) -> list[str]:
        """What a receiver keeps who drops repeats by their id."""
        return list(dict.fromkeys(id_of(notice) for notice in self.topic.published))

    @property
    def due(self) -> list[str]:
        """What should have gone out, by what is recorded."""
        told = {
            Dispatch.ALONE: lambda item: item["alert_id"],
            Dispatch.DIGEST: lambda item: item["digest"]["digest_id"],
        }
        return [told[item["dispatch"]](item) for item in self.records.values() if item["dispatch"] in told]


def storm_of(count: int, **changed: Any) -> list[Alert]:
    return [alert_of(number, **changed) for number in range(count)]


def test_an_alert_is_recorded_published_and_marked_as_sent() -> None:
    world = World()
    ((alert, ruling),) = world.offer([alert_of(1)])
    assert (alert.alert_id, ruling.dispatch) == ("a1", Dispatch.ALONE)
    assert world.topic.published == [alert_of(1)]
    assert world.records["a1"]["is_sent"] is True


def test_the_first_alert_beyond_the_limit_goes_out_as_the_digest_and_the_rest_are_only_recorded() -> None:
    world = World()
    world.offer(storm_of(8))
    *alone, digest = world.topic.published
    assert alone == storm_of(3)
    assert isinstance(digest, Digest)
    assert digest.alerts == 4
    assert len(world.records) == 8


def test_an_alert_that_is_offered_again_is_not_sent_again() -> None:
    world = World()
    world.offer(storm_of(8))
    before = list(world.topic.published)
    assert world.offer(storm_of(8)) == []
    assert world.topic.published == before


def test_one_batch_may_offer_an_alert_twice() -> None:
    world = World()
    assert len(world.offer([alert_of(1), alert_of(1)])) == 1
    assert len(world.topic.published) == 1


def test_a_call_for_another_photo_goes_out_alone_whatever_storms_around_it() -> None:
    world = World()
    world.offer(storm_of(8))
    ((call, ruling),) = world.offer([call_of(1)])
    assert (call, ruling.dispatch) == (call_of(1), Dispatch.ALONE)
    assert world.topic.published[-1] == call_of(1)
    assert world.records["p1"]["is_sent"] is True
    assert world.offer([call_of(1)]) == []


def test_calls_for_photos_take_no_room_that_alerts_have() -> None:
    world = World()
    world.offer([call_of(number) for number in range(8)])
    world.offer(storm_of(3))
    assert world.topic.published[8:] == storm_of(3)


def test_nothing_to_alert_costs_nothing() -> None:
    world = World()
    assert world.offer([]) == []
    assert world.ledger.reads == 0


def test_a_storm_costs_one_read_and_one_transaction_for_twenty_five_silent_alerts() -> None:
    world = World()
    world.offer(storm_of(4))
    world.ledger.reads, world.ledger.marks, world.ledger.transactions = 0, 0, []
    world.offer([alert_of(number) for number in range(100, 200)])
    assert (world.ledger.reads, world.ledger.marks) == (4, 0)
    assert world.ledger.transactions == [26] * 4, "each alert once, and the window's tally"
    assert len(world.topic.published) == 4


def test_those_who_meet_at_a_gate_try_again_after_a_pause_and_count_each_others_alerts() -> None:
    world = World()
    world.beside([alert_of(50)], [alert_of(51), alert_of(1)])
    told = world.offer(storm_of(3))
    assert [alert.alert_id for alert, _ in told] == ["a0", "a2"]
    assert Counter(item["dispatch"] for item in world.records.values()) == {"alone": 3, "digest": 1, "silent": 1}
    assert sorted(world.received) == sorted(world.due)
    assert len(world.pauses) == 2
    assert world.pauses[0] < world.pauses[1]


def test_a_gate_that_never_holds_still_is_a_temporary_failure() -> None:
    world = World()
    world.beside(*([alert_of(number)] for number in range(100, 200)))
    with pytest.raises(TemporaryFailure, match="too fast"):
        world.offer([alert_of(1)])
    assert len(world.pauses) == 8


STEPS = ["reading", "recording", "publishing", "marking"]


def killed_at(step: int, when: str) -> tuple[Trouble, Trouble]:
    """The plans of ledger and topic by which the n-th of an alert's four calls dies."""
    plans: list[str | None] = [None] * 4
    plans[step] = when
    return Trouble([plans[0], plans[1], plans[3]]), Trouble([plans[2]])


@pytest.mark.parametrize("when", [BEFORE, AFTER])
@pytest.mark.parametrize("step", range(4), ids=STEPS)
@pytest.mark.parametrize("crowd", [0, 3], ids=["alone", "as the digest"])
def test_whatever_step_it_dies_at_the_alert_is_neither_lost_nor_another_one(crowd: int, step: int, when: str) -> None:
    world = World()
    world.offer(storm_of(crowd))
    world.ledger.trouble, world.topic.trouble = killed_at(step, when)
    with pytest.raises(TemporaryFailure):
        world.offer([alert_of(9)])
    world.offer_until_done([alert_of(9)])
    calm = World()
    calm.offer([*storm_of(crowd), alert_of(9)])
    assert world.received == calm.received
    assert world.ledger.items == calm.ledger.items


@pytest.mark.parametrize(
    ("step", "when", "times"),
    [(0, AFTER, 1), (1, BEFORE, 1), (1, AFTER, 1), (2, BEFORE, 1), (2, AFTER, 2), (3, BEFORE, 2), (3, AFTER, 1)],
)
def test_only_dying_between_publishing_and_marking_sends_twice(step: int, when: str, times: int) -> None:
    world = World()
    world.ledger.trouble, world.topic.trouble = killed_at(step, when)
    world.offer_until_done([alert_of(1)])
    assert world.topic.published == [alert_of(1)] * times


alerts = st.lists(
    st.builds(
        alert_of,
        st.integers(1, 10**6),
        consignment_id=st.sampled_from(["C-1", "C-2", None]),
        site=st.sampled_from(["FRA1", "FRA1", "LEJ3"]),
    )
    | st.builds(stray_alert, st.integers(1, 10**6))
    | st.builds(call_of, st.integers(1, 10**6)),
    max_size=60,
    unique_by=lambda alert: alert.alert_id,
)
troubles = st.lists(st.sampled_from([None, None, None, BEFORE, AFTER]), max_size=30)


@settings(max_examples=200)
@given(alerts, st.integers(1, 100), troubles, troubles)
def test_any_crashes_and_any_offering_again_end_as_if_nothing_had_happened(
    alerts: list[Raised], batch: int, ledger_trouble: list[str | None], topic_trouble: list[str | None]
) -> None:
    world = World(FakeLedger(OFF, trouble=Trouble(ledger_trouble)), FakeTopic(Trouble(topic_trouble)))
    calm = World()
    for first in range(0, len(alerts), batch):
        world.offer_until_done(alerts[first : first + batch])
        calm.offer(alerts[first : first + batch])
    assert world.ledger.items == calm.ledger.items
    assert world.received == calm.received == [id_of(notice) for notice in calm.topic.published]


@settings(max_examples=200)
@given(st.data(), alerts, troubles, troubles)
def test_shards_side_by_side_halved_batches_and_crashes_lose_nothing_and_send_each_once(
    data: st.DataObject, alerts: list[Raised], ledger_trouble: list[str | None], topic_trouble: list[str | None]
) -> None:
    world = World(FakeLedger(OFF, trouble=Trouble(ledger_trouble)), FakeTopic(Trouble(topic_trouble)))
    cut = data.draw(st.integers(0, len(alerts)))
    # What comes meanwhile overlaps this shard's batch; at last the whole is offered once more.
    world.beside(*data.draw(st.permutations([alerts[max(0, cut - 5) : cut + 10], [], alerts[cut + 10 :]])))
    world.offer_until_done(alerts[:cut])
    world.ledger.meanwhile = lambda: None
    world.offer_until_done(alerts)
    assert set(world.records) == {alert.alert_id for alert in alerts}
    assert sorted(world.received) == sorted(world.due)
    assert all(item["is_sent"] for item in world.records.values() if item["dispatch"] != "silent")


@given(alerts)
def test_every_alert_is_told_of_once_with_how_it_left(alerts: list[Raised]) -> None:
    world = World()
    told = world.offer(alerts)
    assert Counter(alert.alert_id for alert, _ in told) == Counter(alert.alert_id for alert in alerts)
    assert {alert.alert_id: ruling.dispatch.value for alert, ruling in told} == {
        alert_id: item["dispatch"] for alert_id, item in world.records.items()
    }
