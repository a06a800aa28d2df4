"""The ports, kept in memory: each fake remembers what it was told and fails only where a test plans it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chalicelib.digest import GateName, Scope
from chalicelib.errors import Conflict, PhotoUnavailable, TemporaryFailure
from chalicelib.evidence import CountEstimate
from chalicelib.items import (
    consignment_key,
    from_outcome,
    from_status,
    photo_key,
    status_key,
    to_bin,
)
from chalicelib.items_alerts import alert_key, from_ruling, from_tally, gate_key, to_ruling, to_tally
from chalicelib.items_consignments import from_consignment, to_consignment
from chalicelib.ports import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from chalicelib.bin_status import Bin, BinStatus
    from chalicelib.consignment import Consignment
    from chalicelib.digest import Ruling, Tally
    from chalicelib.domain import BinImage, Outcome
    from chalicelib.errors import PhotoRefused
    from chalicelib.events import Message
    from chalicelib.notices import Notice
    from chalicelib.photo_call import Raised
    from chalicelib.policy import Policy
    from chalicelib.ports import Bins

BEFORE, AFTER = "before", "after"
"""When a planned failure strikes: before anything was done, or after, when only the answer is lost."""


class Trouble:
    """Planned failures: each call takes the next plan; None, and an empty plan, let it pass."""

    def __init__(self, plans: Iterable[str | None] = ()) -> None:
        self._plans = iter(plans)

    @contextmanager
    def around(self, doing: str) -> Iterator[None]:
        plan = next(self._plans, None)
        if plan == BEFORE:
            raise TemporaryFailure(f"{doing}: no connection")
        yield
        if plan == AFTER:
            raise TemporaryFailure(f"{doing}: no answer")


class FakeImages:
    """`ports.Images` over a dictionary; what it does not hold is gone."""

    def __init__(self, files: dict[BinImage, bytes] | None = None, trouble: Trouble | None = None) -> None:
        self._files = {image.image_id: body for image, body in (files or {}).items()}
        self._trouble = trouble or Trouble()

    def read(self, image: BinImage) -> bytes:
        with self._trouble.around("reading a photo"):
            if image.image_id not in self._files:
                raise PhotoUnavailable("the photo was deleted before it was read")
            return self._files[image.image_id]


class FakeCounter:
    """`ports.Counter` that gives the same answer to every photo, or asks a function for it."""

    def __init__(
        self,
        answer: CountEstimate | PhotoRefused | Callable[[bytes], CountEstimate | PhotoRefused],
        trouble: Trouble | None = None,
    ) -> None:
        self.asked: list[tuple[bytes, str]] = []
        self._answer = answer
        self._trouble = trouble or Trouble()

    def count(self, body: bytes, media_type: str) -> CountEstimate:
        with self._trouble.around("asking the model"):
            self.asked.append((body, media_type))
            answer = self._answer(body) if callable(self._answer) else self._answer
            if isinstance(answer, CountEstimate):
                return answer
            raise answer


class FakePolicies:
    """`ports.Policies` with one for all bins; remembers whom it was asked about."""

    def __init__(self, policy: Policy) -> None:
        self.asked: list[tuple[str | None, str]] = []
        self._policy = policy

    def policy_for(self, site: str | None, bin_id: str) -> Policy:
        self.asked.append((site, bin_id))
        return self._policy


class FakeBins:
    """`ports.Bins` over a dictionary of items, with the table's own conditions."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.put(*items)

    def put(self, *items: dict[str, Any]) -> None:
        """Write items whatever is there, as the API and earlier days have done."""
        for item in items:
            self.items[_key(item)] = item

    def get(self, bin_id: str) -> Bin:
        about_the_bin = [
            item
            for (partition, sort), item in self.items.items()
            if partition == f"BIN#{bin_id}" and sort.startswith("BIN#")
        ]
        return to_bin(bin_id, about_the_bin)

    def record(self, outcome: Outcome, before: BinStatus, after: BinStatus) -> bool:
        if _key(photo_key(outcome)) in self.items:
            return False
        on_file = self.items.get(_key(status_key(after.bin_id)), {"revision": 0})
        if on_file["revision"] != before.version:
            raise Conflict(f"bin {after.bin_id} changed meanwhile")
        self.put(from_outcome(outcome), from_status(after))
        return True

    def record_stray(self, outcome: Outcome) -> bool:
        is_new = _key(photo_key(outcome)) not in self.items
        if is_new:
            self.put(from_outcome(outcome))
        return is_new


