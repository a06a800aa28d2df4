"""What SageMaker's data capture wrote: one exchange a line, read one line at a time, from a folder or from S3.

    PREFIX/ENDPOINT/VARIANT/yyyy/mm/dd/hh/MM-SS-mmm-UUID.jsonl

    {"captureData": {"endpointInput":  {"observedContentType": "image/jpeg", "mode": "INPUT", "data": "/9j/...",
                                        "encoding": "BASE64"},
                     "endpointOutput": {"observedContentType": "application/json", "mode": "OUTPUT", "data": "{...}",
                                        "encoding": "JSON"}},
     "eventMetadata": {"eventId": "...", "inferenceTime": "2026-11-27T03:47:25Z"}, "eventVersion": "0"}

Layout and records: SageMaker's developer guide, "Capture data from real-time endpoint". Nothing is believed of a line:
whatever does not fit is a BrokenLine, and reading goes on. Knows nothing of photos and models.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from training.errors import BadSelectionError, UnreadableCaptureError
from training.fetch.s3 import Address

_PLACE: Final = re.compile(
    r"(?:^|/)(?P<endpoint>[^/]+)/(?P<variant>[^/]+)/(?P<hour>\d{4}/\d\d/\d\d/\d\d)/[^/]+\.jsonl$"
)
_LATE: Final = timedelta(hours=1)
"""A file is named after when it was begun; what happened just before or after may be in the next hour's."""

_CHUNK: Final = 1 << 20


class BrokenLine(Exception):  # noqa: N818 - what the line is
    """A line that is no exchange; the message says in which way."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply."""

    event_id: str
    at: datetime
    photo: bytes
    reply: bytes | None
    """None where only the request was captured."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of the capture; endpoint and variant are empty where it does not lie as SageMaker lays it."""

    path: str
    endpoint: str = ""
    variant: str = ""
    hour: datetime | None = None

    @classmethod
    def at(cls, path: str) -> "File":
        """Read a file's place off its path."""
        found = _PLACE.search(path)
        if not found:
            return cls(path)
        try:
            hour = datetime.strptime(found["hour"], "%Y/%m/%d/%H").replace(tzinfo=UTC)
        except ValueError:
            return cls(path)
        return cls(path, found["endpoint"], found["variant"], hour)


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when; open where None."""

    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, at: datetime) -> bool:
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def may_hold(self, file: File) -> bool:
        """Tell whether a file may have something of this time in it."""
        if file.hour is None:
            return True
        begins_in_time = self.until is None or file.hour - _LATE < self.until
        ends_in_time = self.since is None or file.hour + 2 * _LATE > self.since
        return begins_in_time and ends_in_time


class Captured(Protocol):
    """Where captured files lie."""

    def files(self, span: Span) -> Iterator[File]:
        """Name those that may have something of this time in them."""

    def lines(self, file: File) -> Iterator[bytes]:
        """Read one, line by line; raises UnreadableCaptureError."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, as the local stack fills it, or a download."""

    path: Path

    def files(self, span: Span) -> Iterator[File]:
        """Look through the folder, in the order of paths; raises UnreadableCaptureError where there is none."""
        if not self.path.is_dir():
            raise UnreadableCaptureError(f"{self.path}: there is no such folder")
        found = sorted(path.as_posix() for path in self.path.resolve().rglob("*.jsonl"))
        yield from (file for file in map(File.at, found) if span.may_hold(file))

    def lines(self, file: File) -> Iterator[bytes]:
        """Read one."""
        try:
            with Path(file.path).open("rb") as lines:
                yield from lines
        except OSError as cause:
            raise UnreadableCaptureError(f"{file.path}: {cause.strerror}") from cause


@dataclass(frozen=True, slots=True)
class Bucket:
    """A prefix of a bucket; `s3` is a boto3 client."""

    s3: Any
    address: Address

    def files(self, span: Span) -> Iterator[File]:
        """List the prefix, a thousand keys to a request; raises UnreadableCaptureError."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.address.bucket, Prefix=self.address.prefix
        )
        with self._explained():
            for page in pages:
                keys = (item["Key"] for item in page.get("Contents", ()) if item["Key"].endswith(".jsonl"))
                yield from (file for file in map(File.at, keys) if span.may_hold(file))

    def lines(self, file: File) -> Iterator[bytes]:
        """Read one as it comes in."""
        with self._explained():
            reply = self.s3.get_object(Bucket=self.address.bucket, Key=file.path)
            yield from reply["Body"].iter_lines(_CHUNK)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as cause:
            raise UnreadableCaptureError(f"{self.address}: {cause}") from cause


def captured_at(address: str, s3: Any) -> Captured:
    """Find the capture that is meant: s3://bucket/prefix or a folder; `s3` makes a client, should one be needed."""
    return Bucket(s3(), Address.parse(address)) if address.startswith("s3://") else Folder(Path(address))


def exchange_in(line: bytes) -> Exchange:
    """Read one line; raises BrokenLine."""
    try:
        record = json.loads(line)
        data, about = record["captureData"], record["eventMetadata"]
        at = datetime.fromisoformat(about["inferenceTime"])
        output = data.get("endpointOutput")
        return Exchange(
            event_id=str(about["eventId"]),
            at=at if at.tzinfo else at.replace(tzinfo=UTC),
            photo=_content(data["endpointInput"]),
            reply=None if output is None else _content(output),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        raise BrokenLine(f"{type(cause).__name__}: {cause}") from cause


def _content(side: dict[str, str]) -> bytes:
    data, encoding = side["data"], side["encoding"]
    if encoding != "BASE64":  # JSON and CSV stand there as text
        return data.encode()
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as cause:
        raise BrokenLine(f"data is not base 64: {cause}") from cause


def span(since: str | None, until: str | None, now: datetime) -> Span:
    """Read a span off the command line; raises BadSelectionError."""
    return Span(*(None if text is None else moment(text, now) for text in (since, until)))


def moment(text: str, now: datetime) -> datetime:
    """Read a time: RFC 3339 (UTC where no offset is given), or how long ago: 90m, 24h, 7d.

    Raises BadSelectionError.
    """
    ago = re.fullmatch(r"(\d+)([mhd])", text)
    if ago:
        unit = {"m": "minutes", "h": "hours", "d": "days"}[ago[2]]
        return now - timedelta(**{unit: int(ago[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError as cause:
        raise BadSelectionError(
            f"{text}: a time reads 2026-11-27T08:00:00Z, or 90m, 24h, 7d for how long ago"
        ) from cause
    return at if at.tzinfo else at.replace(tzinfo=UTC)
