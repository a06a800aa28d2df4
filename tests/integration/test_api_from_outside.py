"""The deployed API as its clients know it: held against its description by schemathesis, and worked by the commands."""

from __future__ import annotations

import csv
import json
import os
import secrets
import signal
import subprocess
import sys
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks
from typer.testing import CliRunner

from chalicelib.api.openapi import OPERATIONS, document
from local.plan import PREFIX
from local.stack import Stack, stack
from ops.__main__ import app
from tests.serving_fixtures import drawn, encoded, package
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    from chalicelib.api.openapi.operation import Operation

    Run = Callable[..., Result]

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[2]
SITE = f"S-{secrets.token_hex(4)}"
EXAMPLES = 8
"""Requests that are made up for each operation, of each kind."""

LEFT_OUT = {
    openapi_checks.positive_data_acceptance: "rules between fields, and cursors, are beyond JSON Schema: a 400 or 422",
    openapi_checks.ignored_auth: "see `described`",
}
"""The checks that are not made, and why."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("outside")
    with stack(folder, lambda _: None, model=package(folder / "model")) as running:
        bins = [{"bin_id": name, "expected_quantity": 3} for name in ("A-17", "A-18")]
        running.call("PUT", "/v1/consignments/C-1", {"site": "FRA1", "bins": bins})
        yield running


# schemathesis


def described() -> dict[str, Any]:
    """The document without who may call.

    Else each operation is called without a token too. The authorizer's tests do that; here it would start the
    authorizer's process anew each time, and the gateway's own 401 has another shape in the emulator.
    """
    paths = {
        path: {method: {**operation, "security": []} for method, operation in operations.items()}
        for path, operations in document()["paths"].items()
    }
    return {**document(), "paths": paths}


def kinds() -> list[Any]:
    """Each operation with requests that fit its description, and with ones that don't, where it takes anything."""
    both = [(one, mode) for one in OPERATIONS for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]
    takes_something = {one.name: bool("{" in one.path or one.query or one.body) for one in OPERATIONS}
    return [
        pytest.param(one, mode, id=f"{one.name}-{mode.value}")
        for one, mode in both
        if mode is GenerationMode.POSITIVE or takes_something[one.name]
    ]


@pytest.mark.parametrize(("one", "mode"), kinds())
def test_whatever_is_asked_is_answered_as_described_and_never_with_a_failure(
    system: Stack, one: Operation, mode: GenerationMode
) -> None:
    operation = schemathesis.openapi.from_dict(described())[one.path][one.method]

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case: schemathesis.Case) -> None:
        reply = case.call(base_url=system.api_url, headers={"Authorization": f"Bearer {system.token}"}, timeout=60)
        is_the_emulators_own = reply.status_code == HTTPStatus.FORBIDDEN
        # An operator may call everything: only a path with a line break in it, which the emulator knows no rule for, is
        # refused so, and in the emulator's own shape.
        if not is_the_emulators_own:
            case.validate_response(reply, excluded_checks=list(LEFT_OUT))

    answers()


def test_the_document_is_served_to_anybody(system: Stack) -> None:
    served = schemathesis.openapi.from_url(f"{system.api_url}/openapi.json")
    assert served.raw_schema == json.loads(json.dumps(document()))


# The commands


@pytest.fixture
def run(system: Stack, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in environment_of(system).items():
        monkeypatch.setenv(name, value)

    def ops(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})

    return ops


def environment_of(system: Stack) -> dict[str, str]:
    region = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_REGION": "eu-central-1"}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": system.emulator.url}
    return {**region, **keys, "URL": system.api_url, "TOKEN": system.token}


