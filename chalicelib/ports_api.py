"""What the API needs of the world beyond `chalicelib.ports`, as protocols; `chalicelib.aws` has the adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from chalicelib.feedback import NOTHING, Adaptation, Feedback
from chalicelib.policy import DEFAULT, Policy

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.bin_status import Bin, BinStatus
    from chalicelib.consignment import Consignment, ConsignmentState, Progress, Refusal
    from chalicelib.domain import BinImage, BinState, Expectation, Outcome
    from chalicelib.listing import Wanted
    from chalicelib.replay import Past
    from chalicelib.resolution import Act, Resolution, Statement
    from chalicelib.site_policy import SitePolicy, Standing
    from chalicelib.statistics import Counts
    from chalicelib.trail import AuditRecord

Entry = TypeVar("Entry")
Part = TypeVar("Part")
Result = TypeVar("Result")

Position = Mapping[str, str]
"""Where a list goes on. Only the directory that made it can read it, and it takes nothing in it on trust."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Entry]):
    """A part of a list; `following` is None where nothing can follow.

    A page may be shorter than asked for, even empty, and still be followed by another.
    """

    entries: tuple[Entry, ...]
    following: Position | None = None


class Directory(Protocol):
    """Lists of bins and photos, page by page; each reads only what it returns.

    They lag behind the record by a moment. All methods raise InvalidRequest where `start` is no position in
    that list, and TemporaryFailure where the table did not answer as it should.
    """

    def bins(self, wanted: Wanted, limit: int, start: Position | None) -> Page[BinStatus]:
        """Return the bins asked for, in the order of the list that `listing.list_for` names.

        Raises:
            InvalidRequest: there is no such list.
        """

    def photos(self, bin_id: str, limit: int, start: Position | None) -> Page[Outcome]:
        """Return how the photos of one bin ended, newest photo first."""

    def rejections(self, limit: int, start: Position | None) -> Page[Outcome]:
        """Return rejected photos, newest rejection first, also those whose key names no bin."""

    def reviews(self, site: str, limit: int, start: Position | None) -> Page[BinStatus]:
        """Return a site's bins in review, by falling cost of leaving them alone."""

    def acts(self, bin_id: str, limit: int, start: Position | None) -> Page[Act]:
        """Return what people said of one bin, newest first: resolutions, and what took them back."""

    def statements(
        self, site: str, since: datetime | None, until: datetime | None, limit: int, start: Position | None
    ) -> Page[Statement]:
        """Return what people said of a site's goods from one moment to another, oldest first; `until` is too late."""

    def waiting(self, site: str) -> dict[BinState, int]:
        """Return how many bins of a site wait for a person, by state."""

    def waiting_in_all(self, site: str) -> int:
        """Return how many bins of a site wait for a person; `listing.NO_SITE` are those that are at none."""


MOST_CHANGES = 49
"""Bins in one transaction: two items each and the lane's make 99, and DynamoDB takes 100."""


@dataclass(frozen=True, slots=True)
class Change:
    """One bin, as it was read and as it shall be."""

    before: Bin
    after: Bin


LANES = 8
"""How many transactions of one load run at once: one by one, 10,000 bins might take longer than the gateway waits."""


class SideBySide(Protocol):
    """Does the same with several parts, at once if it can."""

    def __call__(self, do: Callable[[Part], Result], parts: Sequence[Part], /) -> list[Result]:
        """Return the results in the parts' order; a failure is raised once no part is being worked on any more."""


class Consignments(Protocol):
    """Consignments and what they say of bins. All methods raise TemporaryFailure."""

    def get(self, consignment_id: str) -> Consignment | None:
        """Return a consignment, consistently; a refusal is only mentioned in it."""

    def put(
        self,
        before: Consignment | None,
        after: Consignment,
        record: AuditRecord | None = None,
        asking: Asking | None = None,
    ) -> bool:
        """Put a consignment on file, what was done in the trail, and that a request was carried out, all or nothing.

        One whose state passes may write bins from then on, and no earlier one can any more. Returns False, changing
        nothing, where the consignment is not `before`, or a request with this key has been carried out.
        """

    def members(self, consignment_id: str) -> list[str]:
        """Return the bins that a consignment speaks of; one that it took a moment ago may be missing."""

    def bins(self, bin_ids: Sequence[str]) -> list[Bin]:
        """Return bins as they stand, consistently and in this order, however many."""

    def write(self, consignment: Consignment, changes: Sequence[Change], lane: int) -> bool:
        """Make some changes, at most `MOST_CHANGES`, all or none; False where one of the bins changed.

        Other lanes, of `LANES`, may write at the same time.

        Raises:
            Superseded: another change of this consignment has begun.
        """

    def keep(self, consignment: Consignment, expectations: Sequence[Expectation]) -> None:
        """Keep what a load says, for as long as no later one has ended."""

    def kept(self, consignment: Consignment) -> list[Expectation] | None:
        """Return what the last load said, consistently; None where that was not kept, or not to its end."""

    def forget_older(self, consignment: Consignment) -> None:
        """Keep what earlier loads said no longer."""

    def asked_before(self, consignment_id: str, key: str) -> Asking | None:
        """Return the request about a consignment that had this Idempotency-Key, consistently; None if none had."""


