"""Which of what people said stands, and of which photos it is true. Pure: it is told everything and asks nothing.

A resolution stands until a later one corrects it or a reopening takes it back. What stands is the truth of the photo
that the bin showed when somebody looked: that is the photo which was held against what they found. It is not when the
photo is older than the last change of the bin's contents (a consignment was loaded, or somebody had resolved the bin
and it was photographed no more), nor when the person said that the photo was the wrong one.

Other photos may be asked for as well. Those count that were judged between the last change and the photo shown; as
nobody has said anything of them, and goods may have been moved between two photos unnoticed, they are not the default.
Photos of one bin repeat each other, so that they teach less than photos of other bins would.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from training.feedback.said import RESOLUTION, Act, Seen

_WRONG_PHOTO: Final = "wrong_photo"
_OTHER_GOODS: Final = frozenset({"wrong_consignment", "misplaced", "other"})
"""Causes with which the goods found need not be those that the consignment names, even where their number fits."""


class Which(StrEnum):
    """Which photos of a resolution are exported."""

    SHOWN = "shown"
    ALL = "all"


class Why(StrEnum):
    """Why something that was said is no label."""

    NO_COUNT = "no_count"
    REOPENING = "reopening"
    CORRECTED = "corrected"
    TAKEN_BACK = "taken_back"
    NO_PHOTO = "no_photo"
    OLD_PHOTO = "photo_of_before"
    WRONG_PHOTO = "wrong_photo"
    SAME_PHOTO = "same_photo"
    GONE = "photo_gone"
    UNUSABLE = "photo_unusable"
    UNREAD = "not_read"


EXPLAINED: Final[Mapping[Why, str]] = {
    Why.NO_COUNT: "it tells nothing of what the bin holds",
    Why.REOPENING: "it takes a resolution back and names no count",
    Why.CORRECTED: "somebody corrected it",
    Why.TAKEN_BACK: "somebody took it back",
    Why.NO_PHOTO: "the bin showed no photo",
    Why.OLD_PHOTO: "the photo that the bin showed is older than the last change of its contents",
    Why.WRONG_PHOTO: "the operator says that the photo was the wrong one",
    Why.SAME_PHOTO: "the photo is exported with what was said later",
    Why.GONE: "the photo is there no more",
    Why.UNUSABLE: "the photo cannot be learnt from",
    Why.UNREAD: "the photo did not arrive; the same command tries again",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An act that is no label, or a photo of one; `detail` names the act, photo or fault that is the reason."""

    act: Act
    why: Why
    detail: str | None = None
    image_id: str | None = None
    """The photo that is meant, where it is not the one that the bin showed."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A resolution that stands, and since when the bin had held what was found."""

    act: Act
    unchanged_since: datetime

    @property
    def count(self) -> int:
        """How many goods the bin holds."""
        assert self.act.true_count is not None  # noqa: S101 - a reopening is no truth
        return self.act.true_count

    @property
    def newest_first(self) -> tuple[float, str, int]:
        """The order in which truths go before each other; two of one moment always go alike."""
        return (-self.act.at.timestamp(), self.act.bin_id, -self.act.version)

    def goods(self, items: Mapping[str, int] | None) -> Mapping[str, int]:
        """Name the goods in the photo: what the consignment names, where what was found bears it out.

        A different number says that something else is there, but not what.
        """
        is_borne_out = items is not None and sum(items.values()) == self.count and self.act.cause not in _OTHER_GOODS
        return items if items is not None and is_borne_out else {}

    def is_shown(self, seen: Seen) -> bool:
        """Tell whether it is the photo that the bin showed."""
        return self.act.shown is not None and seen.image.image_id == self.act.shown.image_id

    def photos_among(self, seen: Sequence[Seen], which: Which) -> list[Seen]:
        """Choose those photos of the bin that it is true of; the one shown comes first."""
        shown = list(filter(self.is_shown, seen))
        return shown if which is Which.SHOWN else shown + list(filter(self._is_beside, seen))

    def _is_beside(self, seen: Seen) -> bool:
        """Tell whether a photo, which nobody pointed at, was taken of the same contents."""
        shown = self.act.shown
        assert shown is not None  # noqa: S101 - without one it is no truth of a photo
        is_between = self.unchanged_since <= seen.image.uploaded_at and seen.image.order < shown.order
        return seen.is_inspection and is_between


def truths_in(acts: Iterable[Act]) -> tuple[list[Truth], list[LeftOut]]:
    """Part what stands and has a photo, the newest first, from what does not, by bin and version."""
    by_bin: dict[str, list[Act]] = defaultdict(list)
    for act in acts:
        by_bin[act.bin_id].append(act)
    truths: list[Truth] = []
    left_out: list[LeftOut] = []
    for bin_id in sorted(by_bin):
        said = sorted(by_bin[bin_id], key=lambda act: act.version)
        over = _over(said)
        for act in said:
            reason = over.get(act.version) or _no_truth_of_a_photo(act)
            if reason is None:
                truths.append(Truth(act, _last_change(act, said)))
            else:
                left_out.append(LeftOut(act, *reason))
    return sorted(truths, key=lambda truth: truth.newest_first), left_out


_Reason = tuple[Why, str | None]


def _over(said: Sequence[Act]) -> dict[int, _Reason]:
    """Collect the versions of one bin's acts that stand no more, or never did, and why."""
    over: dict[int, _Reason] = {}
    for act in said:
        if act.reopens is not None:
            over[act.version] = (Why.REOPENING, None)
            over[act.reopens] = (Why.TAKEN_BACK, f"by version {act.version}")
        elif act.corrects is not None:
            over[act.corrects] = (Why.CORRECTED, f"by version {act.version}")
    return over


def _no_truth_of_a_photo(act: Act) -> _Reason | None:
    if act.kind != RESOLUTION:
        return (Why.NO_COUNT, None)
    if act.shown is None:
        return (Why.NO_PHOTO, None)
    if act.shown.uploaded_at < act.since:
        return (Why.OLD_PHOTO, None)
    return (Why.WRONG_PHOTO, None) if act.cause == _WRONG_PHOTO else None


def _last_change(act: Act, said: Sequence[Act]) -> datetime:
    """Tell since when the bin had held what this act found.

    Whoever resolved the bin before may have moved goods, even where that was taken back afterwards; what the act
    corrects was said of the same contents and moved none.
    """
    by_version = {one.version: one for one in said}
    own, corrected = {act.version}, act.corrects
    while corrected is not None and corrected in by_version:
        own.add(corrected)
        corrected = by_version[corrected].corrects
    before = [one.at for one in said if one.version < act.version and one.kind == RESOLUTION and one.version not in own]
    return max([act.since, *before])


def provenance(truth: Truth, seen: Seen) -> dict[str, Any]:
    """Tell where a label comes from: of which photo, who said it, when, and what had made them look.

    `asked` and `stands_for` are what weighting needs: bins that alerted or were in doubt are no random sample of all.
    """
    act, stood = truth.act, truth.act.stood
    told = {
        name: stood.get(name)
        for name in (
            *("consignment_id", "status", "expected", "predicted", "model", "policy", "probability_of_mismatch"),
            *("photos_judged", "stands_for"),
        )
    }
    return {
        **act.as_json(),
        **told,
        "photo": "shown" if truth.is_shown(seen) else "beside",
        "expected_items": seen.items,
    }
