"""The training loop: photos and knobs in, a checkpoint after every epoch out.

    checkpoint.pt   all that changes while the network learns, after the last whole epoch
    best.pt         the averaged weights of the epoch whose validation loss (`val_all_loss`) was lowest
    history.json    the figures of every epoch

The loop does not know the network, and everything random in an epoch follows from the seed, the epoch's number and
the replica's: a run that was killed goes on from its last checkpoint and ends where it would have ended anyway.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.augment import Jitter, blended, jittered, resized, softened
from training.dataset import Photos
from training.errors import BadKnobsError
from training.feed import Batch, batches
from training.knobs import Knobs, PretrainingKnobs
from training.losses import loss_of, measuring_loss
from training.network import Viewing, Views, head_parameters, normalise, without_extra_outputs
from training.progress import Progress, silent
from training.records import CLASSES
from training.replicas import Replica
from training.scores import Protocol, score
from training.teachers import Teachers

Report = Callable[[str], None]
"""Takes one metric line."""

AfterEpoch = Callable[[dict[str, float]], None]
"""Hears an epoch's figures once its checkpoint is safe; what it raises ends the run, which can be resumed."""

CHECKPOINT: Final = "checkpoint.pt"
BEST: Final = "best.pt"
HISTORY: Final = "history.json"


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

    def state(self, knobs: Mapping[str, Any]) -> dict[str, Any]:
        """Give a checkpoint: weights, the optimiser's memory, the knobs as plain values and the figures so far."""
        return {
            "knobs": dict(knobs),
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
    replica: Replica,
    report: Report,
    teachers: Teachers | None = None,
    after_epoch: AfterEpoch = lambda _: None,
    progress: Progress = silent,
) -> Learner:
    """Fine-tune the whole network; leaves a checkpoint in `run` after every epoch, and goes on from one.

    Raises BadKnobsError where the first epochs should see drawn bins only and there are none.

    Args:
        network: pretrained; takes normalised [N,3,H,W], gives len(CLASSES) logits, and after them a guess at each of
            the measures where `knobs.measures` gives them a weight.
        photos: what it learns from.
        held_out: sets by name on which the averaged weights are scored after each epoch.
        knobs: everything else that decides the outcome.
        run: folder of the checkpoint, the best weights and the figures.
        replica: this process's place among those that train together.
        report: receives one metric line per epoch.
        teachers: what gives `knobs.teaching` of every target, if anything.
        after_epoch: receives the same figures as numbers.
        progress: opens a progress bar for each epoch.

    """
    if knobs.drawn_epochs and not photos.drawn:
        raise BadKnobsError(f"{knobs.drawn_epochs} epochs should see drawn bins only, but there are none")
    network = network.to(replica.device, memory_format=torch.channels_last)
    step = Step(replica.synchronised(network), teachers.to(replica.device) if teachers else None, knobs)
    learner = fresh_learner(network, knobs, sum(_steps(photos, knobs, epoch) for epoch in range(knobs.epochs)))
    checkpoint = replica.from_first(lambda: load_state(run / CHECKPOINT))
    if checkpoint is not None:
        learner.restore(checkpoint)
    while learner.epoch < knobs.epochs:
        loss = _one_epoch(learner, step, photos, replica, progress)
        learner.epoch += 1
        if replica.is_first:
            scored = _figures(learner, held_out, replica.device, knobs.enlarge)
            figures = {"epoch": learner.epoch, "train_loss": loss, **scored}
            learner.history.append(figures)
            _save(learner, knobs, run)
            report(metric_line(figures))
            after_epoch(figures)
    return learner


def best_epoch(history: Sequence[dict[str, float]]) -> int:
    """Find the epoch, counted from 1, with the lowest validation loss; the last one where nothing was validated."""
    if "val_all_loss" not in history[-1]:
        return len(history)
    return min(range(len(history)), key=lambda epoch: history[epoch]["val_all_loss"]) + 1


def metric_line(figures: dict[str, float]) -> str:
    """Write figures as `epoch=3 train_loss=1.2345 …`, which SageMaker's regular expressions read."""
    return " ".join(
        f"{name}={value:.4f}" if isinstance(value, float) else f"{name}={value}" for name, value in figures.items()
    )


