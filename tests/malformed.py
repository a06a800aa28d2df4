"""Photo files of every kind, and what can be done to them on their way: the same bytes on every run."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from tests.serving_fixtures import bad_files, drawn, encoded, png_chunk

ALTERED = "altered"


def photo_files() -> dict[str, bytes]:
    """Good files of every kind that a camera or a program may write."""
    photo, other = drawn(), drawn(seed=1)
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(np.linspace(0, 65535, 64 * 48, dtype=np.uint16).reshape(48, 64))
    return {
        "JPEG": encoded(photo),
        "progressive JPEG": encoded(photo, progressive=True),
        "grey JPEG": encoded(photo.convert("L")),
        "CMYK JPEG": encoded(photo.convert("CMYK")),
        "two-picture JPEG": encoded(photo, "MPO", save_all=True, append_images=[other]),
        "JPEG turned by EXIF": encoded(photo, exif=exif),
        "one-pixel JPEG": encoded(drawn(size=(1, 1))),
        "long thin JPEG": encoded(drawn(size=(3000, 1))),
        "PNG": encoded(photo, "PNG"),
        "palette PNG": encoded(photo.quantize(), "PNG"),
        "PNG with alpha": encoded(photo.convert("RGBA"), "PNG"),
        "grey PNG with alpha": encoded(photo.convert("LA"), "PNG"),
        "black-and-white PNG": encoded(photo.convert("1"), "PNG"),
        "16-bit PNG": encoded(deep, "PNG"),
        "animated PNG": encoded(photo, "PNG", save_all=True, append_images=[other]),
        "PNG turned by EXIF": encoded(photo, "PNG", exif=exif),
    }


def media_type_of(body: bytes) -> str:
    return "image/png" if body.startswith(b"\x89PNG") else "image/jpeg"


_WHOLE = [*photo_files().values()]
_BAD = [body for body, _ in bad_files().values()]

_media_types = st.sampled_from(
    ["image/jpeg", "image/png", "IMAGE/PNG; q=1", "image/jpeg;", "image/gif", "text/html", "image", ",", ""]
)


def requests() -> st.SearchStrategy[tuple[bytes, str]]:
    """A body and its media type: most of them wrong in some way, most media types acceptable."""
    acceptable = st.sampled_from(["image/jpeg", "image/png"])
    media_types = st.one_of(acceptable, acceptable, acceptable, _media_types)
    return st.tuples(bodies(), media_types)


def bodies() -> st.SearchStrategy[bytes]:
    """Files that are cut, damaged, spliced, that lie about their size, or that were never photos."""
    whole = st.sampled_from(_WHOLE)
    return st.one_of(
        st.builds(_cut, whole, _places),
        st.builds(_damaged, whole, st.lists(st.tuples(_places, st.integers(1, 255)), min_size=1, max_size=8)),
        st.builds(_without, whole, _places, _places),
        st.builds(_twice, whole, _places, _places),
        st.builds(_spliced, whole, whole, _places, _places),
        st.builds(_with, whole, _places, st.binary(min_size=1, max_size=64)),
        st.builds(_resized_png, _sides, _sides, st.integers(0, 20), st.integers(0, 8), st.binary(max_size=64)),
        st.builds(_resized_jpeg, _sides, _sides, st.integers(0, 255), st.integers(0, 255)),
        st.builds(_with_exif, st.binary(max_size=200)),
        st.builds(_with_chunk, _chunk_kinds, st.binary(max_size=200), st.booleans()),
        st.builds(bytes.__add__, _signatures, st.binary(max_size=300)),
        st.sampled_from(_BAD),
    )


_places = st.floats(0, 1, allow_nan=False)
"""A place in a file, as a part of its length."""

_sides = st.one_of(st.integers(0, 40), st.sampled_from([224, 1000, 6400, 30_000, 65_535, 2**31 - 1, 2**32 - 1]))

_signatures = st.sampled_from(
    [b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF", b"II*\0", b""]
)

_chunk_kinds = st.sampled_from(
    [b"iCCP", b"zTXt", b"iTXt", b"eXIf", b"tRNS", b"PLTE", b"acTL", b"fcTL", b"IDAT", b"abcd"]
)


def _at(body: bytes, place: float) -> int:
    return int(place * (len(body) - 1))


def _cut(body: bytes, place: float) -> bytes:
    return body[: _at(body, place)]


def _damaged(body: bytes, changes: list[tuple[float, int]]) -> bytes:
    changed = bytearray(body)
    for place, difference in changes:
        changed[_at(body, place)] ^= difference
    return bytes(changed)


def _without(body: bytes, one: float, other: float) -> bytes:
    start, end = sorted((_at(body, one), _at(body, other)))
    return body[:start] + body[end:]


def _twice(body: bytes, one: float, other: float) -> bytes:
    start, end = sorted((_at(body, one), _at(body, other)))
    return body[:end] + body[start:]


def _spliced(body: bytes, other: bytes, place: float, other_place: float) -> bytes:
    return body[: _at(body, place)] + other[_at(other, other_place) :]


def _with(body: bytes, place: float, noise: bytes) -> bytes:
    return body[: _at(body, place)] + noise + body[_at(body, place) :]


def _resized_png(width: int, height: int, depth: int, colour: int, pixels: bytes) -> bytes:
    """A PNG whose header says anything at all, with a checksum that fits."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(pixels)) + png_chunk(b"IEND", b"")


def _resized_jpeg(width: int, height: int, depth: int, components: int) -> bytes:
    """A JPEG whose frame header says anything at all."""
    body = bytearray(_WHOLE[0])
    frame = body.index(b"\xff\xc0")
    struct.pack_into(">BHHB", body, frame + 4, depth, height & 0xFFFF, width & 0xFFFF, components)
    return bytes(body)


def _with_exif(exif: bytes) -> bytes:
    data = b"Exif\0\0" + exif
    return _WHOLE[0][:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + _WHOLE[0][2:]


def _with_chunk(kind: bytes, data: bytes, packed: bool) -> bytes:  # noqa: FBT001 - drawn by hypothesis
    """A PNG with a chunk of ours behind its header."""
    body = encoded(drawn(), "PNG")
    return body[:33] + png_chunk(kind, b"key\0\0" + zlib.compress(data) if packed else data) + body[33:]
