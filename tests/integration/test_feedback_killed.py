"""An export of feedback is killed without warning and run again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.feedback_fixtures import TOKEN, Served, Site, served
from tests.fetch_fixtures import files_in
from tests.waiting import eventually

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[2]
COMMAND = "import typer; from training.commands.feedback import feedback; typer.run(feedback)"
BINS = 60


def a_site() -> Site:
    site = Site()
    for number in range(BINS):
        site.expect(f"A-{number}", 3)
        site.photograph(f"A-{number}")
        site.resolve(f"A-{number}", number % 7)
    site.reopen("A-7")
    return site


def command(running: Served, out: Path) -> list[str]:
    given = ["--api", running.url, "--out", str(out), "--names", "--workers", "4", "--json"]
    return [sys.executable, "-c", COMMAND, *given]


def exported(running: Served, out: Path) -> dict[str, Any]:
    done = subprocess.run(command(running, out), cwd=PROJECT, env=environment(), capture_output=True, check=True)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def environment() -> dict[str, str]:
    return os.environ | {"BINCHECK_TOKEN": TOKEN}


def test_an_export_killed_half_way_and_run_again_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    with served(a_site()) as running:
        exported(running, tmp_path / "untouched")
        out, photos = tmp_path / "killed", list(running.site.bodies)
        running.stuck_at = photos[BINS // 2]
        newest = (out / f"bin-images/{photos[BINS // 2 + 1]}.jpg").exists

        with subprocess.Popen(command(running, out), cwd=PROJECT, env=environment()) as process:
            try:
                eventually(newest, seconds=120)
            finally:
                process.kill()
        assert not (out / "manifest.jsonl").exists()
        running.stuck_at = None
        running.stuck.set()
        summary = exported(running, out)

        assert files_in(out) == files_in(tmp_path / "untouched")
        assert (summary["photos"], summary["left_out"]) == (BINS - 1, {"taken_back": 1, "reopening": 1})
        assert summary["already_there"] >= BINS // 2 - 2
        assert summary["already_there"] + summary["fetched"] == BINS - 1
