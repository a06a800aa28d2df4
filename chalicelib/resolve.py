"""The use case of people: take up an alert, say what a bin really holds, take that back, and what they ask of others.

Gather, decide, apply: read the bin and the resolution that stands, decide what follows, and write it in one
conditional transaction: the bin's status, what was said, what the audit trail keeps, and what the site's sums learn.
The status's version is the lock: where a photo or somebody else has changed the bin meanwhile, all is read and decided
again, unless the caller wants to change what they have seen and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.bin_status import Bin, OpenRequest
from chalicelib.domain import BinState, EpisodeState
from chalicelib.errors import Conflict, NotFound, TemporaryFailure
from chalicelib.feedback import NOTHING, learnt_from
from chalicelib.ports_api import Asking, Step
from chalicelib.resolution import Assignment, PhotoRequest, Reopening, Resolution
from chalicelib.trail import Action, bin_changed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.bin_status import BinStatus
    from chalicelib.caller import Caller
    from chalicelib.ports import Bins
    from chalicelib.ports_api import People
    from chalicelib.resolution import Finding

_ATTEMPTS = 8
_FIRST_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Resolver:
    """What `resolve` needs: the record of bins and of what people did, by which clock, and how to pause (seconds).

    All methods return the bin as it stands afterwards. A request that comes again, with its key, changes nothing.

    Raises:
        NotFound: no such bin is on file.
        Conflict: the bin does not stand so that this could be done, or the key belongs to another request.
        PreconditionFailed: the bin has another version than the caller has seen.
        TemporaryFailure: the table did not answer as it should, or the bin changes too fast.

    """

    bins: Bins
    people: People
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]

    def acknowledge(self, bin_id: str, caller: Caller) -> Bin:
        """Take up a bin's alert. Doing it again changes nothing; somebody else takes it over."""
        asking = _asking(caller, "acknowledge")
        return self._carry_out(
            bin_id, caller, asking, lambda status, _: acknowledged(status, caller.name, self.clock())
        )

    def assign(self, bin_id: str, assignee: str | None, caller: Caller) -> Bin:
        """Name who looks after a bin; None gives it back. It lasts until the bin starts afresh."""
        asking = _asking(caller, "assign", assignee)
        return self._carry_out(
            bin_id, caller, asking, lambda status, _: assigned(status, assignee, caller.name, self.clock())
        )

    def request_photo(self, bin_id: str, note: str, caller: Caller) -> Bin:
        """Ask for another photo of a bin. The next one that is taken answers it."""
        asking = _asking(caller, "request_photo", note)
        return self._carry_out(
            bin_id, caller, asking, lambda status, _: photo_requested(status, note, caller.name, self.clock())
        )

    def resolve(self, bin_id: str, finding: Finding, caller: Caller) -> Bin:
        """Say what a bin really holds; it starts afresh. Saying something else of a resolved bin corrects it."""
        asking = _asking(caller, "resolve", finding.true_count, finding.cause, finding.note)
        return self._carry_out(
            bin_id, caller, asking, lambda status, last: resolved(status, last, finding, caller.name, self.clock())
        )

    def reopen(self, bin_id: str, note: str, caller: Caller) -> Bin:
        """Take a bin's resolution back: it stands as it stood, alerts, and its site unlearns what it had learnt."""
        asking = _asking(caller, "reopen", note)
        return self._carry_out(
            bin_id, caller, asking, lambda status, last: reopened(status, last, note, caller.name, self.clock())
        )

    def _carry_out(
        self, bin_id: str, caller: Caller, asking: Asking, decide: Callable[[BinStatus, Resolution | None], Step | None]
    ) -> Bin:
        for attempt in range(_ATTEMPTS):
            is_done = self._was_carried_out(bin_id, asking)
            bin_ = self._known(bin_id)
            if is_done:
                return bin_
            caller.refuse_outdated(f"bin {bin_id}", bin_.status.version)
            step = decide(bin_.status, self._standing(bin_.status)) or _remembering(bin_.status, asking)
            if step is None:
                return bin_
            if self.people.write(bin_.status, step, asking):
                return Bin(step.after, bin_.expectation)
            self.sleep(_FIRST_PAUSE_S * 2**attempt)
        raise TemporaryFailure(f"bin {bin_id} changes too fast: {_ATTEMPTS} attempts met another change")

    def _known(self, bin_id: str) -> Bin:
        bin_ = self.bins.get(bin_id)
        if bin_.status.version == 0:
            raise NotFound(f"no bin {bin_id} is on file")
        return bin_

    def _was_carried_out(self, bin_id: str, asking: Asking) -> bool:
        on_file = None if asking.key is None else self.people.asked_before(bin_id, asking.key)
        if on_file is not None and on_file != asking:
            raise Conflict("this Idempotency-Key was used for another request")
        return on_file is not None

    def _standing(self, status: BinStatus) -> Resolution | None:
        """Read the resolution that stands; the bin was read before, so one that is newer ends in another attempt."""
        return None if status.resolution is None else self.people.resolution(status.bin_id, status.resolution)


