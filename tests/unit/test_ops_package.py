from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from ops.package import PackagingFailed, nobody_else_packaging, package, slim_down

if TYPE_CHECKING:
    from pathlib import Path


def zipped(path: Path, files: dict[str, str]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "boto3/__init__.py",
        "botocore/data/s3.json",
        "botocore-1.43.106.dist-info/METADATA",
        "dateutil/tz.py",
        "python_dateutil-2.9.0.post0.dist-info/RECORD",
        "jmespath-1.1.0.data/scripts/jp.py",
        "s3transfer/manager.py",
        "six.py",
        "urllib3/connection.py",
    ],
)
def test_the_sdk_of_the_runtime_is_left_out(tmp_path: Path, name: str) -> None:
    source = zipped(tmp_path / "fat.zip", {"app.py": "", name: ""})
    slim_down(source, tmp_path / "slim.zip")
    assert ZipFile(tmp_path / "slim.zip").namelist() == ["app.py"]


@pytest.mark.parametrize("name", ["app.py", "chalicelib/aws/bins.py", "aws_xray_sdk/core/models.py", "sixpack.py"])
def test_everything_else_stays_with_its_content(tmp_path: Path, name: str) -> None:
    source = zipped(tmp_path / "fat.zip", {name: "as it was"})
    slim_down(source, tmp_path / "slim.zip")
    assert ZipFile(tmp_path / "slim.zip").read(name) == b"as it was"


def test_the_same_content_makes_the_same_bytes(tmp_path: Path) -> None:
    once = zipped(tmp_path / "1.zip", {"a.py": "a", "b.py": "b"})
    again = zipped(tmp_path / "2.zip", {"b.py": "b", "a.py": "a"})
    slim_down(once, tmp_path / "slim-1.zip")
    slim_down(again, tmp_path / "slim-2.zip")
    assert (tmp_path / "slim-1.zip").read_bytes() == (tmp_path / "slim-2.zip").read_bytes()


def test_a_package_that_an_interrupted_run_left_behind_is_forgotten(tmp_path: Path) -> None:
    cache = tmp_path / ".chalice" / "deployments"
    cache.mkdir(parents=True)
    half = cache / "half.zip"
    half.write_bytes(b"PK\x03\x04 and no more")
    whole = zipped(cache / "whole.zip", {"app.py": ""})
    with pytest.raises(PackagingFailed):
        package(tmp_path, tmp_path / "out", "dev")
    assert not half.exists()
    assert whole.exists()


def test_one_checkout_is_packaged_by_one_process_at_a_time(tmp_path: Path) -> None:
    lock = tmp_path / ".chalice" / "deployments" / ".lock"
    with nobody_else_packaging(tmp_path), lock.open() as somebody_elses, pytest.raises(BlockingIOError):
        fcntl.flock(somebody_elses, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with lock.open() as somebody_elses:
        fcntl.flock(somebody_elses, fcntl.LOCK_EX | fcntl.LOCK_NB)
