"""What Bincheck talks about: bins, photos of them, what they should hold and what was seen.

Facts are frozen; a change is a new value. Nothing here reads the environment, a clock or a network.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import accumulate

from chalicelib.errors import PhotoRefused

BIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = re.compile(rf"(?P<bin_id>{BIN_ID.pattern})/.+\.(?:jpg|jpeg|png)", re.IGNORECASE | re.DOTALL)
_MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


class Verdict(StrEnum):
    """How the inspection of one photo ended."""

    MATCH = "match"
    MISMATCH = "mismatch"
    REVIEW = "review"
    UNEXPECTED = "unexpected"
    REJECTED = "rejected"


class BinState(StrEnum):
    """Where a bin stands: the verdict of its newest photo, or one of two states before there is any."""

    IDLE = "idle"
    WAITING = "waiting"
    MATCH = "match"
    MISMATCH = "mismatch"
    REVIEW = "review"
    UNEXPECTED = "unexpected"
    REJECTED = "rejected"

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look at a bin in this state."""
        return self in ATTENTION


ATTENTION = (BinState.MISMATCH, BinState.REVIEW, BinState.UNEXPECTED, BinState.REJECTED)
"""The states in which a bin waits for a person, most urgent first."""


class Direction(StrEnum):
    """Which way a bin differs: fewer goods than expected, or more."""

    SHORT = "short"
    OVER = "over"


class Reason:
    """Codes of why a photo was rejected; the model server adds its own."""

    BAD_KEY = "bad_key"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_AN_IMAGE = "not_an_image"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class BinImage:
    """One version of one object in the bucket: a photo as S3 announced it.

    `sequencer` is S3's hexadecimal order of events on one key; `size` is in bytes, `uploaded_at` in UTC.
    """

    bucket: str
    key: str
    version: str | None
    etag: str
    sequencer: str
    size: int
    uploaded_at: datetime

    @property
    def image_id(self) -> str:
        """Names this very photo: every event about it yields the same id, whatever its time or number."""
        content = self.version or f"{self.etag}/{self.sequencer.lstrip('0')}"
        return hashlib.sha256(f"{self.bucket}\0{self.key}\0{content}".encode()).hexdigest()[:32]

    @property
    def order(self) -> tuple[datetime, str, str]:
        """Total order of the photos of one bin: by time, then S3's sequencer, then the id.

        Sequencers compare as hexadecimal numbers of any length, and only within one key; two keys that share
        a millisecond are ordered arbitrarily but always alike.
        """
        return (self.uploaded_at, self.sequencer.lower().rjust(64, "0"), self.image_id)


def bin_id_of(key: str, prefix: str) -> str:
    """Return the bin that a key names.

    Raises:
        PhotoRefused: `bad_key`, the key is not `<prefix><bin_id>/<name>.(jpg|jpeg|png)`.

    """
    match = _KEY.fullmatch(key.removeprefix(prefix)) if key.startswith(prefix) else None
    if match is None:
        raise PhotoRefused(Reason.BAD_KEY, f"the key is not {prefix}<bin_id>/<name>.jpg, .jpeg or .png")
    return match["bin_id"]


def media_type_of(body: bytes) -> str:
    """Return `image/jpeg` or `image/png`, told by the first bytes.

    Raises:
        PhotoRefused: `empty` or `not_an_image`.

    """
    if not body:
        raise PhotoRefused(Reason.EMPTY, "the file is empty")
    for magic, media_type in _MAGIC.items():
        if body.startswith(magic):
            return media_type
    raise PhotoRefused(Reason.NOT_AN_IMAGE, "the file is neither a JPEG nor a PNG")


@dataclass(frozen=True, slots=True)
class Item:
    """Goods of one kind in a bin."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the consignment says a bin holds."""

    bin_id: str
    consignment_id: str
    site: str
    quantity: int
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class CountEstimate:
    """What the model makes of one photo: a calibrated distribution over the count.

    `counts` are labels in rising order, the last one open-ended ("6+"). `probabilities` and `prior` (the class
    mix that the probabilities were calibrated on) align with it and each sum to 1.
    """

    model: str
    counts: tuple[str, ...]
    probabilities: tuple[float, ...]
    prior: tuple[float, ...]

    @property
    def prediction(self) -> str:
        """The most probable count's label."""
        return self.counts[self.probabilities.index(max(self.probabilities))]

    def class_of(self, quantity: int) -> int:
        """Return the index of the class that a quantity falls into; the last class takes all above it."""
        return min(quantity, len(self.counts) - 1)

    def probability_of(self, quantity: int) -> float:
        """Return the probability that the photo shows this quantity, or its class where it is open-ended."""
        return self.probabilities[self.class_of(quantity)]

    def probability_below(self, quantity: int) -> float:
        """Return the probability that the photo shows fewer, as far as the classes can tell."""
        return [0.0, *accumulate(self.probabilities)][self.class_of(quantity)]


