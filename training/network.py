"""Any torchvision classifier or our own, its head cut to our classes, and the form in which it is released.

Knows nothing of files of photos, of losses or of loops.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from training import stored_weights
from training.calibrate import Calibration
from training.efficientnet_lite import SCALES, EfficientNetLite
from training.errors import UnusableBackboneError
from training.records import CLASSES
from training.resnetv2 import ResNet50V2Stage3
from training.torchvision_beside_cpu_torch import torchvision_models

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)
"""What torchvision's pretrained classifiers expect, on pixels scaled to 0..1."""

STAGE3: Final = "resnet50v2_stage3"
OURS: Final = (STAGE3, *SCALES)
"""The architectures that torchvision has not."""


def build(architecture: str, classes: int, backbone_weights: Path | None, *, pretrained: bool = True) -> nn.Module:
    """Make a classifier, torchvision's or one of OURS, with a fresh head of `classes` outputs.

    `backbone_weights` is a state dict that may lack the head or have one for other classes; without one the
    published weights are downloaded (`weights="DEFAULT"`), or none at all where `pretrained` is false. Raises
    UnusableBackboneError where the architecture is unknown or the weights leave anything but the head unset.
    """
    if architecture in OURS:
        network: nn.Module = _ours(architecture, classes, needs_weights=pretrained and backbone_weights is None)
    else:
        network = _torchvision(architecture, classes, pretrained=pretrained and backbone_weights is None)
    if backbone_weights is not None:
        _load_backbone(network, backbone_weights)
    return network


def _ours(architecture: str, classes: int, *, needs_weights: bool) -> nn.Module:
    if needs_weights:
        raise UnusableBackboneError(f"{architecture} has no weights to download: name some with --backbone-weights")
    return ResNet50V2Stage3(classes) if architecture == STAGE3 else EfficientNetLite(architecture, classes)


def _torchvision(architecture: str, classes: int, *, pretrained: bool) -> nn.Module:
    models = torchvision_models()
    if architecture not in models.list_models(module=models):
        raise UnusableBackboneError(f"torchvision has no classifier called {architecture!r}")
    network: nn.Module = models.get_model(architecture, weights="DEFAULT" if pretrained else None)
    _replace_head(network, classes)
    return network


def head_parameters(network: nn.Module) -> list[nn.Parameter]:
    """Give the last linear layer's parameters: they are fresh, so they learn at a rate of their own."""
    return list(network.get_submodule(_head_name(network)).parameters())


def without_extra_outputs(network: nn.Module, state: dict[str, torch.Tensor], classes: int) -> dict[str, torch.Tensor]:
    """Cut the head in a state dict of this network to its first `classes` outputs."""
    head = _head_name(network)
    names = (f"{head}.weight", f"{head}.bias")
    return {name: tensor[:classes].clone() if name in names else tensor for name, tensor in state.items()}


def without_head(network: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Leave the last linear layer out of a state dict of this network: what `build` takes as backbone weights."""
    head = _head_name(network)
    return {name: tensor for name, tensor in state.items() if name not in {f"{head}.weight", f"{head}.bias"}}


def _load_backbone(network: nn.Module, weights: Path) -> None:
    head = [f"{_head_name(network)}.{parameter}" for parameter in ("weight", "bias")]
    fresh = network.state_dict()
    state = stored_weights.read(weights)
    of_other_classes = [name for name in head if name in state and state[name].shape != fresh[name].shape]
    outcome = network.load_state_dict(
        {name: tensor for name, tensor in state.items() if name not in of_other_classes}, strict=False
    )
    unset = [name for name in outcome.missing_keys if name not in head]
    if unset or outcome.unexpected_keys:
        raise UnusableBackboneError(
            f"{weights}: leaves {unset[:3]} unset and brings unknown {outcome.unexpected_keys[:3]}"
        )


def _replace_head(network: nn.Module, classes: int) -> None:
    parent, _, attribute = _head_name(network).rpartition(".")
    features = network.get_submodule(_head_name(network)).in_features
    setattr(network.get_submodule(parent), attribute, nn.Linear(features, classes))


def _head_name(network: nn.Module) -> str:
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise UnusableBackboneError("the network has no linear layer to replace")
    return linear[-1]


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """Scale pixels [N,3,H,W] from 0..255 to what the backbone expects."""
    mean = torch.tensor(IMAGENET_MEAN, device=pixels.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=pixels.device).view(1, 3, 1, 1)
    return (pixels / 255.0 - mean) / std


def enlarged(pixels: torch.Tensor, factor: float) -> torch.Tensor:
    """Give pixels [N,3,H,W] at `factor` times their height and width; untouched at 1."""
    if factor == 1.0:
        return pixels
    height, width = (round(side * factor) for side in pixels.shape[-2:])
    return F.interpolate(pixels, size=(height, width), mode="bilinear", align_corners=False)


@dataclass(frozen=True, slots=True)
class Viewing:
    """How a network looks at a photo."""

    enlarge: float = 1.0
    """So many times as large as it is."""
    mirrored: bool = True
    """In the mirror as well, for twice the time: a bin holds as many goods seen from either side."""


class Views(nn.Module):
    """Logits of photos, averaged over the views of each.

    Takes photos as decoded, uint8 [N,H,W,3] RGB, so that nothing is left for the caller to get wrong.
    """

    def __init__(self, network: nn.Module, viewing: Viewing = Viewing()) -> None:
        """Wrap a network that turns normalised [N,3,H,W] into logits [N,classes]."""
        super().__init__()
        self.network = network
        self.viewing = viewing

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Turn photos uint8 [N,H,W,3] into logits float32 [N,classes]."""
        seen = enlarged(normalise(images.permute(0, 3, 1, 2).float()), self.viewing.enlarge)
        if not self.viewing.mirrored:
            alone: torch.Tensor = self.network(seen)
            return alone
        both: torch.Tensor = self.network(torch.cat([seen, seen.flip(3)]))
        return both.unflatten(0, (2, -1)).mean(dim=0)


class Released(nn.Module):
    """What is exported: photos uint8 [N,H,W,3] to calibrated probabilities float32 [N,classes].

    The logits of several networks are averaged, as those of one network's views are.
    """

    def __init__(self, views: Iterable[Views], calibration: Calibration) -> None:
        """Wrap networks with what the calibration split asked of them together."""
        super().__init__()
        self.views = nn.ModuleList(views)
        self.temperature = calibration.temperature
        self.register_buffer("scale", torch.tensor(calibration.scale))
        self.register_buffer("bias", torch.tensor(calibration.bias))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Turn photos uint8 [N,H,W,3] into probabilities [N,classes]."""
        logits = torch.stack([views(images) for views in self.views]).mean(dim=0)
        log_chances = torch.log_softmax(logits / self.temperature, dim=1)
        return torch.softmax(log_chances * self.scale + self.bias, dim=1)


def network_of(architecture: str, weights: Mapping[str, torch.Tensor]) -> nn.Module:
    """Make a counter with these weights (of any float precision), ready to be asked."""
    network = build(architecture, len(CLASSES), None, pretrained=False)
    network.load_state_dict(weights)
    return network.eval()
