"""The network that the toolkit is measured with is the one that was released."""

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


@pytest.mark.parametrize(("knobs", "side"), [({}, 64), ({"enlarge": 1.0}, 64), ({"enlarge": 1.5}, 96)])
def test_photos_are_enlarged_as_the_release_wants_them(tmp_path: Path, knobs: dict[str, float], side: int) -> None:
    torch.save(build(ARCHITECTURE, 7, None, pretrained=False).state_dict(), tmp_path / "weights.pt")
    stated = {"hyperparameters": {"architecture": ARCHITECTURE, **knobs}, "calibration": NEUTRAL}
    (tmp_path / "model.json").write_text(json.dumps({"classes": list("0123456"), **stated}))
    released, sides = model_fn(str(tmp_path)), []
    released.network.register_forward_pre_hook(lambda _network, inputs: sides.append(inputs[0].shape[-1]))

    released(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))

    assert sides == [side]
