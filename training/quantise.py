"""From networks in single precision to the same ones in 8-bit integers: static quantisation of their ONNX graph.

    input   the released graph (training.export) and a few hundred photos that it learnt from
    output  the same graph, `images` uint8 and `probabilities` float32 as before, convolutions in int8 (QDQ)

Normalisation and each network's first convolutions stay as they are, and so does all from a linear layer on: the mean
over views and networks, calibration, softmax. Each filter has a scale of its own. Works on pixels; knows no files of
photos and no torch.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import onnx

from training.errors import UnusableModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.pixels import Pixels

QUANTISED: Final = ("Conv", "Add", "Clip", "Relu")
"""Operators in 8 bits. The activations must be among them: otherwise what a convolution gives is quantised before it
is cut off, over a range of which most is thrown away. That cost mobilenet_v2 a point of accuracy in validation."""

FIRST: Final = 3
"""So many convolutions of a network stay in single precision: mobilenet_v2's first block, which works on few channels
of very unlike ranges. It costs next to no time, and all 8 bits took answers three times as far away (docs/adr/0010)."""

ENOUGH: Final = 128
"""Photos that the ranges are taken from."""

_BATCH: Final = 8


def quantise(source: Path, pixels: Pixels, target: Path, *, first: int = FIRST) -> None:
    """Write the 8-bit form of the graph at `source` to `target`; `pixels` [N,H,W,3] give the ranges of its values.

    The `first` convolutions of each network in it are left as they are. The ranges reach from the smallest to the
    largest value seen. Raises UnusableModelError where the graph has no convolution, is in 8 bits already, or has
    another input than `images`.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    _check(source)
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            target,
            _Photos(pixels),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            nodes_to_exclude=_kept(onnx.load(prepared).graph, first),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            # Seven bits for weights: processors without VNNI add pairs of products in 16 bits, which eight overflow.
            reduce_range=True,
        )
    onnx.save(slim(onnx.load(target)), target)
    onnx.checker.check_model(target, full_check=True)


def slim(model: onnx.ModelProto) -> onnx.ModelProto:
    """Take out what only a reader of the graph needs: shapes that follow, and the long names of what lies between."""
    graph = model.graph
    del graph.value_info[:]
    public = {one.name for one in (*graph.input, *graph.output)}
    inner = [one.name for one in graph.initializer] + [name for node in graph.node for name in node.output]
    short = {name: f"{number:x}" for number, name in enumerate(dict.fromkeys(inner)) if name not in public}
    for one in graph.initializer:
        one.name = short.get(one.name, one.name)
    for number, node in enumerate(graph.node):
        node.name = f"{number:x}"
        node.input[:] = [short.get(name, name) for name in node.input]
        node.output[:] = [short.get(name, name) for name in node.output]
    return model


def _check(source: Path) -> None:
    graph = onnx.load(source, load_external_data=False).graph
    if [one.name for one in graph.input] != ["images"]:
        raise UnusableModelError(f"{source} does not take images alone")
    if any(node.op_type == "QuantizeLinear" for node in graph.node):
        raise UnusableModelError(f"{source} calculates in 8 bits already: give a release in single precision")
    if not any(node.op_type == "Conv" for node in graph.node):
        raise UnusableModelError(f"{source} has no convolution to quantise")


def _kept(graph: onnx.GraphProto, first: int) -> list[str]:
    """Name the first convolutions, and the nodes that work with scores of classes: 256 levels are too few for them."""
    names = _first_of_each_network(graph, first)
    scores: set[str] = set()
    for node in graph.node:  # in the order of computation, as ONNX demands
        if node.op_type in {"Gemm", "MatMul"} or scores.intersection(node.input):
            scores.update(node.output)
            names.append(node.name)
    return names


def _first_of_each_network(graph: onnx.GraphProto, first: int) -> list[str]:
    """Name so many convolutions of each network: all those belong to one that follow from the same first one."""
    names: list[str] = []
    belongs: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for node in graph.node:
        network = next((belongs[name] for name in node.input if name in belongs), None)
        if node.op_type == "Conv":
            network = network or node.name
            seen[network] += 1
            names += [node.name] if seen[network] <= first else []
        if network:
            belongs.update(dict.fromkeys(node.output, network))
    return names


class _Photos:
    """Hands out the photos as onnxruntime's calibration asks for them (its CalibrationDataReader): None at the end."""

    def __init__(self, pixels: Pixels) -> None:
        self._feeds = self._batches(pixels)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._feeds, None)

    @staticmethod
    def _batches(pixels: Pixels) -> Iterator[dict[str, Any]]:
        for start in range(0, len(pixels), _BATCH):
            yield {"images": pixels[start : start + _BATCH]}
