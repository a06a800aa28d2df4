from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.bin_status import BinStatus
from chalicelib.domain import BinState, Verdict
from chalicelib.statistics import EDGES, Counts, Happened, counted, counts_of, hour_of
from tests.examples import NOON, image_of, moments, seconds_later

WAITING = BinStatus("A-17", 3, BinState.WAITING, seconds_later(-3600), site="FRA1")


def photographed(state: BinState = BinState.MATCH, after_seconds: float = 3.0, **changed: Any) -> BinStatus:
    usual = replace(
        WAITING, version=4, state=state, changed_at=seconds_later(after_seconds), photos=1, image=image_of()
    )
    return replace(usual, **changed)


def happened(after: BinStatus, before: BinStatus | None = WAITING, record_id: str = "r1", **said: Any) -> Happened:
    return Happened(record_id, seconds_later(5), before, after, **{"alerted": False, **said})


def numbers(one: Happened) -> dict[str, int]:
    """What is counted but for latencies."""
    return {name: number for name, number in counts_of(one).numbers.items() if not name.startswith("latency_")}


@pytest.mark.parametrize("verdict", Verdict)
def test_a_photo_counts_with_the_verdict_that_its_bin_has_by_it(verdict: Verdict) -> None:
    counts = counts_of(happened(photographed(BinState(verdict))))
    assert (counts.photos, counts.of(verdict), counts.alerts) == (1, 1, 0)


def test_an_alert_counts_beside_its_photo_and_without_one() -> None:
    assert counts_of(happened(photographed(BinState.MISMATCH), alerted=True)).alerts == 1
    reopened = replace(photographed(), state=BinState.REVIEW, changed_at=seconds_later(9))
    assert numbers(happened(reopened, before=photographed(), alerted=True)) == {"alerts": 1}


def test_what_people_and_consignments_change_is_no_photo() -> None:
    resolved = replace(photographed(), version=5, state=BinState.RESOLVED, changed_at=seconds_later(60))
    assert counts_of(happened(resolved, before=photographed())) == Counts()
    assert counts_of(happened(WAITING, before=None)) == Counts()


def test_a_photo_that_decides_nothing_counts_as_a_photo_and_nothing_more() -> None:
    gone = replace(photographed(), photos=2, version=5)
    assert counts_of(happened(gone, before=photographed())) == Counts({"photos": 1})


def test_a_photo_that_is_not_its_bins_newest_has_a_verdict_and_no_latency() -> None:
    older = replace(photographed(BinState.REVIEW), photos=2, version=5, changed_at=seconds_later(8))
    assert counts_of(happened(older, before=photographed())) == Counts({"photos": 1, "verdict_review": 1})


def test_a_bin_that_was_never_heard_of_counts_with_its_first_photo() -> None:
    assert numbers(happened(photographed(BinState.UNEXPECTED), before=None)) == {"photos": 1, "verdict_unexpected": 1}


def test_a_photo_whose_clock_is_ahead_waited_no_time() -> None:
    latency = counts_of(happened(photographed(after_seconds=-3.0))).latency_ms(1.0)
    assert latency is not None
    assert latency <= EDGES[0]


@given(st.lists(st.integers(0, 6_000_000), min_size=1, max_size=50), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_off_by_less_than_a_quarter(waited_ms: list[int], share: float) -> None:
    total = sum(
        (counts_of(happened(photographed(after_seconds=waited / 1000))) for waited in waited_ms), start=Counts()
    )
    exact = sorted(waited_ms)[max(0, -int(-share * len(waited_ms) // 1) - 1)]
    told = total.latency_ms(share)
    assert told is not None
    if exact < EDGES[0]:
        assert told <= EDGES[0]
    elif exact < EDGES[-1]:
        assert exact / 1.2501 <= told <= exact * 1.2501
    else:
        assert told == EDGES[-1]


def test_nothing_photographed_has_no_latency() -> None:
    assert Counts({"alerts": 3}).latency_ms(0.5) is None


def test_hours_are_told_apart_and_so_are_sites() -> None:
    elsewhere = replace(photographed(), site="MUC1")
    later = replace(happened(photographed(), record_id="r3"), at=NOON + timedelta(hours=1))
    batch = [happened(photographed()), happened(photographed()), happened(elsewhere), later]
    hours = counted(batch).hours
    photos = {key: counts.photos for key, counts in hours.items()}
    assert photos == {("FRA1", NOON): 2, ("MUC1", NOON): 1, ("FRA1", NOON + timedelta(hours=1)): 1}


def test_a_site_is_known_by_its_bins_before_there_is_any_photo() -> None:
    batch = counted([happened(WAITING, before=None)])
    assert (batch.hours, batch.sites) == ({}, {"FRA1"})


def test_bins_at_no_site_are_in_no_sites_figures() -> None:
    batch = counted([happened(replace(photographed(), site=None))])
    assert (batch.hours, batch.sites) == ({}, frozenset())


def test_a_batch_that_comes_again_has_the_same_token_and_any_other_has_another() -> None:
    first, second = happened(photographed()), happened(photographed(), record_id="r2")
    assert counted([first, second]).token == counted([first, second]).token
    assert len({counted(batch).token for batch in ([first, second], [first], [second])}) == 3
    assert len(counted([first]).token) <= 36


@given(st.dictionaries(st.sampled_from(["photos", "alerts"]), st.integers(1, 9)), st.integers(0, 9))
def test_counts_are_added_by_name(sums: dict[str, int], photos: int) -> None:
    both = Counts(sums) + Counts({"photos": photos})
    assert (both.photos, both.alerts) == (sums.get("photos", 0) + photos, sums.get("alerts", 0))


@given(moments)
def test_a_moment_lies_within_its_hour(moment: Any) -> None:
    assert timedelta() <= moment - hour_of(moment) < timedelta(hours=1)
