"""What would have happened: the photos of a site, judged once more under two policies. Pure; nothing is counted anew.

An inspection keeps its expectation, its estimate and the moment since which its bin's photos count together. That is
all that a decision needs, so the same function judges again that judged then. Both sides of the comparison are
replayed: what a bin's status once was depends on policies that may be gone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.decide import judge
from chalicelib.domain import Inspection, Judgement, Verdict
from chalicelib.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from chalicelib.domain import Expectation
    from chalicelib.evidence import CountEstimate
    from chalicelib.policy import Policy

    PolicyFor = Callable[[str], Policy]

MOST_CHANGES = 100
"""How many bins that end otherwise are named, unless the caller says so; all are counted."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What somebody found in a bin at a moment, of the photos that count together since `since`; None takes it back."""

    bin_id: str
    at: datetime
    since: datetime
    quantity: int | None


Past = Inspection | Truth
"""What has happened to a bin."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How the bins would have ended, and what people would have had to do; a bin counts anew when it starts afresh.

    Attributes:
        verdicts: how many bins end as each.
        alerts: bins that are alerted at any of their photos; a later photo takes no alert back.
        reviews: bins that go to review at any of their photos.
        resolved_alerts: of the alerted bins, those of which the truth is known.
        right_alerts: of these, those that were wrong indeed.
        wrong: of the bins of which the truth is known, those that did not hold what was expected.

    """

    verdicts: dict[Verdict, int]
    alerts: int
    reviews: int
    resolved_alerts: int
    right_alerts: int
    wrong: int

    @property
    def precision(self) -> float | None:
        """The share of alerts that were right, where the truth is known; None where it never is."""
        return self.right_alerts / self.resolved_alerts if self.resolved_alerts else None

    @property
    def found(self) -> float | None:
        """The share of wrong bins that were alerted, where the truth is known; None where none was wrong."""
        return self.right_alerts / self.wrong if self.wrong else None


@dataclass(frozen=True, slots=True)
class Change:
    """A bin that ends otherwise, or is alerted on one side only; `truth` is None where nobody has looked."""

    bin_id: str
    since: datetime
    photos: int
    expected: int
    before: Judgement
    after: Judgement
    is_alerted_before: bool
    is_alerted_after: bool
    truth: int | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """The two sides, over the same photos; `changed` counts all changes, `changes` names the first of them."""

    inspections: int
    bins: int
    resolved: int
    before: Tally
    after: Tally
    changed: int
    changes: tuple[Change, ...]


def replay(past: Iterable[Past], before: PolicyFor, after: PolicyFor, most_changes: int = MOST_CHANGES) -> Replayed:
    """Judge what has happened, told in order of time, under two policies.

    Photos that were held against nothing, or taken before their bin started afresh, decide nothing and are left out.
    What was said last of a bin is its truth, as long as no photo has come since it started afresh.
    Memory grows with the number of bins, by one or two kilobytes for each, and not with their photos.
    """
    ended = _Ended(most_changes)
    open_stories: dict[str, _Story] = {}
    policies: dict[Policy, Policy] = {}
    for happened in past:
        story = open_stories.get(happened.bin_id)
        if isinstance(happened, Truth):
            if story and story.since == happened.since:
                story.truth = happened.quantity
            continue
        expectation = happened.held_against
        if expectation is None:
            continue
        if story is None or story.since != happened.since:
            if story:
                ended.take(story)
            asked = (before(happened.bin_id), after(happened.bin_id))
            # Bins of one group share their policy, in memory too.
            sides = [_Side(policies.setdefault(policy, policy)) for policy in asked]
            story = open_stories[happened.bin_id] = _Story(expectation, happened.since, sides)
        story.add(happened.estimate)
    for story in open_stories.values():
        ended.take(story)
    return ended.replayed()


class _Side:
    """How one bin fares under one policy."""

    __slots__ = ("is_alerted", "is_reviewed", "judgement", "policy")

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.judgement = Judgement(Verdict.MATCH, policy.version)
        self.is_alerted = self.is_reviewed = False

    def take(self, judgement: Judgement) -> None:
        self.judgement = judgement
        self.is_alerted |= judgement.verdict is Verdict.MISMATCH
        self.is_reviewed |= judgement.verdict is Verdict.REVIEW

    @property
    def end(self) -> tuple[Verdict, bool]:
        return (self.judgement.verdict, self.is_alerted)


class _Story:
    """One bin from where it started afresh."""

    __slots__ = ("evidence", "expectation", "photos", "sides", "since", "truth")

    def __init__(self, expectation: Expectation, since: datetime, sides: Sequence[_Side]) -> None:
        self.expectation = replace(expectation, items=())
        self.since = since
        self.sides = sides
        self.photos = 0
        self.truth: int | None = None
        self.evidence: Evidence | None = None

    def add(self, estimate: CountEstimate) -> None:
        said = Evidence.of(estimate)
        self.evidence = self.evidence.and_of(said) if self.evidence else said
        self.photos += 1
        for side in self.sides:
            side.take(judge(self.expectation.bin_id, self.since, self.expectation, self.evidence, side.policy))

    def as_change(self) -> Change:
        about, (before, after) = self.expectation, self.sides
        return Change(
            bin_id=about.bin_id,
            since=self.since,
            photos=self.photos,
            expected=about.quantity,
            before=before.judgement,
            after=after.judgement,
            is_alerted_before=before.is_alerted,
            is_alerted_after=after.is_alerted,
            truth=self.truth,
        )


class _Ended:
    """Adds up the stories that have ended."""

    def __init__(self, most_changes: int) -> None:
        self._most_changes = most_changes
        self._tallies = [Counter[str](), Counter[str]()]
        self._counts = Counter[str]()
        self._changes: list[Change] = []

    def take(self, story: _Story) -> None:
        is_known, is_wrong = story.truth is not None, story.truth not in {None, story.expectation.quantity}
        self._counts.update(inspections=story.photos, bins=1, resolved=int(is_known))
        for tally, side in zip(self._tallies, story.sides, strict=True):
            tally[side.judgement.verdict] += 1
            tally["alerts"] += side.is_alerted
            tally["reviews"] += side.is_reviewed
            tally["resolved_alerts"] += side.is_alerted and is_known
            tally["right_alerts"] += side.is_alerted and is_wrong
            tally["wrong"] += is_wrong
        before, after = story.sides
        if before.end != after.end:
            self._counts["changed"] += 1
            if len(self._changes) < self._most_changes:
                self._changes.append(story.as_change())

    def replayed(self) -> Replayed:
        counts = self._counts
        before, after = map(_tally, self._tallies)
        return Replayed(
            counts["inspections"],
            counts["bins"],
            counts["resolved"],
            before,
            after,
            counts["changed"],
            tuple(self._changes),
        )


def _tally(counts: Counter[str]) -> Tally:
    return Tally(
        verdicts={verdict: counts[verdict] for verdict in _ENDS},
        alerts=counts["alerts"],
        reviews=counts["reviews"],
        resolved_alerts=counts["resolved_alerts"],
        right_alerts=counts["right_alerts"],
        wrong=counts["wrong"],
    )


_ENDS = (Verdict.MATCH, Verdict.REVIEW, Verdict.MISMATCH)
