"""Which filters go together, and what the answer says where they don't."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from chalicelib.bin_status import BinStatus, Episode
from chalicelib.domain import BinState, EpisodeState, Judgement, Severity, Verdict
from chalicelib.errors import InvalidRequest
from chalicelib.listing import NO_SITE, SERVED, Listed, Sort, Wanted, list_for
from tests.examples import NOON, statuses

MATCH, MISMATCH = BinState.MATCH, BinState.MISMATCH
HERE = Wanted(site="FRA1")


def asking(wanted: Wanted = HERE, **changed: Any) -> Wanted:
    return replace(wanted, **changed)


def severe(state: BinState, assignee: str | None = None) -> BinStatus:
    """A bin that is surely four goods short."""
    return BinStatus(
        "A-17",
        3,
        state,
        NOON,
        site="FRA1",
        consignment_id="C-1",
        expected=5,
        predicted="1",
        judgement=Judgement(Verdict.MISMATCH, "p/1", 1.0),
        episode=Episode(EpisodeState.OPEN, NOON, (Verdict.MISMATCH,)),
        assignee=assignee,
    )


@pytest.mark.parametrize(
    ("wanted", "listed", "sort"),
    [
        (Wanted(), Listed.EVERYWHERE, None),
        (Wanted(state=MATCH), Listed.EVERYWHERE, None),
        (Wanted(state=MATCH, name="A-"), Listed.EVERYWHERE, None),
        (Wanted(state=MISMATCH), Listed.EVERYWHERE_BY_TIME, Sort.NEWEST),
        (Wanted(state=MISMATCH, since=NOON), Listed.EVERYWHERE_BY_TIME, Sort.NEWEST),
        (Wanted(consignment_id="C-1"), Listed.OF_CONSIGNMENT, None),
        (Wanted(consignment_id="C-1", state=MISMATCH, name="A"), Listed.OF_CONSIGNMENT, None),
        (asking(), Listed.AT_SITE_BY_NAME, Sort.NAME),
        (asking(name="A-"), Listed.AT_SITE_BY_NAME, Sort.NAME),
        (asking(sort=Sort.NEWEST), Listed.AT_SITE_BY_TIME, Sort.NEWEST),
        (asking(since=NOON, until=NOON), Listed.AT_SITE_BY_TIME, Sort.NEWEST),
        (asking(state=MATCH), Listed.AT_SITE_BY_TIME, Sort.NEWEST),
        (asking(state=MISMATCH, sort=Sort.COST), Listed.BY_STATE_AND_COST, Sort.COST),
        (asking(waiting=True), Listed.QUEUE, Sort.COST),
        (asking(waiting=True, sort=Sort.NEWEST, until=NOON), Listed.AT_SITE_BY_TIME, Sort.NEWEST),
        (asking(waiting=True, severity=Severity.HIGH), Listed.BY_SEVERITY, Sort.COST),
        (asking(severity=Severity.HIGH), Listed.BY_SEVERITY, Sort.COST),
        (asking(assignee="ann", waiting=True), Listed.BY_ASSIGNEE, Sort.COST),
        (asking(waiting=True, state=MISMATCH), Listed.AT_SITE_BY_TIME, Sort.NEWEST),
        (Wanted(site=NO_SITE, waiting=True), Listed.QUEUE, Sort.COST),
    ],
)
def test_what_is_asked_for_has_its_list_and_its_order(wanted: Wanted, listed: Listed, sort: Sort | None) -> None:
    served = list_for(wanted)
    assert (served.listed, served.sort) == (listed, sort)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(waiting=True),
        Wanted(severity=Severity.HIGH),
        Wanted(assignee="ann"),
        Wanted(name="A-"),
        Wanted(state=MATCH, since=NOON),
        Wanted(sort=Sort.NAME),
        Wanted(consignment_id="C-1", sort=Sort.COST),
        Wanted(consignment_id="C-1", site="FRA1"),
        asking(severity=Severity.HIGH, assignee="ann"),
        asking(state=MATCH, sort=Sort.COST),
        asking(state=MISMATCH, name="A-"),
        asking(name="A-", since=NOON),
    ],
)
def test_what_no_list_holds_is_refused_and_told_what_there_is(wanted: Wanted) -> None:
    with pytest.raises(InvalidRequest) as refused:
        list_for(wanted)
    assert all(str(served) in str(refused.value) for served in SERVED)
    assert "site and status (mismatch, review, unexpected, rejected), by cost" in str(refused.value)
    assert "site, if wanted with q, by name" in str(refused.value)


def test_a_state_in_which_nobody_is_waited_for_contradicts_attention() -> None:
    with pytest.raises(InvalidRequest, match="no bin that is match waits for a person"):
        list_for(asking(waiting=True, state=MATCH))


@given(statuses)
def test_a_bin_fits_what_says_nothing_and_what_says_all_that_it_is(status: BinStatus) -> None:
    itself = Wanted(
        site=status.site or NO_SITE,
        state=status.state,
        waiting=status.state.needs_attention,
        consignment_id=status.consignment_id,
        since=status.changed_at,
        until=status.changed_at + timedelta(milliseconds=1),
        name=status.bin_id[:3],
    )
    assert Wanted().fits(status)
    assert itself.fits(status)


@pytest.mark.parametrize(
    "change",
    [
        {"site": "MUC1"},
        {"site": NO_SITE},
        {"state": BinState.REVIEW},
        {"consignment_id": "C-2"},
        {"severity": Severity.LOW},
        {"assignee": "bob"},
        {"since": NOON + timedelta(milliseconds=1)},
        {"until": NOON},
        {"name": "A-18"},
    ],
)
def test_a_bin_does_not_fit_where_one_thing_differs(change: dict[str, Any]) -> None:
    status = severe(MISMATCH)
    assert Wanted(site="FRA1", waiting=True, severity=Severity.HIGH).fits(status)
    assert not Wanted(**change).fits(status)


@pytest.mark.parametrize("wanted", [Wanted(waiting=True), Wanted(assignee="ann"), Wanted(severity=Severity.HIGH)])
def test_a_bin_that_nobody_is_waited_for_at_is_in_no_queue(wanted: Wanted) -> None:
    status = severe(BinState.RESOLVED, assignee="ann")
    assert not wanted.fits(status)
    assert wanted.fits(replace(status, state=MISMATCH))
