"""Picture sheets show every photo whole, and every caption that fits."""

from __future__ import annotations

import pytest
from PIL import Image

from training.sheets import Tile, sheet

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def tile(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64), caption: str = "") -> Tile:
    return Tile(Image.new("RGB", size, colour), caption)


def area(picture: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """The box around all pixels of one colour, of which there are some."""
    mask = Image.new("1", picture.size)
    mask.putdata([pixel == colour for pixel in picture.get_flattened_data()])
    box = mask.getbbox()
    assert box
    return box


def ink_columns(picture: Image.Image, top: int) -> list[int]:
    """Where, from left to right, something dark stands below a line."""
    grey = picture.convert("L").crop((0, top, picture.width, picture.height))
    dark = grey.point(lambda level: 255 * (level < 128))
    return [x for x in range(dark.width) if dark.crop((x, 0, x + 1, dark.height)).getbbox()]


def test_tiles_fill_rows_from_left_to_right() -> None:
    page = sheet([tile(RED), tile(GREEN), tile(BLUE)], columns=2, tile_size=32)

    red, green, blue = (area(page, colour) for colour in (RED, GREEN, BLUE))

    assert red[1] == green[1] < blue[1]
    assert red[0] == blue[0] < green[0]


def test_a_sheet_with_fewer_tiles_than_columns_is_no_wider_than_its_tiles() -> None:
    assert sheet([tile(RED)], columns=9, tile_size=32).width < 64


@pytest.mark.parametrize(
    ("size", "shown"),
    [((100, 50), (40, 20)), ((50, 100), (20, 40)), ((100, 100), (40, 40)), ((10, 8), (10, 8))],
)
def test_a_photo_keeps_its_aspect_and_is_only_shrunk(size: tuple[int, int], shown: tuple[int, int]) -> None:
    box = area(sheet([tile(RED, size)], columns=1, tile_size=40), RED)

    assert (box[2] - box[0], box[3] - box[1]) == shown


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_photos_of_every_mode_are_shown(mode: str) -> None:
    assert sheet([Tile(Image.new(mode, (8, 8)), "one")], columns=1, tile_size=8).mode == "RGB"


def test_a_caption_stands_below_its_photo() -> None:
    bare, captioned = (sheet([tile(RED, caption=caption)], columns=1, tile_size=64) for caption in ("", "four"))
    box = area(captioned, RED)

    assert captioned.height > bare.height
    assert ink_columns(captioned, box[3])


def test_every_row_is_as_high_as_the_longest_caption_needs() -> None:
    one_line = sheet([tile(RED, caption="a"), tile(BLUE, caption="b")], columns=1, tile_size=32)
    two_lines = sheet([tile(RED, caption="a\nb"), tile(BLUE, caption="b")], columns=1, tile_size=32)

    assert two_lines.height - one_line.height == 2 * 15


def test_a_long_caption_ends_in_its_own_column() -> None:
    page = sheet([tile(RED, caption="a caption far wider than its photo"), tile(BLUE)], columns=2, tile_size=64)
    red, blue = area(page, RED), area(page, BLUE)

    assert max(ink_columns(page, red[3])) < blue[0]


@pytest.mark.parametrize(("tiles", "columns"), [([], 3), ([tile(RED)], 0)])
def test_a_sheet_that_would_show_nothing_is_refused(tiles: list[Tile], columns: int) -> None:
    with pytest.raises(ValueError, match="shows nothing"):
        sheet(tiles, columns)
