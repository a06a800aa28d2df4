"""Walks a prefix of a bucket and writes its photos down: the newest version of every object, as it stands now.

Everything under the prefix is written down, also what is no photo: it ends as it would have ended had S3 announced it.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from chalicelib.domain import BinImage, bin_id_of
from chalicelib.errors import PhotoRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ops.backfill.ledger import Ledger, Source

_BATCH: Final = 1000
"""Photos that are written down at once: what one answer of S3 holds."""

_NO_VERSION: Final = "null"
"""What S3 calls the version of an object that came while its bucket kept none."""


def list_photos(
    s3: Any, source: Source, ledger: Ledger, told: Callable[[int], None], *, batch_size: int = _BATCH
) -> None:
    """Write down every photo of the source; one that was stopped goes on behind the last photo written down.

    `told` hears how many this run has written down.
    """
    ledger.begin(source)
    if ledger.is_listed:
        return
    photos, written = photos_in(s3, source.bucket, source.prefix, after=ledger.last_key), 0
    while batch := tuple(islice(photos, batch_size)):
        ledger.add(batch)
        written += len(batch)
        told(written)
    ledger.finish_listing()


def photos_in(s3: Any, bucket: str, prefix: str, *, after: str | None = None) -> Iterator[BinImage]:
    """Return the newest version of every object under a prefix, in the order of keys; few are in memory at a time.

    S3 does not tell here in which order events came: `sequencer` is empty. Where the bucket keeps versions the photo's
    id does not depend on it.
    """
    behind = {"KeyMarker": after} if after else {}
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix, **behind)
    found = (version for page in pages for version in page.get("Versions", ()))
    return (_image(bucket, version) for version in found if version["IsLatest"])


def kind_of(image: BinImage, prefix: str, max_bytes: int) -> str:
    """Say whether a photo is worth counting (`photo`), or else why the checker will refuse it without asking."""
    try:
        bin_id_of(image.key, prefix)
    except PhotoRefused as refusal:
        return refusal.reason
    if image.size == 0:
        return "empty"
    return "too_large" if image.size > max_bytes else "photo"


def census(photos: Iterable[BinImage], prefix: str, max_bytes: int) -> Counter[str]:
    """Count photos by kind."""
    return Counter(kind_of(image, prefix, max_bytes) for image in photos)


def _image(bucket: str, version: dict[str, Any]) -> BinImage:
    return BinImage(
        bucket=bucket,
        key=version["Key"],
        version=None if version["VersionId"] == _NO_VERSION else version["VersionId"],
        etag=version["ETag"].strip('"'),
        sequencer="",
        size=version["Size"],
        uploaded_at=version["LastModified"],
    )
