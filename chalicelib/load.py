"""The use case of consignments: what they say bins shall hold, the end of that, and its being taken up again.

Gather, decide, apply: read all the bins, refuse those that another consignment holds, then write what differs, several
transactions at once. The consignment is marked as being changed before the first bin is, and as changed after the
last, so a change that broke half way is never taken for done: sending it again completes it. A newer change stops an
older one. What was loaded is kept beside the consignment, so that a closed one can take its bins back.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.bin_status import Bin
from chalicelib.caller import Caller
from chalicelib.consignment import Consignment, ConsignmentState, Progress, Refusal
from chalicelib.errors import Closed, Conflict, Held, NotFound, Superseded, TemporaryFailure
from chalicelib.ports_api import LANES, MOST_CHANGES, Asking, Change
from chalicelib.trail import Action, AuditRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from chalicelib.domain import BinImage, Expectation
    from chalicelib.errors import Unprocessable
    from chalicelib.ports_api import Consignments, SideBySide

_ATTEMPTS = 8
_FIRST_PAUSE_S = 0.05
_NAMED = 20
"""How many bins an error message names."""

_READ_AT_ONCE = 500
"""Bins that one reader reads, one batch after the other."""

_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Order:
    """By whose order something is changed, what they say of it, and the file in the bucket, where it is that."""

    caller: Caller
    note: str = ""
    file: BinImage | None = None


@dataclass(frozen=True, slots=True)
class _Doing:
    """What is done for whom; `content` is a digest of all that the request asks for."""

    action: Action
    order: Order
    content: str

    @classmethod
    def of(cls, action: Action, order: Order, *content: object) -> _Doing:
        return cls(action, order, hashlib.sha256(json.dumps([action, *content]).encode()).hexdigest())

    @property
    def asking(self) -> Asking | None:
        """The request to be remembered, if it has a key to know it by."""
        caller = self.order.caller
        return None if caller.key is None else Asking(caller.name, self.content, caller.key)

    def record(self, before: Consignment | None, after: Consignment) -> AuditRecord:
        return AuditRecord(
            at=after.closed_at or after.loaded_at,
            by=self.order.caller.name,
            action=self.action,
            version=after.version,
            site=after.site,
            consignment_id=after.consignment_id,
            before=_in_short(before) if before else {},
            after=_in_short(after),
            note=self.order.note,
        )


_Ended = tuple[Consignment, bool]
"""How the consignment stands, and whether anything was changed."""


@dataclass(frozen=True, slots=True)
class Loader:
    """What `load` needs: where consignments are kept, by which clock, how to pause (in seconds) and to do much at once.

    A request that comes again, with its key, changes nothing.

    Raises:
        Conflict: the consignment does not stand so that this could be done, or the key belongs to another request.
        PreconditionFailed: it is not the version that the caller has seen.
        Held: other consignments hold some of the bins.
        Superseded: a newer change of this consignment has begun.
        TemporaryFailure: the table did not answer as it should, or something changes too fast.

    """

    consignments: Consignments
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    side_by_side: SideBySide

    def load(
        self, consignment_id: str, site: str, expectations: Sequence[Expectation], order: Order
    ) -> tuple[Consignment, bool]:
        """Make the bins expect what the consignment says, and release those that it no longer names.

        A bin whose expectation stays the same keeps its finding. The flag is False where nothing is changed: this very
        content is loaded, or the file that asks is older than what was said last.

        Raises:
            Closed: the consignment is closed.

        """
        digest = digest_of(site, expectations)
        doing = _Doing.of(Action.CONSIGNMENT_LOAD, order, digest)

        def attempt(before: Consignment | None) -> _Ended | None:
            if before is not None and order.file is not None and before.is_newer_than(order.file):
                return before, False
            refuse_closed(before)
            if before is not None and (before.state, before.digest) == (ConsignmentState.LOADED, digest):
                return self._as_it_is(before, doing)
            said = Consignment(consignment_id, site, len(expectations), digest, self.clock())
            return self._take(before, said, expectations, doing)

        return self._try(consignment_id, doing, attempt)

    def close(self, consignment_id: str, order: Order, *, even_if_open: bool = False) -> Consignment:
        """Release a consignment's bins; how far they were is kept as its outcome.

        A bin that comes to call for a person while this goes on is released with the others.

        Raises:
            NotFound: it is not on file.
            Conflict: bins wait for a person and `even_if_open` is not given, or it was not loaded to its end.

        """
        doing = _Doing.of(Action.CONSIGNMENT_CLOSING, order, even_if_open, order.note)

        def attempt(before: Consignment | None) -> _Ended | None:
            known = known_and_loaded(before, consignment_id)
            is_closed = known.state is ConsignmentState.CLOSED
            return self._as_it_is(known, doing) if is_closed else self._release(known, doing, even_if_open=even_if_open)

        return self._try(consignment_id, doing, attempt)[0]

    def reopen(self, consignment_id: str, order: Order) -> Consignment:
        """Let a closed consignment take its bins back as it was loaded; they wait for a photo again.

        Raises:
            NotFound: it is not on file.
            Conflict: it was not loaded to its end.

        """
        doing = _Doing.of(Action.CONSIGNMENT_REOPENING, order, order.note)

        def attempt(before: Consignment | None) -> _Ended | None:
            known = known_and_loaded(before, consignment_id)
            is_loaded = known.state is ConsignmentState.LOADED
            return self._as_it_is(known, doing) if is_loaded else self._take_back(known, doing)

        return self._try(consignment_id, doing, attempt)[0]

    def refuse(self, consignment_id: str, site: str, file: BinImage, refused: Unprocessable) -> bool:
        """Put on file why a file was not loaded; False where the file is older than what was said last."""
        doing = _Doing.of(Action.CONSIGNMENT_LOAD, Order(Caller(file.key), file=file))

        def attempt(before: Consignment | None) -> _Ended | None:
            if before is not None and before.is_newer_than(file):
                return before, False
            if before is not None and before.state.is_passing and not before.is_being_loaded_from(file):
                raise TemporaryFailure(f"consignment {consignment_id} is being changed; the refusal has to wait")
            after = with_refusal(
                before or Consignment(consignment_id, site, 0, "", self.clock(), ConsignmentState.REFUSED),
                Refusal(file, self.clock(), len(refused.mistakes) + refused.left_out, refused.mistakes),
            )
            return (after, True) if self.consignments.put(before, after) else None

        return self._try(consignment_id, doing, attempt)[1]

    def _try(
        self, consignment_id: str, doing: _Doing, attempt: Callable[[Consignment | None], _Ended | None]
    ) -> _Ended:
        """Read the consignment and attempt to change it, anew where somebody else was faster."""
        for number in range(_ATTEMPTS):
            is_done = self._was_carried_out(consignment_id, doing.asking)
            before = self.consignments.get(consignment_id)
            if is_done and before is not None:
                return before, False
            version = before.version if before else 0
            doing.order.caller.refuse_outdated(f"consignment {consignment_id}", version)
            ended = attempt(before)
            if ended is not None:
                return ended
            self.sleep(_FIRST_PAUSE_S * 2**number)
        raise TemporaryFailure(
            f"consignment {consignment_id} changes too fast: {_ATTEMPTS} attempts met another change"
        )

    def _was_carried_out(self, consignment_id: str, asking: Asking | None) -> bool:
        if asking is None or asking.key is None:
            return False
        on_file = self.consignments.asked_before(consignment_id, asking.key)
        if on_file not in {None, asking}:
            raise Conflict("this Idempotency-Key was used for another request")
        return on_file is not None

    def _as_it_is(self, before: Consignment, doing: _Doing) -> _Ended | None:
        """Change nothing, but remember the request, and of a file that it was the newest one."""
        file = doing.order.file
        after = replace(before, version=before.version + 1, file=file, refusal=None) if file else before
        if after == before and doing.asking is None:
            return before, False
        return (after, False) if self.consignments.put(before, after, asking=doing.asking) else None

    def _take(
        self, before: Consignment | None, said: Consignment, expectations: Sequence[Expectation], doing: _Doing
    ) -> _Ended | None:
        wanted = {expectation.bin_id: expectation for expectation in expectations}
        bins = self._bins(list(wanted))
        refuse_held(bins, said.consignment_id)
        loading = _begun(before, said, doing.order.file)
        if not self.consignments.put(before, loading):
            return None
        dropped = self._names(loading, self.consignments.kept(before) if before else None)
        self.consignments.keep(loading, expectations)
        bins += self._bins([name for name in dropped if name not in wanted])
        self._write(loading, bins, wanted)
        loaded = self._end(before, loading, ConsignmentState.LOADED, doing)
        self.consignments.forget_older(loaded)
        return loaded, True

    def _take_back(self, known: Consignment, doing: _Doing) -> _Ended | None:
        expectations = self.consignments.kept(known)
        if expectations is None:
            raise Conflict(f"consignment {known.consignment_id} was not loaded to its end; load it again")
        said = replace(known, loaded_at=self.clock(), closed_at=None, outcome=None)
        return self._take(known, said, expectations, doing)

    def _release(self, known: Consignment, doing: _Doing, *, even_if_open: bool) -> _Ended | None:
        kept = self.consignments.kept(known)
        bins = self._bins(self._names(known, kept))
        bins = [bin_ for bin_ in bins if _holder(bin_) == known.consignment_id]
        if kept is None:
            self._keep_belatedly(known, bins)
        outcome = known.outcome or Progress.of(known.bins, Counter(bin_.status.state for bin_ in bins))
        is_begun = known.state is ConsignmentState.CLOSING
        if outcome.open and not is_begun and not even_if_open:
            raise Conflict(f"{outcome.open} bins of consignment {known.consignment_id} wait for a person")
        closing = _closing(known, max(self.clock(), known.loaded_at), outcome)
        if not self.consignments.put(known, closing):
            return None
        self._write(closing, bins, {})
        return self._end(known, closing, ConsignmentState.CLOSED, doing), True

    def _keep_belatedly(self, known: Consignment, bins: Sequence[Bin]) -> None:
        """Keep what a consignment says that was loaded before that was kept, from its bins if all are there."""
        expectations = [bin_.expectation for bin_ in bins if bin_.expectation]
        is_whole = known.state is ConsignmentState.LOADED and len(expectations) == known.bins
        if not is_whole:
            raise Conflict(f"consignment {known.consignment_id} was not loaded to its end; load it again")
        self.consignments.keep(known, expectations)

    def _end(
        self, before: Consignment | None, begun: Consignment, state: ConsignmentState, doing: _Doing
    ) -> Consignment:
        after = replace(begun, state=state, version=begun.version + 1)
        if not self.consignments.put(begun, after, doing.record(before, after), doing.asking):
            raise Superseded(f"a newer change of consignment {after.consignment_id} has begun")
        return after

    def _names(self, consignment: Consignment, kept: Iterable[Expectation] | None) -> list[str]:
        """Return the bins that a consignment may hold: those that it was loaded with, and those that a list has."""
        loaded = (expectation.bin_id for expectation in kept or ())
        return sorted({*loaded, *self.consignments.members(consignment.consignment_id)})

    def _bins(self, names: Sequence[str]) -> list[Bin]:
        parts = [names[first : first + _READ_AT_ONCE] for first in range(0, len(names), _READ_AT_ONCE)]
        return [bin_ for part in self.side_by_side(self.consignments.bins, parts) for bin_ in part]

    def _write(self, consignment: Consignment, bins: Sequence[Bin], wanted: Mapping[str, Expectation]) -> None:
        parts = [bins[first : first + MOST_CHANGES] for first in range(0, len(bins), MOST_CHANGES)]
        lanes = [(lane, parts[lane::LANES]) for lane in range(min(LANES, len(parts)))]
        self.side_by_side(partial(self._write_lane, consignment, wanted), lanes)

    def _write_lane(
        self, consignment: Consignment, wanted: Mapping[str, Expectation], lane: tuple[int, Sequence[Sequence[Bin]]]
    ) -> None:
        number, parts = lane
        for part in parts:
            self._bring(consignment, part, wanted, number)

    def _bring(
        self, consignment: Consignment, bins: Sequence[Bin], wanted: Mapping[str, Expectation], lane: int
    ) -> None:
        for attempt in range(_ATTEMPTS):
            refuse_held([bin_ for bin_ in bins if bin_.bin_id in wanted], consignment.consignment_id)
            changes = changes_for(consignment, bins, wanted)
            if not changes or self.consignments.write(consignment, changes, lane):
                return
            self.sleep(_FIRST_PAUSE_S * 2**attempt)
            bins = self.consignments.bins([bin_.bin_id for bin_ in bins])
        raise TemporaryFailure(f"bins change too fast: {_ATTEMPTS} attempts met another change")


def known_and_loaded(consignment: Consignment | None, consignment_id: str) -> Consignment:
    """Return a consignment that was loaded once.

    Raises:
        NotFound: it is not on file.
        Conflict: only files of it are, that were refused.

    """
    if consignment is None:
        raise NotFound(f"no consignment {consignment_id} is on file")
    if consignment.state is ConsignmentState.REFUSED:
        raise Conflict(f"consignment {consignment_id} was refused and never loaded")
    return consignment


def refuse_closed(consignment: Consignment | None) -> None:
    """Refuse to load a consignment that is closed.

    Raises:
        Closed: it is.

    """
    if consignment is not None and consignment.state in {ConsignmentState.CLOSING, ConsignmentState.CLOSED}:
        raise Closed(f"consignment {consignment.consignment_id} is closed; reopen it before loading it again")


def changes_for(consignment: Consignment, bins: Iterable[Bin], wanted: Mapping[str, Expectation]) -> list[Change]:
    """Return what a load or a closing has to change in these bins; nothing where a bin is as it should be."""
    at = consignment.closed_at or consignment.loaded_at
    changes = []
    for before in bins:
        expectation = wanted.get(before.bin_id)
        if expectation is not None and expectation != before.expectation:
            changes.append(Change(before, Bin(before.status.expecting(expectation, at), expectation)))
        elif expectation is None and _holder(before) == consignment.consignment_id:
            changes.append(Change(before, Bin(before.status.released(at))))
    return changes


def refuse_held(bins: Iterable[Bin], consignment_id: str) -> None:
    """Refuse to take bins from another consignment.

    Raises:
        Held: it names them and their consignments.

    """
    holders = {bin_.bin_id: holder for bin_ in bins if (holder := _holder(bin_)) not in {None, consignment_id}}
    if holders:
        named = [f"{bin_id} ({holder})" for bin_id, holder in list(holders.items())[:_NAMED]]
        more = f" and {len(holders) - _NAMED} more" if len(holders) > _NAMED else ""
        raise Held(f"other consignments hold these bins: {', '.join(named)}{more}", holders)


def with_refusal(consignment: Consignment, refusal: Refusal) -> Consignment:
    """Return a consignment once a file of it was refused; what was loaded before stays as it is."""
    was_loaded = consignment.state is not ConsignmentState.REFUSED
    return replace(
        consignment,
        version=consignment.version + 1,
        loaded_at=consignment.loaded_at if was_loaded else refusal.at,
        file=refusal.file,
        refusal=refusal,
    )


def digest_of(site: str, expectations: Iterable[Expectation]) -> str:
    """Return a name for what a consignment says, whatever the order of its bins."""
    lines = sorted(
        (expectation.bin_id, expectation.quantity, [(item.sku, item.quantity) for item in expectation.items])
        for expectation in expectations
    )
    return hashlib.sha256(json.dumps([site, lines]).encode()).hexdigest()


def _begun(before: Consignment | None, said: Consignment, file: BinImage | None) -> Consignment:
    """Return a consignment whose load begins, later than any load before, whatever the clocks say."""
    at = max(said.loaded_at, before.loaded_at + _TICK) if before else said.loaded_at
    return replace(
        said,
        state=ConsignmentState.LOADING,
        version=(before.version if before else 0) + 1,
        loaded_at=at,
        told_at=at if file is None else before.told_at if before else None,
        file=file or (before.file if before else None),
        refusal=None,
    )


def _closing(known: Consignment, at: datetime, outcome: Progress) -> Consignment:
    return replace(
        known,
        state=ConsignmentState.CLOSING,
        version=known.version + 1,
        told_at=at,
        closed_at=at,
        outcome=outcome,
    )


def _in_short(consignment: Consignment) -> dict[str, str | int]:
    return {"state": consignment.state, "bins": consignment.bins, "digest": consignment.digest}


def _holder(bin_: Bin) -> str | None:
    return bin_.expectation.consignment_id if bin_.expectation else None
