"""The other use case: a consignment says what bins shall hold.

Gather, decide, apply: read all its bins, refuse those that another consignment holds, then write bin by bin what
differs. The consignment is marked as being loaded before the first bin changes and as loaded after the last, so a
load that broke half way is never taken for done: sending it again completes it. A newer load stops an older one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain import Bin, Consignment
from chalicelib.errors import Conflict, TemporaryFailure
from chalicelib.ports_api import MOST_CHANGES, Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from chalicelib.domain import Expectation
    from chalicelib.ports_api import Consignments

_ATTEMPTS = 8
_FIRST_PAUSE_S = 0.05
_NAMED = 20
"""How many bins an error message names."""


@dataclass(frozen=True, slots=True)
class Loader:
    """What `load` needs: where consignments are kept, by which clock, and how to pause (in seconds)."""

    consignments: Consignments
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]

    def load(self, consignment_id: str, site: str, expectations: Sequence[Expectation]) -> tuple[Consignment, bool]:
        """Make the bins expect what the consignment says, and release those that it no longer names.

        A bin whose expectation stays the same keeps its finding. The flag is False where this very consignment
        had been loaded before: nothing is changed then.

        Raises:
            Conflict: another consignment holds some of the bins, or a newer load of this one has begun.
            TemporaryFailure: the table did not answer as it should, or a bin changes too fast.
        """
        consignment = Consignment(consignment_id, site, len(expectations), digest_of(site, expectations), self.clock())
        on_file = self.consignments.get(consignment_id)
        if on_file is not None and on_file.digest == consignment.digest:
            return on_file, False
        wanted = {expectation.bin_id: expectation for expectation in expectations}
        bins = self.consignments.bins(list(wanted))
        refuse_held(bins, consignment_id)
        self.consignments.begin(consignment)
        dropped = [name for name in self.consignments.members(consignment_id) if name not in wanted]
        bins += self.consignments.bins(dropped)
        for first in range(0, len(bins), MOST_CHANGES):
            self._bring(consignment, bins[first : first + MOST_CHANGES], wanted)
        self.consignments.finish(consignment)
        return consignment, True

    def _bring(self, consignment: Consignment, bins: Sequence[Bin], wanted: Mapping[str, Expectation]) -> None:
        for attempt in range(_ATTEMPTS):
            refuse_held([bin_ for bin_ in bins if bin_.bin_id in wanted], consignment.consignment_id)
            changes = changes_for(consignment, bins, wanted)
            if not changes or self.consignments.write(consignment, changes):
                return
            self.sleep(_FIRST_PAUSE_S * 2**attempt)
            bins = self.consignments.bins([bin_.bin_id for bin_ in bins])
        raise TemporaryFailure(f"bins change too fast: {_ATTEMPTS} attempts met another change")


def changes_for(consignment: Consignment, bins: Iterable[Bin], wanted: Mapping[str, Expectation]) -> list[Change]:
    """Return what a load has to change in these bins; nothing where a bin is as it should be."""
    changes = []
    for before in bins:
        expectation = wanted.get(before.bin_id)
        if expectation is not None and expectation != before.expectation:
            expecting = before.status.expecting(expectation, consignment.loaded_at)
            changes.append(Change(before, Bin(expecting, expectation)))
        elif expectation is None and _holder(before) == consignment.consignment_id:
            changes.append(Change(before, Bin(before.status.released(consignment.loaded_at))))
    return changes


def refuse_held(bins: Iterable[Bin], consignment_id: str) -> None:
    """Refuse to take bins from another consignment.

    Raises:
        Conflict: it names them and their consignments.
    """
    held = [f"{bin_.bin_id} ({_holder(bin_)})" for bin_ in bins if _holder(bin_) not in {None, consignment_id}]
    if held:
        more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
        raise Conflict(f"other consignments hold these bins: {', '.join(held[:_NAMED])}{more}")


def digest_of(site: str, expectations: Iterable[Expectation]) -> str:
    """Return a name for what a consignment says, whatever the order of its bins."""
    lines = sorted(
        (expectation.bin_id, expectation.quantity, [(item.sku, item.quantity) for item in expectation.items])
        for expectation in expectations
    )
    return hashlib.sha256(json.dumps([site, lines]).encode()).hexdigest()


def _holder(bin_: Bin) -> str | None:
    return bin_.expectation.consignment_id if bin_.expectation else None
