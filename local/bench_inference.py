"""The script that a user of AWS's PyTorch handler toolkit writes, for the same network in eager PyTorch.

The photo is decoded as the model server decodes it. `predict_fn` and `output_fn` are the toolkit's own. Runs in the
benchmark's environment only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from training.calibrate import Calibration
from training.card import MIRRORED
from training.network import Released, Viewing, build, load_weights
from training.serving.images import decode

if TYPE_CHECKING:
    from torch import nn

_SIZE = (224, 224)


def model_fn(model_dir: str) -> nn.Module:
    """Build the released network with its weights and its calibration."""
    folder = Path(model_dir)
    facts = json.loads((folder / "model.json").read_text())
    knobs = facts["hyperparameters"]
    network = build(knobs["architecture"], len(facts["classes"]), None, pretrained=False)
    weights = torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
    stated = facts["calibration"]
    calibration = Calibration(stated["temperature"], tuple(stated["scale"]), tuple(stated["bias"]))
    viewing = Viewing(
        enlarge=knobs.get("enlarge", 1.0),  # releases from before that knob saw photos as they are
        mirrored=MIRRORED in facts["preprocessing"]["in_graph"],
    )
    return Released(load_weights(network, weights), calibration, viewing).eval()


def input_fn(body: bytes, _content_type: str) -> torch.Tensor:
    """Turn a photo's file into uint8 [1,H,W,3]."""
    return torch.from_numpy(decode(body, _SIZE).copy())[None]
