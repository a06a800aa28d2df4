"""Photos that are made to cost a model server memory: small files, or large ones, that unpack to a great deal."""

from __future__ import annotations

import io
import zlib
from struct import pack
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from training.serving.images import MAX_MEMORY, MAX_PIXELS
from training.serving.server import MAX_BODY

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKED_TEXTS: Final = 60


def hostile_photos() -> Mapping[str, bytes]:
    """Return such files by what they are; each is as large as the server takes, or as it may be and is refused."""
    side = int(MAX_PIXELS**0.5)
    with_alpha = int((MAX_MEMORY / 8) ** 0.5)
    return {
        "PNG of one colour": _file(Image.new("RGB", (side, side)), "PNG"),
        "transparent PNG": _file(Image.new("RGBA", (with_alpha, with_alpha)), "PNG"),
        "16-bit PNG": _file(Image.fromarray(np.zeros((side, side), np.uint16)), "PNG"),
        "PNG above the limit": _file(Image.new("L", (6300, 6300)), "PNG"),
        "PNG of packed texts": _with_texts(_file(Image.new("RGB", (64, 48)), "PNG")),
        "progressive JPEG": _file(Image.new("RGB", (side, side - 100)), "JPEG", progressive=True, subsampling=0),
        "long thin JPEG": _file(Image.new("RGB", (40_000, 370)), "JPEG", progressive=True, subsampling=0),
        "six megabytes": _file(Image.new("RGB", (640, 480)), "JPEG").ljust(MAX_BODY, b"\0"),
    }


def _file(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def _with_texts(png: bytes) -> bytes:
    """Put texts behind the header that unpack to a megabyte each."""
    data = b"zTXt" + b"key\0\0" + zlib.compress(bytes(1_000_000))
    chunk = pack(">I", len(data) - 4) + data + pack(">I", zlib.crc32(data))
    return png[:33] + _PACKED_TEXTS * chunk + png[33:]
