"""Works off one message of the inbox: every file that it announces is taken up, none is lost.

What may heal comes back through the queue with growing pauses. What does not heal, and what was never an S3
event, goes to the dead letters with its reason. Files of one message fail one by one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain import BinImage
from chalicelib.errors import MalformedMessage, TemporaryFailure
from chalicelib.events import files_in

if TYPE_CHECKING:
    from chalicelib.events import Message
    from chalicelib.ports import Inbox

TakeUp = Callable[[BinImage], object]
"""Checks one photo, or loads one consignment's file."""

_LONGEST_PAUSE = 900


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often a message is tried, and the first pause in seconds, which doubles each time."""

    max_receives: int
    first_pause: int

    def pause(self, message: Message) -> int:
        """Return the seconds until a message is tried again, spread by a quarter so that messages part."""
        spread = 0.75 + 0.5 * zlib.crc32(message.message_id.encode()) / 2**32
        return min(_LONGEST_PAUSE, round(self.first_pause * (1 << (message.receives - 1)) * spread))


def work_off(message: Message, take_up: TakeUp, inbox: Inbox, rule: RetryRule) -> None:
    """Take up every photo and every consignment's file that a message announces.

    Returning means that the message is done with and may be deleted.

    Raises:
        TemporaryFailure: some failed and the message will come back; it may not be deleted.

    """
    try:
        files = files_in(message.body)
    except MalformedMessage as error:
        inbox.bury(message.body, str(error))
        return
    failures = [(record, failure) for file, record in files if (failure := _failure(take_up, file))]
    if not failures:
        return
    reason = "; ".join(sorted({_reason(failure) for _, failure in failures}))
    if message.receives >= rule.max_receives:
        inbox.bury(json.dumps({"Records": [record for record, _ in failures]}), reason)
        return
    inbox.delay(message, rule.pause(message))
    raise TemporaryFailure(reason) from failures[0][1]


def _failure(take_up: TakeUp, file: BinImage) -> Exception | None:
    try:
        take_up(file)
    except Exception as error:  # noqa: BLE001 - a defect met by one file must not take others along, nor lose this one
        return error
    return None


def _reason(failure: Exception) -> str:
    return str(failure) if isinstance(failure, TemporaryFailure) else repr(failure)
