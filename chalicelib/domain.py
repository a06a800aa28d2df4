"""What Bincheck talks about: bins, photos of them, what they should hold and what was seen.

Facts are frozen; a change is a new value. Nothing here reads the environment, a clock or a network.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.errors import PhotoRefused

if TYPE_CHECKING:
    from chalicelib.evidence import CountEstimate

BIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SKU = re.compile(r"[!-~]{1,64}")
MOST_BINS = 10_000
"""Bins in one consignment."""
MOST_ITEMS = 200
"""Kinds of goods in one bin; 49 bins with so many still fit into one transaction's 4 MB."""
MOST_QUANTITY = 100_000
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
    """Where a bin stands: the verdict on its photos, or what it is while there are none to judge."""

    IDLE = "idle"
    WAITING = "waiting"
    MATCH = "match"
    MISMATCH = "mismatch"
    REVIEW = "review"
    UNEXPECTED = "unexpected"
    REJECTED = "rejected"
    RESOLVED = "resolved"

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
    """One version of one object in the bucket, as S3 announced it: a photo, or a consignment's file.

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
        return (self.uploaded_at, self._rank, self.image_id)

    def comes_after(self, other: BinImage) -> bool:
        """Whether this is the newer one: S3's sequencer decides within one key, times between two."""
        is_of_one_key = (self.bucket, self.key) == (other.bucket, other.key)
        is_sequenced = bool(self.sequencer and other.sequencer and self.sequencer != other.sequencer)
        return self._rank > other._rank if is_of_one_key and is_sequenced else self.order > other.order

    @property
    def _rank(self) -> str:
        return self.sequencer.lower().rjust(64, "0")


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


@dataclass(frozen=True, slots=True, order=True)
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
class Judgement:
    """A verdict and everything that it rests on; what an expectation is needed for is None where there is none.

    Attributes:
        verdict: how the photos were judged.
        policy: the version of the policy that judged.
        probability_of_mismatch: the posterior, 0 to 1.
        direction: which way a mismatch goes.
        prior: the probability of a mismatch before any photo.
        likelihood_ratio: of a mismatch against none, by the photos; at most `MOST_RATIO`.
        review_from: the posterior from which the verdict is review.
        alert_from: the posterior from which the verdict is mismatch.
        photos: how many were judged together.
        is_settled: whether the evidence is as strong as the policy's error bounds ask, either way.
        is_audit: whether the bin matches and is reviewed as one of the random share.
        stands_for: how many bins it stands for: itself alone, or as an audit all that match for one that is drawn.
        expected_cost: of leaving alone what it stands for, in the policy's unit; the order of the review queue.

    """

    verdict: Verdict
    policy: str
    probability_of_mismatch: float | None = None
    direction: Direction | None = None
    prior: float | None = None
    likelihood_ratio: float | None = None
    review_from: float | None = None
    alert_from: float | None = None
    photos: int = 1
    is_settled: bool = False
    is_audit: bool = False
    stands_for: float = 1.0
    expected_cost: float | None = None


MOST_RATIO = 1e9
"""Larger likelihood ratios, and the infinite one, are recorded as this one."""


BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Inspection:
    """One photo, judged by itself; what all photos of the bin say together stands in its status.

    `since` is the status' of that moment: photos of a bin that share it were held against one expectation.
    """

    bin_id: str
    image: BinImage
    expectation: Expectation | None
    estimate: CountEstimate
    judgement: Judgement
    at: datetime
    since: datetime = BEGINNING

    @property
    def held_against(self) -> Expectation | None:
        """What the photo is evidence about; None where nothing was expected, or what was is newer than the photo."""
        is_of_then = self.image.uploaded_at >= self.since
        return self.expectation if is_of_then else None


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


class EpisodeState(StrEnum):
    """Where people stand with an alert."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    REOPENED = "reopened"


class Severity(StrEnum):
    """How soon someone should walk to the bin."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Alert:
    """What a bin, or a photo without one, tells whoever subscribes; receivers drop repeats by `alert_id`.

    `certainty` is the probability that the newest photo gives to `predicted`; `episode` is whether the bin alerts for
    the first time or again. What it rests on has the meaning that it has in a `Judgement`.
    """

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
    certainty: float | None = None
    probability_of_mismatch: float | None = None
    prior: float | None = None
    likelihood_ratio: float | None = None
    review_from: float | None = None
    alert_from: float | None = None
    photos: int | None = None
    model: str | None = None
    policy: str | None = None
    reason: str | None = None
    episode: EpisodeState | None = None
