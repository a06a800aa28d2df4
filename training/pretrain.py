"""The pretraining loop: photos without truth in, a checkpoint after every epoch out.

    checkpoint.pt   all that changes while the network learns, after the last whole epoch
    history.json    the figures of every epoch

Each photo is seen twice, through different windows and in different lights, and the network learns to find the two
views of one photo among those of all photos of the step (see `training.contrast`). It is built as for counting, with
a projection in place of the last layer, which is thrown away afterwards.

What is true of `train` is true here: everything random in an epoch follows from the seed and the epoch's number, and
a run that was killed goes on from its last checkpoint and ends where it would have ended anyway.
"""

from dataclasses import asdict
from functools import reduce
from operator import add
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from training.augment import Look, viewed
from training.contrast import Numbers, Rows, Signs, contrast, shuffled
from training.dataset import Photos
from training.errors import CollapsedError
from training.feed import batches
from training.knobs import PretrainingKnobs
from training.network import build, head_parameters, normalise, without_head
from training.progress import Progress
from training.train import (
    CHECKPOINT,
    Learner,
    Report,
    fresh_learner,
    half_precision,
    keep,
    learn,
    load_state,
    metric_line,
    reseed,
)

COLLAPSED: Final = 0.1
"""Spread of the embeddings below which they say nothing: two photos' ones have a cosine of 0.99 on the average."""

_HIDDEN: Final = 512
_WIDTH: Final = 128
"""Of the projection: what it has to forget to tell photos apart, the layers before it may keep (Chen et al., 2020)."""


class Projected(nn.Module):
    """Normalised photos [N,3,H,W] to embeddings float32 [N,D] of length 1."""

    def __init__(self, architecture: str, backbone_weights: Path | None, *, pretrained: bool = True) -> None:
        """Build the network as `training.network.build` does, and continue its last layer to a projection."""
        super().__init__()
        self.network = build(architecture, _HIDDEN, backbone_weights, pretrained=pretrained)
        self.projection = nn.Sequential(nn.BatchNorm1d(_HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _WIDTH))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Embed."""
        return F.normalize(self.projection(self.network(pixels)).float(), dim=1)

    def fresh_parameters(self) -> list[nn.Parameter]:
        """Give what starts from nothing, and learns at a rate of its own."""
        return [*head_parameters(self.network), *self.projection.parameters()]

    def backbone(self) -> dict[str, torch.Tensor]:
        """Give the state dict that `train` starts from: all but what was made for the pretraining."""
        return without_head(self.network, self.network.state_dict())


def pretrain(  # noqa: PLR0913 - a run is defined by these
    network: Projected,
    photos: Photos,
    numbers: Numbers,
    knobs: PretrainingKnobs,
    run: Path,
    *,
    device: torch.device,
    report: Report,
    progress: Progress,
) -> Learner:
    """Teach the network to tell the photos apart; leaves a checkpoint in `run` after every epoch, and goes on from one.

    Raises CollapsedError at the end of an epoch in which it has lost that; the checkpoint before stays.

    Args:
        network: its backbone pretrained or not.
        photos: what it learns from; neither their labels nor their measures are looked at.
        numbers: by which photos know their neighbours (see `training.contrast.numbered`).
        knobs: everything else that decides the outcome.
        run: folder of the checkpoint and the figures.
        device: where it computes.
        report: receives one metric line per epoch.
        progress: opens a progress bar for each epoch.

    """
    network = network.to(device, memory_format=torch.channels_last)
    learner = fresh_learner(network, knobs, _steps(photos, knobs) * knobs.epochs, network.fresh_parameters())
    checkpoint = load_state(run / CHECKPOINT)
    if checkpoint is not None:
        learner.restore(checkpoint)
    while learner.epoch < knobs.epochs:
        figures = _one_epoch(learner, photos, numbers, knobs, device, progress)
        _refuse_collapse(figures, learner.epoch + 1)
        learner.epoch += 1
        learner.history.append({"epoch": learner.epoch, **figures})
        keep(learner, asdict(knobs), run)
        report(metric_line(learner.history[-1]))
    return learner


def _one_epoch(  # noqa: PLR0913, PLR0917 - what learns from what, how and where
    learner: Learner,
    photos: Photos,
    numbers: Numbers,
    knobs: PretrainingKnobs,
    device: torch.device,
    progress: Progress,
) -> dict[str, float]:
    generator = torch.Generator()
    reseed(generator, knobs.seed, learner.epoch, rank=0)
    rows = _rows(photos, numbers, knobs, learner.epoch)
    look = Look(least_area=knobs.least_area)
    learner.network.train()
    losses, signs = [], []
    with progress(len(rows), f"epoch {learner.epoch + 1} of {knobs.epochs}") as done:
        for (images, _, _), wanted in zip(batches(photos, rows, device), rows, strict=True):
            pixels = images.permute(0, 3, 1, 2).float()
            views = torch.cat([viewed(pixels, knobs.view_size, look, generator) for _ in range(2)])
            with half_precision(device):
                embeddings = learner.network(normalise(views).contiguous(memory_format=torch.channels_last))
            losses.append(learn(learner, contrast(embeddings, knobs.temperature)))
            signs.append(Signs.of(embeddings, torch.from_numpy(numbers[wanted]).to(device)))
            done()
    return {"pretrain_loss": float(torch.stack(losses).mean()), **reduce(add, signs).figures()}


def _rows(photos: Photos, numbers: Numbers, knobs: PretrainingKnobs, epoch: int) -> list[Rows]:
    """Deal the photos out to an epoch's steps, each step's in their own order, in which they are read."""
    dice = np.random.default_rng([knobs.seed, epoch])
    order = shuffled(numbers, neighbours_together=knobs.neighbours_together, dice=dice)
    return [np.sort(part) for part in np.array_split(order, _steps(photos, knobs))]


def _steps(photos: Photos, knobs: PretrainingKnobs) -> int:
    """Count an epoch's steps; what is left over is spread over them, so that every photo is seen."""
    return max(len(photos) // knobs.batch_size, 1)


def _refuse_collapse(figures: dict[str, float], epoch: int) -> None:
    alive = figures["spread"] >= COLLAPSED and np.isfinite(figures["pretrain_loss"])
    if not alive:
        raise CollapsedError(
            f"collapsed in epoch {epoch}: all photos look alike to the network (spread {figures['spread']:.3f}, below "
            f"{COLLAPSED}; loss {figures['pretrain_loss']:.3f}). Try a lower --learning-rate, in another folder"
        )
