"""What is counted at a site, through the routes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from chalice import Chalice

from chalicelib.api import register
from chalicelib.api.site_shapes import Period, traffic
from chalicelib.caller import Caller
from chalicelib.domain import Verdict
from chalicelib.ports_api import SiteRules
from chalicelib.resolution import Cause, Finding
from chalicelib.statistics import Counted, Counts
from tests.described import DescribedClient as Client
from tests.fakes_api import NOON, FakeWorld, expectation_of, inspection_of, minutes

if TYPE_CHECKING:
    from datetime import datetime

HALF_PAST = NOON + timedelta(minutes=30)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(rules=replace(SiteRules(), review_per_hour=4))


@pytest.fixture
def client(world: FakeWorld) -> Client:
    app = Chalice(app_name="bincheck")
    register(app, world, None)
    return Client(app)


def get(client: Client, path: str, status: int = 200) -> Any:
    reply = client.http.get(path)
    assert reply.status_code == status, reply.body
    return reply.json_body


def photographed(world: FakeWorld, **verdicts: int) -> None:
    """Load and photograph so many bins of each verdict."""
    bins = {f"{verdict}-{number}": verdict for verdict, most in verdicts.items() for number in range(most)}
    world.load(dict.fromkeys(bins, 2))
    for at, (name, verdict) in enumerate(bins.items()):
        world.photograph(inspection_of(name, Verdict(verdict), at, expectation_of(name)))


def count(world: FakeWorld, at: datetime, **numbers: int) -> None:
    world.statistics.add(Counted({("FRA1", at): Counts(numbers)}, frozenset({"FRA1"}), str(world.statistics.counts)))


def test_sites_are_told_with_how_many_bins_wait_there(client: Client, world: FakeWorld) -> None:
    photographed(world, mismatch=2, review=1, match=3)
    world.statistics.known = {"FRA1", "MUC1"}
    assert get(client, "/v1/sites") == {
        "sites": [{"site": "FRA1", "bins_waiting": 3}, {"site": "MUC1", "bins_waiting": 0}],
        "cursor": None,
    }


def test_bins_that_wait_at_no_site_are_told_last(client: Client, world: FakeWorld) -> None:
    world.photograph(inspection_of("nowhere", Verdict.UNEXPECTED))
    assert get(client, "/v1/sites")["sites"] == [{"site": None, "bins_waiting": 1}]


def test_a_sites_statistics_say_what_waits_and_what_was_right(client: Client, world: FakeWorld) -> None:
    photographed(world, mismatch=3, review=6)
    world.resolver.resolve("mismatch-0", Finding(1, Cause.COUNTED), Caller("ann"))
    told = get(client, "/v1/sites/FRA1/statistics")
    feedback = get(client, "/v1/sites/FRA1/feedback")
    assert told["open"] == {"mismatch": 2, "review": 6, "unexpected": 0, "rejected": 0}
    assert told["review_load"] == {"waiting": 6, "per_hour": 4, "hours_to_clear": 1.5}
    assert told["dead_letters"] == {"inbox": 1, "alerts": 0}
    assert told["alert_precision"] == feedback["alert_precision"] != feedback["review_yield"]
    assert told["review_yield"] == feedback["review_yield"]
    assert told["site"] == "FRA1"


def test_the_hours_end_with_the_one_that_runs(client: Client, world: FakeWorld) -> None:
    now = minutes(world.reads - 1000 + 1)
    this_hour = now.replace(minute=0)
    count(world, this_hour, photos=3, verdict_match=2, verdict_rejected=1, alerts=1)
    count(world, this_hour - timedelta(hours=2), photos=9)
    told = get(client, "/v1/sites/FRA1/statistics?hours=2")
    assert [hour["photos"] for hour in told["hours"]] == [0, 3]
    assert told["verdicts"] == {"match": 2, "mismatch": 0, "review": 0, "unexpected": 0, "rejected": 1}
    assert len(get(client, "/v1/sites/FRA1/statistics")["hours"]) == 24


def test_an_hour_tells_its_photos_verdicts_alerts_and_how_long_they_took() -> None:
    counts = Counts({"photos": 6, "verdict_match": 4, "verdict_rejected": 2, "alerts": 2, "latency_11": 6})
    told = traffic(Period(1, HALF_PAST), {NOON: counts})
    assert told == {
        "from": "2026-05-04T12:00:00.000Z",
        "to": "2026-05-04T12:30:00.000Z",
        "photos_per_minute": 0.2,
        "hours": [
            {
                "at": "2026-05-04T12:00:00.000Z",
                "photos": 6,
                "verdicts": {"match": 4, "mismatch": 0, "review": 0, "unexpected": 0, "rejected": 2},
                "rejections": 2,
                "alerts": 2,
                "latency_ms": {"p50": pytest.approx(1047.7, abs=0.1), "p95": pytest.approx(1152.5, abs=0.1)},
            }
        ],
        "verdicts": {"match": 4, "mismatch": 0, "review": 0, "unexpected": 0, "rejected": 2},
    }


def test_an_hour_in_which_nothing_happened_is_told_and_has_no_latency() -> None:
    first, second = traffic(Period(2, HALF_PAST), {NOON: Counts({"photos": 1})})["hours"]
    assert (first["photos"], first["latency_ms"], second["photos"]) == (0, None, 1)


def test_at_the_very_beginning_of_an_hour_a_rate_is_not_made_of_moments() -> None:
    assert traffic(Period(1, NOON), {NOON: Counts({"photos": 5})})["photos_per_minute"] == 5


@pytest.mark.parametrize("query", ["hours=0", "hours=745", "hours=-1", "hours=", "hours=one", "days=1", "limit=5"])
def test_a_period_that_makes_no_sense_is_refused(client: Client, query: str) -> None:
    assert get(client, f"/v1/sites/FRA1/statistics?{query}", 400)["error"] == "invalid_request"


def test_a_site_that_can_not_be_is_refused(client: Client) -> None:
    get(client, "/v1/sites/F~1/statistics", 400)
    get(client, "/v1/sites/F~1/resolutions", 400)
    get(client, "/v1/sites?limit=2", 400)
