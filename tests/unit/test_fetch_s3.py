"""What S3 answers becomes bins, reasons, or the end of the run."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ResponseStreamingError
from botocore.response import StreamingBody
from moto import mock_aws

from tests.fetch_fixtures import bins, files_in, jpeg, metadata
from training.errors import BadSelectionError, UnusableSourceError
from training.fetch import All, PatientSource, fetch
from training.fetch.s3 import Address, S3Source, client
from training.fetch.sources import MissingObjectError, UnreadObjectError, metadata_name, photo_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HERE = Address("bins", "some/where/")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an account inside this process, with an empty bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        made = boto3.client("s3", region_name="us-east-1")
        made.create_bucket(Bucket=HERE.bucket)
        yield made


def put(s3: Any, content: Mapping[str, tuple[bytes | None, bytes | None]]) -> None:
    for image_id, (photo, facts) in content.items():
        for name, body in ((photo_name(image_id), photo), (metadata_name(image_id), facts)):
            if body is not None:
                s3.put_object(Bucket=HERE.bucket, Key=HERE.prefix + name, Body=body)


class Answering:
    """A client whose every call ends in one way."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def get_object(self, **_: str) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def refusal(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")


def test_a_bucket_lists_every_bin_with_metadata_and_nothing_else(s3: Any) -> None:
    put(s3, {"00001": (jpeg(), metadata()), "1": (None, metadata()), "2": (jpeg(), None)})
    for key in ("metadata/deeper/3.json", "metadata/readme.txt", "elsewhere/4.json"):
        s3.put_object(Bucket=HERE.bucket, Key=HERE.prefix + key, Body=b"")

    assert list(S3Source(s3, HERE).ids()) == ["00001", "1"]


def test_a_listing_goes_on_beyond_the_first_page(s3: Any) -> None:
    put(s3, bins(5))
    s3.meta.events.register("before-parameter-build.s3.ListObjectsV2", lambda params, **_: params.update(MaxKeys=2))

    assert list(S3Source(s3, HERE).ids()) == list(bins(5))


def test_a_bucket_is_fetched_like_a_folder(s3: Any, tmp_path: Path) -> None:
    put(s3, bins(6) | {"lonely": (None, metadata())})

    summary = fetch(S3Source(s3, HERE), tmp_path, All(), workers=3)

    assert (summary.fetched, summary.set_aside) == (6, {"photo missing": 1})
    assert files_in(tmp_path)["bin-images/00004.jpg"] == bins(6)["00004"][0]


def test_sizes_are_asked_without_reading(s3: Any) -> None:
    put(s3, {"1": (jpeg(), metadata()), "2": (None, metadata())})

    source = S3Source(s3, HERE)

    assert source.size("1") == len(jpeg()) + len(metadata())
    assert source.size("2") == len(metadata())


def test_a_missing_object_is_a_reason(s3: Any) -> None:
    with pytest.raises(MissingObjectError):
        S3Source(s3, HERE).photo("1")


def test_a_missing_bucket_ends_the_run(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(UnusableSourceError, match=r"s3://nobodys/ cannot be read: .*NoSuchBucket"):
        fetch(S3Source(s3, Address("nobodys", "")), tmp_path, All(), workers=1)


@pytest.mark.parametrize(
    ("answer", "becomes"),
    [
        (refusal("NoSuchKey", 404), MissingObjectError),
        (refusal("NoSuchBucket", 404), UnusableSourceError),
        (refusal("AccessDenied", 403), UnusableSourceError),
        (refusal("InvalidAccessKeyId", 403), UnusableSourceError),
        (refusal("PermanentRedirect", 301), UnusableSourceError),
        (refusal("SlowDown", 503), UnreadObjectError),
        (refusal("InternalError", 500), UnreadObjectError),
        (refusal("RequestTimeout", 400), UnreadObjectError),
        (NoCredentialsError(), UnusableSourceError),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), UnreadObjectError),
        (ResponseStreamingError(error="reset"), UnreadObjectError),
        pytest.param({"Body": StreamingBody(io.BytesIO(b"half"), 8)}, UnreadObjectError, id="half a body"),
    ],
    ids=str,
)
def test_what_goes_wrong_is_told_apart(answer: Any, becomes: type[Exception]) -> None:
    with pytest.raises(becomes):
        S3Source(Answering(answer), HERE).photo("1")


def test_a_body_that_is_cut_short_is_read_again() -> None:
    bodies = [StreamingBody(io.BytesIO(b"half"), 8), StreamingBody(io.BytesIO(b"whole"), 5)]

    class CutOnce:
        def get_object(self, **_: str) -> Any:
            return {"Body": bodies.pop(0)}

    assert PatientSource(S3Source(CutOnce(), HERE), lambda _: None).photo("1") == b"whole"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://bins", Address("bins", "")),
        ("s3://bins/", Address("bins", "")),
        ("s3://bins/some/where", HERE),
        ("s3://bins/some/where/", HERE),
    ],
)
def test_addresses_are_read_with_and_without_a_prefix(text: str, address: Address) -> None:
    assert Address.parse(text) == address


@pytest.mark.parametrize("text", ["bins", "s3://", "s3:///prefix", "https://bins"])
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(BadSelectionError):
        Address.parse(text)


def test_a_client_holds_a_connection_for_every_worker_and_retries() -> None:
    config = client(signed=False, connections=48).meta.config

    assert config.signature_version is UNSIGNED
    assert config.max_pool_connections == 48
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", 6)
