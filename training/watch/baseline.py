"""How photos and answers used to be: a model's baseline, `baseline.json` beside its network. Histograms, no photo.

Reading takes a released model's folder or archive; writing is one file. `training.watch.make` makes one.
"""

import hashlib
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Self

import numpy as np

from training.errors import UnusableBaselineError
from training.records import CLASSES
from training.watch.drift import Reference
from training.watch.measures import NAMES

BASELINE: Final = "baseline.json"
_FACTS: Final = "model.json"
_NETWORK: Final = "model.onnx"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a window is held against."""

    model: str
    """As answers name it: `bin-counter/3`."""
    network_sha256: str
    """Of the network whose answers these are: a name alone may be given twice."""
    size: tuple[int, int]
    """The network's (width, height)."""
    prior: tuple[float, ...]
    """The mix of counts that the answers take for granted."""
    mean_answer: tuple[float, ...]
    """The mean probability of each count."""
    made: str
    """Of which photos, for people."""
    references: Mapping[str, Reference]
    """By measure; one that the photos could not tell is missing."""

    def written(self) -> str:
        """Write it as JSON."""
        return json.dumps(
            {
                "format": _FORMAT,
                "model": self.model,
                "network_sha256": self.network_sha256,
                "size": list(self.size),
                "counts": list(CLASSES),
                "prior": list(self.prior),
                "mean_answer": list(self.mean_answer),
                "made": self.made,
                "measures": {
                    name: {"edges": one.edges.tolist(), "by_count": one.by_count.round(3).tolist()}
                    for name, one in self.references.items()
                },
            }
        )

    @classmethod
    def parse(cls, text: bytes | str) -> Self:
        """Read it back; raises UnusableBaselineError."""
        try:
            facts: dict[str, Any] = json.loads(text)
            if facts["format"] != _FORMAT or tuple(facts["counts"]) != CLASSES:
                raise UnusableBaselineError(f"{BASELINE} is of another format or counts in other classes")
            width, height = facts["size"]
            return cls(
                model=str(facts["model"]),
                network_sha256=str(facts["network_sha256"]),
                size=(int(width), int(height)),
                prior=tuple(map(float, facts["prior"])),
                mean_answer=tuple(map(float, facts["mean_answer"])),
                made=str(facts["made"]),
                references={name: _reference(name, one) for name, one in facts["measures"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as cause:
            raise UnusableBaselineError(f"{BASELINE} cannot be used: {cause!r}") from cause


def _reference(name: str, facts: Mapping[str, Any]) -> Reference:
    edges, by_count = np.array(facts["edges"], np.float64), np.array(facts["by_count"], np.float64)
    fits = name in NAMES and edges.ndim == 1 and by_count.shape == (len(CLASSES), len(edges) - 1)
    if not fits or not (np.diff(edges) > 0).all() or not by_count.sum() > 0:
        raise UnusableBaselineError(f"{BASELINE} holds nothing usable of {name}")
    return Reference(edges, by_count)


def read(model: Path, file: Path | None = None) -> Baseline:
    """Read the baseline of a released model (folder or archive), or the one that `file` names for it.

    Raises UnusableBaselineError, also where it belongs to another model.
    """
    try:
        found = _parts(model)
        baseline = Baseline.parse(found[BASELINE] if file is None else file.read_bytes())
        facts, network = json.loads(found[_FACTS]), hashlib.sha256(found[_NETWORK]).hexdigest()
        named = f"{facts['name']}/{facts['version']}"
    except KeyError as cause:
        raise UnusableBaselineError(
            f"{model}: has no {cause}; `python -m training baseline` makes a baseline"
        ) from None
    except (OSError, ValueError, tarfile.TarError) as cause:
        raise UnusableBaselineError(f"{file or model}: {cause}") from cause
    if (baseline.model, baseline.network_sha256) != (named, network):
        raise UnusableBaselineError(
            f"{file or model / BASELINE} is of {baseline.model}, another network than {named} in {model}: make it anew"
        )
    return baseline


def _parts(model: Path) -> dict[str, bytes]:
    wanted = (BASELINE, _FACTS, _NETWORK)
    if model.is_dir():
        return {name: (model / name).read_bytes() for name in wanted if (model / name).is_file()}
    with tarfile.open(model) as archive:
        members = {PurePosixPath(one.name).name: archive.extractfile(one) for one in archive if one.isfile()}
        return {name: part.read() for name, part in members.items() if name in wanted and part}
