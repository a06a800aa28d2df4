"""A prefix of an S3 bucket that is fit for photos which may not be passed on: private, encrypted, one owner's.

Every object is put encrypted and with its SHA-256, which S3 checks on receipt and keeps. A bucket's own protection is
looked at before photos go there (`check`), and put in place only when asked (`protect`). The client is an argument.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from training.errors import OtherUploadError, UnsafeBucketError, UploadFailedError

_TYPES: Final = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".md": "text/markdown; charset=utf-8",
}

_CLOSED: Final = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}

_TLS_ONLY: Final = "RefusePlainHttp"

_ABSENT: Final = frozenset(
    {"NoSuchPublicAccessBlockConfiguration", "NoSuchBucketPolicy", "ServerSideEncryptionConfigurationNotFoundError"}
)
"""How S3 says that a bucket has no such setting; whatever else it refuses is an error."""


@dataclass(frozen=True, slots=True)
class PrivateBucket:
    """A prefix ("" or ending in a slash) of a bucket, the account that has to own it, and the key that encrypts."""

    s3: Any
    bucket: str
    prefix: str
    owner: str | None = None
    kms_key: str | None = None

    @classmethod
    def at(cls, s3: Any, address: str, owner: str | None = None, kms_key: str | None = None) -> Self:
        """Read an address like s3://bucket/prefix; raises OtherUploadError where it is none."""
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        if not address.startswith("s3://") or not bucket:
            raise OtherUploadError(f"{address}: an address looks like s3://bucket/prefix")
        prefix = prefix.strip("/")
        return cls(s3, bucket, f"{prefix}/" if prefix else "", owner, kms_key)

    @property
    def address(self) -> str:
        """The address, for people."""
        return f"s3://{self.bucket}/{self.prefix}"

    def sizes(self) -> dict[str, int]:
        """List what lies below the prefix: the size of each object by its path."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(**self._mine, Prefix=self.prefix)
        found = (one for page in pages for one in page.get("Contents", ()))
        return {one["Key"].removeprefix(self.prefix): one["Size"] for one in found}

    def checksum(self, path: str) -> str | None:
        """Ask for an object's SHA-256 in base 64; None where it was put without one."""
        answer = self.s3.head_object(**self._mine, Key=self.prefix + path, ChecksumMode="ENABLED")
        found: str | None = answer.get("ChecksumSHA256")
        return found

    def put(self, path: str, body: bytes) -> None:
        """Put an object encrypted; S3 refuses it if what arrives has another checksum."""
        self.s3.put_object(
            **self._mine,
            **self._encryption,
            Key=self.prefix + path,
            Body=body,
            ContentType=_TYPES.get(Path(path).suffix.lower(), "application/octet-stream"),
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=b64encode(sha256(body).digest()).decode(),
        )

    def check(self) -> None:
        """See to it that the bucket exists, cannot be public and encrypts; raises UnsafeBucketError."""
        if not self._exists():
            raise UnsafeBucketError(f"{self.bucket}: there is no such bucket; --create makes a private one")
        faults = [
            fault
            for fault, found in (
                ("public access is not blocked", not self._is_closed()),
                ("its policy lets the public in", self._is_public()),
                ("it does not encrypt by default", self._default_encryption() is None),
            )
            if found
        ]
        if faults:
            raise UnsafeBucketError(f"{self.bucket}: {', '.join(faults)}; --create puts that right where it can")

    def protect(self) -> None:
        """Make the bucket if it is missing; make it private, encrypted, versioned, and have it ask for TLS.

        What stands in the way of nobody stays: a policy's other statements, and the bucket's own encryption unless a
        key is named here.
        """
        if not self._exists():
            self._create()
        self.s3.put_public_access_block(**self._mine, PublicAccessBlockConfiguration=_CLOSED)
        if self.kms_key or self._default_encryption() is None:
            self.s3.put_bucket_encryption(
                **self._mine, ServerSideEncryptionConfiguration={"Rules": [self._encryption_rule()]}
            )
        self.s3.put_bucket_versioning(**self._mine, VersioningConfiguration={"Status": "Enabled"})
        # An emulator speaks plain HTTP, and would be locked out.
        if self.s3.meta.endpoint_url.startswith("https:"):
            self.s3.put_bucket_policy(**self._mine, Policy=json.dumps(self._policy()))

    @property
    def _mine(self) -> dict[str, str]:
        return {"Bucket": self.bucket} | ({"ExpectedBucketOwner": self.owner} if self.owner else {})

    @property
    def _encryption(self) -> dict[str, Any]:
        if self.kms_key:  # a bucket key saves a request to KMS for each photo
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key, "BucketKeyEnabled": True}
        return {"ServerSideEncryption": "AES256"}

    def _encryption_rule(self) -> dict[str, Any]:
        if self.kms_key:
            by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.kms_key}
            return {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}
        return {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}

    def _exists(self) -> bool:
        try:
            self.s3.head_bucket(**self._mine)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchBucket"}:
                return False
            raise
        return True

    def _create(self) -> None:
        region = self.s3.meta.region_name
        # us-east-1 is the one region that may not be named.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.s3.create_bucket(Bucket=self.bucket, ObjectOwnership="BucketOwnerEnforced", **place)

    def _is_closed(self) -> bool:
        found = self._setting(self.s3.get_public_access_block, "PublicAccessBlockConfiguration") or {}
        return all(found.get(name) for name in _CLOSED)

    def _is_public(self) -> bool:
        status = self._setting(self.s3.get_bucket_policy_status, "PolicyStatus") or {}
        return bool(status.get("IsPublic"))

    def _default_encryption(self) -> Any | None:
        return self._setting(self.s3.get_bucket_encryption, "ServerSideEncryptionConfiguration")

    def _policy(self) -> dict[str, Any]:
        """Add to the bucket's policy, unless it is there, that nobody may come without TLS."""
        policy = json.loads(self._setting(self.s3.get_bucket_policy, "Policy") or "{}")
        arn = f"arn:{self.s3.meta.partition}:s3:::{self.bucket}"
        refusal = {
            "Sid": _TLS_ONLY,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        others = [statement for statement in policy.get("Statement", ()) if statement.get("Sid") != _TLS_ONLY]
        return {"Version": "2012-10-17"} | policy | {"Statement": [*others, refusal]}

    def _setting(self, ask: Callable[..., dict[str, Any]], name: str) -> Any | None:
        try:
            return ask(**self._mine)[name]
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise


@contextmanager
def telling(address: str) -> Iterator[None]:
    """Turn what S3 refuses, and its being out of reach, into an UploadFailedError of one line."""
    try:
        yield
    except ClientError as cause:
        refusal = cause.response.get("Error", {})
        reason = f"{cause.operation_name}: {refusal.get('Code')} {refusal.get('Message', '')}".rstrip()
        raise UploadFailedError(f"{address}: {reason}; what was sent stays, run it again to go on") from cause
    except BotoCoreError as cause:
        raise UploadFailedError(f"{address}: {cause}; what was sent stays, run it again to go on") from cause
