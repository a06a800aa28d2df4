"""What lies under a prefix is written down once, in its newest version, and a listing that was stopped goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.events import files_in as announced
from ops.backfill.ledger import Ledger, Source
from ops.backfill.listing import census, kind_of, list_photos, photos_in
from tests.backfill_fixtures import BUCKET, GOOD, MAX_BYTES, PREFIX, a_ledger, listed, s3_with
from tests.examples import image_of, record_of

if TYPE_CHECKING:
    from pathlib import Path

FILES = {f"{PREFIX}A-{number:02d}/1.jpg": GOOD for number in range(7)}


def keys_in(ledger: Ledger) -> list[str]:
    return [image.key for part in ledger.parts() for _, image in ledger.photos_of(part)]


class Interrupted:
    """An S3 client that dies after so many answers to a listing."""

    def __init__(self, s3: Any, answers: int) -> None:
        self._s3 = s3
        self._answers = answers

    def get_paginator(self, name: str) -> Interrupted:
        assert name == "list_object_versions"
        return self

    def paginate(self, **request: Any) -> Any:
        pages = self._s3.get_paginator("list_object_versions").paginate(**request, PaginationConfig={"PageSize": 3})
        for number, page in enumerate(pages):
            if number == self._answers:
                raise ConnectionError
            yield page


def test_everything_under_the_prefix_is_written_down_and_nothing_else(tmp_path: Path) -> None:
    with s3_with({**FILES, "incoming/A-1/1.jpg": GOOD}) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        assert keys_in(ledger) == sorted(FILES)
        assert ledger.is_listed


def test_only_the_newest_version_counts_and_what_was_deleted_does_not() -> None:
    first, second = sorted(FILES)[:2]
    with s3_with({first: GOOD, second: GOOD}) as s3:
        newest = s3.put_object(Bucket=BUCKET, Key=first, Body=b"newer")["VersionId"]
        s3.delete_object(Bucket=BUCKET, Key=second)
        (image,) = photos_in(s3, BUCKET, PREFIX)
    assert (image.key, image.version, image.size) == (first, newest, 5)


def test_a_photo_has_the_id_that_its_event_would_have_given_it() -> None:
    with s3_with({f"{PREFIX}A-1/1.jpg": GOOD}) as s3:
        (image,) = photos_in(s3, BUCKET, PREFIX)
    event = image_of(image.key, bucket=BUCKET, version=image.version, sequencer="0065A1B2C3D4E5F607")
    ((from_event, _),) = announced(json.dumps({"Records": [record_of(event)]}))
    assert image.image_id == from_event.image_id


def test_a_bucket_without_versions_has_none() -> None:
    with s3_with({f"{PREFIX}A-1/1.jpg": GOOD}, versioned=False) as s3:
        (image,) = photos_in(s3, BUCKET, PREFIX)
    assert image.version is None
    assert '"' not in image.etag


def test_a_listing_that_died_goes_on_behind_the_last_photo_written_down(tmp_path: Path) -> None:
    with s3_with(FILES) as s3:
        with pytest.raises(ConnectionError), a_ledger(tmp_path) as ledger:
            list_photos(Interrupted(s3, 1), Source(BUCKET, PREFIX, 100), ledger, lambda _: None, batch_size=2)
        with a_ledger(tmp_path) as ledger:
            assert 0 < len(keys_in(ledger)) < len(FILES)
            assert not ledger.is_listed
            listed(s3, ledger)
            assert keys_in(ledger) == sorted(FILES)


def test_a_listing_that_has_ended_is_not_begun_again(tmp_path: Path) -> None:
    with s3_with(FILES) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}Z-1/1.jpg", Body=GOOD)
        listed(s3, ledger)
        assert keys_in(ledger) == sorted(FILES)


@pytest.mark.parametrize(
    ("key", "size", "kind"),
    [
        (f"{PREFIX}A-1/1.jpg", 10, "photo"),
        (f"{PREFIX}A-1/1.PNG", MAX_BYTES, "photo"),
        (f"{PREFIX}A-1/1.jpg", MAX_BYTES + 1, "too_large"),
        (f"{PREFIX}A-1/1.jpg", 0, "empty"),
        (f"{PREFIX}A-1/notes.txt", 10, "bad_key"),
        (f"{PREFIX}1.jpg", 10, "bad_key"),
    ],
)
def test_what_the_checker_would_refuse_unseen_is_told_apart(key: str, size: int, kind: str) -> None:
    image = image_of(key, size=size)
    assert kind_of(image, PREFIX, MAX_BYTES) == kind
    assert census([image, image], PREFIX, MAX_BYTES) == {kind: 2}
