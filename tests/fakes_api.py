"""The API's world in memory, and values to fill it with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.api.world import World
from chalicelib.bin_status import Bin, BinStatus
from chalicelib.caller import Caller
from chalicelib.consignment import Progress
from chalicelib.domain import (
    ATTENTION,
    BinImage,
    BinState,
    Expectation,
    Inspection,
    Judgement,
    Reason,
    Rejection,
    Verdict,
)
from chalicelib.errors import Conflict, InvalidRequest, Superseded, TemporaryFailure
from chalicelib.evidence import CountEstimate
from chalicelib.listing import Sort, Wanted, list_for
from chalicelib.load import Loader, Order
from chalicelib.ports_api import LANES, MOST_CHANGES, Page, SiteRules
from chalicelib.resolution import Statement
from chalicelib.resolve import Resolver
from chalicelib.site_policy import SitePolicy, Standing
from chalicelib.statistics import Counts
from chalicelib.wiring import learnt
from tests.fakes_people import FakePeople, Said
from tests.fakes_trail import FakeTrail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chalicelib.aws.policies import Adapt
    from chalicelib.consignment import Consignment, ConsignmentState, Refusal
    from chalicelib.domain import Outcome
    from chalicelib.items import Attributes
    from chalicelib.ports_api import Asking, Change, Part, Position, Result
    from chalicelib.replay import Past
    from chalicelib.resolution import Act
    from chalicelib.statistics import Counted
    from chalicelib.trail import AuditRecord

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def minutes(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


def image_of(bin_id: str, at: int = 0, name: str = "photo.jpg") -> BinImage:
    return BinImage("photos", f"incoming/{bin_id}/{name}", f"v{at}", "etag", f"{at:016x}", 1000, minutes(at))


def inspection_of(
    bin_id: str, verdict: Verdict = Verdict.MATCH, at: int = 0, expectation: Expectation | None = None
) -> Inspection:
    estimate = CountEstimate("bin-counter/1", ("0", "1", "2+"), (0.1, 0.2, 0.7), (0.3, 0.3, 0.4))
    return Inspection(bin_id, image_of(bin_id, at), expectation, estimate, Judgement(verdict, "p/1", 0.25), minutes(at))


def rejection_of(bin_id: str | None, at: int = 0, reason: str = Reason.NOT_AN_IMAGE) -> Rejection:
    return Rejection(bin_id, image_of(bin_id or "", at), reason, "it is a poem", minutes(at))


def expectation_of(bin_id: str, quantity: int = 2, consignment_id: str = "C-1") -> Expectation:
    return Expectation(bin_id, consignment_id, "FRA1", quantity)


ORDER = Order(Caller("olga"))


def one_by_one(do: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """A `SideBySide` that is none: tests take one step after the other."""
    return [do(part) for part in parts]


class FakeTable:
    """What the fakes below share, as the real ones share one table; itself `Bins`."""

    def __init__(self) -> None:
        self.by_name: dict[str, Bin] = {}
        self.outcomes: list[Outcome] = []
        self.said = Said()
        self.trail = FakeTrail()
        self.on_file: dict[str, Consignment] = {}
        self.lanes: dict[str, int] = {}
        self.kept: dict[str, dict[tuple[datetime, str], list[Expectation]]] = {}
        self.requests: dict[tuple[str, str | None], Asking] = {}
        self.refusals: dict[str, Refusal] = {}
        self.writes: list[list[str]] = []
        self.late_members: list[str] = []
        self.before_write: Callable[[], None] = lambda: None
        self.before_put: Callable[[], None] = lambda: None

    def get(self, bin_id: str) -> Bin:
        return self.by_name.get(bin_id, Bin(BinStatus(bin_id)))

    def record(self, outcome: Outcome, before: BinStatus, after: BinStatus) -> bool:
        if any(known.image == outcome.image for known in self.outcomes):
            return False
        if self.get(after.bin_id).status != before:
            raise Conflict(after.bin_id)
        self.outcomes.append(outcome)
        self.by_name[after.bin_id] = Bin(after, self.get(after.bin_id).expectation)
        return True

    def record_stray(self, outcome: Outcome) -> bool:
        self.outcomes.append(outcome)
        return True


@dataclass(frozen=True)
class FakeDirectory:
    table: FakeTable

    def bins(self, wanted: Wanted, limit: int, start: Position | None) -> Page[BinStatus]:
        served = list_for(wanted)
        found = [bin_.status for bin_ in self.table.by_name.values() if wanted.fits(bin_.status)]
        if served.sort:
            found.sort(key=_ORDERS[served.sort], reverse=served.sort is not Sort.NAME)
        return _page(f"bins {wanted}", found, limit, start)

    def photos(self, bin_id: str, limit: int, start: Position | None) -> Page[Outcome]:
        found = [outcome for outcome in self.table.outcomes if outcome.bin_id == bin_id]
        found.sort(key=lambda outcome: outcome.image.uploaded_at, reverse=True)
        return _page(f"photos {bin_id}", found, limit, start)

    def rejections(self, limit: int, start: Position | None) -> Page[Outcome]:
        found = [outcome for outcome in self.table.outcomes if isinstance(outcome, Rejection)]
        found.sort(key=lambda outcome: outcome.at, reverse=True)
        return _page("rejections", found, limit, start)

    def reviews(self, site: str, limit: int, start: Position | None) -> Page[BinStatus]:
        bins = [bin_.status for bin_ in self.table.by_name.values()]
        found = [status for status in bins if (status.state, status.site) == (BinState.REVIEW, site)]
        found.sort(key=lambda status: (cost_of(status), status.bin_id), reverse=True)
        return _page(f"reviews {site}", found, limit, start)

    def acts(self, bin_id: str, limit: int, start: Position | None) -> Page[Act]:
        return _page(f"acts {bin_id}", [*reversed(self.table.said.of_bin(bin_id))], limit, start)

    def statements(
        self, site: str, since: datetime | None, until: datetime | None, limit: int, start: Position | None
    ) -> Page[Statement]:
        said = [act for act in self.table.said.acts.values() if isinstance(act, Statement) and act.stood.site == site]
        in_time = [act for act in said if (since is None or act.at >= since) and (until is None or act.at < until)]
        in_time.sort(key=lambda act: (act.at, act.bin_id, act.version))
        return _page(f"statements {site} {since} {until}", in_time, limit, start)

    def waiting(self, site: str) -> dict[BinState, int]:
        states = [status.state for status in self._waiting(site)]
        return {state: states.count(state) for state in ATTENTION}

    def waiting_in_all(self, site: str) -> int:
        return len(self._waiting(site))

    def _waiting(self, site: str) -> list[BinStatus]:
        wanted = Wanted(site=site, waiting=True)
        return [bin_.status for bin_ in self.table.by_name.values() if wanted.fits(bin_.status)]


def cost_of(status: BinStatus) -> float:
    return (status.judgement.expected_cost if status.judgement else None) or 0.0


_ORDERS: dict[Sort, Callable[[BinStatus], Any]] = {
    Sort.COST: lambda status: (cost_of(status), status.bin_id),
    Sort.NEWEST: lambda status: (status.changed_at, status.bin_id),
    Sort.NAME: lambda status: status.bin_id,
}


@dataclass
class FakeStatistics:
    """`ports.Counters` and `ports_api.Statistics` in one."""

    counts: dict[tuple[str, datetime], Counts] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)

    def add(self, counted: Counted) -> None:
        self.known |= counted.sites
        if counted.token not in self.tokens:
            self.tokens.add(counted.token)
            for key, counts in counted.hours.items():
                self.counts[key] = self.counts.get(key, Counts()) + counts

    def hours(self, site: str, first: datetime, last: datetime) -> dict[datetime, Counts]:
        return {at: counts for (name, at), counts in self.counts.items() if name == site and first <= at <= last}

    def sites(self) -> list[str]:
        return sorted(self.known)


class FakeDeadLetters:
    """One message that could not be worked off, and no alert."""

    def waiting(self) -> dict[str, int]:
        return {"inbox": 1, "alerts": 0}


@dataclass(frozen=True)
class FakeConsignments:
    table: FakeTable

    def get(self, consignment_id: str) -> Consignment | None:
        return self.table.on_file.get(consignment_id)

    def put(
        self,
        before: Consignment | None,
        after: Consignment,
        record: AuditRecord | None = None,
        asking: Asking | None = None,
    ) -> bool:
        name = after.consignment_id
        self.table.before_put()
        is_repeated = asking is not None and (name, asking.key) in self.table.requests
        if self.table.on_file.get(name) != before or is_repeated:
            return False
        if after.refusal is not None and after.refusal.mistakes:
            self.table.refusals[name] = after.refusal
        mentioned = replace(after.refusal, mistakes=()) if after.refusal else None
        self.table.on_file[name] = replace(after, refusal=mentioned)
        if after.state.is_passing:
            self.table.lanes[name] = after.version
        if record is not None:
            self.table.trail.record(record)
        if asking is not None:
            self.table.requests[name, asking.key] = asking
        return True

    def members(self, consignment_id: str) -> list[str]:
        bins = self.table.by_name.values()
        members = [bin_.bin_id for bin_ in bins if bin_.status.consignment_id == consignment_id]
        return members + self.table.late_members

    def bins(self, bin_ids: Sequence[str]) -> list[Bin]:
        return [self.table.get(bin_id) for bin_id in bin_ids]

    def write(self, consignment: Consignment, changes: Sequence[Change], lane: int) -> bool:
        assert len(changes) <= MOST_CHANGES
        assert lane < LANES
        self.table.before_write()
        if self.table.lanes.get(consignment.consignment_id) != consignment.version:
            raise Superseded(f"a newer change of consignment {consignment.consignment_id} has begun")
        if any(self.table.get(change.before.bin_id).status != change.before.status for change in changes):
            return False
        self.table.writes.append([change.after.bin_id for change in changes])
        self.table.by_name |= {change.after.bin_id: change.after for change in changes}
        return True

    def keep(self, consignment: Consignment, expectations: Sequence[Expectation]) -> None:
        of_it = self.table.kept.setdefault(consignment.consignment_id, {})
        of_it[consignment.loaded_at, consignment.digest] = list(expectations)

    def kept(self, consignment: Consignment) -> list[Expectation] | None:
        of_it = self.table.kept.get(consignment.consignment_id, {})
        expectations = of_it.get((consignment.loaded_at, consignment.digest), [])
        return expectations if len(expectations) == consignment.bins else None

    def forget_older(self, consignment: Consignment) -> None:
        of_it, newest = self.table.kept[consignment.consignment_id], (consignment.loaded_at, consignment.digest)
        self.table.kept[consignment.consignment_id] = {load: said for load, said in of_it.items() if load >= newest}

    def asked_before(self, consignment_id: str, key: str) -> Asking | None:
        return self.table.requests.get((consignment_id, key))


@dataclass(frozen=True)
class FakeConsignmentLists:
    table: FakeTable

    def newest(
        self, site: str | None, state: ConsignmentState | None, limit: int, start: Position | None
    ) -> Page[Consignment]:
        found = [one for one in self.table.on_file.values() if site in {None, one.site} and state in {None, one.state}]
        found.sort(key=lambda one: (one.loaded_at, one.consignment_id), reverse=True)
        return _page(f"consignments {site} {state}", found, limit, start)

    def progress(self, consignment: Consignment) -> Progress:
        bins = [bin_.status for bin_ in self.table.by_name.values()]
        its = [status.state for status in bins if status.consignment_id == consignment.consignment_id]
        return Progress.of(consignment.bins, Counter(its))

    def refusal(self, consignment_id: str) -> Refusal | None:
        return self.table.refusals.get(consignment_id)


class FakePolicyBook:
    """`ports_api.PolicyBook` over dictionaries; what a site has taught is put into its policies by `adapt`."""

    def __init__(self, adapt: Adapt = learnt, trail: FakeTrail | None = None) -> None:
        self.trail = trail or FakeTrail()
        self.items: dict[str, list[SitePolicy]] = {}
        self.feedback: dict[str, Attributes] = {}
        self._adapt = adapt

    def standing(self, site: str) -> Standing:
        newest = self.items[site][-1] if site in self.items else SitePolicy(site)
        return Standing(newest, lambda policy, limits: self._adapt(policy, limits, self.feedback.get(site)))

    def version(self, site: str, number: int) -> SitePolicy | None:
        return next((policy for policy in self.items.get(site, ()) if policy.version == number), None)

    def versions(self, site: str, limit: int, start: Position | None) -> Page[SitePolicy]:
        return _page(f"policies {site}", self.items.get(site, [])[::-1], limit, start)

    def put(self, policy: SitePolicy, record: AuditRecord) -> None:
        if self.standing(policy.site).policy.version != policy.version - 1:
            raise Conflict(f"version {policy.version - 1} is not the one in force any more")
        self.items.setdefault(policy.site, []).append(policy)
        self.trail.record(record)


@dataclass(frozen=True)
class FakeHistory:
    table: FakeTable

    def newest(self, site: str, most: int) -> Sequence[Past]:
        return self._of(site)[-most:]

    def since(self, site: str, beginning: datetime) -> Iterator[Sequence[Past]]:
        yield [one for one in self._of(site) if one.image.uploaded_at >= beginning]

    def _of(self, site: str) -> list[Inspection]:
        held = [one for one in self.table.outcomes if isinstance(one, Inspection) and one.expectation]
        of_the_site = [one for one in held if one.expectation and one.expectation.site == site]
        return sorted(of_the_site, key=lambda one: (one.image.uploaded_at, one.image.image_id))


class FakePictures:
    """Links that can be read."""

    def link(self, image: BinImage) -> str:
        return f"https://{image.bucket}.example/{image.key}?versionId={image.version}"


@dataclass
class FakeWorld:
    """A whole world over one table; its clock moves by a minute each time it is read.

    Consignments are loaded long before the photos, and people come long after them.
    """

    table: FakeTable = field(default_factory=FakeTable)
    policies: FakePolicyBook = field(default_factory=FakePolicyBook)
    pauses: list[float] = field(default_factory=list)
    reads: int = 0
    rules: SiteRules = field(default_factory=SiteRules)
    statistics: FakeStatistics = field(default_factory=FakeStatistics)

    def __post_init__(self) -> None:
        self.policies.trail = self.table.trail

    def __call__(self) -> World:
        return World(
            bins=self.table,
            directory=FakeDirectory(self.table),
            consignments=FakeConsignments(self.table),
            consignment_lists=FakeConsignmentLists(self.table),
            loader=self.loader,
            pictures=FakePictures(),
            people=self.people,
            trail=self.table.trail,
            resolver=self.resolver,
            rules_of=lambda _site: self.rules,
            policies=self.policies,
            history=FakeHistory(self.table),
            clock=self._clock,
            statistics=self.statistics,
            dead_letters=FakeDeadLetters(),
        )

    @property
    def people(self) -> FakePeople:
        return FakePeople(self.table, self.table.said, self.table.trail)

    @property
    def resolver(self) -> Resolver:
        return Resolver(self.table, self.people, lambda: self._clock() + timedelta(days=2), self.pauses.append)

    @property
    def loader(self) -> Loader:
        return Loader(FakeConsignments(self.table), self._clock, self.pauses.append, one_by_one)

    def load(self, expected: dict[str, int], consignment_id: str = "C-1", order: Order = ORDER) -> bool:
        expectations = [expectation_of(name, quantity, consignment_id) for name, quantity in expected.items()]
        return self.loader.load(consignment_id, "FRA1", expectations, order)[1]

    def photograph(self, outcome: Outcome) -> None:
        if outcome.bin_id is None:
            self.table.record_stray(outcome)
            return
        status = self.table.get(outcome.bin_id).status
        self.table.record(outcome, status, status.after(outcome, None))

    def _clock(self) -> datetime:
        self.reads += 1
        return minutes(self.reads - 1000)


def broken() -> None:
    """Stand in for a table that does not answer."""
    raise TemporaryFailure("reading bins: ProvisionedThroughputExceededException")


def _page(name: str, found: list, limit: int, start: Position | None) -> Page:  # type: ignore[type-arg]
    if start is not None and start.get("list") != name:
        raise InvalidRequest("the cursor does not belong to this list")
    first = int(start["first"]) if start else 0
    following = {"list": name, "first": str(first + limit)} if first + limit < len(found) else None
    return Page(tuple(found[first : first + limit]), following)
