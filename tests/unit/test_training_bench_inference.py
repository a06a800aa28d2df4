"""The networks that the toolkit is measured with are those that were released."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from local.bench_inference import model_fn  # noqa: E402 - torch comes first, here and below
from training.network import build  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.torch

ARCHITECTURE = "shufflenet_v2_x0_5"
NEUTRAL: dict[str, Any] = {"temperature": 1.0, "scale": [1.0] * 7, "bias": [0.0] * 7}


def test_each_network_looks_at_photos_as_in_the_release(tmp_path: Path) -> None:
    networks = [
        {"weights": "a.pt", "viewing": {"enlarge": 1.0, "mirrored": True}},
        {"weights": "b.pt", "viewing": {"enlarge": 1.5, "mirrored": False}},
    ]
    for network in networks:
        torch.save(build(ARCHITECTURE, 7, None, pretrained=False).state_dict(), tmp_path / str(network["weights"]))
        network["hyperparameters"] = {"architecture": ARCHITECTURE}
    facts = {"networks": networks, "calibration": NEUTRAL}
    (tmp_path / "model.json").write_text(json.dumps(facts))
    released, seen = model_fn(str(tmp_path)), []
    for views in released.views:
        views.network.register_forward_pre_hook(
            lambda _network, inputs: seen.append((len(inputs[0]), inputs[0].shape[-1]))
        )

    released(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))

    assert seen == [(2, 64), (1, 96)]
