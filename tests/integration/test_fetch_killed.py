"""A fetch is killed without warning and run again, from a folder and from a bucket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fetch_fixtures import bins, files_in, jpeg, metadata, write_folder
from tests.waiting import eventually
from training.fetch.sources import metadata_name, photo_name

if TYPE_CHECKING:
    from local.emulator import Emulator

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[2]
CONTENT = bins(60) | {"broken": (jpeg(size=(200, 200))[:-40], metadata()), "lonely": (None, metadata())}
STUCK_AT = "00031"
COMMAND = "import typer; from training.commands.fetch import fetch; typer.run(fetch)"


def command(origin: object, out: Path, *options: str) -> list[str]:
    given = ["--from", str(origin), "--out", str(out), "--all", "--workers", "4", "--json", "--tolerate", "1"]
    return [sys.executable, "-c", COMMAND, *given, *options]


def fetched(origin: object, out: Path, *options: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(
        command(origin, out, *options),
        cwd=PROJECT,
        env=os.environ | (environment or {}),
        capture_output=True,
        check=True,
    )
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a file that never ends")
def test_a_fetch_killed_half_way_and_run_again_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    fetched(write_folder(tmp_path / "whole", CONTENT), tmp_path / "untouched")
    origin = write_folder(tmp_path / "origin", CONTENT)
    stuck = origin / photo_name(STUCK_AT)
    stuck.unlink()
    os.mkfifo(stuck)  # a reader waits here for ever
    out = tmp_path / "killed"

    with subprocess.Popen(command(origin, out), cwd=PROJECT, stdout=subprocess.DEVNULL) as process:
        try:
            eventually((out / photo_name("00034")).exists, seconds=120)
        finally:
            process.kill()
    assert not (out / "manifest.jsonl").exists()
    stuck.unlink()
    stuck.write_bytes(CONTENT[STUCK_AT][0] or b"")
    summary = fetched(origin, out)

    assert files_in(out) == files_in(tmp_path / "untouched")
    assert summary["already_there"] >= 31
    assert summary["fetched"] + summary["already_there"] == 60


def test_a_private_bucket_is_fetched_with_the_callers_credentials_and_not_without(
    emulator: Emulator, bucket: str, tmp_path: Path
) -> None:
    s3 = emulator.client("s3")
    for image_id, (photo, facts) in CONTENT.items():
        for name, body in ((photo_name(image_id), photo), (metadata_name(image_id), facts)):
            if body is not None:
                s3.put_object(Bucket=bucket, Key=f"bins/{name}", Body=body)
    environment = {
        "AWS_ENDPOINT_URL_S3": emulator.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }

    summary = fetched(f"s3://{bucket}/bins", tmp_path / "out", environment=environment)
    again = fetched(f"s3://{bucket}/bins", tmp_path / "out", environment=environment)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        fetched(f"s3://{bucket}/bins", tmp_path / "other", "--unsigned", environment=environment)

    fetched(write_folder(tmp_path / "whole", CONTENT), tmp_path / "untouched")
    assert files_in(tmp_path / "out") == files_in(tmp_path / "untouched")
    assert (summary["fetched"], again["fetched"], again["already_there"]) == (60, 0, 60)
    assert b"cannot be read" in refused.value.stderr
