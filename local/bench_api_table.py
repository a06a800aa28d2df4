"""A table as a warehouse fills it in some weeks, written fast: for benchmarks.

Bins stand in all states in such shares as they do in operation; every bin has several photos. Values are made by the
domain and shaped by `items`, so that what is measured is what is stored.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from chalicelib.aws.bins import typed
from chalicelib.bin_status import BinStatus, Episode
from chalicelib.consignment import Consignment
from chalicelib.domain import (
    BinImage,
    BinState,
    Direction,
    EpisodeState,
    Expectation,
    Inspection,
    Item,
    Judgement,
    Reason,
    Rejection,
    Verdict,
)
from chalicelib.evidence import CountEstimate, Evidence
from chalicelib.items import from_expectation, from_outcome, from_status
from chalicelib.items_consignments import from_consignment
from chalicelib.items_people import from_act
from chalicelib.items_statistics import addition, from_site, hour_key
from chalicelib.resolution import Cause, Finding, Resolution
from chalicelib.statistics import ONE_HOUR, Counts, hour_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chalicelib.items import Attributes

NOW: Final = datetime.now(UTC).replace(microsecond=0)
SITES: Final = ("FRA1", "MUC1", "HAM1", "LEJ1")
CONSIGNMENTS: Final = tuple(f"C-{number}" for number in range(10))
_PEOPLE: Final = ("ann", "bob", None, None)
_STATES: Final = (
    *([BinState.MATCH] * 12),
    *([BinState.WAITING] * 2),
    *(BinState.REVIEW, BinState.REVIEW, BinState.MISMATCH, BinState.REJECTED, BinState.UNEXPECTED, BinState.RESOLVED),
)
"""Shares of the states, in twentieths: a quarter of the bins waits for a person, which is many."""

_ALERTING: Final = {BinState.MISMATCH, BinState.REJECTED, BinState.UNEXPECTED}
_COUNTS: Final = ("0", "1", "2", "3", "4", "5", "6+")
_ESTIMATE: Final = CountEstimate(
    "bin-counter/3", _COUNTS, (0.0113, 0.0592, 0.4218, 0.3577, 0.1042, 0.0321, 0.0137), (1 / 7,) * 7
)
_BATCH: Final = 25
"""Items in one BatchWriteItem."""
_WRITERS: Final = 8


BINS: Final = 20_000
INSPECTIONS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much the table holds."""

    bins: int
    inspections: int


def name_of(number: int) -> str:
    """Return the name of a bin."""
    return f"{'ABCDEFGH'[number % 8]}-{number:05d}"


def fill(dynamodb: Any, table: str, size: Size) -> int:
    """Write all items, eight batches at a time; returns how many they are."""
    everything = chain(_bins(size), _photos(size), _people(size), _sites())
    written = 0
    with ThreadPoolExecutor(_WRITERS) as writers:
        batches = iter(lambda: list(islice(everything, _BATCH)), [])
        # A bounded number in hand: all of them at once would be gigabytes.
        while some := list(islice(batches, 16 * _WRITERS)):
            written += sum(writers.map(lambda batch: _write(dynamodb, table, batch), some))
    return written


def _write(dynamodb: Any, table: str, batch: list[Attributes]) -> int:
    left: dict[str, Any] = {table: [{"PutRequest": {"Item": typed(item)}} for item in batch]}
    while left:
        left = dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]
    return len(batch)


