from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.artifacts import Artifacts

ACCOUNT, STRANGER = "111111111111", "222222222222"
BUCKET = "bincheck-artifacts-111111111111-eu-central-1"


class FakeS3:
    """Remembers what it was told about buckets; a call for the wrong owner is refused, as S3 does."""

    def __init__(self, endpoint: str = "https://s3.eu-central-1.amazonaws.com", region: str = "eu-central-1") -> None:
        self.meta = SimpleNamespace(region_name=region, partition="aws", endpoint_url=endpoint)
        self.owner: str | None = None
        self.settings: dict[str, Any] = {}
        self.objects: dict[str, bytes] = {}
        self.puts = 0

    def head_bucket(self, *, ExpectedBucketOwner: str, **_: Any) -> None:  # noqa: N803
        self._check("HeadBucket", ExpectedBucketOwner)

    def create_bucket(self, **arguments: Any) -> None:
        self.owner = ACCOUNT
        self.settings["created"] = arguments

    def put_public_access_block(self, *, PublicAccessBlockConfiguration: dict[str, bool], **_: Any) -> None:  # noqa: N803
        self.settings["closed"] = PublicAccessBlockConfiguration

    def put_bucket_encryption(self, *, ServerSideEncryptionConfiguration: dict[str, Any], **_: Any) -> None:  # noqa: N803
        self.settings["encrypted"] = ServerSideEncryptionConfiguration

    def put_bucket_policy(self, *, Policy: str, **_: Any) -> None:  # noqa: N803
        self.settings["policy"] = json.loads(Policy)

    def head_object(self, *, Key: str, **_: Any) -> None:  # noqa: N803
        if Key not in self.objects:
            raise refused("HeadObject", "404")

    def put_object(self, *, Key: str, Body: bytes, ExpectedBucketOwner: str, **_: Any) -> None:  # noqa: N803
        self._check("PutObject", ExpectedBucketOwner)
        self.objects[Key] = Body
        self.puts += 1

    def _check(self, call: str, expected: str) -> None:
        if self.owner is None:
            raise refused(call, "404")
        if self.owner != expected:
            raise refused(call, "403")


def refused(call: str, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, call)


def test_a_missing_bucket_is_made_closed_encrypted_and_for_tls_only() -> None:
    s3 = FakeS3()
    Artifacts(s3, ACCOUNT).ensure()
    assert s3.settings["created"]["Bucket"] == BUCKET
    assert s3.settings["created"]["ObjectOwnership"] == "BucketOwnerEnforced"
    assert all(s3.settings["closed"].values())
    assert len(s3.settings["closed"]) == 4
    assert s3.settings["encrypted"]["Rules"]
    (refusal,) = s3.settings["policy"]["Statement"]
    assert (refusal["Effect"], refusal["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


@pytest.mark.parametrize(("region", "named"), [("us-east-1", False), ("eu-central-1", True)])
def test_every_region_but_the_first_is_named(region: str, *, named: bool) -> None:
    s3 = FakeS3(region=region)
    Artifacts(s3, ACCOUNT).ensure()
    assert ("CreateBucketConfiguration" in s3.settings["created"]) is named


def test_an_emulator_is_not_locked_out() -> None:
    s3 = FakeS3(endpoint="http://127.0.0.1:4566")
    Artifacts(s3, ACCOUNT).ensure()
    assert "policy" not in s3.settings


def test_a_bucket_that_lost_its_settings_gets_them_back() -> None:
    s3 = FakeS3()
    s3.owner = ACCOUNT
    Artifacts(s3, ACCOUNT).ensure()
    assert "created" not in s3.settings
    assert all(s3.settings["closed"].values())


def test_nothing_is_uploaded_to_a_strangers_bucket_of_that_name() -> None:
    s3 = FakeS3()
    s3.owner = STRANGER
    with pytest.raises(ClientError, match="403"):
        Artifacts(s3, ACCOUNT).ensure()
    with pytest.raises(ClientError, match="403"):
        Artifacts(s3, ACCOUNT).upload(b"code", ".zip")


def test_the_same_content_is_uploaded_once() -> None:
    s3 = FakeS3()
    s3.owner = ACCOUNT
    artifacts = Artifacts(s3, ACCOUNT)
    assert artifacts.upload(b"code", ".zip") == artifacts.upload(b"code", ".zip")
    assert artifacts.upload(b"other code", ".zip") in s3.objects
    assert s3.puts == 2


def test_an_address_is_one_that_cloudformation_takes() -> None:
    expected = f"https://s3.eu-central-1.amazonaws.com/{BUCKET}/key.json"
    assert Artifacts(FakeS3(), ACCOUNT).address("key.json") == expected
