"""The deployed app: a photo that can't be read is counted, waits in its site's queue, and can be had as CSV."""

from __future__ import annotations

import csv
import io
import json
import secrets
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from local.plan import PREFIX
from tests.signing_in import token_of_an_operator
from tests.waiting import eventually

if TYPE_CHECKING:
    from http.client import HTTPMessage

    from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

SITE = f"S-{secrets.token_hex(4)}"
BINS = [f"{letter}-{SITE}" for letter in "ABC"]


class Api:
    """The API as an operator sees it."""

    def __init__(self, deployed: Deployed) -> None:
        self._base = f"{deployed.emulator.url}/restapis/{deployed.outputs['RestAPIId']}/api/_user_request_"
        self._token = token_of_an_operator(deployed)

    def address(self, path: str) -> str:
        return f"{self._base}{path}"

    def get(self, address: str, accept: str = "application/json") -> tuple[str, HTTPMessage]:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": accept}
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=30) as reply:
            return reply.read().decode(), reply.headers

    def json(self, path: str) -> Any:
        return json.loads(self.get(self.address(path))[0])

    def load(self, bins: list[str]) -> None:
        body = {"site": SITE, "bins": [{"bin_id": name, "expected_quantity": 1} for name in bins]}
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        address = self.address(f"/v1/consignments/{SITE}")
        request = urllib.request.Request(address, json.dumps(body).encode(), headers, method="PUT")
        urllib.request.urlopen(request, timeout=30).close()


@pytest.fixture(scope="module")
def api(deployed: Deployed) -> Api:
    """An API whose site has three bins, each with a photo that nobody can read."""
    found, s3 = Api(deployed), deployed.emulator.client("s3")
    found.load(BINS)
    for name in BINS:
        s3.put_object(Bucket=deployed.outputs["BucketName"], Key=f"{PREFIX}{name}/1.jpg", Body=b"")
    eventually(lambda: found.json(f"/v1/sites/{SITE}/statistics")["verdicts"]["rejected"] == 3, 60)
    return found


def test_photos_are_counted_each_once_with_their_alerts_and_how_long_they_took(api: Api) -> None:
    told = api.json(f"/v1/sites/{SITE}/statistics?hours=2")
    hours = [hour for hour in told["hours"] if hour["photos"]]
    assert sum(hour["photos"] for hour in hours) == sum(hour["rejections"] for hour in hours) == 3
    assert sum(hour["alerts"] for hour in hours) == 3
    assert all(0 < hour["latency_ms"]["p50"] <= hour["latency_ms"]["p95"] < 60_000 for hour in hours)
    assert told["open"]["rejected"] == 3
    assert set(told["dead_letters"]) == {"inbox", "alerts"}


def test_a_site_is_known_with_what_waits_there(api: Api) -> None:
    assert {"site": SITE, "bins_waiting": 3} in api.json("/v1/sites")["sites"]


def test_the_queue_of_a_site_comes_as_csv_page_by_page_through_the_gateway(api: Api) -> None:
    address, names = api.address(f"/v1/bins?site={SITE}&attention=true&limit=2"), []
    while address:
        body, headers = api.get(address, "text/csv")
        assert headers["Content-Type"].startswith("text/csv")
        names += [row["bin_id"] for row in csv.DictReader(io.StringIO(body))]
        link = headers.get("Link", "").partition(">")[0].removeprefix("<")
        address = urllib.parse.urljoin(address, link) if link else ""
    assert sorted(names) == BINS


def test_bins_are_found_by_site_severity_name_and_time(api: Api) -> None:
    def names(query: str) -> list[str]:
        return [entry["bin_id"] for entry in api.json(f"/v1/bins?site={SITE}&{query}")["bins"]]

    assert sorted(names("severity=low")) == sorted(names("status=rejected")) == names("sort=name") == BINS
    assert names(f"q={BINS[0][:2]}") == BINS[:1]
    assert names("to=2020-01-01T00:00:00Z") == names("assignee=nobody") == names("severity=high") == []
