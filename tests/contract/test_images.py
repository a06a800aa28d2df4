"""Photos in S3, over the emulator; what it does not do as S3 does is played by botocore's stubber."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from chalicelib.aws.images import S3Images
from chalicelib.domain import BinImage, Reason
from chalicelib.errors import PhotoRefused, PhotoUnavailable, TemporaryFailure
from tests.examples import NOON, image_of

if TYPE_CHECKING:
    from local.emulator import Emulator

pytestmark = pytest.mark.integration

LIMIT = 100
KEY = "incoming/A-17/Über full+%.jpg"


class Store:
    """A bucket that photos are put into, and the adapter that reads them."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3 = s3
        self.bucket = bucket
        self.images = S3Images(s3, max_bytes=LIMIT)

    def put(self, body: bytes) -> BinImage:
        """Put a file and return the photo as its event would announce it."""
        reply = self.s3.put_object(Bucket=self.bucket, Key=KEY, Body=body)
        etag = reply["ETag"].strip('"')
        return BinImage(self.bucket, KEY, reply.get("VersionId"), etag, "1", len(body), NOON)

    def delete(self, **version: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=KEY, **version)


@pytest.fixture
def store(emulator: Emulator, bucket: str) -> Store:
    return Store(emulator.client("s3"), bucket)


@pytest.fixture
def unversioned(emulator: Emulator, bucket: str) -> Store:
    """A bucket that keeps only the newest object of a name."""
    s3 = emulator.client("s3")
    name = f"{bucket}-unversioned"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return Store(s3, name)


@pytest.mark.parametrize("kind", ["store", "unversioned"])
def test_the_announced_photo_is_read(kind: str, request: pytest.FixtureRequest) -> None:
    store: Store = request.getfixturevalue(kind)
    photo = store.put(b"one")
    assert (photo.version is None) == (kind == "unversioned")
    assert store.images.read(photo) == b"one"


def test_an_older_version_is_read_though_a_newer_one_lies_over_it(store: Store) -> None:
    older, newer = store.put(b"older"), store.put(b"newer")
    assert [store.images.read(photo) for photo in (older, newer)] == [b"older", b"newer"]


def test_a_version_is_read_though_its_key_was_deleted_since(store: Store) -> None:
    photo = store.put(b"one")
    store.delete()
    assert store.images.read(photo) == b"one"


def test_a_version_that_was_deleted_for_good_is_unavailable(store: Store) -> None:
    photo = store.put(b"one")
    store.delete(VersionId=str(photo.version))
    with pytest.raises(PhotoUnavailable, match="deleted"):
        store.images.read(photo)


def test_a_key_that_was_deleted_where_no_versions_are_kept_is_unavailable(unversioned: Store) -> None:
    photo = unversioned.put(b"one")
    unversioned.delete()
    with pytest.raises(PhotoUnavailable, match="deleted"):
        unversioned.images.read(photo)


def test_a_photo_that_was_replaced_where_no_versions_are_kept_is_unavailable(unversioned: Store) -> None:
    photo = unversioned.put(b"one")
    unversioned.put(b"two")
    with pytest.raises(PhotoUnavailable, match="replaced"):
        unversioned.images.read(photo)


def test_a_delete_marker_is_no_photo(store: Store) -> None:
    store.put(b"one")
    marker = store.s3.delete_object(Bucket=store.bucket, Key=KEY)["VersionId"]
    with pytest.raises(PhotoUnavailable, match="deleted"):
        store.images.read(image_of(KEY, bucket=store.bucket, version=marker, size=0))


def test_an_empty_file_is_read_as_it_is(store: Store) -> None:
    assert store.images.read(store.put(b"")) == b""


def test_a_file_of_just_the_allowed_size_is_read(store: Store) -> None:
    assert store.images.read(store.put(bytes(LIMIT))) == bytes(LIMIT)


def test_a_photo_announced_as_too_large_is_refused_without_a_call() -> None:
    with pytest.raises(PhotoRefused) as refusal:
        S3Images(None, max_bytes=LIMIT).read(image_of(size=LIMIT + 1))
    assert refusal.value.reason == Reason.TOO_LARGE


def test_a_file_larger_than_announced_is_refused_unread(store: Store) -> None:
    photo = store.put(bytes(LIMIT + 1))
    with pytest.raises(PhotoRefused) as refusal:
        store.images.read(image_of(KEY, bucket=store.bucket, version=photo.version, size=5))
    assert refusal.value.reason == Reason.TOO_LARGE


def test_a_bucket_that_is_missing_is_a_temporary_failure(store: Store) -> None:
    with pytest.raises(TemporaryFailure, match="NoSuchBucket"):
        store.images.read(image_of(bucket="no-such-bucket", size=5))


# S3 tells a reader without s3:ListBucket "access denied" for a key that is not there, the emulator does not.
@pytest.mark.parametrize(
    ("code", "status"), [("AccessDenied", 403), ("SlowDown", 503), ("InternalError", 500), ("InvalidObjectState", 403)]
)
def test_a_store_in_trouble_is_a_temporary_failure_that_names_the_photo(
    emulator: Emulator, code: str, status: int
) -> None:
    s3 = emulator.client("s3")
    with Stubber(s3) as stubber:
        stubber.add_client_error("get_object", code, http_status_code=status)
        with pytest.raises(TemporaryFailure, match=rf"s3://photos/incoming/A-17/0001.jpg: {code}"):
            S3Images(s3, LIMIT).read(image_of(size=5))
