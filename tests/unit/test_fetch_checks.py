"""A bin is complete or it is broken for a reason that can be read."""

from __future__ import annotations

import json

import pytest

from tests.fetch_fixtures import jpeg, metadata
from training.errors import BrokenRecordError
from training.fetch.checks import manifest_line, size_of
from training.serving.images import MAX_PIXELS


def test_a_whole_photo_has_a_size() -> None:
    assert size_of(jpeg(size=(40, 30))) == (40, 30)


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (jpeg(size=(200, 200))[:-40], "photo does not decode: image file is truncated"),
        (jpeg()[:30], "photo does not decode"),
        (b"", "photo does not decode: not a JPEG"),
        (b"<html>502</html>", "photo does not decode: not a JPEG"),
        (b"\x89PNG\r\n\x1a\n", "photo does not decode: not a JPEG"),
    ],
)
def test_a_photo_that_does_not_decode_to_its_end_is_refused(photo: bytes, reason: str) -> None:
    with pytest.raises(BrokenRecordError, match=reason):
        size_of(photo)


def test_a_header_that_promises_too_many_pixels_is_refused_before_memory_is_taken() -> None:
    photo = bytearray(jpeg())
    frame = photo.index(b"\xff\xc0")
    side = round(MAX_PIXELS**0.5) + 1
    photo[frame + 5 : frame + 9] = side.to_bytes(2) * 2

    with pytest.raises(BrokenRecordError, match="photo too large"):
        size_of(bytes(photo))


def test_a_manifest_line_tells_what_the_photo_and_the_metadata_say() -> None:
    line = json.loads(manifest_line("00523", jpeg(size=(40, 30)), metadata(3, ["B2", "B1"])))

    assert list(line) == ["id", "count", "asins", "bytes", "sha256", "width", "height"]
    assert (line["id"], line["count"], line["asins"]) == ("00523", 3, ["B1", "B2"])
    assert (line["bytes"], line["width"], line["height"]) == (len(jpeg(size=(40, 30))), 40, 30)
    assert len(line["sha256"]) == 64
