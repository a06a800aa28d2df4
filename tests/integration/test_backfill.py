"""Photos that lie in the bucket already end as those that land: the whole system, only SageMaker stood in for.

The model is a tiny one. The stages are run as an operator runs them, and killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.domain import Inspection, media_type_of
from chalicelib.errors import PhotoRefused
from local.backfill import PREFIX
from local.demo import outcomes_of, received_after
from local.emulator import REGION
from local.plan import PREFIX as ANNOUNCED
from local.stack import Stack, stack
from local.tally import Tally, uploads_in, waiting_in
from tests.serving_fixtures import bad_files, drawn, encoded, package
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.domain import Outcome

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[2]
LONGEST_WAIT_SECONDS = 120
PLAIN = 40
GOOD = {
    **{f"shelf-{number:03d}/a.jpg": encoded(drawn()) for number in range(PLAIN)},
    "two/a.jpg": encoded(drawn()),
    "two/b.jpg": encoded(drawn("L")),
    "png/a.PNG": encoded(drawn(), "PNG"),
    "wrong-suffix/a.jpg": encoded(drawn(), "PNG"),
    "spaces/a b+c%20d.jpg": encoded(drawn()),
    "unicode/Regal-ü-✓.jpeg": encoded(drawn()),
    "nested/2026/11/a.jpg": encoded(drawn()),
}
BAD = {f"bad-{number:02d}/a.jpg": (name, body) for number, (name, (body, _)) in enumerate(sorted(bad_files().items()))}
STRAYS = {"no-bin.jpg": GOOD["two/a.jpg"], "two/notes.txt": b"a note"}
LARGE = {"large/a.jpg": b"\xff\xd8\xff" + bytes(7_000_000)}
FILES = {**GOOD, **{key: body for key, (_, body) in BAD.items()}, **STRAYS, **LARGE}
CONSIGNMENT = {
    "site": "FRA1",
    "bins": [{"bin_id": f"shelf-{number:03d}", "expected_quantity": 3} for number in range(PLAIN)],
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("system")
    with stack(folder, lambda _: None, model=package(folder / "model")) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backfill")


def operate(folder: Path, *words: str) -> list[str]:
    """The command that an operator types."""
    return [
        sys.executable,
        "-m",
        "ops",
        "backfill",
        *words,
        "--stage",
        "local",
        "--folder",
        str(folder),
        "--name",
        "test",
    ]


def settings_of(system: Stack) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **own,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": system.emulator.url,
        "AWS_ENDPOINT_URL_SAGEMAKER": system.sagemaker_url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": system.sagemaker_url,
    }


def run(system: Stack, folder: Path, *words: str) -> str:
    done = subprocess.run(
        operate(folder, *words),
        env=settings_of(system),
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def put(system: Stack, prefix: str, files: dict[str, bytes]) -> None:
    s3 = system.client("s3")
    for key, body in files.items():
        s3.put_object(Bucket=system.outputs["BucketName"], Key=prefix + key, Body=body)


def standing(system: Stack, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(system, folder, "status", "--json"))
    return found


def kill_while_recording(system: Stack, folder: Path) -> int:
    """Begin to record, kill it as soon as the ledger has some ends, and return how many the table has by then."""
    command = operate(folder, "record", "--yes", "--workers", "1")
    with subprocess.Popen(command, env=settings_of(system), cwd=PROJECT, stdout=subprocess.DEVNULL) as process:
        eventually(lambda: len(recorded(system)) >= 5, LONGEST_WAIT_SECONDS)
        process.send_signal(signal.SIGKILL)
    return len(recorded(system))


def recorded(system: Stack, prefix: str = PREFIX) -> list[Outcome]:
    return [outcome for outcome in outcomes_of(system) if outcome.image.key.startswith(prefix)]


@pytest.fixture(scope="module")
def ended(system: Stack, folder: Path) -> Tally:
    """The warehouse is full; listed, counted, recorded, killed, recorded again. Take stock."""
    system.call("PUT", "/v1/consignments/C-1", CONSIGNMENT)
    put(system, PREFIX, FILES)
    run(system, folder, "list", "--prefix", PREFIX, "--photos-per-job", "20")
    run(system, folder, "count", "--yes")
    at_the_kill = kill_while_recording(system, folder)
    assert at_the_kill < len(FILES)
    run(system, folder, "run", "--photos-per-job", "20", "--yes")
    uploads = uploads_in(system.client("s3"), system.outputs["BucketName"], PREFIX)
    return Tally.of(uploads, recorded(system), received_after(system))


def test_each_photo_ends_exactly_once_through_a_kill(ended: Tally) -> None:
    assert len(ended.uploads) == len(FILES)
    assert (ended.lost, ended.doubled) == (0, 0)


def test_the_ledger_says_what_the_table_says(system: Stack, folder: Path, ended: Tally) -> None:
    told = standing(system, folder)
    assert told["left"] == 0
    rejected = sum(photos for end, photos in told["ends"].items() if end.startswith("rejected"))
    assert rejected == len(ended.outcomes) - len(ended.inspections)


def test_good_photos_are_judged_by_their_jobs_answers(system: Stack, folder: Path, ended: Tally) -> None:
    inspected = {
        outcome.image.key.removeprefix(PREFIX) for outcome in ended.outcomes if isinstance(outcome, Inspection)
    }
    assert inspected == set(GOOD)
    assert standing(system, folder)["ways"]["batch"] == len(GOOD)


@pytest.mark.parametrize("key", sorted(BAD))
def test_a_bad_file_is_rejected_with_the_reason_that_the_event_path_gives(ended: Tally, key: str) -> None:
    reasons = {end.image.key: end.reason for end in ended.outcomes if not isinstance(end, Inspection)}
    name, body = BAD[key]
    assert reasons[PREFIX + key] == reason_for(body, bad_files()[name][1])


def reason_for(body: bytes, models: str) -> str:
    try:
        media_type_of(body)
    except PhotoRefused as refusal:
        return refusal.reason
    return models


def test_what_is_stray_or_too_large_is_rejected_unasked(system: Stack, folder: Path, ended: Tally) -> None:
    reasons = {
        end.image.key.removeprefix(PREFIX): end.reason for end in ended.outcomes if not isinstance(end, Inspection)
    }
    assert {reasons[key] for key in STRAYS} == {"bad_key"}
    assert {reasons[key] for key in LARGE} == {"too_large"}
    assert standing(system, folder)["ways"]["nobody"] >= len(STRAYS) + len(LARGE)


def test_bins_are_judged_against_their_consignment(ended: Tally) -> None:
    verdicts = {end.bin_id: end.judgement.verdict for end in ended.inspections}
    assert verdicts["two"] == "unexpected"
    assert {verdicts[f"shelf-{number:03d}"] for number in range(PLAIN)} <= {"match", "mismatch", "review"}


def test_a_bin_alerts_once_at_most_however_many_photos_it_has(ended: Tally) -> None:
    assert max(Counter(alert["bin_id"] for alert in ended.alerts if alert["bin_id"]).values(), default=0) <= 1


def test_running_it_again_changes_nothing(system: Stack, folder: Path, ended: Tally) -> None:
    run(system, folder, "run", "--photos-per-job", "20", "--yes")
    assert sorted(recorded(system), key=lambda end: end.image.key) == sorted(
        ended.outcomes, key=lambda end: end.image.key
    )


def test_a_photo_that_came_through_the_event_path_is_not_doubled(system: Stack, ended: Tally, tmp_path: Path) -> None:
    assert ended.outcomes, "only then is the system free"
    files = {f"live-{number}/a.jpg": GOOD["two/a.jpg"] for number in range(5)}
    put(system, ANNOUNCED, files)
    eventually(lambda: len(recorded(system, ANNOUNCED)) == len(files), LONGEST_WAIT_SECONDS)
    eventually(lambda: waiting_in(system.client("sqs"), system.outputs["InboxUrl"]) == 0, LONGEST_WAIT_SECONDS)
    before = {end.image.image_id for end in recorded(system, ANNOUNCED)}
    run(system, tmp_path, "run", "--yes")
    assert {end.image.image_id for end in recorded(system, ANNOUNCED)} == before
    told = standing(system, tmp_path)
    assert (told["recorded"], told["known_before"]) == (5, 5)
    assert system.call("GET", "/v1/bins/live-0")["photos"] == 1


def test_a_dry_run_prices_and_previews_and_does_nothing(system: Stack, ended: Tally, tmp_path: Path) -> None:
    assert ended.outcomes
    census = run(system, tmp_path, "list", "--prefix", PREFIX, "--dry-run")
    assert "bad_key" in census
    assert standing(system, tmp_path)["photos"] == 0
    run(system, tmp_path, "list", "--prefix", PREFIX)
    plan = run(system, tmp_path, "count", "--dry-run")
    assert '"BatchStrategy": "SingleRecord"' in plan
    assert "USD" in plan
    assert standing(system, tmp_path)["jobs"] == 0
