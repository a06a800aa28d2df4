from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.bin_status import BinStatus
from chalicelib.domain import BinImage, BinState, Reason
from chalicelib.errors import MalformedMessage
from chalicelib.events import StatusChange, change_in, files_in
from chalicelib.items import from_expectation, from_outcome, from_status, moment
from tests.examples import expecting, image_of, images, inspection_of, record_of, rejection_of

EVENTS = Path(__file__).parents[1] / "events"
VERSION = "096fKKXTRTtl3on89fVO.nfljtsv6qko"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def body_of(name: str) -> str:
    return (EVENTS / f"{name}.json").read_text()


def announced_in(name: str) -> list[BinImage]:
    return [image for image, _ in files_in(body_of(name))]


@pytest.mark.parametrize(
    ("name", "version", "etag", "size"),
    [
        ("put", None, "d41d8cd98f00b204e9800998ecf8427e", 48213),
        ("put_with_version", VERSION, "d41d8cd98f00b204e9800998ecf8427e", 48213),
        ("put_with_null_version", None, "d41d8cd98f00b204e9800998ecf8427e", 48213),
        ("post_prefixed_name", VERSION, "d41d8cd98f00b204e9800998ecf8427e", 48213),
        ("copy", VERSION, "d41d8cd98f00b204e9800998ecf8427e", 48213),
        ("multipart", VERSION, "5d41402abc4b2a76b9719d911017c592-3", 5900000),
    ],
)
def test_every_way_to_create_an_object_announces_a_photo(name: str, version: str | None, etag: str, size: int) -> None:
    assert announced_in(name) == [
        BinImage(
            bucket="photos",
            key="incoming/A-17/0001.jpg",
            version=version,
            etag=etag,
            sequencer="0065A1B2C3D4E5F607",
            size=size,
            uploaded_at=moment("2026-11-22T12:00:00.123Z"),
        )
    ]


@pytest.mark.parametrize("name", ["test_event", "delete", "delete_marker", "lifecycle_expiration"])
def test_anything_but_a_creation_announces_no_photo(name: str) -> None:
    assert announced_in(name) == []


def test_several_records_announce_several_photos_each_beside_its_record() -> None:
    photos = files_in(body_of("several"))
    assert [image.key for image, _ in photos] == ["incoming/A-17/0001.jpg", "incoming/B-2/0002.png"]
    assert [record["s3"]["object"]["versionId"] for _, record in photos] == ["v1", "v2"]


def test_keys_are_decoded_exactly_once() -> None:
    assert [image.key.removeprefix("incoming/A-17/") for image in announced_in("encoded_keys")] == [
        "two words.jpg",
        "1+1.jpg",
        "100%.jpg",
        "100%25.jpg",
        "Überfüllt.jpg",
        "📦.png",
        "a=b&c?#.jpg",
        "棚/0001.jpeg",
    ]


def test_a_synthetic_record_needs_neither_size_nor_sequencer() -> None:
    (image,) = announced_in("synthetic")
    assert (image.size, image.sequencer) == (0, "")


@given(images)
def test_a_photo_comes_out_of_its_record_as_it_went_in(image: BinImage) -> None:
    body = json.dumps({"Records": [record_of(image)]})
    assert [announced for announced, _ in files_in(body)] == [image]


@pytest.mark.parametrize("micro", ["12:00:00.123001Z", "12:00:00.123999Z", "13:00:00.123456+01:00"])
def test_an_upload_time_is_as_precise_as_the_table_keeps_it(micro: str) -> None:
    body = json.dumps({"Records": [record_of(image_of(), event_time=f"2026-11-22T{micro}")]})
    assert files_in(body)[0][0].uploaded_at == moment("2026-11-22T12:00:00.123Z")


def with_field(path: str, value: Any) -> str:
    event = json.loads(body_of("put_with_version"))
    *parents, name = path.split(".")
    place = event["Records"][0]
    for parent in parents:
        place = place[parent]
    place[name] = value
    return json.dumps(event)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        '"text"',
        "{}",
        '{"Records": null}',
        '{"Records": [7]}',
        '{"Records": [{}]}',
        pytest.param("[" * 100_000, id="nested too deep"),
        with_field("eventName", None),
        with_field("eventTime", "yesterday"),
        with_field("eventTime", "0001-01-01T00:00:00+23:59"),
        with_field("s3", []),
        with_field("s3.object", {}),
        with_field("s3.object.key", 5),
        with_field("s3.object.size", "large"),
        with_field("s3.object.size", float("inf")),
        with_field("s3.bucket", "photos"),
    ],
)
def test_what_is_no_s3_event_is_malformed(body: str) -> None:
    with pytest.raises(MalformedMessage):
        files_in(body)


@given(st.text() | json_values.map(json.dumps) | json_values.map(lambda value: json.dumps({"Records": [value]})))
def test_a_message_is_an_event_or_malformed_and_nothing_else(body: str) -> None:
    with contextlib.suppress(MalformedMessage):
        files_in(body)


@given(
    st.sampled_from(["eventName", "eventTime", "s3", "s3.object", "s3.object.key", "s3.object.size", "s3.bucket.name"]),
    json_values,
)
def test_a_record_with_any_field_spoilt_is_an_event_or_malformed(path: str, value: object) -> None:
    with contextlib.suppress(MalformedMessage):
        files_in(with_field(path, value))


def test_a_stream_record_tells_how_a_bins_status_changed() -> None:
    (record,) = DynamoDBStreamEvent(json.loads(body_of("stream_bin_became_mismatch"))).records
    assert record.dynamodb is not None
    change = change_in(record.dynamodb.old_image, record.dynamodb.new_image)
    assert isinstance(change, StatusChange)
    assert change.before is not None
    assert (change.before.state, change.after.state) == (BinState.WAITING, BinState.MISMATCH)
    assert (change.after.expected, change.after.predicted) == (3, "1")
    assert change.after.judgement is not None
    assert change.after.judgement.probability_of_mismatch == 0.97


def test_a_bins_first_status_has_nothing_before_it() -> None:
    status = BinStatus("A-17", version=1)
    assert change_in({}, from_status(status)) == StatusChange(None, status)


STRAY = rejection_of(image_of("incoming/x.jpg"), Reason.BAD_KEY, bin_id=None)


def test_a_rejected_photo_without_a_bin_is_news_once() -> None:
    assert change_in({}, from_outcome(STRAY)) == STRAY
    assert change_in(from_outcome(STRAY), from_outcome(STRAY)) is None


@pytest.mark.parametrize(
    "new",
    [
        {},
        from_outcome(inspection_of(image_of())),
        from_outcome(rejection_of(image_of())),
        from_expectation(expecting(3)),
    ],
    ids=["deletion", "inspection", "rejection in a bin", "expectation"],
)
def test_the_stream_tells_nothing_else(new: dict[str, Any]) -> None:
    assert change_in({}, new) is None
