"""What Bincheck talks about: bins, photos of them, what they should hold and what was seen.

Facts are frozen; a change is a new value. Nothing here reads the environment, a clock or a network.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.errors import Mistake, PhotoRefused
from chalicelib.evidence import CountEstimate, Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

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


@dataclass(frozen=True, slots=True)
class Episode:
    """One time that a bin calls for people, from its first alert until it is resolved.

    `raised` are the verdicts that it has alerted about, each once; `by` is who touched it last, `reopened_by` who began
    it by taking a resolution back.
    """

    state: EpisodeState
    opened_at: datetime
    raised: tuple[Verdict, ...]
    by: str | None = None
    reopened_by: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state is not EpisodeState.RESOLVED


_ALERTING = {
    BinState.MISMATCH: Verdict.MISMATCH,
    BinState.UNEXPECTED: Verdict.UNEXPECTED,
    BinState.REJECTED: Verdict.REJECTED,
}
_PASSING = {Verdict.UNEXPECTED, Verdict.REJECTED}
"""What a later photo can put right without anybody's doing."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Somebody has asked for another photo of a bin, and none has come yet that was taken since then."""

    at: datetime
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class BinStatus:
    """Where one bin stands.

    `version` counts every change, for optimistic locking; 0 means that nothing is on file yet. `image` is the
    newest photo that said something of the bin; `predicted` and its probability `certainty`, the `probabilities` of all
    counts by their labels, `model` and `reason` are that photo's. `evidence` is what all photos since `since` say
    together, and `judgement` what follows: the bin starts afresh, and `since` is set, whenever its expectation changes
    or someone has resolved it. A photo taken before belongs to the past.
    `resolution` is the version that the last standing resolution under this expectation made; photos do not end it.
    `assignee` is who looks after the bin, `photo_request` what the cameras still owe: both end where it starts afresh.
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
    certainty: float | None = None
    probabilities: tuple[tuple[str, float], ...] = ()
    model: str | None = None
    reason: str | None = None
    since: datetime = BEGINNING
    evidence: Evidence | None = None
    judgement: Judgement | None = None
    episode: Episode | None = None
    resolution: int | None = None
    assignee: str | None = None
    photo_request: OpenRequest | None = None

    def evidence_with(self, outcome: Outcome) -> Evidence | None:
        """Return what all photos say together once this one has ended; None where none was held against anything."""
        if not isinstance(outcome, Inspection) or outcome.expectation is None or not self._is_of_now(outcome):
            return self.evidence
        said = Evidence.of(outcome.estimate)
        return self.evidence.and_of(said) if self.evidence else said

    def after(self, outcome: Outcome, judgement: Judgement | None) -> BinStatus:
        """Return the status once a photo has ended; `judgement` is of `evidence_with` it, None where that is None.

        A photo older than the newest one adds its evidence, so the verdict may change; the image shown, its count and
        its model stay those of the newest one.
        """
        counted = replace(self, version=self.version + 1, photos=self.photos + 1)
        if not self._is_of_now(outcome):
            return counted
        told = replace(counted, evidence=self.evidence_with(outcome), photo_request=self._request_after(outcome))
        is_newest = self.image is None or outcome.image.order >= self.image.order
        if isinstance(outcome, Inspection):
            told = _inspected(told, outcome, judgement or outcome.judgement, is_newest=is_newest)
        elif is_newest:
            told = _rejected(told, outcome)
        return replace(told, episode=_episode_of(told, outcome.at))

    def expecting(self, expectation: Expectation, at: datetime) -> BinStatus:
        """Return the status under a new expectation: what older photos showed no longer counts."""
        return replace(
            self._afresh(at),
            state=BinState.WAITING,
            site=expectation.site,
            consignment_id=expectation.consignment_id,
            expected=expectation.quantity,
        )

    def released(self, at: datetime) -> BinStatus:
        """Return the status once no consignment speaks of the bin any more."""
        return replace(self._afresh(at), state=BinState.IDLE, site=None, consignment_id=None, expected=None)

    def acknowledged(self, by: str) -> BinStatus:
        """Return the status once somebody has taken up its episode."""
        return self._with_episode_in(EpisodeState.ACKNOWLEDGED, by)

    def assigned(self, assignee: str | None) -> BinStatus:
        """Return the status once somebody has been named to look after the bin, or nobody any more."""
        return replace(self, version=self.version + 1, assignee=assignee)

    def photo_requested(self, request: OpenRequest) -> BinStatus:
        """Return the status once somebody has asked for another photo; an earlier request is replaced."""
        return replace(self, version=self.version + 1, photo_request=request)

    def resolved(self, by: str, at: datetime) -> BinStatus:
        """Return the status once somebody has looked into the bin: evidence starts afresh."""
        afresh = self._afresh(at)
        episode = replace(self.episode, state=EpisodeState.RESOLVED, by=by) if self.episode else None
        return replace(afresh, state=BinState.RESOLVED, episode=episode, resolution=afresh.version)

    def reopened(self, stood: BinStatus, by: str, at: datetime) -> BinStatus:
        """Return the status once somebody has found that a resolution was none, and alert again.

        The bin stands as it `stood` before that resolution, which must have been made under the same expectation. What
        photos have shown since is added to its evidence; they decide where it stands if they alone could be judged.
        A bin that called for nobody then is in review now: somebody doubts it.
        """
        is_told_since = self.state is not BinState.RESOLVED
        newest = self if is_told_since else stood
        judged = self if is_told_since and stood.judgement is None else stood
        state = judged.state if judged.state.needs_attention else BinState.REVIEW
        verdict = _ALERTING.get(state, Verdict.REVIEW)
        return replace(
            newest,
            version=self.version + 1,
            photos=self.photos,
            changed_at=at,
            state=state,
            judgement=judged.judgement,
            since=stood.since,
            evidence=_together(stood.evidence, self.evidence),
            episode=Episode(EpisodeState.REOPENED, at, (verdict,), by, reopened_by=by),
            resolution=stood.resolution,
            assignee=self.assignee or stood.assignee,
            photo_request=self.photo_request,
        )

    def _is_of_now(self, outcome: Outcome) -> bool:
        says_something = isinstance(outcome, Inspection) or outcome.says_something_of_the_bin
        return says_something and outcome.image.uploaded_at >= self.since

    def _request_after(self, outcome: Outcome) -> OpenRequest | None:
        is_answer = self.photo_request is not None and outcome.image.uploaded_at >= self.photo_request.at
        return None if is_answer else self.photo_request

    def _with_episode_in(self, state: EpisodeState, by: str) -> BinStatus:
        episode = replace(self.episode, state=state, by=by) if self.episode else None
        return replace(self, version=self.version + 1, episode=episode)

    def _afresh(self, at: datetime) -> BinStatus:
        return replace(
            self,
            version=self.version + 1,
            changed_at=at,
            since=at,
            predicted=None,
            certainty=None,
            probabilities=(),
            model=None,
            reason=None,
            evidence=None,
            judgement=None,
            episode=None,
            resolution=None,
            assignee=None,
            photo_request=None,
        )


def _together(one: Evidence | None, other: Evidence | None) -> Evidence | None:
    return one.and_of(other) if one and other else one or other


def _inspected(status: BinStatus, inspection: Inspection, judgement: Judgement, *, is_newest: bool) -> BinStatus:
    is_hidden_by_a_rejection = not is_newest and status.state is BinState.REJECTED
    if is_hidden_by_a_rejection:
        return status
    judged = replace(status, state=BinState(judgement.verdict), changed_at=inspection.at, judgement=judgement)
    if not is_newest:
        return judged
    estimate = inspection.estimate
    return replace(
        judged,
        image=inspection.image,
        predicted=estimate.prediction,
        certainty=estimate.certainty,
        probabilities=tuple(zip(estimate.counts, estimate.probabilities, strict=True)),
        model=estimate.model,
        reason=None,
    )


def _rejected(status: BinStatus, rejection: Rejection) -> BinStatus:
    return replace(
        status,
        state=BinState.REJECTED,
        changed_at=rejection.at,
        image=rejection.image,
        predicted=None,
        certainty=None,
        probabilities=(),
        model=None,
        judgement=None,
        reason=rejection.reason,
    )


def _episode_of(status: BinStatus, at: datetime) -> Episode | None:
    """Begin an episode where the bin has come to call for people, or end one that a photo has put right."""
    verdict, episode = _ALERTING.get(status.state), status.episode
    if verdict is None:
        is_over = episode is not None and episode.is_active and set(episode.raised) <= _PASSING
        return None if is_over else episode
    was_reopened = episode is not None and episode.reopened_by is not None
    is_again = was_reopened or status.resolution is not None
    state = EpisodeState.REOPENED if is_again else EpisodeState.OPEN
    if episode is None or not episode.is_active:
        return Episode(state, at, (verdict,))
    if verdict in episode.raised:
        return episode
    return replace(episode, state=state, raised=(*episode.raised, verdict), by=None)


@dataclass(frozen=True, slots=True)
class Bin:
    """A bin as the table knows it at one moment."""

    status: BinStatus
    expectation: Expectation | None = None

    @property
    def bin_id(self) -> str:
        """The bin's name."""
        return self.status.bin_id


