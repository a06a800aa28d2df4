"""The training loop: photos and knobs in, a checkpoint after every epoch out.

The loop does not know the network, and everything random in an epoch follows from the seed and the epoch's
number: a run that was killed goes on from its last checkpoint and ends where it would have ended anyway.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.augment import Jitter, jittered, mixed_up, resized, softened
from training.dataset import Photos
from training.knobs import Knobs
from training.network import TwoViews, head_parameters, normalise
from training.progress import Progress, silent
from training.records import CLASSES
from training.scores import Protocol, score

Report = Callable[[str], None]
"""Takes one metric line."""


@dataclass(slots=True)
class Learner:
    """All that changes while a network learns, which is also all that a checkpoint has to hold."""

    network: nn.Module
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer
    schedule: OneCycleLR
    epoch: int
    """How many epochs are behind it."""
    history: list[dict[str, float]]

    def state(self, knobs: Knobs) -> dict[str, Any]:
        """Give a checkpoint: weights, the optimiser's memory, the knobs and the figures so far."""
        return {
            "knobs": asdict(knobs),
            "epoch": self.epoch,
            "history": self.history,
            "network": self.network.state_dict(),
            "averaged": self.averaged.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "averaged_steps": self.averaged.n_averaged,
        }

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.network.load_state_dict(checkpoint["network"])
        self.averaged.module.load_state_dict(checkpoint["averaged"])
        self.averaged.n_averaged.copy_(checkpoint["averaged_steps"])
        self.optimizer.load_state_dict(checkpoint["optimizer"])
        self.schedule.load_state_dict(checkpoint["schedule"])
        self.epoch = checkpoint["epoch"]
        self.history = checkpoint["history"]


def train(  # noqa: PLR0913 - a run is defined by these
    network: nn.Module,
    photos: Photos,
    held_out: dict[str, Photos],
    knobs: Knobs,
    run: Path,
    *,
    device: torch.device,
    report: Report,
    progress: Progress = silent,
) -> Learner:
    """Fine-tune the whole network; leaves `run/checkpoint.pt` after every epoch, and goes on from one.

    Args:
        network: pretrained, with a head of len(CLASSES); takes normalised [N,3,H,W].
        photos: what it learns from.
        held_out: sets by name on which the averaged weights are scored after each epoch.
        knobs: everything else that decides the outcome.
        run: folder of the checkpoint.
        device: where to compute.
        report: receives one metric line per epoch.
        progress: opens a progress bar for each epoch.

    """
    network = network.to(device, memory_format=torch.channels_last)
    learner = _fresh_learner(network, knobs, steps_per_epoch=_whole_batches(photos, knobs))
    checkpoint = run / "checkpoint.pt"
    if checkpoint.exists():
        learner.restore(torch.load(checkpoint, map_location=device, weights_only=True))
    while learner.epoch < knobs.epochs:
        loss = _one_epoch(learner, photos, knobs, device, progress)
        learner.epoch += 1
        figures = {"epoch": learner.epoch, "train_loss": loss, **_figures(learner, held_out, device)}
        learner.history.append(figures)
        _save(learner.state(knobs), checkpoint)
        report(metric_line(figures))
    return learner


def metric_line(figures: dict[str, float]) -> str:
    """Write figures as `epoch=3 train_loss=1.2345 …`, which SageMaker's regular expressions read."""
    return " ".join(
        f"{name}={value:.4f}" if isinstance(value, float) else f"{name}={value}" for name, value in figures.items()
    )


def _fresh_learner(network: nn.Module, knobs: Knobs, steps_per_epoch: int) -> Learner:
    head = head_parameters(network)
    head_ids = {id(parameter) for parameter in head}
    backbone = [parameter for parameter in network.parameters() if id(parameter) not in head_ids]
    optimizer = torch.optim.AdamW(
        [{"params": backbone}, {"params": head}], lr=knobs.learning_rate, weight_decay=knobs.weight_decay
    )
    schedule = OneCycleLR(
        optimizer,
        max_lr=[knobs.learning_rate, knobs.head_learning_rate],
        total_steps=steps_per_epoch * knobs.epochs + 1,  # torch takes the first step at construction
        pct_start=knobs.warm_up,
    )
    # Batch norm's statistics are averaged along: they belong to the weights that they were measured with.
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(knobs.ema_decay), use_buffers=True)
    return Learner(network, averaged, optimizer, schedule, epoch=0, history=[])


