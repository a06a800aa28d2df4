"""The script that a user of AWS's PyTorch handler toolkit writes, for the same networks in eager PyTorch.

The photo is decoded as the model server decodes it. `predict_fn` and `output_fn` are the toolkit's own. Runs in the
benchmark's environment only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from training.calibrate import Calibration
from training.network import Released, Viewing, Views, network_of
from training.released import networks_of
from training.serving.images import decode
from training.stored_weights import read

if TYPE_CHECKING:
    from torch import nn

_SIZE = (224, 224)


def model_fn(model_dir: str) -> nn.Module:
    """Build the released networks with their weights and their calibration."""
    folder = Path(model_dir)
    facts = json.loads((folder / "model.json").read_text())
    stated = facts["calibration"]
    calibration = Calibration(stated["temperature"], tuple(stated["scale"]), tuple(stated["bias"]))
    views = [
        Views(
            network_of(network["hyperparameters"]["architecture"], read(folder / network["weights"])),
            Viewing(**network["viewing"]),
        )
        for network in networks_of(facts)
    ]
    return Released(views, calibration).eval()


def input_fn(body: bytes, _content_type: str) -> torch.Tensor:
    """Turn a photo's file into uint8 [1,H,W,3]."""
    return torch.from_numpy(decode(body, _SIZE).copy())[None]
