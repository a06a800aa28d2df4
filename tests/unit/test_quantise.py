"""A network in 8 bits says nearly what it says in single precision, and takes and gives the same."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.small_network import CLASSES, CONVOLUTIONS, SIDE, network
from training.errors import UnusableModelError
from training.quantise import FIRST, quantise

if TYPE_CHECKING:
    from pathlib import Path

PHOTOS = np.random.default_rng(1).integers(0, 256, (24, SIDE, SIDE, 3), np.uint8)
UNSEEN = np.random.default_rng(2).integers(0, 256, (8, SIDE, SIDE, 3), np.uint8)


def probabilities(path: Path, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["probabilities"], {"images": images})[0])


@pytest.fixture
def quantised(tmp_path: Path) -> Path:
    quantise(network(tmp_path), PHOTOS, tmp_path / "quantised.onnx")
    return tmp_path / "quantised.onnx"


def test_it_answers_nearly_the_same_on_photos_it_was_not_measured_on(tmp_path: Path, quantised: Path) -> None:
    exact, near = (probabilities(path, UNSEEN) for path in (tmp_path / "model.onnx", quantised))

    assert near.shape == exact.shape
    assert 0 < np.abs(near - exact).max() < 0.03


def test_it_takes_pixels_and_gives_probabilities_however_many_at_once(quantised: Path) -> None:
    together = probabilities(quantised, UNSEEN)
    alone = np.concatenate([probabilities(quantised, one[np.newaxis]) for one in UNSEEN])

    assert (together.dtype, together.shape) == (np.float32, (8, CLASSES))
    assert together.sum(axis=1) == pytest.approx(1)
    assert together == pytest.approx(alone, abs=1e-6)


def test_weights_are_8_bits_but_for_the_first_convolutions_and_all_that_works_with_scores(quantised: Path) -> None:
    graph = onnx.load(quantised).graph
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    weights = Counter(made_by.get(node.input[1], "kept") for node in graph.node if node.op_type == "Conv")
    of_scores = [node for node in graph.node if node.op_type in {"Gemm", "MatMul", "Softmax"}]

    assert weights == {"kept": FIRST, "DequantizeLinear": CONVOLUTIONS - FIRST}
    assert len(of_scores) == 2
    assert all(made_by.get(name) != "DequantizeLinear" for node in of_scores for name in node.input)


def test_of_several_networks_each_keeps_its_first_convolutions(tmp_path: Path) -> None:
    quantise(network(tmp_path, networks=2), PHOTOS, tmp_path / "pair.onnx")
    changed = np.abs(probabilities(tmp_path / "pair.onnx", UNSEEN) - probabilities(tmp_path / "model.onnx", UNSEEN))

    assert _by_depth(onnx.load(tmp_path / "pair.onnx").graph) == {
        (depth, "kept" if depth < FIRST else "DequantizeLinear"): 2 for depth in range(CONVOLUTIONS)
    }
    assert 0 < changed.max() < 0.03


def _by_depth(graph: onnx.GraphProto) -> Counter[tuple[int, str]]:
    """How many convolutions have so many before them and weights of this kind."""
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    depths: dict[str, int] = {}
    found: Counter[tuple[int, str]] = Counter()
    for node in graph.node:
        depth = max((depths[name] for name in node.input if name in depths), default=0)
        if node.op_type == "Conv":
            found[depth, made_by.get(node.input[1], "kept")] += 1
            depth += 1
        depths.update(dict.fromkeys(node.output, depth))
    return found


def test_a_graph_in_8_bits_is_not_quantised_again(tmp_path: Path, quantised: Path) -> None:
    with pytest.raises(UnusableModelError, match="already"):
        quantise(quantised, PHOTOS, tmp_path / "twice.onnx")


def test_weights_leave_the_eighth_bit_free_for_processors_that_add_in_16_bits(quantised: Path) -> None:
    graph = onnx.load(quantised).graph
    eight_bits = [one for one in graph.initializer if one.data_type == onnx.TensorProto.INT8]
    weights = [onnx.numpy_helper.to_array(one) for one in eight_bits if len(one.dims) == 4]
    assert weights
    assert all(np.abs(one.astype(int)).max() <= 64 for one in weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"convolutions": 0}, "no convolution"), ({"input_": "pictures"}, "does not take images")],
)
def test_a_graph_that_is_no_counter_is_refused(tmp_path: Path, change: dict[str, int], message: str) -> None:
    with pytest.raises(UnusableModelError, match=message):
        quantise(network(tmp_path, **change), PHOTOS, tmp_path / "quantised.onnx")  # type: ignore[arg-type]