class ConsignmentState(StrEnum):
    """Where a consignment stands; while it is loaded or closed, its bins change one after the other."""

    LOADING = "loading"
    LOADED = "loaded"
    CLOSING = "closing"
    CLOSED = "closed"
    REFUSED = "refused"

    @property
    def is_passing(self) -> bool:
        """Whether bins are being changed, or were when that broke."""
        return self in {ConsignmentState.LOADING, ConsignmentState.CLOSING}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the bins of a consignment are; `open` are those that wait for a person."""

    bins: int
    waiting: int
    matching: int
    open: int
    resolved: int

    @classmethod
    def of(cls, bins: int, counts: Mapping[BinState, int]) -> Progress:
        """Return the progress of so many bins, by how many are in which state."""
        return cls(
            bins=bins,
            waiting=counts.get(BinState.WAITING, 0),
            matching=counts.get(BinState.MATCH, 0),
            open=sum(counts.get(state, 0) for state in ATTENTION),
            resolved=counts.get(BinState.RESOLVED, 0),
        )

    @property
    def checked(self) -> int:
        """How many bins were photographed and judged, or looked into by a person."""
        return self.matching + self.open + self.resolved


@dataclass(frozen=True, slots=True)
class Refusal:
    """A consignment's file that was not loaded: which, when, and what is wrong with it, in how many places.

    `mistakes` are the first of them; none are told where the refusal is only mentioned.
    """

    file: BinImage
    at: datetime
    count: int
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True)
class Consignment:
    """Goods on their way into bins.

    Attributes:
        consignment_id: its name.
        site: where its bins are.
        bins: how many it speaks of.
        digest: names the loaded body, so that loading it again changes nothing; empty where none was ever loaded.
        loaded_at: when it was loaded last, later for each load; where none was, when it was refused.
        state: where it stands.
        version: counts every change, for optimistic locking; 0 is of before versions were counted.
        told_at: when somebody changed it through the API last; None where nobody did.
        file: the newest of its files that was loaded or refused; None where there was none.
        refusal: why that file was not loaded; None where it was.
        closed_at: when it was closed; None where it is not.
        outcome: how far its bins were when it was closed; None where it is not.

    """

    consignment_id: str
    site: str
    bins: int
    digest: str
    loaded_at: datetime
    state: ConsignmentState = ConsignmentState.LOADED
    version: int = 0
    told_at: datetime | None = None
    file: BinImage | None = None
    refusal: Refusal | None = None
    closed_at: datetime | None = None
    outcome: Progress | None = None

    def is_newer_than(self, file: BinImage) -> bool:
        """Whether a file is of the past: it, a newer one, or somebody through the API, has had its say already.

        A file whose own load broke half way has not.
        """
        is_outdated = self.told_at is not None and file.uploaded_at < self.told_at
        is_known = self.file is not None and not file.comes_after(self.file)
        return is_outdated or (is_known and not self.is_being_loaded_from(file))

    def is_being_loaded_from(self, file: BinImage) -> bool:
        """Whether the load of this very file runs, or broke half way."""
        is_the_same = self.file is not None and self.file.image_id == file.image_id
        return is_the_same and self.state is ConsignmentState.LOADING and self.refusal is None


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
