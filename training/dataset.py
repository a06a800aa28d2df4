"""The photos of one run, real and drawn, with the part that each plays.

Real bins are split by goods (see `training.split`). Drawn bins are drawn anew for each part, from a seed of its
own, and are kept beside the real ones under names of their own: no figure ever mixes the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.measures import MEASURES, Measures
from training.pixels import Pixels
from training.records import Record, read_folder
from training.split import SHARES, split

_DRAWN_SEED_STEP: Final = 1_000_003
"""Far enough apart that the parts' seeds never meet, whatever the run's own seed."""


@dataclass(frozen=True, slots=True)
class Photos:
    """Pixels uint8 [N,H,W,3], their labels int64 [N], indices into CLASSES, and their goods' measures."""

    pixels: Pixels
    labels: NDArray[np.int64]
    measures: Measures
    drawn: int = 0
    """How many of them, at the end, are drawn."""

    def __len__(self) -> int:
        return len(self.labels)


def labels_of(records: Sequence[Record]) -> NDArray[np.int64]:
    """Collect the records' labels, int64 [N]."""
    return np.array([record.label for record in records], dtype=np.int64)


def measures_of(records: Sequence[Record]) -> Measures:
    """Collect the measures of the records' goods, float32 [N,5]."""
    rows = [record.goods.row() for record in records]
    return np.array(rows, dtype=np.float32).reshape(len(rows), len(MEASURES))


def real_splits(data: Path, seed: int) -> dict[str, list[Record]]:
    """Split the data folder's bins into `real-train`, `real-validation`, `real-calibration`, `real-test`."""
    return {f"real-{name}": part for name, part in split(read_folder(data), seed).items()}


def drawn_seed(seed: int, part: str) -> int:
    """Choose the renderer's seed for one part of a run with this seed."""
    return (seed + 1) * _DRAWN_SEED_STEP + list(SHARES).index(part)


def drawn_splits(folders: Mapping[str, Path]) -> dict[str, list[Record]]:
    """Read drawn bins as `drawn-<part>`, each part read from the folder that it was drawn into."""
    return {f"drawn-{name}": read_folder(folder) for name, folder in folders.items()}
