"""The first three stages of a pre-activation ResNet-50.

After He et al., 2016, "Identity Mappings in Deep Residual Networks". Ends at 1024 channels and a stride of 16: a
photo of 224 px leaves 14 x 14 places to count at, four times as many as a whole ResNet-50, at a third of its weights.
torchvision has no pre-activation ResNet. The names of the parameters are those of the published gluon weights.
"""

from typing import Final

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

_STAGES: Final = ((64, 256, 3, 1), (256, 512, 4, 2), (512, 1024, 6, 2))
"""Channels in, channels out, blocks and stride of each stage."""


class Bottleneck(nn.Module):
    """Three times norm, relu, convolution, around which the input passes untouched."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        """Make a block [N,channels_in,H,W] -> [N,channels_out,H/stride,W/stride]."""
        super().__init__()
        middle = channels_out // 4
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, middle, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(middle)
        self.conv3 = nn.Conv2d(middle, channels_out, 1, bias=False)
        changes_shape = stride != 1 or channels_in != channels_out
        self.downsample = nn.Conv2d(channels_in, channels_out, 1, stride, bias=False) if changes_shape else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add what the convolutions find to what came in."""
        active = F.relu(self.bn1(x))
        around = x if self.downsample is None else self.downsample(active)
        found = self.conv2(F.relu(self.bn2(self.conv1(active))))
        return around + self.conv3(F.relu(self.bn3(found)))


class ResNet50V2Stage3(nn.Module):
    """Normalised photos [N,3,H,W] to logits [N,classes], through the mean over all places."""

    def __init__(self, classes: int, dropout: float = 0.2) -> None:
        """Make the network with random weights."""
        super().__init__()
        self.bn0 = nn.BatchNorm2d(3)
        self.conv0 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.stage1, self.stage2, self.stage3 = (_stage(*shape) for shape in _STAGES)
        self.bn_out = nn.BatchNorm2d(_STAGES[-1][1])
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(_STAGES[-1][1], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Count."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv0(self.bn0(x)))), 3, 2, padding=1)
        x = self.stage3(self.stage2(self.stage1(x)))
        places = F.relu(self.bn_out(x))
        return self.fc(self.dropout(places.mean(dim=(2, 3))))


def _stage(channels_in: int, channels_out: int, blocks: int, stride: int) -> nn.Sequential:
    first = Bottleneck(channels_in, channels_out, stride)
    return nn.Sequential(first, *(Bottleneck(channels_out, channels_out, 1) for _ in range(blocks - 1)))
