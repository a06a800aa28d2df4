"""A data folder of drawn bins in the layout of the public bucket, so that nothing downstream knows the difference."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

from training.drawn.bins import draw_bin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from training.drawn.bins import DrawnBin

JPEG_QUALITY = 85
# How often a count occurs among drawn bins: mostly 1 to 5, as the model's task has it.
COUNT_WEIGHTS = (4, 14, 16, 16, 15, 13, 6, 4, 4, 3, 2, 2, 1)


def drawn_counts(n: int, seed: int) -> list[int]:
    """Give `n` counts from 0 to 12; a longer list begins with the same counts."""
    rng = Random(f"counts/{seed}")
    return [rng.choices(range(len(COUNT_WEIGHTS)), COUNT_WEIGHTS)[0] for _ in range(n)]


def write_bins(
    folder: Path,
    counts: Sequence[int],
    seed: int,
    *,
    first_id: int = 1,
    progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Draw one bin for each count into `bin-images/<id>.jpg` and `metadata/<id>.json`; give the ids.

    A photo follows from the seed, its number and its count: a longer run begins with the same photos, and
    `first_id` continues one. `progress` is told how many are done.
    """
    images, metadata = folder / "bin-images", folder / "metadata"
    images.mkdir(parents=True, exist_ok=True)
    metadata.mkdir(parents=True, exist_ok=True)
    ids = []
    for done, count in enumerate(counts, 1):
        number = first_id + done - 1
        bin_id = f"drawn-{number:06d}"
        drawn = _numbered_bin(seed, number, count)
        drawn.image.save(images / f"{bin_id}.jpg", quality=JPEG_QUALITY)
        (metadata / f"{bin_id}.json").write_text(json.dumps(_record(drawn), indent=2) + "\n")
        ids.append(bin_id)
        if progress is not None:
            progress(done)
    return ids


def _numbered_bin(seed: int, number: int, count: int) -> DrawnBin:
    rng = Random(f"photo/{seed}/{number}")
    width = rng.randint(380, 640)
    height = round(width * (rng.uniform(0.64, 0.85) if rng.random() < 0.7 else rng.uniform(0.9, 1.3)))
    return draw_bin(rng.getrandbits(64), count, (width, height))


def _record(drawn: DrawnBin) -> dict[str, object]:
    return {
        "BIN_FCSKU_DATA": {item.asin: item.record() for item in drawn.items},
        "EXPECTED_QUANTITY": drawn.count,
    }
