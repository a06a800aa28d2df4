"""Keeps requests and replies of the endpoint as SageMaker's data capture does: its layout, its records, its sampling.

    FOLDER/ENDPOINT/VARIANT/yyyy/mm/dd/hh/MM-SS-mmm-UUID.jsonl

A folder stands for the bucket's prefix. SageMaker gathers for a while before it writes; here a line is in its file at
once. Past a number of bytes nothing more is kept, as SageMaker stops at high disk usage. Whether SageMaker captures
what the container refuses is not documented; here it is captured, like everything that the container said.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

VARIANT: Final = "AllTraffic"
"""What SageMaker calls an endpoint's only variant where nobody named it."""

MEGABYTES: Final = 500
"""Kept at most, unless said otherwise: some 7,000 full-size photos."""

_FILE_BYTES: Final = 10_000_000
"""A file that has grown to this is followed by another one."""

_JSON: Final = "application/json"
"""The one content type that the endpoint's configuration names as JSON; any other is written in base 64."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What went into the container and what came out."""

    photo: bytes
    photo_type: str
    reply: bytes
    reply_type: str


def record(exchange: Exchange, event_id: str, at: datetime) -> dict[str, Any]:
    """Return the record of one exchange, as SageMaker writes it."""
    return {
        "captureData": {
            "endpointInput": _side("INPUT", exchange.photo, exchange.photo_type),
            "endpointOutput": _side("OUTPUT", exchange.reply, exchange.reply_type),
        },
        "eventMetadata": {"eventId": event_id, "inferenceTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"},
        "eventVersion": "0",
    }


def _side(mode: str, content: bytes, content_type: str) -> dict[str, str]:
    is_json = content_type.partition(";")[0].strip().lower() == _JSON
    data = content.decode("utf-8", "replace") if is_json else base64.b64encode(content).decode()
    encoding = "JSON" if is_json else "BASE64"
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


class Capture:
    """Writes a share of the exchanges of one endpoint into a folder; may be called from several threads."""

    def __init__(  # noqa: PLR0913 - where, how much, and three sources of what no test may leave to luck
        self,
        folder: Path,
        endpoint: str,
        *,
        percentage: int = 100,
        megabytes: int = MEGABYTES,
        now: Callable[[], datetime],
        chance: Callable[[], float],
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        """Begin with what an earlier capture left there: its bytes count.

        Args:
            folder: where to.
            endpoint: its name.
            percentage: share of the exchanges that is kept.
            megabytes: bound on everything below the endpoint's folder.
            now: the time, in UTC.
            chance: numbers from 0 up to 1, that decide which exchanges are kept.
            new_id: names events and files.

        """
        self._folder = folder / endpoint / VARIANT
        self._percentage = percentage
        self._left = megabytes * 1_000_000 - sum(file.stat().st_size for file in self._folder.rglob("*.jsonl"))
        self._now, self._chance, self._new_id = now, chance, new_id
        self._file: Path | None = None
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        """Keep the exchange, or not: that is left to chance, and to the room that there is."""
        if 100 * self._chance() >= self._percentage:
            return
        at = self._now()
        line = json.dumps(record(exchange, str(self._new_id()), at)).encode() + b"\n"
        with self._lock:
            if len(line) > self._left:
                self._left = 0  # once full, it stays so: smaller photos alone would be another picture of the traffic
                return
            self._left -= len(line)
            with self._file_of(at).open("ab") as file:
                file.write(line)

    def _file_of(self, at: datetime) -> Path:
        hour = self._folder / f"{at:%Y/%m/%d/%H}"
        is_full = self._file is not None and self._file.exists() and self._file.stat().st_size >= _FILE_BYTES
        if self._file is None or self._file.parent != hour or is_full:
            hour.mkdir(parents=True, exist_ok=True)
            self._file = hour / f"{at:%M-%S}-{at.microsecond // 1000:03d}-{self._new_id()}.jsonl"
        return self._file
