"""How fast a training step goes, and how much of that the photos cost.

Times whole steps twice in one run: on photos as training reads them (from the memory-mapped cache, one batch ahead,
augmented), and on tensors that already lie on the device. What the ratio lacks to 1, the device waits for photos.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Final

import numpy as np
import torch

from training.dataset import Photos
from training.feed import batches
from training.knobs import Knobs
from training.train import Learner, Prepared, Step, fresh_learner, learn

ABID_PHOTOS: Final = 325_000
"""As many photos of the data set as the largest published run learnt from."""

_WARM_UP: Final = 3
"""Steps before the clock runs: kernels are chosen, memory is taken."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Photos a second."""

    from_photos: float
    from_tensors: float

    @property
    def share(self) -> float:
        """Give what the photos leave of the device's own speed."""
        return self.from_photos / self.from_tensors

    @property
    def minutes_per_abid_epoch(self) -> float:
        """Extrapolate to one pass over ABID_PHOTOS."""
        return ABID_PHOTOS / self.from_photos / 60


def throughput(  # noqa: PLR0913 - what is timed, where, how long and by what
    network: torch.nn.Module,
    photos: Photos,
    knobs: Knobs,
    *,
    device: torch.device,
    steps: int,
    clock: Callable[[], float],
) -> Throughput:
    """Time so many steps of training this network on these photos, and as many on one batch already in place."""
    network = network.to(device, memory_format=torch.channels_last).train()
    learner = fresh_learner(network, knobs, 2 * (steps + _WARM_UP))
    step = Step(network, None, knobs)
    generator = torch.Generator().manual_seed(knobs.seed)
    prepared = (step.prepared(batch, knobs.size, generator) for batch in batches(photos, _rows(photos, knobs), device))
    in_place = next(prepared)

    def photos_per_second(input_: Iterable[Prepared]) -> float:
        return steps * knobs.batch_size / _seconds(learner, step, input_, steps, clock)

    return Throughput(from_photos=photos_per_second(prepared), from_tensors=photos_per_second(repeat(in_place)))


def _rows(photos: Photos, knobs: Knobs) -> Iterator[np.ndarray]:
    dice = np.random.default_rng(knobs.seed)
    while True:
        yield dice.integers(len(photos), size=knobs.batch_size)


def _seconds(
    learner: Learner, step: Step, prepared: Iterable[Prepared], steps: int, clock: Callable[[], float]
) -> float:
    input_ = iter(prepared)
    _take(learner, step, input_, _WARM_UP)
    began = clock()
    _take(learner, step, input_, steps)
    return clock() - began


def _take(learner: Learner, step: Step, input_: Iterator[Prepared], steps: int) -> None:
    losses = [learn(learner, step.loss(*tensors)) for tensors in islice(input_, steps)]
    float(losses[-1])  # waits until a GPU is done
