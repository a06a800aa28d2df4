"""Picture sheets: photos side by side with a line or two below each, for reports that people read.

Draws with Pillow's own font, so that a sheet looks the same on every machine. Opens and writes no file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw, ImageFont, ImageOps

_FONT_SIZE: Final = 12
_GAP: Final = 8
_PAPER: Final = (255, 255, 255)
_INK: Final = (32, 32, 32)
_MAT: Final = (236, 236, 236)
_ELLIPSIS: Final = "…"


@dataclass(frozen=True, slots=True)
class Tile:
    """One photo and what stands below it; lines of the caption are separated by newlines."""

    image: Image.Image
    caption: str


def sheet(tiles: Sequence[Tile], columns: int, tile_size: int = 160) -> Image.Image:
    """Lay tiles out row by row, each photo whole in a square of `tile_size` pixels; returns an RGB picture.

    Photos keep their aspect and are only ever shrunk. A caption's line that is wider than its photo's square ends
    in an ellipsis; all rows are as high as the longest caption needs.

    Raises ValueError where there is no tile or no column.
    """
    if not tiles or columns < 1:
        raise ValueError(f"a sheet of {len(tiles)} tiles in {columns} columns shows nothing")
    font = ImageFont.load_default(_FONT_SIZE)
    line_height = _FONT_SIZE + 3
    caption_height = line_height * max(len(tile.caption.splitlines()) for tile in tiles)
    across = min(columns, len(tiles))
    down = -(-len(tiles) // across)
    step_x, step_y = tile_size + _GAP, tile_size + caption_height + _GAP
    page = Image.new("RGB", (_GAP + across * step_x, _GAP + down * step_y), _PAPER)
    pen = ImageDraw.Draw(page)
    for index, tile in enumerate(tiles):
        left, top = _GAP + index % across * step_x, _GAP + index // across * step_y
        page.paste(_matted(tile.image, tile_size), (left, top))
        for number, line in enumerate(tile.caption.splitlines()):
            where = (left, top + tile_size + 2 + number * line_height)
            pen.text(where, _shortened(line, font, tile_size), fill=_INK, font=font)
    return page


def _matted(photo: Image.Image, side: int) -> Image.Image:
    """Centre the photo on a square mat; a photo larger than the square is shrunk to it."""
    photo = photo.convert("RGB")
    if max(photo.size) > side:
        photo = ImageOps.contain(photo, (side, side))
    mat = Image.new("RGB", (side, side), _MAT)
    mat.paste(photo, ((side - photo.width) // 2, (side - photo.height) // 2))
    return mat


def _shortened(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + _ELLIPSIS) > width:
        line = line[:-1]
    return line + _ELLIPSIS