def acknowledged(status: BinStatus, by: str, at: datetime) -> Step | None:
    """Decide what taking up a bin's alert changes; None where nothing.

    Raises:
        Conflict: there is no alert that somebody could take up.

    """
    episode = status.episode
    if episode is None or not episode.is_active:
        raise Conflict(f"bin {status.bin_id} has no open alert")
    is_theirs = episode.state is EpisodeState.ACKNOWLEDGED and episode.by == by
    if is_theirs:
        return None
    after = status.acknowledged(by)
    return Step(after, record=bin_changed(Action.ACKNOWLEDGEMENT, status, after, by=by, at=at))


def assigned(status: BinStatus, assignee: str | None, by: str, at: datetime) -> Step | None:
    """Decide what naming somebody changes; None where they look after the bin already, whoever has named them."""
    if status.assignee == assignee:
        return None
    after = status.assigned(assignee)
    said = Assignment(status.bin_id, after.version, by, at, assignee)
    return Step(after, said, record=bin_changed(Action.ASSIGNMENT, status, after, by=by, at=at))


def photo_requested(status: BinStatus, note: str, by: str, at: datetime) -> Step | None:
    """Decide what asking for another photo changes; None where the same person has asked with the same words."""
    is_open = status.photo_request is not None and (status.photo_request.by, status.photo_request.note) == (by, note)
    if is_open:
        return None
    after = status.photo_requested(OpenRequest(at, by, note))
    said = PhotoRequest(status.bin_id, after.version, by, at, note)
    return Step(after, said, record=bin_changed(Action.PHOTO_REQUEST, status, after, by=by, at=at, note=note))


def resolved(status: BinStatus, last: Resolution | None, finding: Finding, by: str, at: datetime) -> Step | None:
    """Decide what a resolution changes; None where the bin is resolved in just this way already.

    Where no photo was judged since the last one, this one corrects it: it speaks of what that one spoke of, and takes
    its place in the site's sums.
    """
    corrected = last if status.state is BinState.RESOLVED else None
    if corrected is not None and (corrected.finding, corrected.by) == (finding, by):
        return None
    after = status.resolved(by, at)
    said = Resolution(
        status.bin_id,
        after.version,
        by,
        at,
        finding,
        stood=corrected.stood if corrected else status,
        corrects=corrected.version if corrected else None,
    )
    unlearnt = -learnt_from(corrected) if corrected else NOTHING
    found = {"true_count": finding.true_count, "reason": finding.cause.value, "corrects": said.corrects}
    record = bin_changed(Action.RESOLUTION, status, after, by=by, at=at, note=finding.note, **found)
    return Step(after, said, learnt_from(said) + unlearnt, record)


def reopened(status: BinStatus, last: Resolution | None, note: str, by: str, at: datetime) -> Step | None:
    """Decide what a reopening changes; None where the same person has done it and the bin still waits for somebody.

    Raises:
        Conflict: no resolution stands under the bin's expectation.

    """
    episode = status.episode
    if episode is not None and episode.is_active and episode.reopened_by == by:
        return None
    if last is None:
        raise Conflict(f"bin {status.bin_id} has no resolution under its present expectation")
    after = status.reopened(last.stood, by, at)
    taken_back = Reopening(status.bin_id, after.version, by, at, last.version, last.stood, note)
    record = bin_changed(Action.REOPENING, status, after, by=by, at=at, note=note, reopens=last.version)
    return Step(after, taken_back, -learnt_from(last), record)


def _remembering(status: BinStatus, asking: Asking) -> Step | None:
    """Keep a request's key where it changes nothing: when it comes again, it shall not change what stands then."""
    return None if asking.key is None else Step(status)


def _asking(caller: Caller, *content: object) -> Asking:
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return Asking(caller.name, digest, caller.key)