def _one_epoch(
    learner: Learner,
    photos: Photos,
    knobs: Knobs,
    device: torch.device,
    progress: Progress,
) -> float:
    generator = torch.Generator().manual_seed(_epoch_seed(knobs.seed, learner.epoch))
    torch.manual_seed(_epoch_seed(knobs.seed, learner.epoch))  # dropout draws from the global generator
    order = torch.randperm(len(photos), generator=generator).numpy()
    size = knobs.small_size if learner.epoch < knobs.small_epochs else photos.pixels.shape[1]
    learner.network.train()
    losses = []
    batches = np.array_split(order, _whole_batches(photos, knobs))
    with progress(len(batches), f"epoch {learner.epoch + 1} of {knobs.epochs}") as done:
        for batch in batches:
            rows = np.sort(batch)  # the disk likes order
            pixels, targets = _tensor(photos.pixels[rows]).to(device), _tensor(photos.labels[rows]).to(device)
            losses.append(_one_step(learner, *_augmented(pixels, targets, size, knobs, generator), device))
            done()
    return float(np.mean(losses))


def _whole_batches(photos: Photos, knobs: Knobs) -> int:
    """Count an epoch's steps; what is left over is spread over them, so that every photo is seen."""
    return max(len(photos) // knobs.batch_size, 1)


def _augmented(
    images: torch.Tensor, labels: torch.Tensor, size: int, knobs: Knobs, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn photos uint8 [N,H,W,3] and labels [N] into input [N,3,size,size] and targets [N,classes] of one step."""
    targets = softened(labels, len(CLASSES), knobs.neighbours)
    pixels = resized(jittered(images.permute(0, 3, 1, 2).float(), Jitter(), generator), size)
    pixels, targets = mixed_up(pixels, targets, knobs.mixup, generator)
    return normalise(pixels), targets


def _one_step(learner: Learner, pixels: torch.Tensor, targets: torch.Tensor, device: torch.device) -> float:
    with _half_precision(device):
        logits = learner.network(pixels.contiguous(memory_format=torch.channels_last))
    loss = F.cross_entropy(logits.float(), targets)
    learner.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    learner.optimizer.step()
    learner.schedule.step()
    learner.averaged.update_parameters(learner.network)
    return float(loss.detach())


def _figures(learner: Learner, held_out: dict[str, Photos], device: torch.device) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, photos in held_out.items():
        probabilities = torch.softmax(logits_of(learner.averaged.module, photos, device, fast=True), dim=1).numpy()
        seed, everything = (score(probabilities, photos.labels, protocol) for protocol in (Protocol.SEED, Protocol.ALL))
        figures |= {
            f"{name}_accuracy": seed.accuracy,
            f"{name}_loss": seed.loss,
            f"{name}_rmse": seed.rmse,
            f"{name}_all_accuracy": everything.accuracy,
            f"{name}_all_loss": everything.loss,
        }
    return figures


def logits_of(
    network: nn.Module, photos: Photos, device: torch.device, *, fast: bool = False, batch_size: int = 64
) -> torch.Tensor:
    """Ask for logits float32 [N,classes] of the photos, averaged over the two views; in half precision where `fast`."""
    asked = TwoViews(network.eval())
    parts = [torch.empty(0, len(CLASSES))]
    with torch.inference_mode(), _half_precision(device, enabled=fast):
        for start in range(0, len(photos), batch_size):
            images = _tensor(photos.pixels[start : start + batch_size]).to(device)
            parts.append(asked(images).float().cpu())
    return torch.cat(parts)


def _half_precision(device: torch.device, *, enabled: bool = True) -> AbstractContextManager[Any]:
    # bf16 keeps fp32's range, so it needs no loss scaling, and CPUs with AMX run it at twice the speed.
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array))  # a copy: the map on disk is read-only


def _epoch_seed(seed: int, epoch: int) -> int:
    return seed * 1_000_003 + epoch


def _save(state: dict[str, Any], checkpoint: Path) -> None:
    unfinished = checkpoint.with_suffix(".unfinished")
    torch.save(state, unfinished)
    unfinished.replace(checkpoint)  # a kill in between leaves the last checkpoint whole
    (checkpoint.parent / "history.json").write_text(json.dumps(state["history"], indent=1) + "\n", encoding="utf-8")
