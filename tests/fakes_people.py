"""The record of what people did, in memory, beside a table of bins that it shares with the other fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.bin_status import Bin
from chalicelib.feedback import NOTHING
from chalicelib.resolution import Resolution
from tests.fakes_trail import FakeTrail

if TYPE_CHECKING:
    from chalicelib.bin_status import BinStatus
    from chalicelib.feedback import Feedback
    from chalicelib.ports_api import Asking, Step
    from chalicelib.resolution import Act


class Table(Protocol):
    """Where bins stand."""

    by_name: dict[str, Bin]

    def get(self, bin_id: str) -> Bin: ...


@dataclass
class Said:
    """All that people said, and what was learnt from it."""

    acts: dict[tuple[str, int], Act] = field(default_factory=dict)
    asked: dict[tuple[str, str], Asking] = field(default_factory=dict)
    sums: dict[str, Feedback] = field(default_factory=dict)

    def of_bin(self, bin_id: str) -> list[Act]:
        return [act for (name, _), act in sorted(self.acts.items()) if name == bin_id]


@dataclass(frozen=True)
class FakePeople:
    """`ports_api.People` with the table's own conditions."""

    table: Table
    said: Said
    trail: FakeTrail = field(default_factory=FakeTrail)

    def resolution(self, bin_id: str, version: int) -> Resolution | None:
        act = self.said.acts.get((bin_id, version))
        return act if isinstance(act, Resolution) else None

    def asked_before(self, bin_id: str, key: str) -> Asking | None:
        return self.said.asked.get((bin_id, key))

    def write(self, before: BinStatus, step: Step, asking: Asking) -> bool:
        bin_id = before.bin_id
        is_unchanged = self.table.get(bin_id).status.version == before.version
        is_repeated = asking.key is not None and (bin_id, asking.key) in self.said.asked
        if not is_unchanged or is_repeated:
            return False
        self.table.by_name[bin_id] = Bin(step.after, self.table.get(bin_id).expectation)
        if step.act is not None:
            assert (bin_id, step.act.version) not in self.said.acts
            self.said.acts[bin_id, step.act.version] = step.act
        if step.record is not None:
            self.trail.record(step.record)
        if asking.key is not None:
            self.said.asked[bin_id, asking.key] = asking
        if before.site is not None:
            self.said.sums[before.site] = self.feedback(before.site) + step.learnt
        return True

    def feedback(self, site: str) -> Feedback:
        return self.said.sums.get(site, NOTHING)
