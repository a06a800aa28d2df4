"""From an uploaded file to the pixels that the network expects: training and serving both decode here.

Judges a file by its bytes alone and refuses with a `BadImage` what it cannot turn into one photo. May not
know HTTP, the model or the file system, and may not change Pillow's global settings.
"""

from __future__ import annotations

import io
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from PIL import Image

from training.serving.room import freely
from training.serving.steps import untimed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.serving.room import Hold
    from training.serving.steps import Timed

MAX_PIXELS: Final = 25_000_000
"""Largest photo that is decoded: a camera of 24 megapixels, which is above any warehouse's."""

MAX_MEMORY: Final = 6 * MAX_PIXELS
"""Bytes that decoding one photo may take; what needs more (see `memory_needed`) is refused as too many pixels."""

REDUCED_SIDES: Final = 2
"""A JPEG is decoded at 1/2, 1/4 or 1/8 of its size while both sides stay this many times the network's. No photo of
the data set is large enough for it, so none of their pixels changes; docs/adr/0010 has what it does to larger ones."""

TURNED_FIRST: Final = 1_300_000
"""Pixels up to which a photo is turned before it is made small: above any photo of the data set, 4 MB once more."""

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
_LYING: Final = frozenset({5, 6, 7, 8})
"""Orientations whose width is the height of the photo as it stands."""


class BadImage(Exception):  # noqa: N818 - what the file is, not what went wrong here
    """A file that is no usable photo: `reason` is for machines, `message` for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep both; the exception's own text is the message."""
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message


def decode(body: bytes, size: tuple[int, int], *, hold: Hold = freely, timed: Timed = untimed) -> NDArray[np.uint8]:
    """Decode one JPEG or PNG file into RGB pixels, squashed to `size` whatever its aspect.

    Args:
        body: the whole file.
        size: (width, height) in pixels; a photo that already has it keeps its pixels unchanged.
        hold: is asked for the memory, in bytes and at most MAX_MEMORY, before any is taken for pixels.
        timed: times waiting for that memory, decoding and resizing.

    Returns:
        uint8 array of shape (height, width, 3), upright as its EXIF orientation says.

    Raises:
        BadImage: the file is empty, of another format, too large, cut short or damaged.

    """
    file_format = recognise(body)
    try:
        with Image.open(io.BytesIO(body), formats=(file_format,)) as image, ExitStack() as held:
            check_size(image)
            needed = memory_needed(image, size)
            with timed("wait"):
                held.enter_context(hold(needed))
            with timed("decode"):
                image.load()
                photo = opaque(image)
            with timed("resize"):
                return squashed(photo, size, orientation(image))
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


def memory_needed(image: Image.Image, size: tuple[int, int]) -> int:
    """Return the bytes that decoding takes, told from the header alone; a large JPEG is told to decode to less.

    Pillow keeps four bytes a pixel for colours and one for grey, and conversions have both copies at once. The JPEG
    library keeps every coefficient, two bytes each, of a file that comes in several scans; as the header does not say
    whether it does, all JPEGs count as if.

    Raises:
        BadImage: that is more than `MAX_MEMORY`.

    """
    width, height = image.size
    coefficients = 0
    if image.format != "PNG":
        coefficients = 2 * len(image.getbands()) * width * height
        image.draft(None, (REDUCED_SIDES * max(size), REDUCED_SIDES * max(size)))
    needed = coefficients + image.width * image.height * _bytes_a_pixel(image)
    if needed > MAX_MEMORY:
        raise BadImage("too_many_pixels", f"{width} x {height} pixels of this kind take more memory than there is")
    return needed


def _bytes_a_pixel(image: Image.Image) -> int:
    """Return what `load` and `opaque` take at once for each pixel."""
    if image.mode == "RGBA":
        return 4 + 4
    if image.has_transparency_data:
        return 4 + 4 + 4
    return {"L": 1, "RGB": 4, "CMYK": 4 + 4, "P": 1 + 4}.get(image.mode, 5)


def opaque(image: Image.Image) -> Image.Image:
    """Return the loaded photo as 8-bit grey or RGB, whatever its depth, palette, inks or transparency."""
    if image.mode.startswith("I"):
        # Pillow keeps 16-bit grey as it is, and its own conversion clips it at 255.
        return image.point(lambda level: level * (1 / 256) + 0).convert("L")
    if image.has_transparency_data:
        layer = image if image.mode == "RGBA" else image.convert("RGBA")
        photo = Image.new("RGB", layer.size, BACKGROUND)
        photo.paste(layer, mask=layer)
        return photo
    if image.mode in {"L", "RGB"}:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def squashed(photo: Image.Image, size: tuple[int, int], tag: int) -> NDArray[np.uint8]:
    """Resize to `size` and turn upright as EXIF orientation `tag` says.

    Photos as the data set has them are turned first, so that how the camera was held changes no bit of the answer;
    large ones after they were made small, since turning them would take their memory twice.
    """
    if photo.width * photo.height <= TURNED_FIRST:
        photo, tag = upright(photo, tag), 1
    wanted = size[::-1] if tag in _LYING else size
    if photo.size == wanted:
        return np.asarray(upright(photo.convert("RGB"), tag))
    return np.asarray(as_stored(upright(photo.resize(wanted, RESAMPLING).convert("RGB"), tag)))


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
