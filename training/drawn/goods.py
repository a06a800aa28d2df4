"""Pictures of single goods, cut out (RGBA): one painter for each kind of product, and the pose it is seen in."""

from __future__ import annotations

import math
from functools import cache
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.drawn.catalogue import Colour, Look

Box = tuple[float, float, float, float]  # left, top, width, height

SPINE_KINDS = ("book", "box", "blister")
LYING_KINDS = ("book", "box", "bottle", "can", "blister")


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, the only one that every machine has."""
    return ImageFont.load_default(size)


def tinted(colour: Colour, factor: float) -> Colour:
    """Give a colour made lighter (factor above 1) or darker."""
    red, green, blue = (min(255, max(0, int(channel * factor))) for channel in colour)
    return red, green, blue


def mottle(rng: Random, size: tuple[int, int], cells: int, darkest: int, brightest: int = 255) -> Image.Image:
    """Give a smooth random grey field (mode L), `cells` patches across: dirt, creases, uneven light."""
    grid = np.frombuffer(rng.randbytes(cells * cells), np.uint8).reshape(cells, cells)
    scaled = darkest + grid * ((brightest - darkest) / 255)
    return Image.fromarray(scaled.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)


def draw_good(look: Look, area: float, limits: tuple[float, float], rng: Random) -> Image.Image:
    """Draw one unit of a product in a random pose.

    `area` is about what it fills in square pixels, `limits` its largest width and height. All units of a look carry
    the same print; the pose (front or spine, standing, lying, leaning) is this unit's own.
    """
    aspect, painter = look.aspect, PAINTERS[look.kind]
    if look.kind in SPINE_KINDS and rng.random() < 0.25:
        aspect, painter = aspect * rng.uniform(0.3, 0.45), _spine
    lying = look.kind in LYING_KINDS and rng.random() < 0.3
    tilt = _tilt(rng)
    width, height = _fit(area, aspect, limits, tilt + (90 if lying else 0))
    flat = painter(look, width, height, Random(look.seed))
    flat = _lit(flat, rng)
    turn = tilt + (rng.choice((90, -90)) if lying else 0)
    turned = flat.rotate(turn, Image.Resampling.BICUBIC, expand=True)
    box = turned.getchannel("A").point(lambda value: 255 if value > 64 else 0).getbbox()
    return turned.crop(box)


def _tilt(rng: Random) -> float:
    pose = rng.random()
    if pose < 0.7:
        return rng.gauss(0, 1.3)
    return rng.choice((-1, 1)) * rng.uniform(4, 22 if pose < 0.93 else 40)


def _fit(area: float, aspect: float, limits: tuple[float, float], turn: float) -> tuple[int, int]:
    width, height = math.sqrt(area * aspect), math.sqrt(area / aspect)
    cosine, sine = abs(math.cos(math.radians(turn))), abs(math.sin(math.radians(turn)))
    turned_width, turned_height = width * cosine + height * sine, width * sine + height * cosine
    scale = min(1.0, limits[0] / turned_width, limits[1] / turned_height)
    return max(9, round(width * scale)), max(9, round(height * scale))


def _lit(flat: Image.Image, rng: Random) -> Image.Image:
    """Add wear, and light from above: what tells two units of one product apart."""
    width, height = flat.size
    bright, dark = rng.randint(225, 255), rng.randint(172, 225)
    light = (
        Image.linear_gradient("L").resize((width, height)).point(lambda value: bright + (dark - bright) * value // 255)
    )
    shade = ImageChops.multiply(light, mottle(rng, (width, height), 4, 205))
    colour = ImageChops.multiply(flat.convert("RGB"), Image.merge("RGB", (shade, shade, shade)))
    colour.putalpha(flat.getchannel("A"))
    return colour


def _carton(look: Look, width: int, height: int, rng: Random) -> Image.Image:
    """Draw corrugated cardboard: tape along the middle or across, a shipping label, handling marks."""
    face = _panel(width, height, look.base)
    pen = ImageDraw.Draw(face)
    tape = tinted(look.base, rng.choice((1.15, 0.85)))
    middle, half = height * rng.uniform(0.3, 0.7), max(1, height // 18)
    if rng.random() < 0.6:
        pen.rectangle((0, middle - half, width, middle + half), fill=tape)
    if rng.random() < 0.6:
        _label(pen, (rng.uniform(0.1, 0.5) * width, rng.uniform(0.1, 0.5) * height, 0.36 * width, 0.3 * height), rng)
    if rng.random() < 0.6:
        _write(pen, look.title[0].upper(), (0.08 * width, 0.74 * height, 0.8 * width, 0.2 * height), look.ink)
    return _in_depth(_framed(face, look.base), look.base, rng)


def _box(look: Look, width: int, height: int, rng: Random) -> Image.Image:
    """Draw a printed retail box, seen a little from above or from one side."""
    face = _panel(width, height, look.base)
    _print(face, look, rng)
    return _in_depth(_framed(face, look.base), look.base, rng)


def _book(look: Look, width: int, height: int, rng: Random) -> Image.Image:
    """Draw a cover, the joint beside its spine, the pages' edge."""
    face = _panel(width, height, look.base)
    _print(face, look, rng)
    pen = ImageDraw.Draw(face)
    joint, edge = max(2, width // 16), max(1, width // 30)
    pen.line((joint, 0, joint, height), fill=tinted(look.base, 0.6), width=max(1, width // 60))
    pen.rectangle((width - edge, 0, width, height), fill=(222, 214, 194))
    return _framed(face, look.base)


def _spine(look: Look, width: int, height: int, rng: Random) -> Image.Image:
    """Draw the thin side of a book or box: a title along it, a band at each end."""
    face = _panel(height, width, look.base)
    pen = ImageDraw.Draw(face)
    band = height * rng.uniform(0.05, 0.14)
    pen.rectangle((band, 0, band * 1.6, width), fill=look.accent)
    pen.rectangle((height - band * 1.6, 0, height - band, width), fill=look.accent)
    _write(pen, " ".join(look.title), (band * 2, width * 0.2, height - band * 4, width * 0.6), look.ink)
    return _framed(face.transpose(Image.Transpose.ROTATE_270), look.base)


def _bottle(look: Look, width: int, height: int, rng: Random) -> Image.Image:
    """Draw shoulders, a cap, a label round the body, the long highlight of something round."""
    mask = Image.new("L", (width, height))
    cut = ImageDraw.Draw(mask)
    neck, cap, shoulder = width * rng.uniform(0.32, 0.62), height * rng.uniform(0.1, 0.17), height * 0.3
    cut.rounded_rectangle(((width - neck) / 2, 0, (width + neck) / 2, shoulder), 2, fill=255)
    cut.rounded_rectangle((0, cap * 1.25, width - 1, height - 1), min(width, height) * 0.28, fill=255)
    cut.rectangle((width * 0.04, height * 0.5, width * 0.96, height * 0.97), fill=255)
    body = Image.new("RGB", (width, height), look.base)
    pen = ImageDraw.Draw(body)
    pen.rectangle((0, 0, width, cap), fill=look.accent)
    pen.line((0, cap, width, cap), fill=tinted(look.accent, 0.5), width=max(1, height // 60))
    _wrap_label(body, look, rng, top=0.42, bottom=0.86)
    return _rounded(body, mask)


def _can(look: Look, width: int, height: int, rng: Random) -> Image.Image:
    """Draw a cylinder with a lid that is seen from a little above."""
    lid = height * rng.uniform(0.08, 0.16)
    mask = Image.new("L", (width, height))
    cut = ImageDraw.Draw(mask)
    cut.ellipse((0, 0, width - 1, lid), fill=255)
    cut.rectangle((0, lid / 2, width - 1, height - lid / 2), fill=255)
    cut.ellipse((0, height - lid, width - 1, height - 1), fill=255)
    body = Image.new("RGB", (width, height), look.base)
    _wrap_label(body, look, rng, top=0.25, bottom=0.85)
    pen = ImageDraw.Draw(body)
    pen.arc((0, height - lid * 1.5, width - 1, height - lid * 0.5), 0, 180, fill=(190, 190, 188), width=2)
    body = _rounded(body, mask)
    ImageDraw.Draw(body).ellipse((0, 0, width - 1, lid), fill=(188, 188, 184), outline=(90, 90, 88))
    return body


def _bag(look: Look, width: int, height: int, rng: Random) -> Image.Image:
    """Draw a polybag: folded stuff within, a crinkled outline, sheen where the film catches the light."""
    mask = _crinkled(width, height, rng, 0.06)
    stuff = _panel(width, height, look.base)
    pen = ImageDraw.Draw(stuff)
    if rng.random() < 0.5:
        step = max(4, height // rng.randint(5, 9))
        for y in range(0, height, 2 * step):
            pen.rectangle((0, y, width, y + step), fill=look.accent)
    if rng.random() < 0.6:
        _label(pen, (rng.uniform(0.2, 0.5) * width, rng.uniform(0.2, 0.6) * height, 0.3 * width, 0.2 * height), rng)
    creases = mottle(rng, (width, height), rng.randint(5, 8), 90)
    stuff = ImageChops.multiply(stuff, Image.merge("RGB", (creases,) * 3))
    sheen = mottle(rng, (width, height), rng.randint(6, 10), 0).point(lambda value: max(0, value - 165) * 2)
    stuff.paste((238, 240, 242), mask=sheen)
    return _outlined(stuff, mask, (226, 226, 222) if rng.random() < 0.6 else tinted(look.base, 0.4))


def _bubble(look: Look, width: int, height: int, rng: Random) -> Image.Image:
    """Draw something round in bubble wrap: rows of small highlights over a dim colour."""
    mask = _crinkled(width, height, rng, 0.09)
    stuff = Image.new("RGB", (width, height), (158, 160, 158))
    pen = ImageDraw.Draw(stuff)
    pen.ellipse((width * 0.2, height * 0.18, width * 0.8, height * 0.82), fill=look.base)
    stuff = Image.blend(stuff, Image.new("RGB", (width, height), (196, 198, 198)), 0.35)
    pen = ImageDraw.Draw(stuff)
    step = max(5, round(math.sqrt(width * height) / 13))
    for row, y in enumerate(range(0, height, step)):
        for x in range(-step * (row % 2) // 2, width, step):
            pen.ellipse((x, y, x + step * 0.72, y + step * 0.72), outline=(216, 218, 218))
            pen.line((x + 1, y + step * 0.5, x + step * 0.3, y + step * 0.7), fill=(112, 114, 114))
    return _outlined(stuff, mask, (104, 104, 100))


def _blister(look: Look, width: int, height: int, rng: Random) -> Image.Image:
    """Draw a hanging card: header with a hole, clear bubble with the good in it."""
    face = _panel(width, height, look.base)
    pen = ImageDraw.Draw(face)
    header = height * rng.uniform(0.25, 0.4)
    pen.rectangle((0, 0, width, header), fill=look.accent)
    hole = max(2, width // 12)
    pen.ellipse((width / 2 - hole, height * 0.03, width / 2 + hole, height * 0.03 + hole * 1.3), fill=(40, 36, 26))
    _write(pen, look.title[0], (width * 0.1, header * 0.5, width * 0.8, header * 0.4), look.base)
    inside = (width * 0.14, header + height * 0.06, width * 0.86, height * 0.94)
    pen.rounded_rectangle(inside, width * 0.08, fill=tinted(look.base, 0.82), outline=(228, 230, 230))
    good = (width * 0.3, header + height * 0.12, width * 0.7, height * 0.86)
    pen.rounded_rectangle(good, width * 0.1, fill=tinted(look.accent, 0.6))
    pen.line((width * 0.22, header + height * 0.1, width * 0.22, height * 0.8), fill=(246, 246, 246), width=2)
    return _framed(face, look.base)


def _roll(look: Look, width: int, height: int, rng: Random) -> Image.Image:
    """Draw a roll of tape seen from its side: rings round a core."""
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).ellipse((0, 0, width - 1, height - 1), fill=255)
    body = Image.new("RGB", (width, height), look.base)
    pen = ImageDraw.Draw(body)
    core = rng.uniform(0.2, 0.34)
    for ring in np.linspace(0.04, 0.48 - core, 5):
        inset = float(ring)
        box = (width * inset, height * inset, width * (1 - inset), height * (1 - inset))
        pen.ellipse(box, outline=tinted(look.base, 0.8 if _is_light(look.base) else 1.4))
    edge = 0.5 - core
    box = (width * edge, height * edge, width * (1 - edge), height * (1 - edge))
    pen.ellipse(box, fill=(60, 52, 34), outline=(190, 164, 126), width=max(2, width // 24))
    return _outlined(body, mask, tinted(look.base, 0.45))


PAINTERS: dict[str, Callable[[Look, int, int, Random], Image.Image]] = {
    "carton": _carton, "box": _box, "book": _book, "bottle": _bottle, "can": _can, "bag": _bag,
    "bubble": _bubble, "blister": _blister, "roll": _roll,
}  # fmt: skip


def _panel(width: int, height: int, colour: Colour) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def _is_light(colour: Colour) -> bool:
    return sum(colour) > 330


def _framed(face: Image.Image, base: Colour) -> Image.Image:
    """Darken the rim: edges are what lets a person count neighbours of one colour."""
    width, height = face.size
    rim = max(1, round(min(width, height) * 0.018))
    ImageDraw.Draw(face).rectangle((0, 0, width - 1, height - 1), outline=tinted(base, 0.45), width=rim)
    return face.convert("RGBA")


def _outlined(body: Image.Image, mask: Image.Image, colour: Colour) -> Image.Image:
    inner = mask.filter(ImageFilter.MinFilter(3))
    body.paste(colour, mask=ImageChops.subtract(mask, inner))
    body.putalpha(mask)
    return body


def _in_depth(face: Image.Image, base: Colour, rng: Random) -> Image.Image:
    """Now and then show the lid as a lighter band or a flank as a darker one, for the camera stands aside."""
    side = rng.random()
    if side < 0.4:
        return face
    if side < 0.65:
        return _with_flank(face, base, rng)
    width, height = face.size
    depth, inset = round(height * rng.uniform(0.06, 0.16)), width * rng.uniform(0.01, 0.05)
    seen = Image.new("RGBA", (width, height))
    seen.paste(face.resize((width, height - depth)), (0, depth))
    lid = [(inset, 0), (width - 1 - inset, 0), (width - 1, depth), (0, depth)]
    pen = ImageDraw.Draw(seen)
    pen.polygon(lid, fill=tinted(base, 1.25 if _is_light(base) else 1.7), outline=tinted(base, 0.5))
    return seen


def _with_flank(face: Image.Image, base: Colour, rng: Random) -> Image.Image:
    width, height = face.size
    depth, rise = round(width * rng.uniform(0.1, 0.26)), height * rng.uniform(0.01, 0.05)
    seen = Image.new("RGBA", (width, height))
    seen.paste(face.resize((width - depth, height)), (0, 0))
    flank = [(width - depth, 0), (width - 1, rise), (width - 1, height - 1 - rise), (width - depth, height - 1)]
    ImageDraw.Draw(seen).polygon(flank, fill=tinted(base, 0.66), outline=tinted(base, 0.4))
    return seen if rng.random() < 0.5 else seen.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def _rounded(body: Image.Image, mask: Image.Image) -> Image.Image:
    """Shade something round: dark flanks, a highlight left of the middle."""
    across = np.linspace(-1, 1, body.width)
    shade = 255 * np.clip(0.25 + 0.75 * np.sqrt(np.clip(1 - across**2, 0, 1)), 0, 1)
    shadow = Image.fromarray(shade.astype(np.uint8)[None, :]).resize(body.size)
    gloss = Image.fromarray((150 * np.exp(-(((across + 0.45) / 0.1) ** 2))).astype(np.uint8)[None, :]).resize(body.size)
    body = ImageChops.multiply(body, Image.merge("RGB", (shadow,) * 3))
    body.paste((250, 250, 246), mask=gloss)
    body.putalpha(mask)
    return body


def _crinkled(width: int, height: int, rng: Random, depth: float) -> Image.Image:
    """Give the mask of a soft outline: a rectangle with round corners whose edge wavers."""
    points = []
    for step in range(28):
        angle = math.tau * step / 28
        cosine, sine = math.cos(angle), math.sin(angle)
        square = 1 / max(abs(cosine), abs(sine))
        reach = (0.55 + 0.45 * square) / 1.19 * (1 - rng.random() * depth * 2)
        points.append((width / 2 * (1 + cosine * min(reach, square)), height / 2 * (1 + sine * min(reach, square))))
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).polygon(points, fill=255)
    smooth = mask.filter(ImageFilter.BoxBlur(min(width, height) * 0.04))
    return smooth.point(lambda value: min(255, max(0, value - 96) * 4))


def _print(face: Image.Image, look: Look, rng: Random) -> None:
    """Decorate a front: a motif, the title, small print, a bar code."""
    width, height = face.size
    pen = ImageDraw.Draw(face)
    MOTIFS[rng.randrange(len(MOTIFS))](pen, width, height, look.accent, rng)
    top = rng.choice((0.06, 0.4, 0.62))
    for line, word in enumerate(look.title):
        _write(pen, word, (0.1 * width, (top + 0.14 * line) * height, 0.8 * width, 0.15 * height), look.ink)
    if rng.random() < 0.5:
        _small_print(pen, (0.12 * width, 0.84 * height, 0.4 * width, 0.1 * height), look.ink, rng)
    if rng.random() < 0.4:
        _bar_code(pen, (0.62 * width, 0.82 * height, 0.28 * width, 0.12 * height), rng)


def _motif_band(pen: ImageDraw.ImageDraw, width: int, height: int, colour: Colour, rng: Random) -> None:
    top = height * rng.uniform(0, 0.6)
    pen.rectangle((0, top, width, top + height * rng.uniform(0.15, 0.4)), fill=colour)


def _motif_disc(pen: ImageDraw.ImageDraw, width: int, height: int, colour: Colour, rng: Random) -> None:
    radius = min(width, height) * rng.uniform(0.18, 0.34)
    x, y = width * rng.uniform(0.4, 0.6), height * rng.uniform(0.35, 0.65)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline=tinted(colour, 0.7), width=2)


def _motif_wedge(pen: ImageDraw.ImageDraw, width: int, height: int, colour: Colour, rng: Random) -> None:
    pen.polygon(
        [(0, height * rng.uniform(0.3, 1)), (width, height * rng.uniform(0, 0.6)), (width, height), (0, height)],
        fill=colour,
    )


def _motif_stripes(pen: ImageDraw.ImageDraw, width: int, height: int, colour: Colour, rng: Random) -> None:
    step = max(4, width // rng.randint(6, 12))
    for x in range(-height, width, 2 * step):
        pen.line((x, height, x + height * 0.5, height * 0.5), fill=colour, width=max(1, step // 2))


def _motif_none(pen: ImageDraw.ImageDraw, width: int, height: int, colour: Colour, rng: Random) -> None:
    inset = min(width, height) * rng.uniform(0.05, 0.1)
    pen.rectangle((inset, inset, width - inset, height - inset), outline=colour)


MOTIFS = (_motif_band, _motif_disc, _motif_wedge, _motif_stripes, _motif_none)


def _wrap_label(body: Image.Image, look: Look, rng: Random, *, top: float, bottom: float) -> None:
    width, height = body.size
    pen = ImageDraw.Draw(body)
    pen.rectangle((0, top * height, width, bottom * height), fill=look.accent)
    ink = (24, 24, 28) if _is_light(look.accent) else (236, 234, 228)
    _write(pen, look.title[0], (0.14 * width, (top + 0.05) * height, 0.72 * width, 0.12 * height), ink)
    _small_print(pen, (0.2 * width, (bottom - 0.16) * height, 0.6 * width, 0.12 * height), ink, rng)


def _write(pen: ImageDraw.ImageDraw, text: str, box: Box, ink: Colour) -> None:
    left, top, width, height = box
    size = int(min(height, 1.7 * width / max(1, len(text))))
    if size >= 5:
        pen.text((left, top), text, fill=ink, font=font(size))


def _small_print(pen: ImageDraw.ImageDraw, box: Box, ink: Colour, rng: Random) -> None:
    left, top, width, height = box
    for line in range(int(height / 3) + 1):
        y = top + 3 * line
        pen.line((left, y, left + width * rng.uniform(0.5, 1), y), fill=ink)


def _bar_code(pen: ImageDraw.ImageDraw, box: Box, rng: Random) -> None:
    left, top, width, height = box
    pen.rectangle((left, top, left + width, top + height), fill=(240, 240, 238))
    x = left + 2
    while x < left + width - 2:
        pen.line((x, top + 1, x, top + height - 2), fill=(20, 20, 20))
        x += rng.choice((2, 2, 3, 4))


def _label(pen: ImageDraw.ImageDraw, box: Box, rng: Random) -> None:
    left, top, width, height = box
    pen.rectangle((left, top, left + width, top + height), fill=(236, 234, 228))
    _bar_code(pen, (left + width * 0.1, top + height * 0.45, width * 0.8, height * 0.45), rng)
    _small_print(pen, (left + width * 0.1, top + height * 0.12, width * 0.6, height * 0.25), (40, 40, 40), rng)