class BusyBins:
    """`ports.Bins` amid others: what happens `meanwhile` happens between every reading and its writing."""

    def __init__(self, bins: Bins, meanwhile: Callable[[], None], trouble: Trouble | None = None) -> None:
        self._bins = bins
        self._meanwhile = meanwhile
        self._trouble = trouble or Trouble()

    def get(self, bin_id: str) -> Bin:
        with self._trouble.around("reading a bin"):
            found = self._bins.get(bin_id)
        self._meanwhile()
        return found

    def record(self, outcome: Outcome, before: BinStatus, after: BinStatus) -> bool:
        with self._trouble.around("recording a photo"):
            return self._bins.record(outcome, before, after)

    def record_stray(self, outcome: Outcome) -> bool:
        with self._trouble.around("recording a photo without a bin"):
            return self._bins.record_stray(outcome)


class FakeLedger:
    """`ports.Ledger` over a dictionary of items, with the table's own conditions.

    `meanwhile` happens between every reading and its recording: others' work.
    """

    def __init__(
        self, *consignments: Consignment, trouble: Trouble | None = None, meanwhile: Callable[[], None] | None = None
    ) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.reads = 0
        self.transactions: list[int] = []
        self.marks = 0
        self.trouble = trouble or Trouble()
        self.meanwhile = meanwhile or (lambda: None)
        self.load(*consignments)

    def load(self, *consignments: Consignment) -> None:
        """Put consignments on file, as the API does."""
        self.items |= {_key(item): item for item in map(from_consignment, consignments)}

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in self.items.values() if item["type"] == kind]

    def read(self, alerts: Sequence[Raised], gates: Collection[GateName], consignments: Collection[str]) -> Standing:
        keys = len(alerts) + len(gates) + 2 * len(consignments)
        assert keys <= 100, "one BatchGetItem takes no more"
        self.reads += 1
        names = [*gates, *(GateName(Scope.CONSIGNMENT, one) for one in consignments)]
        with self.trouble.around("reading alerts"):
            standing = Standing(
                {alert.alert_id: to_ruling(item) for alert in alerts if (item := self._at(alert_key(alert)))},
                {name: to_tally(item) for name in names if (item := self._at(gate_key(name)))},
                {one: to_consignment(item) for one in consignments if (item := self._at(consignment_key(one)))},
            )
        self.meanwhile()
        return standing

    def record(
        self,
        rulings: Sequence[tuple[Raised, Ruling]],
        before: Mapping[GateName, Tally],
        after: Mapping[GateName, Tally],
    ) -> None:
        with self.trouble.around("recording alerts"):
            is_known = any(self._at(alert_key(alert)) for alert, _ in rulings)
            has_changed = any(
                (self._at(gate_key(name)) or {"revision": 0})["revision"]
                != (before[name].revision if name in before else 0)
                for name in after
            )
            if is_known or has_changed:
                raise Conflict("alerts or their gates changed meanwhile")
            written = [from_ruling(*ruled) for ruled in rulings] + [from_tally(*tally) for tally in after.items()]
            assert len({_key(item) for item in written}) == len(written) <= 100, "a transaction takes no more"
            self.transactions.append(len(written))
            self.items |= {_key(item): item for item in written}

    def mark_sent(self, alert: Raised) -> None:
        with self.trouble.around("marking an alert"):
            self.marks += 1
            key = _key(alert_key(alert))
            self.items[key] = {**self.items[key], "is_sent": True}

    def _at(self, key: dict[str, Any]) -> dict[str, Any] | None:
        return self.items.get(_key(key))


class FakeTopic:
    """`ports.Topic` that keeps what was published, repeats and all."""

    def __init__(self, trouble: Trouble | None = None) -> None:
        self.published: list[Notice] = []
        self.trouble = trouble or Trouble()

    def publish(self, notice: Notice) -> None:
        with self.trouble.around("publishing an alert"):
            self.published.append(notice)


class FakeInbox:
    """`ports.Inbox` that keeps what was delayed and what was buried."""

    def __init__(self, trouble: Trouble | None = None) -> None:
        self.delayed: list[tuple[Message, int]] = []
        self.buried: list[tuple[str, str]] = []
        self._trouble = trouble or Trouble()

    def delay(self, message: Message, seconds: int) -> None:
        with self._trouble.around("delaying a message"):
            self.delayed.append((message, seconds))

    def bury(self, body: str, reason: str) -> None:
        with self._trouble.around("burying a message"):
            self.buried.append((body, reason))


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return (item["PK"], item["SK"])
