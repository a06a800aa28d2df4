"""From trained networks to the file that is served: one ONNX graph from decoded pixels to probabilities.

    input   images         uint8   [N,224,224,3]  RGB, N free
    output  probabilities  float32 [N,7]          calibrated, each row sums to 1

Normalisation, enlargement, mirrored second views, the mean over views and networks, the calibration and the softmax
are inside the graph, and batch norm is folded into the convolutions before it: nothing is left in which training and
serving could differ.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnxruntime
import torch
from torch.fx.experimental.optimization import fuse

from training.calibrate import Calibration
from training.errors import ExportMismatchError
from training.network import Released, Views

OPSET: Final = 20

TOLERANCE: Final = 1e-4
"""Largest difference between a probability from the graph and the same one from torch, in single precision."""


def export(views: Sequence[Views], calibration: Calibration, size: tuple[int, int], file: Path) -> float:
    """Write the graph of one or several networks and hold it against torch on random photos, one and several at a time.

    `size` is (width, height) of a photo. Returns the largest difference seen between two probabilities; raises
    ExportMismatchError where it is above TOLERANCE.
    """
    fused = [Views(fuse(one.network.eval().cpu().float()), one.viewing) for one in views]
    released = Released(fused, calibration).eval()
    width, height = size
    example = torch.randint(0, 256, (3, height, width, 3), dtype=torch.uint8)
    program = torch.onnx.export(
        released,
        (example,),
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_shapes=({0: torch.export.Dim("N", min=1)},),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    onnx.save(_anonymous(program.model_proto), file)
    onnx.checker.check_model(file, full_check=True)
    difference = max(_difference(released, file, _noise(n, height, width)) for n in (1, 5))
    if difference > TOLERANCE:
        raise ExportMismatchError(f"the graph differs from torch by {difference:.1e}, more than {TOLERANCE:.0e}")
    return difference


def _anonymous(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the exporter's notes: they hold stack traces with the paths of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    return model


def _noise(n: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, height, width, 3), dtype=np.uint8)


def _difference(released: torch.nn.Module, file: Path, images: np.ndarray) -> float:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (graph,) = session.run(["probabilities"], {"images": images})
    with torch.inference_mode():
        expected = released(torch.from_numpy(images)).numpy()
    return float(np.abs(graph - expected).max())
