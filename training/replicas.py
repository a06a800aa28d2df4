"""Several processes that train one network together, as `torchrun` starts them; or one alone, which is the same code.

Knows nothing of photos or losses: who I am, which share of a batch is mine, and how the others hear of things.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, slots=True)
class Replica:
    """One process's place among those that train together, and the device that it computes on."""

    device: torch.device
    rank: int = 0
    of: int = 1
    rank_here: int = 0
    """Its rank among those on the same machine."""

    @property
    def is_first(self) -> bool:
        """Whether it is this one that scores, saves and reports."""
        return self.rank == 0

    def share(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take this replica's part of a step's rows."""
        return rows[self.rank :: self.of]

    @contextmanager
    def first_here_first(self) -> Iterator[None]:
        """Let the first replica of each machine go through the block alone, and the others then find its files."""
        if self.of > 1 and self.rank_here:
            distributed.barrier()
        yield
        if self.of > 1 and not self.rank_here:
            distributed.barrier()

    def synchronised(self, network: nn.Module) -> nn.Module:
        """Wrap the network so that every backward pass averages the gradients over all replicas."""
        if self.of == 1:
            return network
        return DistributedDataParallel(network, device_ids=[self.device] if self.device.type == "cuda" else None)

    def from_first(self, make: Callable[[], Any]) -> Any:
        """Let the first replica make something and give it to all: only its disk is sure to hold a checkpoint."""
        if self.of == 1:
            return make()
        told = [make() if self.is_first else None]
        distributed.broadcast_object_list(told, src=0)
        return told[0]


@contextmanager
def joined(gpus: int, environment: Mapping[str, str] = os.environ) -> Iterator[Replica]:
    """Take this process's place as `torchrun` assigned it (RANK, WORLD_SIZE, LOCAL_RANK); alone without it.

    `gpus` is how many this machine has; 0 trains on the CPU.
    """
    of = int(environment.get("WORLD_SIZE", "1"))
    rank_here = int(environment.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", rank_here) if gpus else torch.device("cpu")
    if gpus:
        torch.cuda.set_device(device)
    if of == 1:
        yield Replica(device)
        return
    distributed.init_process_group("nccl" if gpus else "gloo")
    try:
        yield Replica(device, int(environment["RANK"]), of, rank_here)
    finally:
        distributed.destroy_process_group()
