"""Photos decoded once and kept on disk as one memory-mapped array, so that an epoch never waits for a decoder.

Decoding is the server's own (`training.serving.images.decode`). A cache is named after what went into it
(paths, sizes, times of change, the decoder's code), so a changed folder or decoder gets a new one. No torch here.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.errors import BrokenRecordError
from training.records import Record
from training.serving import images
from training.serving.images import BadImage, decode

Pixels = NDArray[np.uint8]
"""Photos as uint8 [N,H,W,3], or one as [H,W,3]; RGB."""


def decoded(
    records: Sequence[Record], cache: Path, size: tuple[int, int], *, done: Callable[[], None] = lambda: None
) -> Pixels:
    """Decode the records' photos, in their order, as uint8 [N,H,W,3] mapped from a file under `cache`.

    Decodes only where no finished cache of exactly these files exists; an interrupted run leaves none. Calls
    `done` after each photo. Raises BrokenRecordError where a photo cannot be decoded.
    """
    width, height = size
    finished = cache / f"{_fingerprint(records, size)}.npy"
    if not finished.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = finished.with_suffix(f".{os.getpid()}")
        shape = (len(records), height, width, 3)
        array = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)

        def fill(row: int) -> None:
            array[row] = photo_of(records[row], size)
            done()

        with ThreadPoolExecutor() as threads:  # Pillow releases the interpreter lock while it decodes
            for _ in threads.map(fill, range(len(records))):
                pass
        array.flush()
        unfinished.replace(finished)
    mapped: Pixels = np.load(finished, mmap_mode="r")
    return mapped


def photo_of(record: Record, size: tuple[int, int]) -> Pixels:
    """Decode one photo as the server does, uint8 [H,W,3]; raises BrokenRecordError where it cannot."""
    try:
        return decode(record.photo.read_bytes(), size)
    except BadImage as cause:
        raise BrokenRecordError(f"{record.photo}: {cause}") from cause


def _fingerprint(records: Sequence[Record], size: tuple[int, int]) -> str:
    digest = hashlib.sha256(repr(size).encode() + Path(images.__file__).read_bytes())
    for record in records:
        facts = record.photo.stat()
        digest.update(f"{record.photo.resolve()}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]
