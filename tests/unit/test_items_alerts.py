from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.bins import plain, typed
from chalicelib.digest import Digest, Dispatch, GateName, Ruling, Scope, Suspect, Tally
from chalicelib.domain import Verdict
from chalicelib.items_alerts import KEPT, alert_key, from_ruling, from_tally, gate_key, to_ruling, to_tally
from tests.examples import (
    COUNTS,
    NOON,
    alert_of,
    call_of,
    moments,
    names,
    probabilities,
    quantities,
    stray_alert,
    texts,
    verdicts,
)

suspects = st.builds(
    Suspect,
    names,
    verdicts,
    st.none() | names,
    texts,
    st.none() | quantities,
    st.none() | st.sampled_from(COUNTS),
    st.none() | probabilities,
)
counts = st.dictionaries(verdicts, st.integers(1, 10**6)).map(lambda found: tuple(sorted(found.items())))
worst = st.lists(suspects, max_size=5).map(tuple)
tallies = st.builds(Tally, moments, st.integers(1, 10**9), counts, st.booleans(), worst, moments)
digests = st.builds(
    Digest,
    names,
    st.sampled_from(Scope),
    moments,
    moments,
    st.none() | moments,
    st.none() | names,
    st.none() | names,
    st.none() | quantities,
    counts,
    worst,
)
rulings = st.builds(Ruling, st.sampled_from(Dispatch), st.none() | digests, st.booleans())
window = GateName(Scope.SITE, "FRA1", NOON)


def stored(item: dict[str, Any]) -> dict[str, Any]:
    return plain(typed(item))


@given(rulings)
def test_how_an_alert_leaves_survives_the_table(ruling: Ruling) -> None:
    assert to_ruling(stored(from_ruling(alert_of(), ruling))) == ruling
    assert to_ruling(stored(from_ruling(call_of(), ruling))) == ruling


@given(tallies)
def test_a_tally_survives_the_table(tally: Tally) -> None:
    assert to_tally(stored(from_tally(window, tally))) == tally


def test_alerts_lie_with_their_bins_and_gates_with_their_places() -> None:
    assert alert_key(alert_of(1)) == {"PK": "BIN#A-1", "SK": "ALERT#a1"}
    assert alert_key(call_of(1)) == {"PK": "BIN#A-1", "SK": "ALERT#p1"}
    stray = stray_alert()
    assert alert_key(stray) == {"PK": f"STRAY#{stray.image.image_id}", "SK": "ALERT#s1"}
    assert gate_key(window) == {"PK": "SITE#FRA1", "SK": "WINDOW#2026-11-22T12:00:00.000Z"}
    assert gate_key(GateName(Scope.CONSIGNMENT, "C-1")) == {"PK": "CONSIGNMENT#C-1", "SK": "GATE"}


def test_no_two_places_share_a_gate() -> None:
    places = [
        window,
        GateName(Scope.SITE, "", NOON),
        GateName(Scope.NO_SITE, "", NOON),
        GateName(Scope.NO_BIN, "", NOON),
        GateName(Scope.SITE, "FRA1", NOON + timedelta(hours=1)),
        GateName(Scope.CONSIGNMENT, "FRA1"),
    ]
    assert len({tuple(gate_key(place).values()) for place in places}) == len(places)


def test_records_of_alerts_expire_and_are_in_no_index() -> None:
    expiry = int((NOON + KEPT).timestamp())
    record = from_ruling(alert_of(), Ruling(Dispatch.SILENT))
    tally = from_tally(window, Tally(NOON).counting(alert_of()))
    assert record["expires_at"] == tally["expires_at"] == expiry
    for item in (record, tally):
        assert not {"attention", "shard", "by_time", "state_bin"} & set(item)


def test_a_silent_alert_is_recorded_with_what_a_person_asks_for() -> None:
    record = from_ruling(alert_of(1, verdict=Verdict.REJECTED), Ruling(Dispatch.SILENT))
    told = {name: record[name] for name in ("bin_id", "site", "consignment_id", "verdict", "severity", "dispatch")}
    assert list(told.values()) == ["A-1", "FRA1", "C-1", "rejected", "high", "silent"]
