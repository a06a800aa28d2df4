"""A released model as the endpoint gets it: `model.tar.gz`, named after its content, and its metrics as JSON.

Reads a folder and nothing else; the same folder gives the same bytes, on any day and whoever owns it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.archive import Archive, archived
from training.errors import UnusableModelError
from training.released import WEIGHTS, networks_of

_NEEDED = ("model.onnx", "model.json")
_WELCOME = (WEIGHTS, "baseline.json", "MODEL_CARD.md")
"""Files that may lie beside, and patterns of their names."""


@dataclass(frozen=True, slots=True)
class Package:
    """One released model."""

    archive: Archive
    model: str
    """Its name and version, as its answers state them: `bin-counter/3`."""
    metrics: bytes
    """How it did, as a JSON file."""

    @property
    def digest(self) -> str:
        """What tells its content from any other's."""
        return self.archive.name.removesuffix(".tar.gz")

    @property
    def metrics_name(self) -> str:
        """What its metrics' file is called in the bucket."""
        return f"{self.digest}-{self.metrics_sha256[:12]}.json"

    @property
    def metrics_sha256(self) -> str:
        """The metrics' own hash."""
        return hashlib.sha256(self.metrics).hexdigest()


def packed(folder: Path) -> Package:
    """Pack a released model's folder; raises UnusableModelError where it is none."""
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise UnusableModelError(f"{folder}: {', '.join(missing)} missing; a released model has them")
    files = [file for pattern in (*_NEEDED, *_WELCOME) for file in sorted(folder.glob(pattern)) if file.is_file()]
    contents = {file.name: file.read_bytes() for file in files}
    try:
        facts = json.loads(contents["model.json"])
        return Package(archived(contents), f"{facts['name']}/{facts['version']}", _metrics(facts))
    except (ValueError, KeyError, TypeError) as cause:
        raise UnusableModelError(f"{folder / 'model.json'}: {cause!r}") from cause


def _metrics(facts: dict[str, Any]) -> bytes:
    told = {name: facts.get(name) for name in ("name", "version", "metrics", "calibration", "data")}
    told["git_commits"] = [one.get("git_commit") for one in networks_of(facts)]
    return json.dumps(told, sort_keys=True, ensure_ascii=False).encode()
