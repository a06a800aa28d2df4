"""Uploads to an S3 that checks and keeps checksums: interrupted, repeated, verified."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from typer import Typer
from typer.testing import CliRunner

from training.commands.upload import upload as upload_command
from training.errors import OtherUploadError, UploadFailedError
from training.private_bucket import PrivateBucket
from training.upload import Differences, upload, verify

if TYPE_CHECKING:
    from pathlib import Path

    from local.emulator import Emulator

pytestmark = pytest.mark.integration

PHOTOS = 20
ALL = PHOTOS + 2  # the card and the manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished split of a few photos."""
    lines = []
    for number in range(PHOTOS):
        path = tmp_path / "split" / "train" / str(number % 6) / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"photo {number}".encode())
        file = path.relative_to(tmp_path / "split").as_posix()
        lines.append(json.dumps({"file": file, "sha256": sha256(path.read_bytes()).hexdigest()}))
    (tmp_path / "split" / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "split" / "DATA_CARD.md").write_text("# Data card\n")
    return tmp_path / "split"


@pytest.fixture
def target(emulator: Emulator, bucket: str) -> PrivateBucket:
    return PrivateBucket.at(emulator.client("s3"), f"s3://{bucket}/bins/one")


class CutOff:
    """A client that loses its connection after so many objects have been put."""

    def __init__(self, s3: Any, after: int) -> None:
        self._s3, self._left = s3, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def put_object(self, **arguments: Any) -> Any:
        if self._left == 0:
            raise ClientError({"Error": {"Code": "RequestTimeout", "Message": "cut off"}}, "PutObject")
        self._left -= 1
        return self._s3.put_object(**arguments)


def test_a_second_upload_sends_nothing(folder: Path, target: PrivateBucket) -> None:
    first = upload(folder, target)
    second = upload(folder, target)

    assert (first.sent, first.kept) == (ALL, 0)
    assert (second.sent, second.sent_bytes, second.kept) == (0, 0, ALL)


@pytest.mark.parametrize("after", [0, 7, PHOTOS + 1])
def test_an_interrupted_upload_goes_on_with_the_rest(folder: Path, target: PrivateBucket, after: int) -> None:
    broken = PrivateBucket(CutOff(target.s3, after), target.bucket, target.prefix)
    with pytest.raises(UploadFailedError, match="RequestTimeout cut off"):
        upload(folder, broken, workers=1)
    assert "manifest.jsonl" not in target.sizes()

    rest = upload(folder, target)

    assert (rest.sent, rest.kept) == (ALL - after, after)
    assert not verify(folder, target)


def test_an_object_of_the_same_size_with_other_bytes_is_sent_again(folder: Path, target: PrivateBucket) -> None:
    target.put("train/3/00003.jpg", b"Photo 3")

    assert upload(folder, target).kept == 0
    assert not verify(folder, target)


def test_an_object_that_was_put_without_a_checksum_is_sent_again(folder: Path, target: PrivateBucket) -> None:
    target.s3.put_object(Bucket=target.bucket, Key=f"{target.prefix}train/3/00003.jpg", Body=b"photo 3")

    assert upload(folder, target).kept == 0


def test_verification_finds_what_is_missing_extra_and_different(folder: Path, target: PrivateBucket) -> None:
    upload(folder, target)
    target.s3.delete_object(Bucket=target.bucket, Key=f"{target.prefix}train/2/00002.jpg")
    target.put("train/3/00003.jpg", b"Photo 3")
    target.put("train/4/00004.jpg", b"longer than the photo")
    target.put("train/5/stranger.jpg", b"")

    found = verify(folder, target)

    assert found == Differences(
        ["train/2/00002.jpg"], ["train/5/stranger.jpg"], ["train/3/00003.jpg", "train/4/00004.jpg"]
    )


def test_a_prefix_with_other_objects_is_refused(folder: Path, target: PrivateBucket) -> None:
    target.put("train/5/stranger.jpg", b"")

    with pytest.raises(OtherUploadError, match=r"train/5/stranger\.jpg.*another prefix"):
        upload(folder, target)


def test_a_prefix_with_another_split_is_refused(folder: Path, target: PrivateBucket) -> None:
    target.put("manifest.jsonl", b"{}\n")

    with pytest.raises(OtherUploadError, match="another split"):
        upload(folder, target)
    assert list(target.sizes()) == ["manifest.jsonl"]


def test_what_arrives_damaged_is_refused_by_s3(target: PrivateBucket) -> None:
    def damage(params: dict[str, Any], **_: Any) -> None:
        params["Body"] = b"other bytes"

    target.s3.meta.events.register("before-parameter-build.s3.PutObject", damage)

    with pytest.raises(ClientError, match="BadDigest"):
        target.put("train/3/00003.jpg", b"photo 3")


def test_a_listing_of_several_pages_is_read_to_its_end(target: PrivateBucket) -> None:
    for number in range(3):
        target.put(f"{number}.jpg", b"")

    def two_a_page(params: dict[str, Any], **_: Any) -> None:
        params["MaxKeys"] = 2

    target.s3.meta.events.register("before-parameter-build.s3.ListObjectsV2", two_a_page)

    assert len(target.sizes()) == 3


def test_the_command_makes_a_bucket_uploads_and_verifies(
    emulator: Emulator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", emulator.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    app = Typer()
    app.command()(upload_command)

    def told(*options: str) -> tuple[int, str]:
        outcome = CliRunner().invoke(app, ["--data", str(folder), "--to", "s3://made-by-the-command/one", *options])
        return outcome.exit_code, outcome.stdout

    assert told("--dry-run")[1].startswith(f"s3://made-by-the-command/one: {ALL} objects")
    assert told("--create") == (0, f"s3://made-by-the-command/one: {ALL} files sent (0.0 MB), 0 were there\n")
    assert told("--verify")[0] == 0
    emulator.client("s3").delete_object(Bucket="made-by-the-command", Key="one/train/2/00002.jpg")
    assert told("--verify") == (1, "missing: train/2/00002.jpg\n")
