from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import items_people
from chalicelib.bin_status import BinStatus, Episode
from chalicelib.domain import BinState, EpisodeState, Judgement, Verdict
from chalicelib.feedback import Feedback
from chalicelib.items import INDEX_ATTRIBUTES, from_status, to_status
from chalicelib.resolution import Statement
from tests.examples import NOON, acts, assignments, photo_requests

if TYPE_CHECKING:
    from decimal import Decimal

    from chalicelib.items import Attributes
    from chalicelib.resolution import Act


def through_the_table(item: Attributes) -> Attributes:
    typed = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    return {name: TypeDeserializer().deserialize(value) for name, value in typed.items()}


@settings(max_examples=30)
@given(acts)
def test_what_was_said_comes_back_as_it_was(act: Act) -> None:
    assert items_people.to_act(through_the_table(items_people.from_act(act))) == act


@settings(max_examples=30)
@given(acts)
def test_what_was_said_of_goods_is_listed_by_its_site_and_nothing_is_in_a_list_of_bins(act: Act) -> None:
    item = items_people.from_act(act)
    site = act.stood.site if isinstance(act, Statement) else None
    assert item.get("attention") == (items_people.statements_at(site) if site else None)
    assert item.keys() & INDEX_ATTRIBUTES <= {"attention", "attention_at"}
    assert {"consignment_id", "by_time"}.isdisjoint(item)
    assert not item.get("stood", {}).keys() & INDEX_ATTRIBUTES


@settings(max_examples=10)
@given(assignments | photo_requests)
def test_what_says_nothing_of_the_goods_is_no_part_of_the_sites_history(act: Act) -> None:
    assert {"history", "happened_at"}.isdisjoint(items_people.from_act(act))


@given(st.lists(st.integers(1, 10**9), min_size=2))
def test_what_was_said_sorts_in_the_order_in_which_it_was_said(versions: list[int]) -> None:
    keys = [items_people.act_key("A-17", version)["SK"] for version in versions]
    assert sorted(keys) == [items_people.act_key("A-17", version)["SK"] for version in sorted(versions)]


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), st.decimals(-1000, 1000, places=6), min_size=1))
def test_sums_are_added_to_by_name_and_read_by_name(sums: dict[str, Decimal]) -> None:
    update = items_people.addition(Feedback(sums))
    names, values = update["ExpressionAttributeNames"], update["ExpressionAttributeValues"]
    adding = update["UpdateExpression"].partition(" ADD ")[2].split(", ")
    assert {names[part.split()[0]]: values[part.split()[1]] for part in adding} == sums
    read = items_people.to_feedback({**items_people.feedback_key("FRA1"), "type": "FEEDBACK", **sums})
    assert read == Feedback({name: value for name, value in sums.items() if value})


def test_any_text_may_be_an_idempotency_key() -> None:
    keys = {items_people.request_key("A-17", text)["SK"] for text in ("", "a", "A", "#" * 255)}
    assert len(keys) == 4
    assert max(map(len, keys)) < 100


def waiting(cost: float | None, bin_id: str = "A-17") -> BinStatus:
    judgement = Judgement(Verdict.REVIEW, "p/1", 0.2, expected_cost=cost)
    return BinStatus(bin_id, 1, BinState.REVIEW, site="FRA1", judgement=judgement)


@given(st.lists(st.floats(0.0, 1e15), min_size=2, max_size=5))
def test_the_review_queue_sorts_by_what_leaving_a_bin_alone_costs(costs: list[float]) -> None:
    by_cost = sorted(costs, key=lambda cost: from_status(waiting(cost))["review_cost"])
    capped = [round(min(cost, 1e12), 6) for cost in by_cost]
    assert capped == sorted(capped)


ALERT = Episode(EpisodeState.OPEN, NOON, (Verdict.MISMATCH,))


def test_only_bins_that_wait_for_a_person_are_in_queues() -> None:
    assert from_status(waiting(3.0))["review"] == "REVIEW#FRA1"
    queues = {"review", "queue", "queue_severity", "queue_assignee"}
    for state in BinState:
        item = from_status(replace(waiting(3.0), state=state, assignee="ann", episode=ALERT))
        assert item.keys() & queues == (queues if state.needs_attention else set())


def test_a_bin_that_nobody_has_taken_on_and_that_has_no_alert_is_in_no_queue_for_these() -> None:
    assert {"queue_severity", "queue_assignee"}.isdisjoint(from_status(waiting(3.0)))


def test_a_bin_that_was_never_judged_and_waits_all_the_same_comes_last() -> None:
    unjudged = from_status(BinStatus("A-17", 1, BinState.REVIEW, site="FRA1"))
    assert unjudged["review_cost"] < from_status(waiting(0.5, "A-0"))["review_cost"]
    assert to_status(unjudged).judgement is None
