"""Photos are decoded once, as the server decodes them, and never taken for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from training import pixels
from training.errors import BrokenRecordError
from training.pixels import decoded
from training.records import Record
from training.serving.images import decode

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (32, 24)


@pytest.fixture
def records(tmp_path: Path) -> list[Record]:
    photos = [tmp_path / f"{shade}.png" for shade in (10, 90, 200)]
    for photo in photos:
        Image.new("RGB", (50, 40), (int(photo.stem), 0, 0)).save(photo)
    return [Record(photo.stem, photo, 1, frozenset()) for photo in photos]


def test_the_array_holds_what_the_server_decodes_in_the_order_asked_for(records: list[Record], tmp_path: Path) -> None:
    array = decoded(records[::-1], tmp_path / "cache", SIZE)

    assert (array.shape, array.dtype) == ((3, 24, 32, 3), np.uint8)
    for row, record in zip(array, records[::-1], strict=True):
        assert np.array_equal(row, decode(record.photo.read_bytes(), SIZE))


def test_a_second_call_decodes_nothing(records: list[Record], tmp_path: Path) -> None:
    decoded(records, tmp_path / "cache", SIZE)
    decodings: list[None] = []

    decoded(records, tmp_path / "cache", SIZE, done=lambda: decodings.append(None))

    assert decodings == []


def test_a_changed_photo_is_decoded_again(records: list[Record], tmp_path: Path) -> None:
    before = decoded(records, tmp_path / "cache", SIZE)
    Image.new("RGB", (500, 400), (0, 0, 255)).save(records[0].photo)

    after = decoded(records, tmp_path / "cache", SIZE)

    assert not np.array_equal(before[0], after[0])
    assert np.array_equal(before[1:], after[1:])


def test_another_size_is_another_array(records: list[Record], tmp_path: Path) -> None:
    decoded(records, tmp_path / "cache", SIZE)

    assert decoded(records, tmp_path / "cache", (8, 8)).shape == (3, 8, 8, 3)


def test_an_interrupted_decoding_leaves_nothing_that_looks_finished(records: list[Record], tmp_path: Path) -> None:
    records[2].photo.write_bytes(b"no photo")

    with pytest.raises(BrokenRecordError, match=r"200\.png"):
        decoded(records, tmp_path / "cache", SIZE)

    assert list((tmp_path / "cache").glob("*.npy")) == []


def test_one_photo_that_does_not_decode_is_named(records: list[Record]) -> None:
    records[0].photo.write_bytes(b"")

    with pytest.raises(BrokenRecordError, match=r"10\.png: the file has no bytes"):
        pixels.photo_of(records[0], SIZE)
