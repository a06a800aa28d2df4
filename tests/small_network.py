"""A small network of the released ones' shape, for what takes a graph apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.quantise import FIRST

if TYPE_CHECKING:
    from pathlib import Path

SIDE, CLASSES, CONVOLUTIONS = 16, 7, FIRST + 2


def network(folder: Path, *, convolutions: int = CONVOLUTIONS, input_: str = "images", networks: int = 1) -> Path:
    """Write `model.onnx`: pixels, networks of convolutions that are cut off and a linear layer, their mean, a bias."""
    dice = np.random.default_rng(3)
    weights = {"sides": np.array([2, 3], np.int64), "scale": np.array(1 / 255, np.float32)}
    nodes = [
        helper.make_node("Transpose", [input_], ["turned"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["turned"], ["whole"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["whole", "scale"], ["pixels"]),
    ]
    for of in range(networks):
        level = "pixels"
        for number in range(convolutions):
            name = f"{of}.{number}"
            shape = (8, 3 if number == 0 else 8, 3, 3)
            weights[f"filter{name}"] = dice.normal(0, 0.3, shape).astype(np.float32)
            nodes += [
                helper.make_node("Conv", [level, f"filter{name}"], [f"conv{name}"], f"conv{name}", pads=[1, 1, 1, 1]),
                helper.make_node("Relu", [f"conv{name}"], [f"level{name}"], f"relu{name}"),
            ]
            level = f"level{name}"
        weights[f"head{of}"] = dice.normal(0, 0.1, (8 if convolutions else 3, CLASSES)).astype(np.float32)
        nodes += [
            helper.make_node("ReduceMean", [level, "sides"], [f"means{of}"], keepdims=0),
            helper.make_node("MatMul", [f"means{of}", f"head{of}"], [f"scores{of}"], f"linear{of}"),
        ]
    weights["bias"] = dice.normal(0, 1, CLASSES).astype(np.float32)
    nodes += [
        helper.make_node("Mean", [f"scores{of}" for of in range(networks)], ["scores"], "mean"),
        helper.make_node("Add", ["scores", "bias"], ["calibrated"], "calibration"),
        helper.make_node("Softmax", ["calibrated"], ["probabilities"], "softmax", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(input_, TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path
