"""From an uploaded file to the pixels that the network expects: training and serving both decode here.

Judges a file by its bytes alone and refuses with a `BadImage` what it cannot turn into one photo. May not
know HTTP, the model or the file system, and may not change Pillow's global settings.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PIXELS: Final = 40_000_000
"""Largest photo that is decoded: above any warehouse camera, and 120 MB of memory at three bytes a pixel."""

RESAMPLING: Final = Image.Resampling.BICUBIC
"""The filter behind the data set's 224 px copies, which most training photos are."""

STORED_QUALITY: Final = 75
"""The JPEG quality at which those copies were stored. With it a full-size photo gives their very pixels; without
it, a network that learnt from the copies counts full-size photos worse."""

BACKGROUND: Final = (255, 255, 255)
"""What shows through a transparent photo: white, as on a page."""

Reason = Literal["empty", "not_an_image", "unsupported_format", "too_many_pixels", "truncated", "undecodable"]

_DECODED: Final = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}

_RECOGNISED: Final = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"RIFF": "WebP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"\x00\x00\x01\x00": "ICO",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cjP": "JPEG 2000",
}
_ISO_MEDIA: Final = {b"ftypavif": "AVIF", b"ftypheic": "HEIC", b"ftypheix": "HEIC", b"ftypmif1": "HEIF"}

_EXIF_ORIENTATION: Final = 0x0112
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadImage(Exception):  # noqa: N818 - what the file is, not what went wrong here
    """A file that is no usable photo: `reason` is for machines, `message` for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep both; the exception's own text is the message."""
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message


def decode(body: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Decode one JPEG or PNG file into RGB pixels, squashed to `size` whatever its aspect.

    Args:
        body: the whole file.
        size: (width, height) in pixels; a photo that already has it keeps its pixels unchanged.

    Returns:
        uint8 array of shape (height, width, 3), upright as its EXIF orientation says.

    Raises:
        BadImage: the file is empty, of another format, too large, cut short or damaged.

    """
    file_format = recognise(body)
    try:
        with Image.open(io.BytesIO(body), formats=(file_format,)) as image:
            check_size(image)
            image.load()
            photo = upright(in_rgb(image), orientation(image))
            return np.asarray(photo if photo.size == size else as_stored(photo.resize(size, RESAMPLING)))
    except BadImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImage("too_many_pixels", f"the photo has more than {MAX_PIXELS} pixels") from error
    except Exception as error:  # damaged files make decoders raise almost anything
        ends_too_early = "truncated" in str(error).lower()
        if ends_too_early:
            raise BadImage("truncated", f"the {file_format} file ends too early") from error
        raise BadImage("undecodable", f"the {file_format} file is damaged") from error


def as_stored(photo: Image.Image) -> Image.Image:
    """Return a resized photo with the loss that the training photos have from being stored as JPEG."""
    stored = io.BytesIO()
    photo.save(stored, "JPEG", quality=STORED_QUALITY)
    with Image.open(stored, formats=("JPEG",)) as lossy:
        return lossy.convert("RGB")


def recognise(body: bytes) -> str:
    """Return Pillow's name of the file's format, told from its first bytes alone.

    Raises:
        BadImage: there are no bytes, or they begin neither a JPEG nor a PNG file.

    """
    if not body:
        raise BadImage("empty", "the file has no bytes")
    for signature, name in _DECODED.items():
        if body.startswith(signature):
            return name
    for signature, name in _RECOGNISED.items():
        if body.startswith(signature):
            raise BadImage("unsupported_format", f"{name} is not supported: send JPEG or PNG")
    if body[4:12] in _ISO_MEDIA:
        raise BadImage("unsupported_format", f"{_ISO_MEDIA[body[4:12]]} is not supported: send JPEG or PNG")
    raise BadImage("not_an_image", "the file is neither JPEG nor PNG")


def check_size(image: Image.Image) -> None:
    """Refuse by the header alone, before any memory is taken for pixels.

    Raises:
        BadImage: the header promises more than `MAX_PIXELS`.

    """
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise BadImage("too_many_pixels", f"{width} x {height} pixels are more than {MAX_PIXELS}")


def in_rgb(image: Image.Image) -> Image.Image:
    """Return the loaded photo as 8-bit RGB, whatever its depth, palette, inks or transparency."""
    if image.mode.startswith("I"):
        # Pillow keeps 16-bit grey as integers, and its own conversion clips them at 255.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, (*BACKGROUND, 255)), layer).convert("RGB")
    return image.convert("RGB")


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation (1 to 8) of the photo; 1, upright, where EXIF is missing or unreadable."""
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - broken metadata must not cost a photo that decodes
        return 1


def upright(image: Image.Image, tag: int) -> Image.Image:
    """Turn the photo as EXIF orientation `tag` says; tags that mean nothing leave it alone."""
    turn = _UPRIGHT.get(tag)
    return image if turn is None else image.transpose(turn)
