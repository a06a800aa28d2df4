"""The bundle: what a job's container needs of this project, as one archive that is the same for the same content.

The archive's name is its content's hash, so that a job's record says which code trained its network.
"""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ENTRY: Final = "entry.py"

_PACKAGE: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A compressed archive and its name."""

    name: str
    body: bytes


def bundle(package: Path = _PACKAGE) -> Bundle:
    """Pack the package `training`, the entry script and the requirements, as the toolkit expects them."""
    contents = {file.relative_to(package.parent).as_posix(): file for file in _files(package)}
    contents |= {name: package / "jobs" / name for name in (ENTRY, "requirements.txt")}
    archive = _tar({name: file.read_bytes() for name, file in sorted(contents.items())})
    # The hash is that of the content: another zlib compresses it into other bytes.
    return Bundle(f"{hashlib.sha256(archive).hexdigest()[:20]}.tar.gz", gzip.compress(archive, mtime=0))


def _files(package: Path) -> Iterator[Path]:
    for file in package.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file


def _tar(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)  # no owner, no time
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
