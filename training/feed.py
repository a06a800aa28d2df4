"""Batches of photos, each read while the network is busy with the one before, so that the device never waits."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from training.dataset import Photos

Batch = tuple[torch.Tensor, torch.Tensor]
"""Photos uint8 [N,H,W,3] and labels int64 [N] on the device."""


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
    pixels, labels = torch.from_numpy(photos.pixels[in_order]), torch.from_numpy(photos.labels[in_order])
    if device.type == "cuda":
        pixels, labels = pixels.pin_memory(), labels.pin_memory()
    return pixels.to(device, non_blocking=True), labels.to(device, non_blocking=True)
