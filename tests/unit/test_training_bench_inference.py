"""The network that the toolkit is measured with is the one that was released."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from local.bench_inference import model_fn  # noqa: E402 - torch comes first, here and below
from training.card import MIRRORED  # noqa: E402
from training.network import build  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.torch

ARCHITECTURE = "shufflenet_v2_x0_5"
NEUTRAL: dict[str, Any] = {"temperature": 1.0, "scale": [1.0] * 7, "bias": [0.0] * 7}


@pytest.mark.parametrize(
    ("knobs", "in_graph", "views"),
    [
        ({}, [MIRRORED], (2, 64)),
        ({"enlarge": 1.0}, [MIRRORED], (2, 64)),
        ({"enlarge": 1.5}, [MIRRORED], (2, 96)),
        ({"enlarge": 1.5}, [], (1, 96)),
    ],
)
def test_the_network_looks_at_photos_as_the_release_does(
    tmp_path: Path, knobs: dict[str, float], in_graph: list[str], views: tuple[int, int]
) -> None:
    torch.save(build(ARCHITECTURE, 7, None, pretrained=False).state_dict(), tmp_path / "weights.pt")
    stated = {"hyperparameters": {"architecture": ARCHITECTURE, **knobs}, "calibration": NEUTRAL}
    stated["preprocessing"] = {"in_graph": in_graph}
    (tmp_path / "model.json").write_text(json.dumps({"classes": list("0123456"), **stated}))
    released, seen = model_fn(str(tmp_path)), []
    released.network.register_forward_pre_hook(
        lambda _network, inputs: seen.append((len(inputs[0]), inputs[0].shape[-1]))
    )

    released(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))

    assert seen == [views]
