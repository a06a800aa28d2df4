"""Photos in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.failures import code_of, temporary
from chalicelib.domain import Reason
from chalicelib.errors import PhotoRefused, PhotoUnavailable

if TYPE_CHECKING:
    from chalicelib.domain import BinImage

_DELETED = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405"}
_REPLACED = {"PreconditionFailed", "412"}


class S3Images:
    """`ports.Images` over an S3 client; a file above `max_bytes` is refused without reading it."""

    def __init__(self, s3: Any, max_bytes: int) -> None:
        self._s3 = s3
        self._max_bytes = max_bytes

    def read(self, image: BinImage) -> bytes:
        """Return the file of exactly the announced version, or of the announced ETag where none is kept."""
        self._refuse_large(image.size)
        this_one = {"VersionId": image.version} if image.version else {"IfMatch": image.etag}
        with temporary(f"reading s3://{image.bucket}/{image.key}"):
            try:
                reply = self._s3.get_object(Bucket=image.bucket, Key=image.key, **this_one)
            except ClientError as error:
                if code_of(error) in _DELETED:
                    raise PhotoUnavailable("the photo was deleted before it was read") from error
                if code_of(error) in _REPLACED:
                    raise PhotoUnavailable("the photo was replaced before it was read") from error
                raise
            self._refuse_large(reply["ContentLength"])
            body: bytes = reply["Body"].read()
        return body

    def _refuse_large(self, size: int) -> None:
        if size > self._max_bytes:
            raise PhotoRefused(Reason.TOO_LARGE, f"{size} bytes are more than the allowed {self._max_bytes}")
