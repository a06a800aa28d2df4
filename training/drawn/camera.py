"""What the camera does to the scene: viewpoint, bad light, blur, sensor noise, JPEG artefacts."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageFilter

if TYPE_CHECKING:
    from random import Random


def photograph(scene: Image.Image, rng: Random) -> Image.Image:
    """Take the photo: same size as the scene, and nothing of the goods leaves the frame."""
    photo = _viewpoint(scene, rng)
    photo = _light(photo, rng)
    photo = _blur(photo, rng)
    photo = _noise(photo, rng)
    return _artefacts(photo, rng)


def _viewpoint(scene: Image.Image, rng: Random) -> Image.Image:
    """Map a slightly larger quadrilateral onto the frame; its rim is of the lip's colour."""
    width, height = scene.size

    def off(side: int) -> float:
        return side * rng.uniform(0.0, 0.03)

    corners = (
        off(width) * rng.choice((0, -1)), off(height) * rng.choice((0, -1)),
        off(width) * rng.choice((0, -1)), height + off(height) * rng.choice((0, 1)),
        width + off(width) * rng.choice((0, 1)), height + off(height) * rng.choice((0, 1)),
        width + off(width) * rng.choice((0, 1)), off(height) * rng.choice((0, -1)),
    )  # fmt: skip
    edge = scene.resize((1, 1), Image.Resampling.BOX, box=(0, height - 4, width, height)).getpixel((0, 0))
    quad, smooth = Image.Transform.QUAD, Image.Resampling.BILINEAR
    return scene.transform(scene.size, quad, corners, smooth, fillcolor=edge)


def _light(photo: Image.Image, rng: Random) -> Image.Image:
    """Colour cast, exposure, a vignette and a lamp that is not in the middle."""
    grid = 16
    across, down = np.meshgrid(np.linspace(-1, 1, grid), np.linspace(-1, 1, grid))
    lamp_x, lamp_y = rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.4)
    falloff = rng.uniform(0.02, 0.22)
    exposure = rng.choice((1.0, 1.0, 1.0, 0.9, 0.7)) * rng.uniform(0.88, 1.0)
    gain = exposure * (1 - falloff * ((across - lamp_x) ** 2 + (down - lamp_y) ** 2) / 2)
    cast = (1.0, rng.uniform(0.93, 1.0), rng.uniform(0.82, 1.0))
    maps = [Image.fromarray((255 * np.clip(gain * part, 0, 1)).astype(np.uint8)) for part in cast]
    lit = ImageChops.multiply(
        photo, Image.merge("RGB", [light.resize(photo.size, Image.Resampling.BILINEAR) for light in maps])
    )
    haze = Image.new("RGB", photo.size, (176, 158, 132))
    return Image.blend(lit, haze, rng.uniform(0.04, 0.22))


def _blur(photo: Image.Image, rng: Random) -> Image.Image:
    radius = rng.choice((0.0, 0.0, 0.5, 0.8, 1.1, 1.7))
    return photo.filter(ImageFilter.GaussianBlur(radius)) if radius else photo


def _noise(photo: Image.Image, rng: Random) -> Image.Image:
    """Add triangular noise, the sum of two uniform bytes: close to normal, and quick."""
    strength = rng.choice((2, 3, 4, 6, 8, 12, 18))
    width, height = photo.size
    shape = (height, width, 3)
    source = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))
    noise = source.integers(0, 256, shape, np.uint8).astype(np.int16)
    noise += source.integers(0, 256, shape, np.uint8)
    noise -= 255
    noise *= strength
    noise >>= 7
    noise += np.asarray(photo)
    return Image.fromarray(np.clip(noise, 0, 255, out=noise).astype(np.uint8))


def _artefacts(photo: Image.Image, rng: Random) -> Image.Image:
    if rng.random() < 0.6:
        return photo
    coded = io.BytesIO()
    photo.save(coded, "JPEG", quality=rng.randint(28, 70))
    return Image.open(coded).convert("RGB")
