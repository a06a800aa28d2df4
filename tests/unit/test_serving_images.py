from __future__ import annotations

import io
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.serving_fixtures import bad_files, drawn, encoded
from training.serving.images import MAX_MEMORY, MAX_PIXELS, REDUCED_SIDES, BadImage, decode
from training.serving.steps import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Iterator

LOSS_OF_JPEG = 3
"""Levels by which a colour may differ after a resized photo was stored as the training photos are."""
MEAN_LOSS_OF_REDUCING = 1
LARGEST_LOSS_OF_REDUCING = 12
"""Levels, likewise, where a JPEG is decoded at less than its size."""
SIZE = (224, 224)
PHOTO = drawn(size=SIZE)
COPIES = Path(os.environ.get("BINCHECK_PHOTOS", "../shared/abid"))


@pytest.mark.parametrize(("body", "reason"), bad_files().values(), ids=bad_files().keys())
def test_a_file_that_is_no_usable_photo_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(BadImage) as refused:
        decode(body, SIZE)
    assert refused.value.reason == reason
    assert refused.value.message


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_a_photo_that_already_has_the_size_keeps_its_pixels(file_format: str) -> None:
    body = encoded(PHOTO, file_format)
    assert np.array_equal(decode(body, SIZE), np.asarray(Image.open(io.BytesIO(body))))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(encoded(PHOTO.convert("L")), id="grey JPEG"),
        pytest.param(encoded(PHOTO.convert("CMYK")), id="CMYK JPEG"),
        pytest.param(encoded(PHOTO, progressive=True), id="progressive JPEG"),
        pytest.param(encoded(PHOTO, "MPO", save_all=True, append_images=[drawn(seed=1)]), id="two-picture JPEG"),
        pytest.param(encoded(PHOTO.quantize(), "PNG"), id="palette PNG"),
        pytest.param(encoded(PHOTO.convert("LA"), "PNG"), id="grey PNG with alpha"),
        pytest.param(encoded(PHOTO.convert("RGBA"), "PNG"), id="PNG with alpha"),
        pytest.param(encoded(PHOTO, "PNG", save_all=True, append_images=[drawn(seed=1)]), id="animated PNG"),
        pytest.param(encoded(PHOTO, exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), id="JPEG with broken EXIF"),
        pytest.param(encoded(PHOTO, icc_profile=bytes(500_000)), id="JPEG with a huge profile"),
        pytest.param(encoded(PHOTO) + bytes(1000), id="JPEG with something behind it"),
    ],
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_every_kind_of_photo_becomes_the_same_picture(body: bytes) -> None:
    decoded = decode(body, SIZE)
    assert (decoded.shape, decoded.dtype) == ((224, 224, 3), np.uint8)
    brightness, wanted = (np.asarray(image.convert("L"), int) for image in (Image.fromarray(decoded), PHOTO))
    assert np.abs(brightness - wanted).mean() < 8  # colours may be gone, the picture may not


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    grey = Image.fromarray(np.full((224, 224), 0x8000, np.uint16))
    assert (decode(encoded(grey, "PNG"), SIZE) == 0x80).all()


def test_a_transparent_photo_lies_on_white() -> None:
    clear = Image.new("RGBA", SIZE, (10, 20, 30, 0))
    assert (decode(encoded(clear, "PNG"), SIZE) == 255).all()


@pytest.mark.parametrize(
    ("tag", "turned_by_the_camera"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
        (99, None),
    ],
)
def test_a_photo_stands_upright_as_its_exif_says(tag: int, turned_by_the_camera: Image.Transpose | None) -> None:
    exif = Image.Exif()
    exif[0x0112] = tag
    stored = PHOTO if turned_by_the_camera is None else PHOTO.transpose(turned_by_the_camera)
    assert np.array_equal(decode(encoded(stored, "PNG", exif=exif), SIZE), np.asarray(PHOTO))


def test_a_photo_that_was_held_on_its_side_gives_the_picture_of_one_held_upright() -> None:
    exif, photo = Image.Exif(), drawn(size=(540, 480))
    exif[0x0112] = 6
    turned = encoded(photo.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)

    for size in (SIZE, (300, 200)):
        difference = np.abs(decode(turned, size).astype(int) - decode(encoded(photo, "PNG"), size))
        assert difference.mean() < 0.5
        assert difference.max() <= LOSS_OF_JPEG * 2


def test_a_photo_of_another_aspect_is_squashed_to_width_by_height() -> None:
    halves = Image.new("RGB", (400, 100), "red")
    halves.paste("blue", (200, 0, 400, 100))
    pixels = decode(encoded(halves, "PNG"), (32, 64))
    assert pixels.shape == (64, 32, 3)
    assert np.abs(pixels[5, 5] - np.array([255, 0, 0])).max() <= LOSS_OF_JPEG
    assert np.abs(pixels[5, -5] - np.array([0, 0, 255])).max() <= LOSS_OF_JPEG


def test_a_resized_photo_carries_the_loss_of_the_stored_training_photos() -> None:
    full_size = drawn(size=(540, 480))
    copy = encoded(full_size.resize(SIZE, Image.Resampling.BICUBIC), "JPEG", quality=75)
    assert np.array_equal(decode(encoded(full_size, "PNG"), SIZE), decode(copy, SIZE))


