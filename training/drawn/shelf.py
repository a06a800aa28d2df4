"""The bin itself: fabric walls behind the goods; elastic bands, lips and the label strip in front of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from training.drawn.arrangement import Space
from training.drawn.goods import font, mottle, tinted

if TYPE_CHECKING:
    from random import Random

    from training.drawn.catalogue import Colour

LABEL_COLOURS: tuple[Colour, ...] = (
    (42, 52, 88), (206, 104, 62), (122, 168, 204), (70, 62, 74), (226, 160, 168), (176, 44, 44), (60, 96, 72),
    (92, 64, 50),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shelf:
    """One bin: the picture's size, its opening and back wall (left, top, right, bottom), its fabric."""

    size: tuple[int, int]
    opening: tuple[int, int, int, int]
    back: tuple[int, int, int, int]
    fabric: Colour

    @property
    def space(self) -> Space:
        """Where goods may lie."""
        left, top, right, bottom = self.opening
        return Space(left + 3, top + 3, right - 3, self.back[3], bottom - 2)


def build_shelf(rng: Random, size: tuple[int, int]) -> Shelf:
    """Choose the bin's proportions and the shade of its fabric."""
    width, height = size
    left, right = round(width * rng.uniform(0.005, 0.05)), round(width * rng.uniform(0.95, 0.995))
    top, bottom = round(height * rng.uniform(0.05, 0.12)), round(height * rng.uniform(0.82, 0.9))
    inset, floor = (right - left) * rng.uniform(0.02, 0.08), (bottom - top) * rng.uniform(0.05, 0.16)
    ceiling = (bottom - top) * rng.uniform(0.0, 0.08)
    back = (round(left + inset), round(top + ceiling), round(right - inset), round(bottom - floor))
    fabric = (rng.randint(212, 234), rng.randint(186, 206), rng.randint(118, 150))
    return Shelf(size, (left, top, right, bottom), back, fabric)


def draw_walls(shelf: Shelf, rng: Random) -> Image.Image:
    """Draw the empty bin: five faces of fabric, darker towards the back, with folds and stains."""
    wall = Image.new("RGB", shelf.size, tinted(shelf.fabric, 0.9))
    pen = ImageDraw.Draw(wall)
    (l0, t0, r0, b0), (l1, t1, r1, b1) = shelf.opening, shelf.back
    shade = rng.uniform(0.66, 0.98)
    pen.polygon([(l0, t0), (r0, t0), (r1, t1), (l1, t1)], fill=tinted(shelf.fabric, shade * 0.55))
    pen.polygon([(l0, t0), (l1, t1), (l1, b1), (l0, b0)], fill=tinted(shelf.fabric, shade * 0.8))
    pen.polygon([(r0, t0), (r1, t1), (r1, b1), (r0, b0)], fill=tinted(shelf.fabric, shade * 0.88))
    pen.polygon([(l0, b0), (l1, b1), (r1, b1), (r0, b0)], fill=tinted(shelf.fabric, shade * 1.08))
    pen.rectangle(shelf.back, fill=tinted(shelf.fabric, shade))
    for _ in range(rng.randint(0, 3)):
        x = rng.uniform(l1, r1)
        pen.line(
            (x, t1, x + rng.uniform(-25, 25), b1), fill=tinted(shelf.fabric, shade * rng.choice((0.88, 1.08))), width=2
        )
    stains = mottle(rng, shelf.size, rng.randint(4, 9), rng.randint(180, 228))
    return ImageChops.multiply(wall, Image.merge("RGB", (stains,) * 3))


def draw_front(photo: Image.Image, shelf: Shelf, rng: Random) -> None:
    """Draw what stands before the goods into the photo: bands first, then the lips and labels."""
    for top, bottom in _band_rows(shelf, rng):
        _draw_band(photo, shelf, top, bottom, rng)
    _draw_lips(photo, shelf, rng)
    if rng.random() < 0.35:
        _draw_post(photo, shelf, rng)


def _band_rows(shelf: Shelf, rng: Random) -> list[tuple[float, float]]:
    _, top, _, bottom = shelf.opening
    height = bottom - top
    rows, y = [], top + height * rng.uniform(0.0, 0.2)
    while y < bottom - 0.08 * height:
        thick = height * rng.uniform(0.1, 0.34)
        rows.append((y, min(bottom, y + thick)))
        y += thick + height * rng.uniform(0.04, 0.35)
    return rows if rng.random() < 0.92 else []


