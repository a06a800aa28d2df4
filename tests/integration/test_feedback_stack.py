"""From a photo in the bucket to a label: on the deployed app, an operator resolves and the command exports."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from local.plan import PREFIX
from local.stack import PROJECT, Stack, stack
from tests.serving_fixtures import drawn, encoded, package
from tests.waiting import eventually
from training.feedback.taking import taken
from training.records import read_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

SITE = f"S-{secrets.token_hex(4)}"
BINS = ("counted", "corrected", "twice", "taken-back", "wrong-photo", "as-png", "unlooked")
PHOTOS = {name: encoded(drawn(seed=number)) for number, name in enumerate(BINS)} | {
    "as-png": encoded(drawn(seed=90), "PNG")
}
SECOND = encoded(drawn(seed=91))
GOODS = [{"sku": "B000C33MI2", "quantity": 3}]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("feedback")
    with stack(folder, lambda _: None, model=package(folder / "model")) as running:
        bins = [{"bin_id": name, "expected_quantity": 3, "items": GOODS} for name in BINS]
        running.call("PUT", "/v1/consignments/C-1", {"site": SITE, "bins": bins})
        for name, body in PHOTOS.items():
            photograph(running, name, body, "png" if name == "as-png" else "jpg")
        for name in BINS:
            awaited(running, name, 1)
        yield running


def photograph(system: Stack, bin_id: str, body: bytes, suffix: str = "jpg") -> None:
    s3, bucket = system.emulator.client("s3"), system.outputs["BucketName"]
    s3.put_object(Bucket=bucket, Key=f"{PREFIX}{bin_id}/{secrets.token_hex(4)}.{suffix}", Body=body)


def awaited(system: Stack, bin_id: str, photos: int) -> None:
    eventually(lambda: system.call("GET", f"/v1/bins/{bin_id}")["photos"] == photos, 120)


def resolve(system: Stack, bin_id: str, count: int, reason: str = "counted") -> None:
    system.call("POST", f"/v1/bins/{bin_id}/resolution", {"true_count": count, "reason": reason, "note": "looked"})


def ran(system: Stack, *arguments: object) -> str:
    """Run `python -m training` as its user would."""
    done = subprocess.run(
        [sys.executable, "-m", "training", *map(str, arguments)],
        cwd=PROJECT,
        env=os.environ | {"BINCHECK_TOKEN": system.token},
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def exported(system: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder after everything was said, and what the command printed."""
    resolve(system, "counted", 3)
    resolve(system, "corrected", 1)
    resolve(system, "corrected", 2)
    resolve(system, "twice", 4)
    photograph(system, "twice", SECOND)
    awaited(system, "twice", 2)
    resolve(system, "twice", 5)
    resolve(system, "taken-back", 6)
    system.call("POST", "/v1/bins/taken-back/reopening", {"note": "that was another bin"})
    resolve(system, "wrong-photo", 3, "wrong_photo")
    resolve(system, "as-png", 0)
    out = tmp_path_factory.mktemp("export") / "out"
    summary = ran(system, "feedback", "--api", system.api_url, "--site", SITE, "--out", out, "--names", "--json")
    return out, json.loads(summary)


def test_every_photo_has_the_count_that_stands(exported: tuple[Path, dict[str, Any]]) -> None:
    out, _ = exported
    counts = {record.photo.read_bytes(): record.count for record in read_folder(out)}

    assert counts == {
        PHOTOS["counted"]: 3,
        PHOTOS["corrected"]: 2,
        PHOTOS["twice"]: 4,
        SECOND: 5,
        PHOTOS["as-png"]: 0,
    }


def test_what_is_no_label_is_listed_with_its_reason(exported: tuple[Path, dict[str, Any]]) -> None:
    out, summary = exported
    lines = [json.loads(line) for line in (out / "left-out.jsonl").read_text().splitlines()]

    assert sorted((line["bin_id"], line["why"]) for line in lines) == [
        ("corrected", "corrected"),
        ("taken-back", "reopening"),
        ("taken-back", "taken_back"),
        ("wrong-photo", "wrong_photo"),
    ]
    assert (summary["said"], summary["resolutions"], summary["fetched"]) == (9, 5, 5)


def test_goods_that_the_count_bears_out_come_from_the_consignment(exported: tuple[Path, dict[str, Any]]) -> None:
    goods = {record.count: record.asins for record in read_folder(exported[0])}

    assert goods[3] == frozenset({"B000C33MI2"})
    assert not any(asins for count, asins in goods.items() if count != 3)


def test_the_folder_can_be_split_and_trained_on(
    system: Stack, exported: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    out, _ = exported
    ran(system, "draw", "--out", tmp_path / "data", "--count", 20, "--seed", 1)
    ran(system, "split", "--data", out, "--out", tmp_path / "split", "--source", "own")
    placed = [
        file.name for file in (tmp_path / "split").rglob("*.*") if file.parent.parent.parent == tmp_path / "split"
    ]
    splits = {"real-train": read_folder(tmp_path / "data")}

    assert sorted(placed) == sorted(file.name for file in (out / "bin-images").iterdir())
    assert len(taken([out], tmp_path / "data", splits).records) == 5


def test_an_export_of_all_sites_names_this_one_and_reads_nothing_again(
    system: Stack, exported: tuple[Path, dict[str, Any]]
) -> None:
    out, _ = exported
    command = ("feedback", "--api", system.api_url, "--site", SITE, "--out", out, "--names", "--json")
    again = json.loads(ran(system, *command))
    everywhere = ran(system, "feedback", "--api", system.api_url, "--out", out.parent / "all", "--json")

    assert (again["fetched"], again["already_there"]) == (0, 5)
    assert json.loads(everywhere)["photos"] == 5
