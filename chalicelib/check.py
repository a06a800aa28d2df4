"""The one use case: a photo has landed; say whether its bin holds what the consignment says.

Three steps. `gather` reads the photo and asks the model; everything in it can be repeated safely. `decide`
is pure. `apply` is one conditional transaction: it makes a duplicate harmless and a late photo stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.decide import decide, judge
from chalicelib.domain import Inspection, Reason, Rejection, bin_id_of, media_type_of
from chalicelib.errors import Conflict, PhotoRefused, PhotoUnavailable, TemporaryFailure
from chalicelib.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.bin_status import Bin, BinStatus
    from chalicelib.domain import BinImage, Judgement, Outcome
    from chalicelib.evidence import CountEstimate
    from chalicelib.policy import Policy
    from chalicelib.ports import Bins, Counter, Images, Policies

_ATTEMPTS = 8
"""How often a bin is read again when photos of one bin are checked side by side."""


@dataclass(frozen=True, slots=True)
class Checker:
    """What `check` needs: where photos lie, who counts, where it is recorded, by which policies and clock."""

    images: Images
    counter: Counter
    bins: Bins
    policies: Policies
    prefix: str
    clock: Callable[[], datetime]

    def check(self, image: BinImage) -> tuple[Outcome, bool]:
        """Inspect or reject one photo; the flag is False where it had been recorded before.

        Raises:
            TemporaryFailure: something that may heal; the photo is not recorded and may be checked again.

        """
        try:
            bin_id = bin_id_of(image.key, self.prefix)
        except PhotoRefused as refusal:
            stray = self._rejection(None, image, refusal)
            return stray, self.bins.record_stray(stray)
        finding = self._gather(image)
        return self._apply(bin_id, image, finding)

    def _gather(self, image: BinImage) -> CountEstimate | PhotoRefused:
        try:
            body = self.images.read(image)
            return self.counter.count(body, media_type_of(body))
        except PhotoUnavailable as gone:
            return PhotoRefused(Reason.GONE, str(gone))
        except PhotoRefused as refusal:
            return refusal

    def _decide(self, bin_: Bin, image: BinImage, finding: CountEstimate | PhotoRefused) -> tuple[Outcome, BinStatus]:
        """Judge the photo by itself, and where its bin stands by all of its photos."""
        if isinstance(finding, PhotoRefused):
            rejection = self._rejection(bin_.bin_id, image, finding)
            return rejection, bin_.status.after(rejection, None)
        expectation = bin_.expectation
        policy = self.policies.policy_for(expectation.site if expectation else None, bin_.bin_id)
        alone = decide(expectation, Evidence.of(finding), policy)
        inspection = Inspection(bin_.bin_id, image, expectation, finding, alone, self.clock(), bin_.status.since)
        return inspection, bin_.status.after(inspection, judgement_with(bin_, inspection, policy))

    def _apply(self, bin_id: str, image: BinImage, finding: CountEstimate | PhotoRefused) -> tuple[Outcome, bool]:
        for _ in range(_ATTEMPTS):
            bin_ = self.bins.get(bin_id)
            outcome, status = self._decide(bin_, image, finding)
            try:
                return outcome, self.bins.record(outcome, bin_.status, status)
            except Conflict:
                continue
        raise TemporaryFailure(f"bin {bin_id} changes too fast: {_ATTEMPTS} attempts met another change")

    def _rejection(self, bin_id: str | None, image: BinImage, refusal: PhotoRefused) -> Rejection:
        return Rejection(bin_id, image, refusal.reason, str(refusal), self.clock())


def judgement_with(bin_: Bin, inspection: Inspection, policy: Policy) -> Judgement | None:
    """Judge a bin by all of its photos and one more; None where none of them was held against anything."""
    evidence = bin_.status.evidence_with(inspection)
    if evidence is None:
        return None
    return judge(bin_.bin_id, bin_.status.since, bin_.expectation, evidence, policy)
