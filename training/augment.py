"""What a training batch goes through on its way to the network, as tensor operations on the whole batch.

Nothing here may change how many goods the photo shows: the frame is moved and stretched a little, light and
colour vary, but nothing is cropped away on purpose and nothing is turned upside down (goods lie on the floor
of a bin). `viewed` alone cuts windows: for pretraining, where photos are told apart and not counted. All randomness
comes from the given generator, so that a resumed run draws what the uninterrupted one would have drawn.
"""

from dataclasses import dataclass, field

import torch
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by


@dataclass(frozen=True, slots=True)
class Jitter:
    """How far a photo may be changed; half-widths of uniform distributions."""

    shift: float = 0.05
    """Of the frame's side, in either direction."""
    zoom: float = 0.08
    brightness: float = 0.3
    contrast: float = 0.2
    tint: float = 0.05
    """Gain of each colour channel by itself: lamps differ."""


def resized(pixels: torch.Tensor, size: int) -> torch.Tensor:
    """Bring pixels [N,3,H,W] to size x size; untouched where they have it already."""
    if pixels.shape[-1] == size and pixels.shape[-2] == size:
        return pixels
    return F.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)


def jittered(pixels: torch.Tensor, jitter: Jitter, generator: torch.Generator) -> torch.Tensor:
    """Mirror (or not), move, zoom and relight each photo of float pixels [N,3,H,W] in 0..255 by itself."""
    return _relit(_warped(pixels, jitter, generator), jitter, generator)


@dataclass(frozen=True, slots=True)
class Look:
    """How differently one photo may be looked at where it is to be told from others, not counted."""

    least_area: float = 0.6
    """Part of the photo that the smallest window shows."""
    light: Jitter = field(default_factory=lambda: Jitter(brightness=0.4, contrast=0.4, tint=0.2))
    """Colour tells photos apart far too easily, and says nothing about goods: it varies more than for counting."""
    grey: float = 0.2
    """Part of the photos that lose their colour altogether."""


def viewed(pixels: torch.Tensor, size: int, look: Look, generator: torch.Generator) -> torch.Tensor:
    """See each photo of float pixels [N,3,H,W] in 0..255 through a random window, in another light: [N,3,size,size].

    Windows lie inside the photo, keep its proportions, and are mirrored or not.
    """
    return _greyed(_relit(_windows(pixels, size, look.least_area, generator), look.light, generator), look, generator)


def _windows(pixels: torch.Tensor, size: int, least_area: float, generator: torch.Generator) -> torch.Tensor:
    n = pixels.shape[0]
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    side = (1 - torch.rand(n, generator=generator) * (1 - least_area)).sqrt()
    affine = torch.zeros(n, 2, 3)
    affine[:, 0, 0] = mirror * side
    affine[:, 1, 1] = side
    affine[:, :, 2] = (1 - side)[:, None] * _uniform((n, 2), 1.0, generator)
    grid = F.affine_grid(affine.to(pixels.device), [n, pixels.shape[1], size, size], align_corners=False)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _greyed(pixels: torch.Tensor, look: Look, generator: torch.Generator) -> torch.Tensor:
    grey = torch.rand((pixels.shape[0], 1, 1, 1), generator=generator) < look.grey
    return torch.where(grey.to(pixels.device), pixels.mean(dim=1, keepdim=True), pixels)