@dataclass(frozen=True, slots=True)
class Policy:
    """The thresholds on the probability of a mismatch, under a version that every inspection names."""

    version: str
    review_from: float
    mismatch_from: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.review_from <= self.mismatch_from <= 1.0:
            raise ValueError("a policy needs 0 <= review_from <= mismatch_from <= 1")


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what it rests on; the probability is of a mismatch, None where nothing was expected."""

    verdict: Verdict
    policy: str
    probability_of_mismatch: float | None = None
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """One photo, judged."""

    bin_id: str
    image: BinImage
    expectation: Expectation | None
    estimate: CountEstimate
    judgement: Judgement
    at: datetime


@dataclass(frozen=True, slots=True)
class Rejection:
    """One photo that can't be judged, with the reason; `bin_id` is None where the key names no bin."""

    bin_id: str | None
    image: BinImage
    reason: str
    message: str
    at: datetime

    @property
    def says_something_of_the_bin(self) -> bool:
        """A photo that was deleted before it was read says nothing; an unreadable one asks for another."""
        return self.reason != Reason.GONE


Outcome = Inspection | Rejection

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BinStatus:
    """Where one bin stands.

    `version` counts every change, for optimistic locking; 0 means that nothing is on file yet. `image` is the
    newest photo that said something of the bin, and the fields below it are that photo's.
    """

    bin_id: str
    version: int = 0
    state: BinState = BinState.IDLE
    changed_at: datetime = BEGINNING
    photos: int = 0
    site: str | None = None
    consignment_id: str | None = None
    expected: int | None = None
    image: BinImage | None = None
    predicted: str | None = None
    probability_of_mismatch: float | None = None
    direction: Direction | None = None
    reason: str | None = None
    model: str | None = None
    policy: str | None = None

    def after(self, outcome: Outcome) -> BinStatus:
        """Return the status once a photo has ended; a photo older than the newest one is only counted."""
        counted = replace(self, version=self.version + 1, photos=self.photos + 1)
        is_stale = self.image is not None and outcome.image.order < self.image.order
        if is_stale:
            return counted
        if isinstance(outcome, Inspection):
            return replace(
                counted,
                state=BinState(outcome.judgement.verdict),
                changed_at=outcome.at,
                image=outcome.image,
                predicted=outcome.estimate.prediction,
                probability_of_mismatch=outcome.judgement.probability_of_mismatch,
                direction=outcome.judgement.direction,
                reason=None,
                model=outcome.estimate.model,
                policy=outcome.judgement.policy,
            )
        if not outcome.says_something_of_the_bin:
            return counted
        return replace(
            counted.without_finding(),
            state=BinState.REJECTED,
            changed_at=outcome.at,
            image=outcome.image,
            reason=outcome.reason,
        )

    def expecting(self, expectation: Expectation, at: datetime) -> BinStatus:
        """Return the status under a new expectation: what older photos showed no longer counts."""
        return replace(
            self.without_finding(),
            version=self.version + 1,
            state=BinState.WAITING,
            changed_at=at,
            site=expectation.site,
            consignment_id=expectation.consignment_id,
            expected=expectation.quantity,
        )

    def released(self, at: datetime) -> BinStatus:
        """Return the status once no consignment speaks of the bin any more."""
        return replace(
            self.without_finding(),
            version=self.version + 1,
            state=BinState.IDLE,
            changed_at=at,
            site=None,
            consignment_id=None,
            expected=None,
        )

    def without_finding(self) -> BinStatus:
        """Return the status with what the newest photo showed taken out; the photo itself stays."""
        return replace(
            self,
            predicted=None,
            probability_of_mismatch=None,
            direction=None,
            reason=None,
            model=None,
            policy=None,
        )


@dataclass(frozen=True, slots=True)
class Bin:
    """A bin as the table knows it at one moment."""

    status: BinStatus
    expectation: Expectation | None = None

    @property
    def bin_id(self) -> str:
        """The bin's name."""
        return self.status.bin_id


@dataclass(frozen=True, slots=True)
class Consignment:
    """Goods on their way into bins.

    `digest` names the loaded body, so that loading it again changes nothing; it is empty while a load runs.
    """

    consignment_id: str
    site: str
    bins: int
    digest: str
    loaded_at: datetime


class Severity(StrEnum):
    """How soon someone should walk to the bin."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to whoever subscribes; receivers drop repeats by `alert_id`."""

    alert_id: str
    verdict: Verdict
    severity: Severity
    image: BinImage
    at: datetime
    bin_id: str | None = None
    consignment_id: str | None = None
    site: str | None = None
    direction: Direction | None = None
    expected: int | None = None
    predicted: str | None = None
    probability_of_mismatch: float | None = None
    model: str | None = None
    policy: str | None = None
    reason: str | None = None