@pytest.mark.parametrize("side", [SIZE[0] * REDUCED_SIDES * 2 - 1, SIZE[0] * REDUCED_SIDES * 2, 2000])
def test_a_large_jpeg_is_decoded_at_less_than_its_size_and_shows_the_same(side: int) -> None:
    photo = drawn(size=(side, side + 100))
    body = encoded(photo, quality=95)
    with Image.open(io.BytesIO(body)) as whole:
        exact = decode(encoded(whole.convert("RGB"), "PNG"), SIZE)  # a PNG is always decoded whole

    difference = np.abs(decode(body, SIZE).astype(int) - exact)

    assert difference.mean() <= MEAN_LOSS_OF_REDUCING
    assert difference.max() <= LARGEST_LOSS_OF_REDUCING
    assert (difference.max() == 0) == (side < SIZE[0] * REDUCED_SIDES * 2)


class Memory:
    """Lets everybody have what they ask for, and keeps count."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.held = 0

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        self.asked.append(amount)
        self.held += amount
        yield
        self.held -= amount


@pytest.mark.parametrize(
    ("photo", "file_format", "bytes_a_pixel"),
    [
        pytest.param(drawn(), "PNG", 4, id="PNG"),
        pytest.param(drawn("L"), "PNG", 1, id="grey PNG"),
        pytest.param(drawn("1"), "PNG", 5, id="black-and-white PNG"),
        pytest.param(drawn().quantize(), "PNG", 5, id="palette PNG"),
        pytest.param(drawn("RGBA"), "PNG", 8, id="PNG with alpha"),
        pytest.param(drawn("LA"), "PNG", 12, id="grey PNG with alpha"),
        pytest.param(drawn("L"), "JPEG", 3, id="grey JPEG"),
        pytest.param(drawn(), "JPEG", 10, id="JPEG"),
        pytest.param(drawn("CMYK"), "JPEG", 16, id="CMYK JPEG"),
    ],
)
def test_memory_is_asked_for_before_a_photo_is_decoded_and_given_back(
    photo: Image.Image, file_format: str, bytes_a_pixel: int
) -> None:
    memory = Memory()

    decode(encoded(photo, file_format), SIZE, hold=memory.hold)

    assert memory.asked == [photo.width * photo.height * bytes_a_pixel]
    assert memory.held == 0


def test_a_large_jpeg_asks_only_for_what_it_is_reduced_to_and_the_files_coefficients() -> None:
    memory = Memory()

    decode(encoded(drawn(size=(4000, 2000))), SIZE, hold=memory.hold)

    assert memory.asked == [4000 * 2000 * 6 + 1000 * 500 * 4]


def png(mode: str, pixels: int) -> bytes:
    return encoded(Image.new(mode, (5000, pixels // 5000)), "PNG", compress_level=1)


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        pytest.param(png("L", MAX_PIXELS), False, id="as many grey pixels as there may be"),
        pytest.param(png("L", MAX_PIXELS + 5000), True, id="a row more"),
        pytest.param(png("RGBA", MAX_MEMORY // 8), False, id="transparent, just as much memory as there is"),
        pytest.param(png("RGBA", MAX_MEMORY // 8 + 5000), True, id="transparent, a row more"),
    ],
)
def test_what_takes_too_much_memory_is_refused_by_its_header(body: bytes, refused: bool) -> None:  # noqa: FBT001
    memory = Memory()
    if refused:
        with pytest.raises(BadImage) as bad:
            decode(body[:100], SIZE, hold=memory.hold)
        assert bad.value.reason == "too_many_pixels"
    else:
        decode(body, SIZE, hold=memory.hold)
    assert (memory.asked == []) == refused


def test_the_steps_are_timed_apart() -> None:
    ticks = iter(range(100))
    watch = Stopwatch(lambda: next(ticks))

    decode(encoded(drawn()), SIZE, timed=watch.timed)

    assert watch.seconds == {"wait": 1, "decode": 1, "resize": 1}


@given(cut=st.integers(0, 100), file_format=st.sampled_from(["JPEG", "PNG"]))
def test_a_file_cut_anywhere_is_refused_or_whole(cut: int, file_format: str) -> None:
    body = encoded(drawn(), file_format)
    shortened = body[: len(body) * cut // 100]
    try:
        pixels = decode(shortened, SIZE)
    except BadImage:
        return
    assert np.array_equal(pixels, decode(body, SIZE))


@given(st.binary(max_size=200), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b""]))
@pytest.mark.filterwarnings("ignore")
def test_arbitrary_bytes_are_refused_and_nothing_else(noise: bytes, signature: bytes) -> None:
    with pytest.raises(BadImage):
        decode(signature + noise, SIZE)


@pytest.mark.dataset
@pytest.mark.skipif(not (COPIES / "originals").is_dir(), reason="the full-size photos are not here")
def test_full_size_photos_give_the_pixels_that_training_saw() -> None:
    for original in sorted((COPIES / "originals").iterdir())[:20]:
        with Image.open(COPIES / "bin-images" / original.name) as copy:
            assert np.array_equal(decode(original.read_bytes(), SIZE), np.asarray(copy)), original.name