def _warped(pixels: torch.Tensor, jitter: Jitter, generator: torch.Generator) -> torch.Tensor:
    n = pixels.shape[0]
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    affine = torch.zeros(n, 2, 3)
    affine[:, 0, 0] = mirror * (1 + _uniform(n, jitter.zoom, generator))
    affine[:, 1, 1] = 1 + _uniform(n, jitter.zoom, generator)
    affine[:, :, 2] = 2 * _uniform((n, 2), jitter.shift, generator)  # the grid spans -1..1, twice the side
    grid = F.affine_grid(affine.to(pixels.device), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _relit(pixels: torch.Tensor, jitter: Jitter, generator: torch.Generator) -> torch.Tensor:
    n = pixels.shape[0]
    gain = 1 + _uniform((n, 1, 1, 1), jitter.brightness, generator)
    gain = gain * (1 + _uniform((n, 3, 1, 1), jitter.tint, generator))
    contrast = 1 + _uniform((n, 1, 1, 1), jitter.contrast, generator)
    gain, contrast = gain.to(pixels.device), contrast.to(pixels.device)
    level = pixels.mean(dim=(1, 2, 3), keepdim=True)
    return ((pixels - level) * contrast + level).mul(gain).clamp(0, 255)


def _uniform(shape: int | tuple[int, ...], half_width: float, generator: torch.Generator) -> torch.Tensor:
    size = (shape,) if isinstance(shape, int) else shape
    return (torch.rand(size, generator=generator) * 2 - 1) * half_width


def softened(labels: torch.Tensor, classes: int, neighbours: float, smoothing: float = 0.0) -> torch.Tensor:
    """Make targets [N,classes]: the label, less a share `neighbours` for the counts one off and `smoothing` for all.

    The inventory's truth is off by one now and then, and a miss by one is a smaller miss than one by four.
    At either end of the scale the one neighbour there takes the whole share.
    """
    index = torch.arange(classes)
    beside = ((index[:, None] - index[None, :]).abs() == 1).float()
    table = torch.eye(classes) * (1 - neighbours) + beside / beside.sum(dim=1, keepdim=True) * neighbours
    table = table * (1 - smoothing) + smoothing / classes
    return table.to(labels.device)[labels]


def blended(
    pixels: torch.Tensor, targets: torch.Tensor, mixup: float, cutmix: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix each photo with another of the batch by MixUp or CutMix; by either as often where both are wanted."""
    both = mixup > 0 and cutmix > 0
    if cutmix > 0 and (not both or torch.rand((), generator=generator) < 0.5):
        return cut_and_pasted(pixels, targets, cutmix, generator)
    return mixed_up(pixels, targets, mixup, generator)


def mixed_up(
    pixels: torch.Tensor, targets: torch.Tensor, alpha: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Blend each photo with another of the batch, and its target likewise (Zhang et al., 2018, "mixup").

    Targets are [N,anything]. One weight per batch, drawn from Beta(alpha, alpha); alpha 0 leaves everything as it is.
    """
    if alpha == 0:
        return pixels, targets
    weight = _beta(alpha, generator)
    partner = torch.randperm(pixels.shape[0], generator=generator).to(pixels.device)
    return pixels.lerp(pixels[partner], 1 - weight), targets.lerp(targets[partner], 1 - weight)


def cut_and_pasted(
    pixels: torch.Tensor, targets: torch.Tensor, alpha: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Paste a box of another photo into each, its target by the box's share (Yun et al., 2019, "CutMix").

    One box per batch, its share of the area drawn from Beta(alpha, alpha) and cut to the frame.
    """
    height, width = pixels.shape[2:]
    side = (1 - _beta(alpha, generator)) ** 0.5
    top, bottom = _stretch(height, side, generator)
    left, right = _stretch(width, side, generator)
    partner = torch.randperm(pixels.shape[0], generator=generator).to(pixels.device)
    pasted = pixels.clone()
    pasted[:, :, top:bottom, left:right] = pixels[partner, :, top:bottom, left:right]
    share = (bottom - top) * (right - left) / (height * width)
    return pasted, targets.lerp(targets[partner], share)


def _stretch(length: int, side: float, generator: torch.Generator) -> tuple[int, int]:
    """Choose where a stretch of `side` of the length, about a random centre, begins and ends inside it."""
    centre = float(torch.rand((), generator=generator)) * length
    half = side * length / 2
    return max(round(centre - half), 0), min(round(centre + half), length)


def _beta(alpha: float, generator: torch.Generator) -> float:
    # A beta variate is g / (g + h) of two gamma variates; torch.distributions takes no generator.
    gammas = torch._standard_gamma(torch.full((2,), alpha), generator=generator)  # noqa: SLF001 - its one spelling
    return float(gammas[0] / gammas.sum())