def fresh_learner(
    network: nn.Module, knobs: Knobs | PretrainingKnobs, steps: int, head: Sequence[nn.Parameter] | None = None
) -> Learner:
    """Make everything that changes in a run of so many steps, at its beginning.

    `head` are the parameters that start from nothing: the last linear layer's where nothing is said.
    """
    head = head_parameters(network) if head is None else list(head)
    head_ids = {id(parameter) for parameter in head}
    backbone = [parameter for parameter in network.parameters() if id(parameter) not in head_ids]
    optimizer = torch.optim.AdamW(
        [{"params": backbone}, {"params": head}], lr=knobs.learning_rate, weight_decay=knobs.weight_decay
    )
    schedule = OneCycleLR(
        optimizer,
        max_lr=[knobs.learning_rate, knobs.head_learning_rate],
        total_steps=steps + 1,  # torch takes the first step at construction
        pct_start=max(knobs.warm_up, 2 / (steps + 1)),  # a tiny run climbs as well: torch divides by the climb's steps
    )
    # Batch norm's statistics are averaged along: they belong to the weights that they were measured with.
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(knobs.ema_decay), use_buffers=True)
    return Learner(network, averaged, optimizer, schedule, epoch=0, history=[])


Prepared = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Normalised photos [N,3,size,size], target distributions [N,C] and measures [N,M], NaN where unknown."""


@dataclass(frozen=True, slots=True)
class Step:
    """How one step comes from photos to a loss."""

    network: nn.Module
    """Shares its weights with the learner's network, and its gradients with the other replicas."""
    teachers: Teachers | None
    knobs: Knobs

    def prepared(self, batch: Batch, size: int, generator: torch.Generator) -> Prepared:
        """Augment the batch's photos at size x size, enlarged by the knobs, blend them, and soften their targets."""
        images, labels, measures = batch
        targets = softened(labels, len(CLASSES), self.knobs.neighbours, self.knobs.label_smoothing)
        side = round(size * self.knobs.enlarge)
        pixels = jittered(resized(images.permute(0, 3, 1, 2).float(), side), Jitter(), generator)
        together = torch.cat([targets, measures], dim=1)
        pixels, together = blended(pixels, together, self.knobs.mixup, self.knobs.cutmix, generator)
        targets, measures = together.split([len(CLASSES), measures.shape[1]], dim=1)
        return normalise(pixels).contiguous(memory_format=torch.channels_last), targets, measures

    def loss(self, pixels: torch.Tensor, targets: torch.Tensor, measures: torch.Tensor) -> torch.Tensor:
        """Ask the network for the photos, and say how wrong it was."""
        with half_precision(pixels.device):
            outputs = self.network(pixels).float()
            targets = targets if self.teachers is None else self._taught(pixels, targets)
        logits, guesses = outputs.split([len(CLASSES), outputs.shape[1] - len(CLASSES)], dim=1)
        counting = loss_of(self.knobs.loss, logits, targets)
        return counting + self.knobs.measures * measuring_loss(guesses, measures) if self.knobs.measures else counting

    def _taught(self, pixels: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        assert self.teachers is not None  # noqa: S101 - asked by loss
        with torch.no_grad():
            return targets.lerp(self.teachers(pixels), self.knobs.teaching)


def _one_epoch(learner: Learner, step: Step, photos: Photos, replica: Replica, progress: Progress) -> float:
    knobs = step.knobs
    generator = torch.Generator().manual_seed(_epoch_seed(knobs.seed, learner.epoch))
    order = torch.randperm(_rows(photos, knobs, learner.epoch), generator=generator).numpy()
    order = len(photos) - 1 - order  # the drawn ones are the last
    reseed(generator, knobs.seed, learner.epoch, replica.rank)
    size = knobs.small_size if learner.epoch < knobs.small_epochs else photos.pixels.shape[1]
    learner.network.train()
    losses = []
    rows = [replica.share(part) for part in np.array_split(order, _steps(photos, knobs, learner.epoch))]
    with progress(len(rows), f"epoch {learner.epoch + 1} of {knobs.epochs}") as done:
        for batch in batches(photos, rows, replica.device):
            losses.append(learn(learner, step.loss(*step.prepared(batch, size, generator))))
            done()
    return float(torch.stack(losses).mean())


def learn(learner: Learner, loss: torch.Tensor) -> torch.Tensor:
    """Take one step down the loss; gives it back as a number on the device, so that nobody has to wait for it."""
    learner.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    learner.optimizer.step()
    learner.schedule.step()
    learner.averaged.update_parameters(learner.network)
    return loss.detach()


def _rows(photos: Photos, knobs: Knobs, epoch: int) -> int:
    """Count the photos that take part in an epoch, from the end of all."""
    return photos.drawn if epoch < knobs.drawn_epochs else len(photos)


def _steps(photos: Photos, knobs: Knobs, epoch: int) -> int:
    """Count an epoch's steps; what is left over is spread over them, so that every photo is seen."""
    return max(_rows(photos, knobs, epoch) // knobs.batch_size, 1)


def _figures(learner: Learner, held_out: dict[str, Photos], device: torch.device, enlarge: float) -> dict[str, float]:
    figures: dict[str, float] = {}
    network = learner.averaged.module
    for name, photos in held_out.items():
        logits = logits_of(network, photos, device, enlarge=enlarge, fast=True)
        probabilities = torch.softmax(logits, dim=1).numpy()
        seed, everything = (score(probabilities, photos.labels, protocol) for protocol in (Protocol.SEED, Protocol.ALL))
        figures |= {
            f"{name}_accuracy": seed.accuracy,
            f"{name}_loss": seed.loss,
            f"{name}_rmse": seed.rmse,
            f"{name}_all_accuracy": everything.accuracy,
            f"{name}_all_loss": everything.loss,
        }
    return figures


def logits_of(  # noqa: PLR0913 - who is asked about what, and how
    network: nn.Module,
    photos: Photos,
    device: torch.device,
    *,
    enlarge: float = 1.0,
    fast: bool = False,
    batch_size: int = 64,
) -> torch.Tensor:
    """Ask for logits float32 [N,classes] of the photos, averaged over the two views; in half precision where `fast`."""
    asked = Views(network.eval(), Viewing(enlarge))
    parts = [torch.empty(0, len(CLASSES))]
    with torch.inference_mode(), half_precision(device, enabled=fast):
        for start in range(0, len(photos), batch_size):
            images = _tensor(photos.pixels[start : start + batch_size]).to(device)
            parts.append(asked(images)[:, : len(CLASSES)].float().cpu())
    return torch.cat(parts)


def half_precision(device: torch.device, *, enabled: bool = True) -> AbstractContextManager[Any]:
    """Let the device calculate in bfloat16 where that loses nothing."""
    # bf16 keeps fp32's range, so it needs no loss scaling, and CPUs with AMX run it at twice the speed.
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array))  # a copy: the map on disk is read-only


