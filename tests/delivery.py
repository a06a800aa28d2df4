"""Deliveries as S3 and SQS may make them: any order, repeats, groups, failures, and checks side by side.

`table_after` works one delivery off to its end; the table it leaves must not depend on the delivery.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from chalicelib.check import Checker
from chalicelib.domain import BinImage
from chalicelib.errors import PhotoRefused, TemporaryFailure
from chalicelib.events import Message
from chalicelib.inbox import RetryRule, work_off
from tests.examples import JPEG, NOON, POLICY, expecting, record_of, sure_of
from tests.fakes import AFTER, BEFORE, BusyBins, FakeCounter, FakeImages, FakeInbox, FakePolicies, Trouble

if TYPE_CHECKING:
    from chalicelib.evidence import CountEstimate
    from chalicelib.ports import Bins

Table = dict[tuple[str, str], dict[str, Any]]
"""Items by their keys."""

RULE = RetryRule(max_receives=2, first_pause=1)
EXPECTATIONS = (expecting(3, "A-17"), expecting(0, "B-2"))
"""What the consignment says of two of the three bins that photos come from."""

KEYS = ("incoming/A-17/x.jpg", "incoming/A-17/y z+%.jpg", "incoming/B-2/Ü.jpg", "incoming/C-3/📦.png")
STRAY_KEYS = ("incoming/no-bin.jpg", "incoming/A-17/notes.txt")
REFUSED, NO_IMAGE = b"?", b"text"


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as S3 announces it, at microseconds, and its file; None where it is gone."""

    announced: BinImage
    event_time: str
    body: bytes | None

    @property
    def message_record(self) -> dict[str, object]:
        return record_of(self.announced, self.event_time)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How photos arrive: by their numbers in messages, with what goes wrong and what happens side by side."""

    messages: list[list[int]]
    store_trouble: list[str | None]
    model_trouble: list[str | None]
    table_trouble: list[str | None]
    queue_trouble: list[str | None]
    side_by_side: list[bool]


def table_after(photos: list[Photo], delivery: Delivery, bins: Bins) -> None:
    """Work a delivery off until no message is left, dead letters being sent back whenever there are some."""
    queue = deque(
        Message(f"m{number}", json.dumps({"Records": [photos[index].message_record for index in indexes]}), "r", 1)
        for number, indexes in enumerate(delivery.messages)
    )
    inbox = FakeInbox(Trouble(delivery.queue_trouble))
    others_act = iter(delivery.side_by_side)

    def meanwhile() -> None:
        if next(others_act, False):
            work_off_next()

    def work_off_next() -> None:
        if not queue:
            return
        message = queue.popleft()
        try:
            work_off(message, checker.check, inbox, RULE)
        except TemporaryFailure:
            queue.append(replace(message, receives=message.receives + 1))
        while inbox.buried:
            body, _ = inbox.buried.pop()
            queue.append(Message(message.message_id, body, "r", 1))

    checker = Checker(
        images=FakeImages(
            {photo.announced: photo.body for photo in photos if photo.body is not None}, Trouble(delivery.store_trouble)
        ),
        counter=FakeCounter(_seen_in, Trouble(delivery.model_trouble)),
        bins=BusyBins(bins, meanwhile, Trouble(delivery.table_trouble)),
        policies=FakePolicies(POLICY),
        prefix="incoming/",
        clock=lambda: NOON,
    )
    while queue:
        work_off_next()


def _seen_in(body: bytes) -> CountEstimate | PhotoRefused:
    seen = body.removeprefix(JPEG)
    return PhotoRefused("truncated", "the file ends too early") if seen == REFUSED else sure_of(int(seen))


def but_for_episodes(table: Table) -> Table:
    """What alerts went out, and how severe, depends on what was known when: a bin wrong for a moment has alerted."""
    of_episodes = {"episode", "queue_severity"}
    return {key: {name: item[name] for name in item.keys() - of_episodes} for key, item in table.items()}


def in_order(photos: list[Photo]) -> Delivery:
    """Each photo once, one after the other, and nothing goes wrong."""
    return Delivery([[index] for index in range(len(photos))], [], [], [], [], [])


@st.composite
def photo_sets(draw: st.DrawFn, max_size: int = 8) -> list[Photo]:
    """Photos of few keys and few moments, so that they overwrite each other and tie."""
    count = draw(st.integers(1, max_size))
    return [_photo(draw, number) for number in range(count)]


def _photo(draw: st.DrawFn, number: int) -> Photo:
    key = draw(st.sampled_from(KEYS + KEYS + STRAY_KEYS))
    uploaded_at = NOON + timedelta(milliseconds=draw(st.integers(0, 2)))
    # What makes it another photo is its version, or its number where a bucket keeps no versions.
    version = draw(st.none() | st.just(f"v{number}"))
    sequencer = draw(st.sampled_from([1, 16**8, 16**18])) * 16 + (0 if version else number)
    zeros = "0" * draw(st.integers(0, 3))
    body = draw(
        st.none()
        | st.sampled_from([b"", NO_IMAGE, JPEG + REFUSED])
        | st.integers(0, 6).map(lambda count: JPEG + str(count).encode())
    )
    micros = draw(st.integers(0, 999))
    event_time = (uploaded_at + timedelta(microseconds=micros)).isoformat(timespec="microseconds")
    etag = draw(st.sampled_from(["e1", "e2"]))
    return Photo(BinImage("photos", key, version, etag, f"{zeros}{sequencer:X}", 1000, uploaded_at), event_time, body)


@st.composite
def deliveries(draw: st.DrawFn, count: int) -> Delivery:
    """Any order of `count` photos, each at least once, in messages of any size, with failures that end."""
    repeats = draw(st.lists(st.integers(0, count - 1), max_size=count))
    order = draw(st.permutations([*range(count), *repeats]))
    starts = draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order)))
    messages: list[list[int]] = []
    for index, starts_a_message in zip(order, starts, strict=True):
        if starts_a_message or not messages:
            messages.append([])
        messages[-1].append(index)
    plans = st.lists(st.sampled_from([None, None, BEFORE, AFTER]), max_size=8)
    side_by_side = st.lists(st.booleans(), max_size=20)
    return Delivery(messages, draw(plans), draw(plans), draw(plans), draw(plans), draw(side_by_side))