def told(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def photograph(system: Stack, bin_id: str, body: bytes) -> None:
    s3, bucket = system.emulator.client("s3"), system.outputs["BucketName"]
    s3.put_object(Bucket=bucket, Key=f"{PREFIX}{bin_id}/{secrets.token_hex(4)}.jpg", Body=body)


@contextmanager
def command(system: Stack, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, as at a terminal."""
    environment = {**os.environ, **environment_of(system), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "ops", *arguments],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_shift_at_the_command_line(system: Stack, run: Run, tmp_path: Path) -> None:
    file = tmp_path / f"C-{SITE}.json"
    bins = [{"bin_id": f"{SITE}-{number}", "expected_quantity": 1} for number in range(3)]
    file.write_text(json.dumps({"site": SITE, "bins": bins}))
    assert told(run("load", str(file), "--json"))["bin_count"] == 3
    assert told(run("watch", "--site", SITE, "--once", "--json")) == []

    unreadable, seen = f"{SITE}-0", f"{SITE}-1"
    photograph(system, unreadable, b"no photo")
    photograph(system, seen, encoded(drawn()))
    eventually(lambda: told(run("show", seen, "--json"))["bin"]["photos"] == 1, 60)
    eventually(lambda: run("watch", "--site", SITE, "--once").exit_code == 1, 60)
    assert told(run("status", "--site", SITE, "--json"), 1)["open"]["rejected"] == 1

    assert told(run("acknowledge", unreadable, "--json"))["alert"]["state"] == "acknowledged"
    resolved = run("resolve", unreadable, "--true-count", "1", "--reason", "counted", "--json")
    assert told(resolved)["status"] == "resolved"
    said = tmp_path / "said.csv"
    assert run("export", "resolutions", "--site", SITE, "--format", "csv", "--out", str(said)).exit_code == 0
    assert [row["bin_id"] for row in csv.DictReader(said.open(newline=""))] == [unreadable]
    assert len(run("export", "bins", "--site", SITE).stdout.splitlines()) == 3


def test_what_comes_and_leaves_is_watched_until_ctrl_c(system: Stack, run: Run) -> None:
    site, bin_id = f"{SITE}-w", f"{SITE}-w-1"
    system.call(
        "PUT", f"/v1/consignments/W-{SITE}", {"site": site, "bins": [{"bin_id": bin_id, "expected_quantity": 1}]}
    )
    with command(system, "watch", "--site", site, "--json", "--every", "0.3") as watching:
        assert watching.stdout
        photograph(system, bin_id, b"no photo")
        came = json.loads(watching.stdout.readline())
        assert (came["what"], came["bin"]["bin_id"], came["bin"]["status"]) == ("came", bin_id, "rejected")
        told(run("resolve", bin_id, "--true-count", "1", "--reason", "counted", "--json"))
        left = next(news for news in map(json.loads, watching.stdout) if news["what"] == "left")
        assert left["bin"]["bin_id"] == bin_id
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 0


def test_alerts_are_tailed_through_a_queue_that_goes_with_the_command(system: Stack) -> None:
    site, bin_id = f"{SITE}-t", f"{SITE}-t-1"
    system.call(
        "PUT", f"/v1/consignments/T-{SITE}", {"site": site, "bins": [{"bin_id": bin_id, "expected_quantity": 1}]}
    )
    before = queues_of(system)
    with command(system, "alerts", "--stage", "local", "--site", site, "--most", "1", "--json") as tailing:
        assert tailing.stdout
        assert tailing.stderr
        assert "listening" in tailing.stderr.readline()
        photograph(system, bin_id, b"no photo")
        alert = json.loads(tailing.stdout.readline())
        assert (alert["bin_id"], alert["verdict"]) == (bin_id, "rejected")
        assert tailing.wait(60) == 0
    assert queues_of(system) == before


def queues_of(system: Stack) -> list[str]:
    return sorted(system.emulator.client("sqs").list_queues()["QueueUrls"])


def test_what_can_not_be_worked_off_is_sent_back_by_the_short_command(run: Run) -> None:
    assert told(run("redrive", "--stage", "local", "--json")) == []
    assert told(run("status", "--stage", "local", "--json"))["is_well"] is True
