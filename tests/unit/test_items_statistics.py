from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.items_policy import CURRENT_POLICY, FEEDBACK
from chalicelib.items_statistics import KEPT, addition, expiry_of, hour_key, to_hour
from chalicelib.statistics import Counts, hour_of
from tests.examples import NOON, moments

counts = st.dictionaries(st.sampled_from(["photos", "alerts", "verdict_match", "latency_7"]), st.integers(1, 10**6))


@given(moments.map(hour_of), counts.filter(bool))
def test_an_hour_that_was_added_to_comes_back_with_its_sums(hour: object, numbers: dict[str, int]) -> None:
    update = addition(hour, Counts(numbers))
    names, values = update["ExpressionAttributeNames"], update["ExpressionAttributeValues"]
    stored = {names[f"#{place}"]: values[f":{place}"] for place in range(len(names))}
    assert to_hour({**hour_key("FRA1", hour), **stored}) == (hour, Counts(numbers))


@given(moments, moments)
def test_hours_sort_as_they_follow_each_other(one: object, other: object) -> None:
    assert (hour_key("A", one)["SK"] < hour_key("A", other)["SK"]) == (one < other)


def test_hours_lie_outside_what_the_checker_reads_of_a_site() -> None:
    assert not FEEDBACK <= hour_key("FRA1", NOON)["SK"] <= CURRENT_POLICY


def test_an_hour_is_kept_for_more_than_a_year_after_its_end() -> None:
    assert expiry_of(NOON) == int((NOON + timedelta(hours=1) + KEPT).timestamp())
    assert timedelta(days=366) < KEPT
