"""What people find in bins, say of them and want of them. Facts; nothing is decided here.

Each is kept for ever beside its bin, under the version of the bin's status that it made: a version is made once, so
nothing that somebody said can be overwritten, and the order of the versions is the order in which it was said.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.domain import Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.bin_status import BinStatus


class Cause(StrEnum):
    """Why a bin, its photo and its consignment said what they said, as the operator found it."""

    COUNTED = "counted"
    SEEN_IN_PICTURE = "seen_in_picture"
    MISPLACED = "misplaced"
    DAMAGED = "damaged"
    LOST = "lost"
    WRONG_CONSIGNMENT = "wrong_consignment"
    WRONG_PHOTO = "wrong_photo"
    OTHER = "other"


class Asked(StrEnum):
    """Why somebody looked at a bin: what the checker had asked for, or nothing that it had."""

    ALERT = "alert"
    REVIEW = "review"
    AUDIT = "audit"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Finding:
    """What an operator says: how many goods the bin really holds, why, and in words of their own."""

    true_count: int
    cause: Cause
    note: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Somebody has looked into a bin.

    Attributes:
        version: of the bin's status, that this made.
        by: the caller's name.
        stood: where the bin stood before; for a correction, before what it corrects.
        corrects: the version of the resolution that this one replaces, made with no photo judged in between.

    """

    bin_id: str
    version: int
    by: str
    at: datetime
    finding: Finding
    stood: BinStatus
    corrects: int | None = None

    @property
    def asked(self) -> Asked:
        """Why somebody looked. An alert that went out counts even where later photos have weakened it."""
        return _asked(self.stood)

    @property
    def is_wrong(self) -> bool:
        """Whether the bin held something else than was expected; nothing expected can't be wrong."""
        return self.stood.expected is not None and self.finding.true_count != self.stood.expected

    @property
    def is_first(self) -> bool:
        """Whether nobody had resolved the bin before under the same expectation."""
        return self.stood.resolution is None


@dataclass(frozen=True, slots=True)
class Reopening:
    """Somebody has found that a resolution was none; `reopens` is its version, `stood` where it found the bin."""

    bin_id: str
    version: int
    by: str
    at: datetime
    reopens: int
    stood: BinStatus
    note: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Somebody has named who looks after a bin; None for nobody any more."""

    bin_id: str
    version: int
    by: str
    at: datetime
    assignee: str | None


@dataclass(frozen=True, slots=True)
class PhotoRequest:
    """Somebody has asked for another photo of a bin."""

    bin_id: str
    version: int
    by: str
    at: datetime
    note: str = ""


Statement = Resolution | Reopening
"""What tells of the goods."""

Act = Statement | Assignment | PhotoRequest


def _asked(stood: BinStatus) -> Asked:
    episode, judgement = stood.episode, stood.judgement
    if episode is not None and episode.is_active and Verdict.MISMATCH in episode.raised:
        return Asked.ALERT
    if judgement is not None and judgement.is_audit:
        return Asked.AUDIT
    # Not by its state: a bin that matched and was reopened is in review because a person has asked.
    is_in_doubt = judgement is not None and judgement.verdict is Verdict.REVIEW
    return Asked.REVIEW if is_in_doubt else Asked.NOBODY
