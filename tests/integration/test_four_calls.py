"""What a photo costs: four AWS calls on its way to a verdict, counted where they leave the process.

A fifth reads the policy of the photo's site, for the first photo in half a minute.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from chalice.test import Client

from app import app
from chalicelib.aws.bins import typed
from chalicelib.bin_status import BinStatus
from chalicelib.items import from_expectation, from_status
from tests.endpoint import ENDPOINT, serving
from tests.examples import JPEG, NOON, expecting, image_of, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.emulator import Emulator

pytestmark = pytest.mark.integration

Photo = dict[str, Any]
"""A photo's record, as S3 announces it."""


@pytest.fixture(scope="module")
def endpoint_url() -> Iterator[str]:
    with serving() as endpoint:
        yield endpoint.url


@pytest.fixture(autouse=True)
def environment(
    fresh_wiring: None,  # noqa: ARG001
    emulator: Emulator,
    endpoint_url: str,
    table: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the template tells the function, and where this machine's services are."""
    for name, value in {
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": endpoint_url,
        "BINCHECK_TABLE": table,
        "BINCHECK_PREFIX": "incoming/",
        "BINCHECK_CONSIGNMENTS_PREFIX": "consignments/",
        "BINCHECK_ENDPOINT": ENDPOINT,
        "BINCHECK_INBOX_URL": f"{emulator.url}/000000000000/no-inbox",
        "BINCHECK_DEAD_LETTERS_URL": f"{emulator.url}/000000000000/no-dead-letters",
        "BINCHECK_MAX_RECEIVES": "5",
        "BINCHECK_FIRST_PAUSE_SECONDS": "10",
        "BINCHECK_MAX_PHOTO_BYTES": "6291456",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def put(emulator: Emulator, bucket: str) -> Callable[..., Photo]:
    s3: Any = emulator.client("s3")

    def put_photo(key: str, body: bytes = JPEG + b"...") -> Photo:
        version = s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
        return record_of(image_of(key, bucket=bucket, version=version, size=len(body), uploaded_at=NOON))

    return put_photo


@pytest.fixture
def expected(emulator: Emulator, table: str) -> Callable[..., None]:
    def expect(bin_id: str, site: str) -> None:
        held = replace(expecting(3, bin_id), site=site)
        status = BinStatus(bin_id).expecting(held, NOON)
        for item in (from_expectation(held), from_status(status)):
            emulator.client("dynamodb").put_item(TableName=table, Item=typed(item))

    return expect


def calls_for(*photos: Photo) -> list[str]:
    """Hand the photos to the function, each in a message of its own; return what its clients sent, retries included."""
    sent: list[str] = []
    # The function's clients are not made yet; once made, they listen to what their session listens to.
    boto3.setup_default_session()
    boto3.DEFAULT_SESSION.events.register(
        "before-send", lambda event_name, **_: sent.append(event_name.rpartition(".")[2])
    )
    messages = [
        {
            "messageId": f"m{number}",
            "receiptHandle": "receipt",
            "body": json.dumps({"Records": [photo]}),
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        for number, photo in enumerate(photos)
    ]
    with Client(app) as client:
        reply = client.lambda_.invoke("on_inbox", {"Records": messages}).payload
    boto3.setup_default_session()
    assert reply == {"batchItemFailures": []}
    return sent


INSPECTION = ["GetObject", "InvokeEndpoint", "Query", "TransactWriteItems"]


def test_a_photo_costs_four_calls_on_its_way_to_a_verdict(put: Callable[..., Photo]) -> None:
    assert calls_for(put("incoming/A-17/1.jpg")) == INSPECTION


def test_every_further_photo_of_a_batch_costs_four_more(put: Callable[..., Photo]) -> None:
    photos = [put(f"incoming/A-17/{number}.jpg") for number in range(3)]
    assert calls_for(*photos) == INSPECTION * 3


def test_the_first_photo_of_an_interval_costs_a_query_more_where_its_bin_belongs_to_a_site(
    put: Callable[..., Photo], expected: Callable[..., None]
) -> None:
    expected("A-17", "FRA1")
    expected("A-18", "FRA1")
    expected("B-1", "MUC2")
    photos = [put(f"incoming/{bin_id}/{number}.jpg") for number, bin_id in enumerate(["A-17", "A-17", "A-18", "B-1"])]
    with_the_policy = ["GetObject", "InvokeEndpoint", "Query", "Query", "TransactWriteItems"]
    assert calls_for(*photos) == with_the_policy + INSPECTION * 2 + with_the_policy


def test_a_photo_that_was_recorded_before_costs_no_more(put: Callable[..., Photo]) -> None:
    photo = put("incoming/A-17/1.jpg")
    assert calls_for(photo, photo) == INSPECTION * 2


def test_a_file_that_is_no_image_costs_three_calls(put: Callable[..., Photo]) -> None:
    assert calls_for(put("incoming/A-17/1.jpg", b"three books")) == ["GetObject", "Query", "TransactWriteItems"]


def test_a_key_that_names_no_bin_costs_one_call(put: Callable[..., Photo]) -> None:
    assert calls_for(put("incoming/1.jpg")) == ["PutItem"]
