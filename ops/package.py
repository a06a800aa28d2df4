"""The Lambda package and the CloudFormation template of one stage, made without reaching any account.

Chalice makes both; here they get their last shape: the template as JSON, and a zip that is the same, byte for byte,
for the same content, so that nothing is deployed twice for nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo, is_zipfile

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

MERGE_TEMPLATE = Path(".chalice/resources.yaml")
_CACHE = Path(".chalice/deployments")
"""Where Chalice keeps what it has packaged, by what went in."""

IN_THE_RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "python_dateutil", "s3transfer", "six", "urllib3")
"""The AWS SDK as Lambda's Python runtimes carry it. It comes whole or not at all: the X-Ray SDK asks for botocore
only, and that one beside the runtime's boto3 would be two releases in one process."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16


class PackagingFailed(Exception):  # noqa: N818 - named for what happened
    """Chalice could not package the app; the message is its own."""


@dataclass(frozen=True, slots=True)
class Packaged:
    """What a stage is deployed from: its template, not yet knowing where the code lies, and the code."""

    template: dict[str, Any]
    zip: Path


def package(project: Path, out: Path, stage: str) -> Packaged:
    """Write `template.json` and `package.zip` of a stage of the project into the folder `out`.

    Raises:
        PackagingFailed: the app does not import, a dependency has no wheel for Lambda, or the like.

    """
    with nobody_else_packaging(project):
        _forget_half_packages(project)
        _run_chalice(project, out, _stage_for_this_machine(stage))
    template = yaml.safe_load((out / "sam.yaml").read_text())
    (out / "template.json").write_text(json.dumps(template, indent=2) + "\n")
    slim = out / "package.zip"
    slim_down(out / "deployment.zip", slim)
    for raw in ("sam.yaml", "deployment.zip"):
        (out / raw).unlink()
    return Packaged(template, slim)


def slim_down(source: Path, target: Path) -> None:
    """Copy a Lambda package without what the runtime carries, its bytes depending on nothing but its content."""
    with ZipFile(source) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        for name in sorted(set(old.namelist())):
            if not _is_in_the_runtime(name):
                entry = ZipInfo(name, _EPOCH)
                entry.external_attr = _READABLE
                new.writestr(entry, old.read(name), ZIP_DEFLATED)


def _is_in_the_runtime(name: str) -> bool:
    """Tell by the first part of the path: `botocore`, `six.py`, `botocore-1.2.3.dist-info`."""
    distribution = name.split("/", 1)[0].split("-", 1)[0].removesuffix(".py")
    return distribution in IN_THE_RUNTIME


def _stage_for_this_machine(stage: str) -> str:
    """Return the stage as `config.json` names it: the local one runs on this machine's own processor."""
    is_arm = platform.machine().lower() in {"arm64", "aarch64"}
    return "local-arm64" if stage == "local" and is_arm else stage


@contextmanager
def nobody_else_packaging(project: Path) -> Iterator[None]:
    """Wait for whoever is packaging this checkout already: a package that is being written looks like half of one."""
    cache = project / _CACHE
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed, or its process is gone
        yield


def _forget_half_packages(project: Path) -> None:
    """Delete what an interrupted run left behind: Chalice takes any package that it finds for a finished one."""
    for cached in (project / _CACHE).glob("*.zip"):
        if not is_zipfile(cached):
            cached.unlink()


def _run_chalice(project: Path, out: Path, stage: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    # Not `chalice` by name: the tool next to this interpreter, on the search path or not.
    chalice = [sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())"]
    arguments = ["package", "--stage", stage, "--merge-template", str(MERGE_TEMPLATE), str(out.absolute())]
    # Chalice asks for a region even where none gets into the template.
    environment = {"AWS_DEFAULT_REGION": "us-east-1", **os.environ}
    done = subprocess.run(
        [*chalice, *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PackagingFailed((done.stdout + done.stderr).strip())