def _bins(size: Size) -> Iterator[Attributes]:
    for number in range(size.bins):
        status = _status(number, size.inspections // size.bins)
        yield from_status(status)
        if status.site:
            yield from_expectation(_expectation(number))
    for name in CONSIGNMENTS:
        yield from_consignment(Consignment(name, SITES[0], size.bins // len(CONSIGNMENTS), "digest", NOW))


def _status(number: int, photos: int) -> BinStatus:
    state = _STATES[number * 7 % len(_STATES)]
    changed_at = NOW - timedelta(minutes=number)
    placed = BinStatus(
        name_of(number),
        version=photos + 1,
        state=state,
        changed_at=changed_at,
        photos=photos,
        since=NOW - timedelta(days=30),
        resolution=photos + 1 if state is BinState.RESOLVED else None,
    )
    if state is not BinState.UNEXPECTED:
        expectation = _expectation(number)
        placed = replace(
            placed, site=expectation.site, consignment_id=expectation.consignment_id, expected=expectation.quantity
        )
    if state in {BinState.WAITING, BinState.RESOLVED}:
        return placed
    verdict = Verdict(state.value)
    raised = Episode(EpisodeState.OPEN, changed_at, (verdict,)) if state in _ALERTING else None
    shown = replace(placed, image=_image(number, photos), episode=raised, assignee=_PEOPLE[number // 20 % len(_PEOPLE)])
    if state is BinState.REJECTED:
        return replace(shown, reason=Reason.NOT_AN_IMAGE)
    return replace(
        shown,
        predicted=_ESTIMATE.prediction,
        certainty=_ESTIMATE.certainty,
        model=_ESTIMATE.model,
        evidence=Evidence.of(_ESTIMATE),
        judgement=_judgement(verdict, number),
    )


def _expectation(number: int) -> Expectation:
    """Half of the bins are at the first site."""
    site = SITES[0] if number % 2 else SITES[number // 2 % len(SITES)]
    items = (Item(f"B{number:09d}", 2), Item(f"C{number:09d}", 3))
    return Expectation(name_of(number), CONSIGNMENTS[number % len(CONSIGNMENTS)], site, 5, items)


def _judgement(verdict: Verdict, number: int) -> Judgement:
    probability = (number * 37 % 997) / 1000
    return Judgement(
        verdict,
        "FRA1/1",
        probability,
        Direction.SHORT if verdict is Verdict.MISMATCH else None,
        prior=0.02,
        likelihood_ratio=probability * 400,
        review_from=0.05,
        alert_from=0.5,
        photos=5,
        expected_cost=probability * 100,
    )


def _image(number: int, photo: int) -> BinImage:
    key = f"incoming/{name_of(number)}/{photo:04d}.jpg"
    taken = NOW - timedelta(minutes=number, seconds=10, hours=photo)
    return BinImage(
        "photos", key, f"v{number}.{photo}", "9b2cf535f27731c974343645a3985328", f"{photo:018X}", 98765, taken
    )


def _photos(size: Size) -> Iterator[Attributes]:
    """Give each bin its share, and the first one a hundred photos more, so that its list has more than one page."""
    numbers: Iterable[tuple[int, int]] = chain(
        ((place % size.bins, place // size.bins) for place in range(size.inspections)),
        ((0, 1_000 + extra) for extra in range(min(100, size.bins))),
    )
    for number, photo in numbers:
        image, judgement = _image(number, photo), _judgement(Verdict.MATCH, number + photo)
        expectation, at = _expectation(number), image.uploaded_at + timedelta(seconds=3)
        yield from_outcome(Inspection(name_of(number), image, expectation, _ESTIMATE, judgement, at, at))
    for number in range(size.bins // 20):
        image = replace(_image(number, 2_000), version=f"r{number}")
        yield from_outcome(Rejection(name_of(number), image, Reason.NOT_AN_IMAGE, "neither JPEG nor PNG", NOW))


def _people(size: Size) -> Iterator[Attributes]:
    for number in range(size.bins // 10):
        stood = _status(number, 5)
        at = NOW - timedelta(minutes=number)
        yield from_act(Resolution(stood.bin_id, 6, "ann", at, Finding(2, Cause.COUNTED, "counted twice"), stood))


def _sites() -> Iterator[Attributes]:
    hours = [hour_of(NOW) - number * ONE_HOUR for number in range(24 * 7)]
    counts = Counts({"photos": 600, "alerts": 4, "verdict_match": 560, **{f"latency_{n}": 40 for n in range(12, 20)}})
    for site in SITES:
        yield from_site(site)
        for hour in hours:
            update = addition(hour, counts)
            names = update["ExpressionAttributeNames"]
            values = update["ExpressionAttributeValues"]
            yield {**hour_key(site, hour), **{name: values[f":{alias[1:]}"] for alias, name in names.items()}}
