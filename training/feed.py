"""Batches of photos, each read while the network is busy with the one before, so that the device never waits."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from training.dataset import Photos

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Photos uint8 [N,H,W,3], labels int64 [N] and measures float32 [N,4] on the device."""


def batches(photos: Photos, rows: Iterable[NDArray[np.int64]], device: torch.device) -> Iterator[Batch]:
    """Give one batch for each set of rows, in order, always reading one ahead."""
    with ThreadPoolExecutor(1) as reader:
        ahead = None
        for wanted in rows:
            current, ahead = ahead, reader.submit(_read, photos, wanted, device)
            if current is not None:
                yield current.result()
        if ahead is not None:
            yield ahead.result()


def _read(photos: Photos, rows: NDArray[np.int64], device: torch.device) -> Batch:
    in_order = np.sort(rows)  # the disk likes order
    parts = [torch.from_numpy(part[in_order]) for part in (photos.pixels, photos.labels, photos.measures)]
    if device.type == "cuda":
        parts = [part.pin_memory() for part in parts]
    pixels, labels, measures = (part.to(device, non_blocking=True) for part in parts)
    return pixels, labels, measures