def _draw_band(photo: Image.Image, shelf: Shelf, top: float, bottom: float, rng: Random) -> None:
    """Draw a bundle of threads: hair lines side by side over a thin veil."""
    width = photo.width
    sag, slope = rng.uniform(-4, 4), rng.uniform(-0.02, 0.02) * width
    height = round(bottom - top) + 1
    lines = np.zeros((height, 1), np.uint8)
    lines[:] = rng.randint(15, 85)
    position, thick = 0.0, max(1, round(width / 420))
    pitch = thick * rng.uniform(3.2, 7.0)
    thread = rng.randint(110, 225)
    while position < height:
        lines[int(position) : int(position) + thick] = thread
        position += pitch * rng.uniform(0.85, 1.15)
    mask = Image.fromarray(lines).resize((width, height))
    bent = mask.transform(
        (width, height + 16),
        Image.Transform.MESH,
        [
            (
                (x0, 0, x1, height + 16),
                (x0, -8 - y0, x0, height + 8 - y0, x1, height + 8 - y1, x1, -8 - y1),
            )
            for x0, x1, y0, y1 in _bend(width, sag, slope)
        ],
        Image.Resampling.BILINEAR,
    )
    left, _, right, _ = shelf.opening
    visible = Image.new("L", bent.size)
    visible.paste(bent.crop((left, 0, right, bent.height)), (left, 0))
    grey = rng.randint(182, 232)
    colour = (grey, grey - rng.randint(0, 8), grey - rng.randint(0, 18))
    photo.paste(colour, (0, round(top) - 8), visible)


def _bend(width: int, sag: float, slope: float) -> list[tuple[int, int, float, float]]:
    ends = [round(width * part / 6) for part in range(7)]
    level = [sag * 4 * (x / width) * (1 - x / width) + slope * (x / width - 0.5) for x in ends]
    return [(ends[i], ends[i + 1], level[i], level[i + 1]) for i in range(6)]


def _draw_lips(photo: Image.Image, shelf: Shelf, rng: Random) -> None:
    width, height = shelf.size
    _, top, _, bottom = shelf.opening
    pen = ImageDraw.Draw(photo)
    bow = height * rng.uniform(-0.02, 0.02)
    bright = tinted(shelf.fabric, rng.uniform(1.0, 1.14))
    pen.polygon(
        [(0, bottom), (width / 2, bottom + abs(bow)), (width, bottom), (width, height), (0, height)], fill=bright
    )
    pen.line([(0, bottom), (width / 2, bottom + abs(bow)), (width, bottom)], fill=tinted(bright, 0.72), width=2)
    pen.line((0, bottom + 6, width, bottom + 6), fill=tinted(bright, 1.1))
    pen.polygon([(0, 0), (width, 0), (width, top), (width / 2, top + bow), (0, top)], fill=tinted(bright, 0.96))
    pen.line([(0, top), (width / 2, top + bow), (width, top)], fill=tinted(bright, 0.6), width=2)
    label_height = round((height - bottom) * rng.uniform(0.7, 1.1))
    x = width * rng.uniform(0.2, 0.5)
    label = _label(rng, label_height)
    photo.paste(label, (round(x), bottom + round((height - bottom) * rng.uniform(0.15, 0.35))))
    above = _label(rng, label_height)
    photo.paste(above, (round(x + rng.uniform(-20, 20)), round(top * rng.uniform(0.7, 0.9)) - label_height))


def _label(rng: Random, height: int) -> Image.Image:
    """Draw a strip label: the bin's code on white within its row's colour, and a square code."""
    width = round(height * rng.uniform(2.4, 3.0))
    label = Image.new("RGB", (width, height), rng.choice(LABEL_COLOURS))
    pen = ImageDraw.Draw(label)
    edge = max(2, height // 6)
    pen.rectangle((edge, edge, width * 0.58, height - edge), fill=(238, 236, 230))
    code = f"{rng.randint(1, 4)}{rng.choice('ABCDEFGHJ')}"
    pen.text((edge * 2, edge * 0.6), code, fill=(16, 16, 18), font=font(max(8, round(height * 0.72))))
    x = width * 0.51
    pen.line((x, height * 0.3, x, height * 0.75), fill=(16, 16, 18), width=max(1, height // 14))
    arrow = height * 0.1
    pen.polygon([(x - arrow, height * 0.42), (x + arrow, height * 0.42), (x, height * 0.22)], fill=(16, 16, 18))
    side = height - edge
    modules = (np.frombuffer(rng.randbytes(144), np.uint8).reshape(12, 12) & 1) * 215 + 20
    square = Image.fromarray(modules.astype(np.uint8)).resize((side, side), Image.Resampling.NEAREST)
    label.paste(square, (round(width * 0.62), edge // 2))
    return label


def _draw_post(photo: Image.Image, shelf: Shelf, rng: Random) -> None:
    """Draw a seam of the fabric at one side, in front of the bands."""
    left, top, right, bottom = shelf.opening
    x = left if rng.random() < 0.5 else right
    thick = max(2, round(photo.width * rng.uniform(0.006, 0.016)))
    colour = tinted(shelf.fabric, rng.uniform(0.9, 1.05))
    ImageDraw.Draw(photo).line((x, top, x + rng.uniform(-3, 3), bottom), fill=colour, width=thick)
