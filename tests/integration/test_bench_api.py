"""The benchmark of the API's routes over a tiny table: it measures every route, and leaves the process as it was."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from app import app
from local.bench_api import run
from local.bench_api_table import Size

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def test_every_route_that_reads_is_measured_beside_the_calls_that_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = dict(os.environ)
    figures = run(tmp_path, Size(bins=40, inspections=80), 1, Console())
    assert dict(os.environ) == environment
    assert capsys.readouterr().out.rstrip().splitlines()[-1].startswith('BENCH-API {"bins": 40')
    measured = {entry["path"].partition("?")[0] for entry in figures["routes"]}
    reading = {
        pattern.replace("{bin_id}", "A-00000").replace("{site}", "FRA1").replace("{consignment_id}", "C-0")
        for pattern, methods in app.routes.items()
        if "GET" in methods and pattern.startswith("/v1/")
    }
    assert reading - measured == {"/v1/me"}
    for entry in figures["routes"]:
        assert entry["calls"] >= 1
        assert entry["route_p95"] >= entry["route_p50"] > 0
        assert entry["own_p50"] == pytest.approx(entry["route_p50"] - entry["bare_p50"], abs=0.2)
