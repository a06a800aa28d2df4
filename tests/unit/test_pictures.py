from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config

from chalicelib.aws.pictures import S3Pictures
from tests.fakes_api import image_of

if TYPE_CHECKING:
    from chalicelib.domain import BinImage


def link(image: BinImage) -> tuple[str, dict[str, list[str]]]:
    s3 = boto3.client(
        "s3",
        region_name="eu-central-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(signature_version="s3v4"),
    )
    parts = urlsplit(S3Pictures(s3).link(image))
    return parts.path, parse_qs(parts.query)


def test_a_link_shows_exactly_one_version_for_five_minutes() -> None:
    path, query = link(image_of("A-1", at=7))
    assert path.endswith("/incoming/A-1/photo.jpg")
    assert query["versionId"] == ["v7"]
    assert query["X-Amz-Expires"] == ["300"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_a_bucket_that_keeps_no_versions_is_linked_without_one() -> None:
    _, query = link(replace(image_of("A-1"), version=None))
    assert "versionId" not in query


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("photo.jpg", "image/jpeg"), ("photo.JPEG", "image/jpeg"), ("photo.PNG", "image/png"), ("x", "image/jpeg")],
)
def test_whatever_was_uploaded_browsers_are_told_that_it_is_a_picture(name: str, media_type: str) -> None:
    _, query = link(image_of("A-1", name=name))
    assert query["response-content-type"] == [media_type]
