"""Networks that have learnt already and say, photo by photo, how sure a student should be (Hinton et al., 2015).

A teacher sees just what the student sees, blended and jittered photos included: "a good teacher is patient and
consistent" (Beyer et al., 2022).
"""

from collections.abc import Sequence

import torch
from torch import nn


class Teachers(nn.Module):
    """Several networks as one: the mean of their probabilities."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        """Gather networks that turn normalised [N,3,H,W] into logits [N,C]; they learn no more."""
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Give probabilities float32 [N,C] for normalised photos [N,3,H,W]."""
        chances = [torch.softmax(network(pixels).float(), dim=1) for network in self.networks]
        return torch.stack(chances).mean(dim=0)
