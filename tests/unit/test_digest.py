"""What one digest stands for: rules over any storm of alerts, at any place and time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.digest import (
    DigestLimits,
    Dispatch,
    GateName,
    Scope,
    Tally,
    admit,
    concerned_consignment,
    consignment_gate,
    window_gate,
)
from chalicelib.domain import EpisodeState, Verdict
from tests.examples import NOON, alert_of, consignment_of, moments, seconds_later, stray_alert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.consignment import Consignment
    from chalicelib.digest import Ruling
    from chalicelib.domain import Alert

ALONE, DIGEST, SILENT = Dispatch.ALONE, Dispatch.DIGEST, Dispatch.SILENT
WIDE = DigestLimits(alerts_per_window=10_000)
NARROW = DigestLimits(alerts_per_window=2)

limits = st.builds(
    DigestLimits,
    alerts_per_window=st.integers(1, 5),
    window_minutes=st.integers(1, 1440),
    consignment_share=st.floats(0.05, 1.0),
    consignment_least=st.integers(2, 4),
)
storms = st.lists(
    st.builds(
        alert_of,
        st.integers(1, 10**6),
        verdict=st.sampled_from([Verdict.MISMATCH, Verdict.MISMATCH, Verdict.REJECTED]),
        consignment_id=st.sampled_from(["C-1", "C-1", "C-2", None]),
        site=st.sampled_from(["FRA1", "FRA1", "LEJ3", None]),
        at=st.integers(0, 7200).map(seconds_later),
        episode=st.sampled_from([EpisodeState.OPEN, EpisodeState.OPEN, EpisodeState.REOPENED]),
        probability_of_mismatch=st.floats(0.0, 1.0),
    )
    | st.builds(stray_alert, st.integers(1, 10**6)),
    max_size=40,
    unique_by=lambda alert: alert.alert_id,
)


def rulings_of(
    alerts: Sequence[Alert], limits: DigestLimits, *consignments: Consignment
) -> tuple[list[Ruling], dict[GateName, Tally]]:
    """Admit alerts one after the other."""
    loaded = {consignment.consignment_id: consignment for consignment in consignments}
    tallies: dict[GateName, Tally] = {}
    rulings = []
    for alert in alerts:
        consignment = loaded.get(concerned_consignment(alert) or "")
        gate = consignment_gate(consignment, limits) if consignment else None
        ruling, tallies = admit(alert, window_gate(alert, limits), gate, tallies)
        rulings.append(ruling)
    return rulings, tallies


def dispatches(alerts: Sequence[Alert], limits: DigestLimits, *consignments: Consignment) -> list[Dispatch]:
    return [ruling.dispatch for ruling in rulings_of(alerts, limits, *consignments)[0]]


# A window --------------------------------------------------------------------------------------------------------


def test_so_many_alerts_go_out_alone_then_one_digest_then_silence() -> None:
    storm = [alert_of(number) for number in range(6)]
    assert dispatches(storm, NARROW) == [ALONE, ALONE, DIGEST, SILENT, SILENT, SILENT]


def test_the_next_window_begins_anew() -> None:
    storm = [alert_of(number, at=NOON) for number in range(4)] + [alert_of(9, at=NOON + timedelta(hours=1))]
    assert dispatches(storm, NARROW)[-1] is ALONE


def test_sites_bins_without_a_site_and_photos_without_a_bin_do_not_silence_each_other() -> None:
    storm = [alert_of(number) for number in range(4)]
    others = [alert_of(9, site="LEJ3"), alert_of(10, site=None, verdict=Verdict.UNEXPECTED), stray_alert()]
    assert dispatches([*storm, *others], NARROW)[-3:] == [ALONE, ALONE, ALONE]


def test_a_camera_that_writes_wrong_keys_sends_a_handful_of_mails_and_not_ten_thousand() -> None:
    told = Counter(dispatches([stray_alert(number) for number in range(10_000)], DigestLimits()))
    assert told == {ALONE: 20, DIGEST: 1, SILENT: 9979}


@given(moments, st.integers(1, 1440))
def test_a_window_is_told_by_the_alerts_own_time_and_holds_it(at: object, minutes: int) -> None:
    alert = alert_of(at=at)
    gate = window_gate(alert, DigestLimits(window_minutes=minutes))
    assert gate.until is not None
    assert gate.since <= alert.at < gate.until
    assert gate.until - gate.since == timedelta(minutes=minutes)
    for other in (gate.since, gate.until - timedelta(milliseconds=1)):
        assert window_gate(replace(alert, at=other), DigestLimits(window_minutes=minutes)) == gate


# A consignment ---------------------------------------------------------------------------------------------------


def test_a_consignment_that_is_off_alerts_bin_by_bin_until_it_is_then_once_as_a_whole_and_no_more() -> None:
    storm = [alert_of(number) for number in range(8)]
    off_from_five = DigestLimits(10_000, 60, 0.25, 2)
    assert dispatches(storm, off_from_five, consignment_of(20)) == [ALONE] * 4 + [DIGEST] + [SILENT] * 3


@pytest.mark.parametrize(
    ("share", "least", "bins", "off_from"),
    [(0.2, 5, 10, 5), (0.2, 5, 100, 20), (0.1, 2, 30, 3), (0.1, 2, 31, 4), (1.0, 2, 7, 7)],
)
def test_a_consignment_is_off_from_a_share_of_its_bins_and_a_least_number(
    share: float, least: int, bins: int, off_from: int
) -> None:
    assert DigestLimits(consignment_share=share, consignment_least=least).off_from(bins) == off_from


def test_a_consignment_stays_silent_in_later_windows_and_leaves_them_to_others() -> None:
    storm = [alert_of(number) for number in range(30)]
    later = [alert_of(number, at=NOON + timedelta(hours=3)) for number in range(30, 60)]
    other = alert_of(99, at=NOON + timedelta(hours=3), consignment_id="C-2")
    limits = DigestLimits(alerts_per_window=8)
    told = dispatches([*storm, *later, other], limits, consignment_of(10), consignment_of(10, "C-2"))
    assert told[4] is DIGEST
    assert set(told[5:60]) == {SILENT}
    assert told[60] is ALONE, "what the closed consignment held back took no room in the window"


def test_a_consignment_that_is_loaded_anew_is_counted_anew() -> None:
    limits = DigestLimits(10_000, 60, 0.1, 2)
    first = [alert_of(number) for number in range(3)]
    _, tallies = rulings_of(first, limits, consignment_of(10))
    corrected = consignment_gate(consignment_of(10, loaded_at=seconds_later(60)), limits)
    ruling, after = admit(alert_of(9), window_gate(alert_of(9), limits), corrected, tallies)
    assert ruling.dispatch is ALONE
    assert after[corrected.name].alerts == 1
    assert after[corrected.name].revision > tallies[corrected.name].revision


def test_a_consignments_digest_that_had_no_room_in_the_window_goes_out_in_the_next() -> None:
    limits = DigestLimits(alerts_per_window=1, consignment_least=3)
    storm = [alert_of(number) for number in range(5)]
    later = alert_of(9, at=NOON + timedelta(hours=1))
    rulings, _ = rulings_of([*storm, later], limits, consignment_of(10))
    assert [ruling.digest.scope for ruling in rulings if ruling.digest] == [Scope.SITE, Scope.CONSIGNMENT]
    assert rulings[-1].digest is not None
    assert rulings[-1].digest.alerts == 6


@pytest.mark.parametrize(
    "changed",
    [
        {"verdict": Verdict.REJECTED},
        {"episode": EpisodeState.REOPENED},
        {"consignment_id": None},
    ],
)
def test_only_bins_that_differ_for_the_first_time_count_for_a_consignment(changed: dict[str, object]) -> None:
    assert concerned_consignment(alert_of()) == "C-1"
    assert concerned_consignment(alert_of(**changed)) is None


def test_a_bin_that_alerts_again_after_a_person_looked_is_heard_though_its_consignment_is_silent() -> None:
    storm = [alert_of(number) for number in range(8)]
    again = alert_of(99, episode=EpisodeState.REOPENED)
    assert dispatches([*storm, again], WIDE, consignment_of(10))[-2:] == [SILENT, ALONE]


# Any storm -------------------------------------------------------------------------------------------------------


@given(storms, limits)
def test_no_gate_has_more_than_one_digest_and_no_window_more_messages_than_its_limit_and_one(
    storm: list[Alert], limits: DigestLimits
) -> None:
    rulings, _ = rulings_of(storm, limits, consignment_of(12), consignment_of(7, "C-2"))
    digests = [ruling.digest.digest_id for ruling in rulings if ruling.digest]
    assert len(digests) == len(set(digests))
    messages = Counter(
        window_gate(alert, limits).name
        for alert, ruling in zip(storm, rulings, strict=True)
        if ruling.dispatch is not SILENT
    )
    assert all(number <= limits.alerts_per_window + 1 for number in messages.values())


@given(storms, limits)
def test_nothing_is_silent_before_a_digest_has_said_so(storm: list[Alert], limits: DigestLimits) -> None:
    rulings, _ = rulings_of(storm, limits, consignment_of(12), consignment_of(7, "C-2"))
    told: set[tuple[Scope, object]] = set()
    for alert, ruling in zip(storm, rulings, strict=True):
        window = window_gate(alert, limits)
        if ruling.digest:
            told.add((ruling.digest.scope, ruling.digest.consignment_id or window.name))
        if ruling.dispatch is SILENT:
            assert {(window.name.scope, window.name), (Scope.CONSIGNMENT, alert.consignment_id)} & told


@given(storms, limits)
def test_every_alert_is_counted(storm: list[Alert], limits: DigestLimits) -> None:
    rulings, tallies = rulings_of(storm, limits, consignment_of(12), consignment_of(7, "C-2"))
    of_goods = Counter(filter(None, map(concerned_consignment, storm)))
    counted = {name.of: tally.alerts for name, tally in tallies.items() if name.scope is Scope.CONSIGNMENT}
    assert counted == of_goods
    in_windows = sum(tally.alerts for name, tally in tallies.items() if name.scope is not Scope.CONSIGNMENT)
    assert in_windows + held_back_by_consignments(storm, rulings) == len(storm)


def held_back_by_consignments(storm: list[Alert], rulings: list[Ruling]) -> int:
    closed: set[str] = set()
    held = 0
    for alert, ruling in zip(storm, rulings, strict=True):
        consignment = concerned_consignment(alert)
        held += consignment in closed
        if ruling.digest and ruling.digest.scope is Scope.CONSIGNMENT and consignment:
            closed.add(consignment)
    return held


@given(storms, limits)
def test_a_calm_place_never_has_a_digest(storm: list[Alert], limits: DigestLimits) -> None:
    calm = storm[: limits.alerts_per_window]
    assert set(dispatches(calm, limits)) <= {ALONE}


@given(st.permutations(range(20)))
def test_a_digest_names_the_most_probable_whatever_the_order(order: list[int]) -> None:
    storm = [alert_of(number, probability_of_mismatch=0.5 + number / 50) for number in order]
    rulings, _ = rulings_of(storm, DigestLimits(alerts_per_window=19))
    digest = rulings[-1].digest
    assert digest is not None
    assert [suspect.bin_id for suspect in digest.worst] == ["A-19", "A-18", "A-17", "A-16", "A-15"]
    assert digest.alerts == 20


@pytest.mark.parametrize(
    "broken",
    [
        {"alerts_per_window": 0},
        {"window_minutes": 0},
        {"window_minutes": 1441},
        {"consignment_share": 0.0},
        {"consignment_share": 1.1},
        {"consignment_share": float("nan")},
        {"consignment_least": 1},
    ],
)
def test_limits_that_make_no_sense_are_refused(broken: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(broken))):
        DigestLimits(**broken)  # type: ignore[arg-type]