def _epoch_seed(seed: int, epoch: int) -> int:
    return seed * 1_000_003 + epoch


def reseed(generator: torch.Generator, seed: int, epoch: int, rank: int) -> None:
    """From here on each replica draws for itself; dropout draws from the global generator."""
    own = _epoch_seed(seed, epoch) + rank * 7_368_787
    generator.manual_seed(own)
    torch.manual_seed(own)


def load_state(checkpoint: Path) -> dict[str, Any] | None:
    """Read what `write_state` has left; None where there is nothing."""
    if not checkpoint.exists():
        return None
    state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return state


def _save(learner: Learner, knobs: Knobs, run: Path) -> None:
    """Leave the checkpoint last: a kill in between then repeats an epoch, and ends with the same files."""
    if best_epoch(learner.history) == learner.epoch:
        weights = learner.averaged.module.state_dict()
        write_state(without_extra_outputs(learner.network, weights, len(CLASSES)), run / BEST)
    keep(learner, asdict(knobs) | {"loss": str(knobs.loss)}, run)


def keep(learner: Learner, knobs: Mapping[str, Any], run: Path) -> None:
    """Leave the figures and then the checkpoint in the run's folder, each whole or not at all."""
    unfinished = (run / HISTORY).with_suffix(".unfinished")
    unfinished.write_text(json.dumps(learner.history, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(run / HISTORY)
    write_state(learner.state(knobs), run / CHECKPOINT)


def write_state(state: dict[str, Any], file: Path) -> None:
    """Save tensors and plain values so that the file is whole or not there at all."""
    unfinished = file.with_suffix(".unfinished")
    torch.save(state, unfinished)
    unfinished.replace(file)
