"""Photos go to private buckets only, each with its checksum; a folder that is no finished split goes nowhere."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from training.errors import OtherUploadError, UnfinishedSplitError, UnsafeBucketError, UploadFailedError
from training.private_bucket import PrivateBucket, telling
from training.upload import estimate, files_of, upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BUCKET = "bins-of-ours"
REGION = "eu-central-1"
KEY = "arn:aws:kms:eu-central-1:111111111111:key/bins"
PUBLIC = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}


@pytest.fixture
def s3() -> Iterator[Any]:
    """An account without a bucket, in this process."""
    with mock_aws():
        yield boto3.client("s3", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished split of three photos."""
    entries = []
    for file in ("train/3/00001.jpg", "train/6+/00002.jpg", "test/0/00003.png"):
        path = tmp_path / "split" / file
        path.parent.mkdir(parents=True)
        path.write_bytes(file.encode())
        entries.append({"id": path.stem, "file": file, "sha256": sha256(file.encode()).hexdigest()})
    (tmp_path / "split" / "manifest.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    (tmp_path / "split" / "DATA_CARD.md").write_text("# Data card\n")
    (tmp_path / "split" / ".survey.jsonl").write_text("")
    return tmp_path / "split"


def made(
    s3: Any, *, closed: bool = True, encrypted: bool = True, policy: dict[str, Any] | None = None
) -> PrivateBucket:
    """A bucket of the account, protected as told."""
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    if closed:
        everything = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(everything, True))
    if encrypted:
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    if policy:
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    return PrivateBucket.at(s3, f"s3://{BUCKET}/one")


def keys(s3: Any) -> list[str]:
    return [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


@pytest.mark.parametrize(
    ("address", "bucket", "prefix"),
    [
        ("s3://b", "b", ""),
        ("s3://b/", "b", ""),
        ("s3://b/one", "b", "one/"),
        ("s3://b/one/two/", "b", "one/two/"),
    ],
)
def test_an_address_is_a_bucket_and_a_prefix(address: str, bucket: str, prefix: str) -> None:
    target = PrivateBucket.at(None, address)

    assert (target.bucket, target.prefix) == (bucket, prefix)


@pytest.mark.parametrize("address", ["", "b/one", "s3://", "s3:///one", "https://b/one"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(OtherUploadError, match="s3://bucket/prefix"):
        PrivateBucket.at(None, address)


def test_everything_goes_up_in_the_folders_own_layout_but_what_is_hidden(s3: Any, folder: Path) -> None:
    done = upload(folder, made(s3))

    assert keys(s3) == [
        f"one/{name}"
        for name in (
            "DATA_CARD.md",
            "manifest.jsonl",
            "test/0/00003.png",
            "train/3/00001.jpg",
            "train/6+/00002.jpg",
        )
    ]
    assert (done.sent, done.kept) == (5, 0)
    assert done.sent_bytes == sum(file.size for file in files_of(folder))


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("train/3/00001.jpg", "image/jpeg"),
        ("test/0/00003.png", "image/png"),
        ("DATA_CARD.md", "text/markdown; charset=utf-8"),
        ("manifest.jsonl", "application/x-ndjson"),
    ],
)
def test_objects_say_what_they_are(s3: Any, folder: Path, file: str, kind: str) -> None:
    upload(folder, made(s3))

    assert s3.head_object(Bucket=BUCKET, Key=f"one/{file}")["ContentType"] == kind


def test_objects_are_encrypted_by_s3_without_a_key(s3: Any, folder: Path) -> None:
    upload(folder, made(s3))

    assert s3.head_object(Bucket=BUCKET, Key="one/train/3/00001.jpg")["ServerSideEncryption"] == "AES256"


def test_objects_are_encrypted_with_the_key_that_was_named(s3: Any, folder: Path) -> None:
    made(s3)
    upload(folder, PrivateBucket.at(s3, f"s3://{BUCKET}/one", kms_key=KEY))

    head = s3.head_object(Bucket=BUCKET, Key="one/train/3/00001.jpg")

    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"], head["BucketKeyEnabled"]) == ("aws:kms", KEY, True)


@pytest.mark.parametrize(
    ("protection", "fault"),
    [
        ({"closed": False}, "public access is not blocked"),
        ({"encrypted": False}, "does not encrypt"),
        ({"closed": False, "policy": PUBLIC}, "not blocked, its policy lets the public in"),
    ],
    ids=["open", "plain", "public"],
)
def test_a_bucket_that_is_not_private_gets_nothing(
    s3: Any, folder: Path, protection: dict[str, Any], fault: str
) -> None:
    target = made(s3, **protection)

    with pytest.raises(UnsafeBucketError, match=fault):
        upload(folder, target)
    assert keys(s3) == []


@pytest.mark.parametrize(
    "open_one", ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
)
def test_each_of_the_four_blocks_is_needed(s3: Any, folder: Path, open_one: str) -> None:
    target = made(s3)
    blocks = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"] | {open_one: False}
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=blocks)

    with pytest.raises(UnsafeBucketError, match="not blocked"):
        upload(folder, target)


