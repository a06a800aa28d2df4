"""What a trial of tuning is on this machine: an ordinary run, in a folder of its own. And what it costs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from training.dataset import real_splits
from training.knobs import Knobs
from training.network import build
from training.progress import Progress
from training.records import CLASSES
from training.replicas import Replica
from training.run import Run, start
from training.train import CHECKPOINT, AfterEpoch, Report

_TIMED_PHOTOS: Final = 16
_TIMED_STEPS: Final = 2

_SCORING: Final = 2 / 3
"""Scoring a photo against training on it: two views forward, against one forward and back (three forward)."""


def trial_of(
    base: Run, *, replica: Replica, threads: int, report: Report, progress: Progress
) -> Callable[[Knobs, Path, AfterEpoch], None]:
    """Make the function that `training.tune.tune` trains with: `base`, with other knobs and in another folder."""

    def train(knobs: Knobs, folder: Path, after_epoch: AfterEpoch) -> None:
        for figures in _history(folder):
            after_epoch(figures)
        run = replace(base, out=folder, knobs=knobs)
        try:
            start(run, replica=replica, threads=threads, report=report, after_epoch=after_epoch, progress=progress)
        except torch.OutOfMemoryError as cause:
            raise MemoryError(str(cause)) from cause

    return train


def _history(folder: Path) -> list[dict[str, float]]:
    checkpoint = folder / CHECKPOINT
    if not checkpoint.exists():
        return []
    history: list[dict[str, float]] = torch.load(checkpoint, map_location="cpu", weights_only=True)["history"]
    return history


@dataclass(frozen=True, slots=True)
class Cost:
    """What one whole trial takes, about."""

    learnt: int
    """Photos in an epoch."""
    scored: int
    """Photos after an epoch."""
    seconds: float


def cost_of(run: Run, device: torch.device, clock: Callable[[], float]) -> Cost:
    """Count a trial's photos and time a few steps on random ones; leaves nothing behind."""
    knobs = run.knobs
    splits = real_splits(run.data, knobs.seed)
    learnt = len(splits["real-train"]) + knobs.drawn
    scored = len(splits["real-validation"]) + (knobs.drawn_held_out if knobs.drawn else 0)
    small = min(knobs.small_epochs, knobs.epochs)
    share = (knobs.small_size / knobs.size) ** 2  # of the work, as of the pixels
    passes = learnt * (knobs.epochs - small + small * share) + scored * knobs.epochs * _SCORING
    return Cost(learnt, scored, passes * _seconds_per_photo(knobs, device, clock))


def _seconds_per_photo(knobs: Knobs, device: torch.device, clock: Callable[[], float]) -> float:
    network = build(knobs.architecture, len(CLASSES), None, pretrained=False)
    network.to(device, memory_format=torch.channels_last)
    photos = torch.rand(_TIMED_PHOTOS, 3, knobs.size, knobs.size, device=device)
    photos = photos.contiguous(memory_format=torch.channels_last)
    labels = torch.zeros(_TIMED_PHOTOS, dtype=torch.long, device=device)

    def step() -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            logits = network(photos)
        F.cross_entropy(logits.float(), labels).backward()
        float(logits[0, 0])  # waits for a GPU

    step()  # the first one compiles and allocates
    began = clock()
    for _ in range(_TIMED_STEPS):
        step()
    return (clock() - began) / (_TIMED_STEPS * _TIMED_PHOTOS)
