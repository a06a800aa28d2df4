"""The bundle: what a job's container needs of this project, as one archive that is the same for the same content.

The archive's name is its content's hash, so that a job's record says which code trained its network.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from training.archive import Archive, archived

ENTRY: Final = "entry.py"

_PACKAGE: Final = Path(__file__).parents[1]


def bundle(package: Path = _PACKAGE) -> Archive:
    """Pack the package `training`, the entry script and the requirements, as the toolkit expects them."""
    contents = {file.relative_to(package.parent).as_posix(): file for file in _files(package)}
    contents |= {name: package / "jobs" / name for name in (ENTRY, "requirements.txt")}
    return archived({name: file.read_bytes() for name, file in contents.items()})


def _files(package: Path) -> Iterator[Path]:
    for file in package.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file
