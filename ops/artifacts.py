"""The bucket that holds what is deployed: one per account and region, shared by all stages.

Nothing in it expires: CloudFormation goes back to the code of an earlier deployment when a later one fails.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The bucket of one account, as seen by an S3 client.

    Its name can be guessed, and a stranger may have taken it: every call says whose bucket it has to be.
    """

    s3: Any
    account: str

    @property
    def bucket(self) -> str:
        """The name under which deployments look for their bucket."""
        return f"bincheck-artifacts-{self.account}-{self.s3.meta.region_name}"

    def ensure(self) -> None:
        """Make the bucket if it is missing, and see to it that it is private, encrypted and asks for TLS.

        Raises:
            ClientError: among others 403, the bucket is somebody else's.

        """
        if not _found(self.s3.head_bucket, **self._mine):
            self._create()
        self.s3.put_public_access_block(**self._mine, PublicAccessBlockConfiguration=_CLOSED)
        self.s3.put_bucket_encryption(**self._mine, ServerSideEncryptionConfiguration=_ENCRYPTED)
        # An emulator speaks plain HTTP, and would be locked out.
        if self.s3.meta.endpoint_url.startswith("https:"):
            self.s3.put_bucket_policy(**self._mine, Policy=json.dumps(self._tls_only()))

    def upload(self, body: bytes, suffix: str) -> str:
        """Put content under its own hash, unless it is there already, and return the key."""
        key = f"{hashlib.sha256(body).hexdigest()}{suffix}"
        if not _found(self.s3.head_object, **self._mine, Key=key):
            self.s3.put_object(**self._mine, Key=key, Body=body)
        return key

    def address(self, key: str) -> str:
        """Return the address of an artifact, in the form that CloudFormation takes."""
        return f"{self.s3.meta.endpoint_url}/{self.bucket}/{key}"

    @property
    def _mine(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "ExpectedBucketOwner": self.account}

    def _create(self) -> None:
        region = self.s3.meta.region_name
        # us-east-1 is the one region that may not be named.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.s3.create_bucket(Bucket=self.bucket, ObjectOwnership="BucketOwnerEnforced", **place)

    def _tls_only(self) -> dict[str, Any]:
        arn = f"arn:{self.s3.meta.partition}:s3:::{self.bucket}"
        refuse_plain_http = {
            "Sid": "RefusePlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        return {"Version": "2012-10-17", "Statement": [refuse_plain_http]}


_CLOSED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_ENCRYPTED = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}


def _found(look: Callable[..., object], **where: str) -> bool:
    try:
        look(**where)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchBucket", "NoSuchKey"}:
            return False
        raise
    return True
