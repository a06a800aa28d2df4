"""Networks that have learnt already and say, photo by photo, how sure a student should be (Hinton et al., 2015).

A teacher sees just what the student sees, blended and jittered photos included: "a good teacher is patient and
consistent" (Beyer et al., 2022).
"""

from collections.abc import Sequence

import torch
from torch import nn

from training.network import enlarged


class Teachers(nn.Module):
    """Several networks as one: the mean of their probabilities, each asked at the size that it has learnt at."""

    def __init__(self, networks: Sequence[nn.Module], enlarge: Sequence[float] | None = None) -> None:
        """Gather networks that turn normalised [N,3,H,W] into logits [N,C]; they learn no more.

        `enlarge` says for each how much larger than the student's it wants its photos; 1 where nothing is said.
        """
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.enlarge = list(enlarge or [1.0] * len(networks))
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Give probabilities float32 [N,C] for normalised photos [N,3,H,W]."""
        chances = [
            torch.softmax(network(enlarged(pixels, factor)).float(), dim=1)
            for network, factor in zip(self.networks, self.enlarge, strict=True)
        ]
        return torch.stack(chances).mean(dim=0)
