"""Where a bin stands: what its photos say together, who looks after it, and how that changes.

A status is frozen; whatever happens to a bin gives a new one, with the next version.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.domain import BEGINNING, BinState, EpisodeState, Inspection, Verdict
from chalicelib.evidence import Evidence

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.domain import BinImage, Expectation, Judgement, Outcome, Rejection


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
