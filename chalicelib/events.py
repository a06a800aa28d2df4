"""What arrives, as domain values: S3 events out of the inbox, changes of the table out of its stream. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from chalicelib.domain import BinImage, Rejection
from chalicelib.errors import MalformedMessage
from chalicelib.items import moment, to_rejection, to_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.bin_status import BinStatus


_NO_VERSION = "null"
"""What S3 calls the version of every object that a bucket takes while its versioning is suspended."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the inbox as the queue hands it out; `receives` counts this time too."""

    message_id: str
    body: str
    receipt: str
    receives: int


def files_in(body: str) -> list[tuple[BinImage, dict[str, Any]]]:
    """Return the files that a message announces, photos and consignments, each beside its raw record.

    S3's test event and events of anything but creation announce none.

    Raises:
        MalformedMessage: the message is no S3 event notification.

    """
    try:
        event = json.loads(body)
        if event.get("Event") == "s3:TestEvent":
            return []
        return [(_image(record), record) for record in event["Records"] if _is_creation(record)]
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise MalformedMessage(f"not an S3 event notification: {error!r}") from error


def _is_creation(record: Mapping[str, Any]) -> bool:
    return bool(record["eventName"].removeprefix("s3:").startswith("ObjectCreated:"))


def _image(record: Mapping[str, Any]) -> BinImage:
    s3_object = record["s3"]["object"]
    version = s3_object.get("versionId")
    return BinImage(
        bucket=record["s3"]["bucket"]["name"],
        key=unquote_plus(s3_object["key"]),
        version=None if version == _NO_VERSION else version,
        etag=s3_object.get("eTag", ""),
        sequencer=s3_object.get("sequencer", ""),
        size=int(s3_object.get("size", 0)),
        uploaded_at=moment(record["eventTime"]),
    )


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A bin's status changed; `before` is None where there was none."""

    before: BinStatus | None
    after: BinStatus


def change_in(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> StatusChange | Rejection | None:
    """Return what the stream tells that an alert may follow from.

    That is a change of a bin's status, or a rejected photo that belongs to no bin; None for all else.
    """
    if not new:
        return None
    if new["type"] == "STATUS":
        return StatusChange(to_status(old) if old else None, to_status(new))
    is_new_stray = new["type"] == "REJECTION" and "bin_id" not in new and not old
    return to_rejection(new) if is_new_stray else None
