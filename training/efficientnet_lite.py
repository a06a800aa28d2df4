"""EfficientNet-Lite: EfficientNets without what phones and CPUs calculate slowly (squeeze-and-excitation, swish).

After Tan and Le, 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", in the Lite form
that Google published in 2020: stem and head are not scaled, nor are the first and the last stage repeated.
torchvision has the others only. The names of the parameters are those of the published PyTorch weights.
"""

import math
from typing import Final

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

SCALES: Final = {
    "efficientnet_lite0": (1.0, 1.0),
    "efficientnet_lite1": (1.0, 1.1),
    "efficientnet_lite2": (1.1, 1.2),
}
"""How much wider and how much deeper than the smallest each one is."""

_STAGES: Final = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
"""Expansion, kernel, stride, channels out and blocks of each stage, unscaled."""
_STEM: Final = 32
_HEAD: Final = 1280
_EPSILON: Final = 1e-3
"""Of every norm: TensorFlow's, with which the weights were trained."""


class SamePaddedConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow pads: what can't be shared out evenly goes to the right and the bottom."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch's name
        """Turn [N,C,H,W] into [N,C',ceil(H/stride),ceil(W/stride)]."""
        stride, kernel = self.stride[0], self.kernel_size[0]
        height, width = (max((math.ceil(side / stride) - 1) * stride + kernel - side, 0) for side in input.shape[-2:])
        padded = F.pad(input, (width // 2, width - width // 2, height // 2, height - height // 2))
        return super().forward(padded)


class Block(nn.Module):
    """Widened, looked at place by place, narrowed again; what came in is added where the shapes allow."""

    def __init__(self, channels_in: int, channels_out: int, expansion: int, kernel: int, stride: int) -> None:
        """Make a block [N,channels_in,H,W] -> [N,channels_out,ceil(H/stride),ceil(W/stride)]."""
        super().__init__()
        wide = channels_in * expansion
        self.expands = expansion != 1
        self.adds = stride == 1 and channels_in == channels_out
        if self.expands:
            self._expand_conv = nn.Conv2d(channels_in, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=_EPSILON)
        self._depthwise_conv = SamePaddedConv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=_EPSILON)
        self._project_conv = nn.Conv2d(wide, channels_out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(channels_out, eps=_EPSILON)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add what the convolutions find to what came in."""
        found = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        found = F.relu6(self._bn1(self._depthwise_conv(found)))
        found = self._bn2(self._project_conv(found))
        return x + found if self.adds else found


class EfficientNetLite(nn.Module):
    """Normalised photos [N,3,H,W] to logits [N,classes], through the mean over all places."""

    def __init__(self, name: str, classes: int, dropout: float = 0.2) -> None:
        """Make one of SCALES with random weights."""
        super().__init__()
        width, depth = SCALES[name]
        self._conv_stem = SamePaddedConv2d(3, _STEM, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(_STEM, eps=_EPSILON)
        blocks: list[Block] = []
        channels = _STEM
        for number, (expansion, kernel, stride, out, repeats) in enumerate(_STAGES):
            scaled = _in_eights(out * width)
            once = number in {0, len(_STAGES) - 1}
            for block in range(repeats if once else math.ceil(repeats * depth)):
                blocks.append(Block(channels, scaled, expansion, kernel, stride if block == 0 else 1))
                channels = scaled
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = nn.Conv2d(channels, _HEAD, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(_HEAD, eps=_EPSILON)
        self._dropout = nn.Dropout(dropout)
        self._fc = nn.Linear(_HEAD, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Count."""
        x = self._blocks(F.relu6(self._bn0(self._conv_stem(x))))
        places = F.relu6(self._bn1(self._conv_head(x)))
        return self._fc(self._dropout(places.mean(dim=(2, 3))))


def _in_eights(channels: float) -> int:
    """Round to a multiple of eight, down by a tenth at most."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8