class ConsignmentLists(Protocol):
    """What is to be seen of consignments; it lags behind by a moment. All methods raise TemporaryFailure."""

    def newest(
        self, site: str | None, state: ConsignmentState | None, limit: int, start: Position | None
    ) -> Page[Consignment]:
        """Return consignments, all, a site's, those in a state, or both, the last one loaded first.

        Raises:
            InvalidRequest: `start` is no position in this list.
        """

    def progress(self, consignment: Consignment) -> Progress:
        """Return how far its bins are now."""

    def refusal(self, consignment_id: str) -> Refusal | None:
        """Return the refusal of its last file that was refused, with the mistakes that it tells."""


class PolicyBook(Protocol):
    """What operators have set, site by site, and what was set before. All methods raise TemporaryFailure."""

    def standing(self, site: str) -> Standing:
        """Return what the site's bins are judged by, consistently."""

    def version(self, site: str, number: int) -> SitePolicy | None:
        """Return one version of the site's policy; None where there is none of that number."""

    def versions(self, site: str, limit: int, start: Position | None) -> Page[SitePolicy]:
        """Return the versions of the site's policy, newest first.

        Raises:
            InvalidRequest: `start` is no position in this list.
        """

    def put(self, policy: SitePolicy, record: AuditRecord) -> None:
        """Put a new version into force, and it and its record on file, all or nothing.

        Raises:
            Conflict: the version in force is not the one before it.
        """


class History(Protocol):
    """What happened at a site, in order of time; it lags by a moment. All methods raise TemporaryFailure."""

    def newest(self, site: str, most: int) -> Sequence[Past]:
        """Return the newest inspections, at most so many, and what was found in bins since then, oldest first."""

    def since(self, site: str, beginning: datetime) -> Iterator[Sequence[Past]]:
        """Yield all that happened from a moment on, page by page."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as it is remembered: who made it, a digest of what it asked for, and its Idempotency-Key."""

    by: str
    content: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody's request changes: where the bin stands, what was said, what the bin's site learns from it.

    `record` is what the audit trail keeps of it. Where the bin stands as before, it keeps its version, nothing is
    recorded, and only the request's key is remembered.
    """

    after: BinStatus
    act: Act | None = None
    learnt: Feedback = NOTHING
    record: AuditRecord | None = None


class People(Protocol):
    """The record of what people did about bins. All methods raise TemporaryFailure."""

    def resolution(self, bin_id: str, version: int) -> Resolution | None:
        """Return the resolution that made a version of a bin's status, consistently."""

    def asked_before(self, bin_id: str, key: str) -> Asking | None:
        """Return the request about a bin that had this Idempotency-Key, consistently; None where there was none."""

    def write(self, before: BinStatus, step: Step, asking: Asking) -> bool:
        """Write a step, and that its request was carried out, all or nothing.

        Returns False, changing nothing, where the bin's status is no longer `before`, a request with this key has been
        carried out, or somebody writes at the same moment.
        """

    def feedback(self, site: str) -> Feedback:
        """Return a site's sums; they may lag behind by a moment."""


class Trail(Protocol):
    """The audit trail. All methods raise TemporaryFailure; lists come newest first and lag behind by a moment.

    Whatever changes something writes its record beside it, in one transaction: those records are on file already.
    """

    def record(self, record: AuditRecord) -> None:
        """Put a record on file, once however often it is told; only for a change that no transaction can hold."""

    def of_bin(self, bin_id: str, limit: int, start: Position | None) -> Page[AuditRecord]:
        """Return what was done about one bin.

        Raises:
            InvalidRequest: `start` is no position in this list.
        """

    def of_site(
        self, site: str | None, since: datetime | None, until: datetime | None, limit: int, start: Position | None
    ) -> Page[AuditRecord]:
        """Return what was changed at a site, `since` included and `until` not; None for what belongs to no site.

        Raises:
            InvalidRequest: `start` is no position in this list.
        """


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What a site's operators have set that lists and figures need."""

    policy: Policy = DEFAULT
    adaptation: Adaptation = field(default_factory=Adaptation)
    review_per_hour: int = 60


class Pictures(Protocol):
    """Links to photos."""

    def link(self, image: BinImage) -> str:
        """Return a link that shows exactly this version to whoever holds it, for a few minutes."""


class Statistics(Protocol):
    """What the stream's function has counted. All methods raise TemporaryFailure."""

    def hours(self, site: str, first: datetime, last: datetime) -> Mapping[datetime, Counts]:
        """Return the counts of a site's hours by their beginnings, from one hour to another, both included.

        An hour in which nothing happened is left out.
        """

    def sites(self) -> list[str]:
        """Return all sites that bins have been at, by name."""


class DeadLetters(Protocol):
    """The queues of what could not be worked off."""

    def waiting(self) -> dict[str, int]:
        """Return how many messages lie in each, by name, about; raises TemporaryFailure."""
