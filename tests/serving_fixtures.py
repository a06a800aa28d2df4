"""What the model server's tests share: drawn photo files, good and bad, and a tiny model package.

The tiny model looks at the mean colour alone, so a test knows its answer; nothing here touches the network.
"""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = ("0", "1", "2", "3", "4", "5", "6+")
FACTS: dict[str, Any] = {
    "name": "tiny",
    "version": 1,
    "classes": list(CLASSES),
    "preprocessing": {"size": [224, 224]},
    "prior": [0.1, 0.1, 0.2, 0.2, 0.2, 0.1, 0.1],
}


def drawn(mode: str = "RGB", size: tuple[int, int] = (64, 48), *, seed: int = 0) -> Image.Image:
    """Draw smooth blotches: like a photo, and unlike noise, they survive JPEG and resizing."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, file_format: str = "JPEG", **options: Any) -> bytes:
    """Return the image as a file's bytes."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def png_claiming(width: int, height: int, pixels: bytes = b"", *, extra: bytes = b"") -> bytes:
    """Return an RGB PNG whose header may lie about the pixels that follow."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + png_chunk(b"IDAT", zlib.compress(pixels)) + png_chunk(b"IEND", b"")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bad_files() -> dict[str, tuple[bytes, str]]:
    """Return files that are no usable photo, each with the reason for which it has to be refused."""
    jpeg, png = encoded(drawn()), encoded(drawn(), "PNG")
    inflating = b"key\0\0" + zlib.compress(bytes(20_000_000))
    damaged = bytearray(png)
    damaged[len(png) // 2] ^= 0xFF
    return {
        "no bytes": (b"", "empty"),
        "text": (b"three books and a bottle", "not_an_image"),
        "one byte": (b"\xff", "not_an_image"),
        "gif": (encoded(drawn(), "GIF"), "unsupported_format"),
        "bmp": (encoded(drawn(), "BMP"), "unsupported_format"),
        "tiff": (encoded(drawn(), "TIFF"), "unsupported_format"),
        "heic": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "unsupported_format"),
        "half a jpeg": (jpeg[: len(jpeg) // 2], "truncated"),
        "half a png": (png[: len(png) // 2], "truncated"),
        "a jpeg's first bytes": (jpeg[:12], "truncated"),
        "a damaged png": (bytes(damaged), "undecodable"),
        "a bomb": (png_claiming(30_000, 30_000), "too_many_pixels"),
        "a header above our limit": (png_claiming(10_000, 4_001), "too_many_pixels"),
        "a header that lies": (png_claiming(3_000, 3_000, bytes(9_000)), "truncated"),
        "no width": (png_claiming(0, 5), "undecodable"),
        "a text chunk that inflates": (
            png_claiming(4, 4, bytes(52), extra=png_chunk(b"zTXt", inflating)),
            "undecodable",
        ),
        "a profile that inflates": (
            png_claiming(4, 4, bytes(52), extra=png_chunk(b"iCCP", inflating)),
            "undecodable",
        ),
    }


def package(folder: Path, **changed: Any) -> Path:
    """Write a package of the tiny model into `folder`, with some of its facts changed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(tiny_network().SerializeToString())
    (folder / "model.json").write_text(json.dumps(FACTS | changed))
    return folder


def archive(folder: Path) -> Path:
    """Pack a package as SageMaker wants it."""
    path = folder.parent / "model.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        packed.add(folder, arcname=".")
    return path


def tiny_network() -> onnx.ModelProto:
    """Return softmax(mean colour x fixed weights): red says "0", green "1", blue "2"."""
    weights = np.zeros((3, len(CLASSES)), np.float32)
    weights[np.arange(3), np.arange(3)] = 0.02
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["pixels", "sides"], ["colour"], keepdims=0),
            helper.make_node("MatMul", ["colour", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 224, 224, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(CLASSES)])],
        [
            numpy_helper.from_array(np.array([1, 2], np.int64), "sides"),
            numpy_helper.from_array(weights, "weights"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
