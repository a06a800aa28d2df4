"""Bins in a bucket: the public one, or any S3 address with the same layout.

Reads only, through the client that it is given. What botocore's own retries did not mend is told apart here: a
missing object, an object that did not arrive, and a bucket that cannot be read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)

from training.errors import BadSelectionError, UnusableSourceError
from training.fetch.sources import METADATA, MissingObjectError, UnreadObjectError, metadata_name, photo_name

PUBLIC_BUCKET: Final = "aft-vbi-pds"
"""The Amazon Bin Image Dataset: 535,234 bins in us-east-1, readable without an account (CC BY-NC-SA 3.0 US)."""

_ATTEMPTS: Final = 6
_CONNECT_SECONDS: Final = 10
_READ_SECONDS: Final = 30
_MISSING: Final = frozenset({"NoSuchKey", "404"})
_PASSING: Final = frozenset({"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "429"})
_ON_THE_WAY: Final = (HTTPClientError, ConnectionError, IncompleteReadError, FlexibleChecksumError)


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket and the prefix (empty, or ending in a slash) under which bin-images/ and metadata/ lie."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `s3://bucket/prefix`; raises BadSelectionError for anything else."""
        bucket, _, prefix = text.removeprefix("s3://").partition("/")
        if not text.startswith("s3://") or not bucket:
            raise BadSelectionError(f"{text}: an S3 address reads s3://bucket or s3://bucket/prefix")
        prefix = prefix.strip("/")
        return cls(bucket, f"{prefix}/" if prefix else "")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


def client(*, signed: bool, connections: int, endpoint_url: str | None = None) -> Any:
    """Make an S3 client for so many threads; without an endpoint, AWS_ENDPOINT_URL_S3 or AWS itself.

    A request is tried six times in botocore's standard mode: jittered waits, and a budget that stops a run of
    failures from being retried for ever.
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        max_pool_connections=connections,
        signature_version="s3v4" if signed else UNSIGNED,
    )
    return boto3.client("s3", endpoint_url=endpoint_url, config=config)


class S3Source:
    """Bins below a bucket's prefix; `s3` is a boto3 client, which threads may share."""

    def __init__(self, s3: Any, address: Address) -> None:
        self._s3 = s3
        self._address = address

    def ids(self) -> Iterator[str]:
        """List the keys below metadata/, a thousand to a request."""
        prefix = f"{self._address.prefix}{METADATA}/"
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._address.bucket, Prefix=prefix)
        with self._explained(prefix):
            for page in pages:
                keys = (item["Key"].removeprefix(prefix) for item in page.get("Contents", ()))
                yield from (key.removesuffix(".json") for key in keys if key.endswith(".json") and "/" not in key)

    def photo(self, image_id: str) -> bytes:
        """Read bin-images/<id>.jpg."""
        return self._read(photo_name(image_id))

    def metadata(self, image_id: str) -> bytes:
        """Read metadata/<id>.json."""
        return self._read(metadata_name(image_id))

    def size(self, image_id: str) -> int:
        """Add up the sizes of those objects that are there."""
        return self._size(photo_name(image_id)) + self._size(metadata_name(image_id))

    def _read(self, name: str) -> bytes:
        with self._explained(name):
            reply = self._s3.get_object(Bucket=self._address.bucket, Key=self._address.prefix + name)
            body: bytes = reply["Body"].read()
        return body

    def _size(self, name: str) -> int:
        try:
            with self._explained(name):
                head = self._s3.head_object(Bucket=self._address.bucket, Key=self._address.prefix + name)
        except MissingObjectError:
            return 0
        size: int = head["ContentLength"]
        return size

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except ClientError as cause:
            raise self._translated(cause, name) from cause
        except _ON_THE_WAY as cause:
            raise UnreadObjectError(f"{name}: {cause}") from cause
        except BotoCoreError as cause:
            raise UnusableSourceError(f"{self._address}: {cause}") from cause

    def _translated(self, cause: ClientError, name: str) -> Exception:
        code = cause.response["Error"]["Code"]
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _MISSING:
            return MissingObjectError(name)
        if code in _PASSING or status >= 500:
            return UnreadObjectError(f"{name}: {code}")
        return UnusableSourceError(f"{self._address} cannot be read: {cause}")