def test_a_bucket_that_does_not_exist_is_not_made_unasked(s3: Any, folder: Path) -> None:
    with pytest.raises(UnsafeBucketError, match="--create"):
        upload(folder, PrivateBucket.at(s3, f"s3://{BUCKET}/one"))
    assert s3.list_buckets()["Buckets"] == []


def test_a_bucket_that_is_made_is_private_encrypted_versioned_and_asks_for_tls(s3: Any) -> None:
    target = PrivateBucket.at(s3, f"s3://{BUCKET}/one")

    target.protect()

    target.check()
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]


def test_a_bucket_that_is_made_encrypts_with_the_key_that_was_named(s3: Any) -> None:
    PrivateBucket.at(s3, f"s3://{BUCKET}", kms_key=KEY).protect()

    (rule,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}


def test_protecting_an_open_bucket_closes_it(s3: Any) -> None:
    target = made(s3, closed=False, encrypted=False)

    target.protect()

    target.check()


def test_protecting_twice_leaves_what_others_have_set(s3: Any) -> None:
    ours = {"Sid": "Ours", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "*"}
    target = made(s3, encrypted=False, policy=ours)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})

    target.protect()
    target.protect()

    first, second = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert (first, second["Sid"]) == (ours, "RefusePlainHttp")
    (kept,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert kept["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == KEY


def test_a_bucket_that_stays_public_is_still_refused_after_protecting(s3: Any) -> None:
    target = made(s3, closed=False, policy=PUBLIC)

    target.protect()

    with pytest.raises(UnsafeBucketError, match="lets the public in"):
        target.check()


class Recorder:
    """A client that remembers the arguments of every call, and answers like a private, empty bucket."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append((name, arguments))
            return {
                "PublicAccessBlockConfiguration": dict.fromkeys(
                    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
                ),
                "PolicyStatus": {},
                "ServerSideEncryptionConfiguration": {"Rules": []},
            }

        return call

    def get_paginator(self, name: str) -> Any:
        recorder = self

        class Pages:
            def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
                recorder.calls.append((name, arguments))
                return [{}]

        return Pages()


def test_every_call_says_whose_bucket_it_has_to_be(folder: Path) -> None:
    s3 = Recorder()

    upload(folder, PrivateBucket.at(s3, f"s3://{BUCKET}/one", owner="111111111111"))

    assert {"head_bucket", "get_bucket_policy_status", "list_objects_v2", "put_object"} <= {
        name for name, _ in s3.calls
    }
    assert all(arguments["ExpectedBucketOwner"] == "111111111111" for _, arguments in s3.calls)


def test_the_manifest_goes_last(folder: Path) -> None:
    s3 = Recorder()

    upload(folder, PrivateBucket.at(s3, f"s3://{BUCKET}/one"))

    assert [name for name, _ in s3.calls].count("put_object") == 5
    assert s3.calls[-1][1]["Key"] == "one/manifest.jsonl"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "manifest.jsonl").unlink(), "no finished split"),
        (lambda folder: (folder / "DATA_CARD.md").unlink(), "no finished split"),
        (lambda folder: (folder / "manifest.jsonl").write_text('{"id": "1", "count": 3}\n'), "no manifest that"),
        (lambda folder: (folder / "manifest.jsonl").write_text("{"), "no manifest that"),
        (lambda folder: (folder / "train" / "3" / "00001.jpg").unlink(), r"not as in the manifest \(train/3/00001"),
        (lambda folder: (folder / "train" / "3" / "new.jpg").write_bytes(b"x"), r"manifest \(train/3/new\.jpg"),
    ],
    ids=["no manifest", "no card", "other lines", "torn", "a photo less", "a photo more"],
)
def test_what_is_no_finished_split_is_not_uploaded(folder: Path, spoil: Callable[[Path], object], told: str) -> None:
    spoil(folder)

    with pytest.raises(UnfinishedSplitError, match=told):
        upload(folder, PrivateBucket.at(None, "s3://b"))


def test_a_photo_that_is_not_the_manifests_is_not_sent(s3: Any, folder: Path) -> None:
    photo = folder / "train" / "3" / "00001.jpg"
    photo.write_bytes(b"x" * photo.stat().st_size)

    with pytest.raises(UnfinishedSplitError, match=r"00001\.jpg is not the photo of the manifest"):
        upload(folder, made(s3))
    assert "one/train/3/00001.jpg" not in keys(s3)
    assert "one/manifest.jsonl" not in keys(s3)


def test_the_cost_is_that_of_so_many_requests_and_bytes(folder: Path) -> None:
    files = files_of(folder)

    one = estimate(files * 200_000)

    assert one.objects == 1_000_000
    assert one.put_cost == pytest.approx(5.00)
    assert one.monthly_cost == pytest.approx(sum(file.size for file in files) * 200_000 / 1e9 * 0.023)


def test_what_s3_refuses_is_told_in_one_line() -> None:
    refusal = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")

    with (
        pytest.raises(UploadFailedError, match=r"^s3://b/: PutObject: AccessDenied no; .*run it again"),
        telling("s3://b/"),
    ):
        raise refusal
