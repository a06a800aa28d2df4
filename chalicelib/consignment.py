"""Goods on their way into bins: where their consignment stands, and how far its bins are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.domain import ATTENTION, BinState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.domain import BinImage
    from chalicelib.errors import Mistake


class ConsignmentState(StrEnum):
    """Where a consignment stands; while it is loaded or closed, its bins change one after the other."""

    LOADING = "loading"
    LOADED = "loaded"
    CLOSING = "closing"
    CLOSED = "closed"
    REFUSED = "refused"

    @property
    def is_passing(self) -> bool:
        """Whether bins are being changed, or were when that broke."""
        return self in {ConsignmentState.LOADING, ConsignmentState.CLOSING}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the bins of a consignment are; `open` are those that wait for a person."""

    bins: int
    waiting: int
    matching: int
    open: int
    resolved: int

    @classmethod
    def of(cls, bins: int, counts: Mapping[BinState, int]) -> Progress:
        """Return the progress of so many bins, by how many are in which state."""
        return cls(
            bins=bins,
            waiting=counts.get(BinState.WAITING, 0),
            matching=counts.get(BinState.MATCH, 0),
            open=sum(counts.get(state, 0) for state in ATTENTION),
            resolved=counts.get(BinState.RESOLVED, 0),
        )

    @property
    def checked(self) -> int:
        """How many bins were photographed and judged, or looked into by a person."""
        return self.matching + self.open + self.resolved


@dataclass(frozen=True, slots=True)
class Refusal:
    """A consignment's file that was not loaded: which, when, and what is wrong with it, in how many places.

    `mistakes` are the first of them; none are told where the refusal is only mentioned.
    """

    file: BinImage
    at: datetime
    count: int
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True)
class Consignment:
    """Goods on their way into bins.

    Attributes:
        consignment_id: its name.
        site: where its bins are.
        bins: how many it speaks of.
        digest: names the loaded body, so that loading it again changes nothing; empty where none was ever loaded.
        loaded_at: when it was loaded last, later for each load; where none was, when it was refused.
        state: where it stands.
        version: counts every change, for optimistic locking; 0 is of before versions were counted.
        told_at: when somebody changed it through the API last; None where nobody did.
        file: the newest of its files that was loaded or refused; None where there was none.
        refusal: why that file was not loaded; None where it was.
        closed_at: when it was closed; None where it is not.
        outcome: how far its bins were when it was closed; None where it is not.

    """

    consignment_id: str
    site: str
    bins: int
    digest: str
    loaded_at: datetime
    state: ConsignmentState = ConsignmentState.LOADED
    version: int = 0
    told_at: datetime | None = None
    file: BinImage | None = None
    refusal: Refusal | None = None
    closed_at: datetime | None = None
    outcome: Progress | None = None

    def is_newer_than(self, file: BinImage) -> bool:
        """Whether a file is of the past: it, a newer one, or somebody through the API, has had its say already.

        A file whose own load broke half way has not.
        """
        is_outdated = self.told_at is not None and file.uploaded_at < self.told_at
        is_known = self.file is not None and not file.comes_after(self.file)
        return is_outdated or (is_known and not self.is_being_loaded_from(file))

    def is_being_loaded_from(self, file: BinImage) -> bool:
        """Whether the load of this very file runs, or broke half way."""
        is_the_same = self.file is not None and self.file.image_id == file.image_id
        return is_the_same and self.state is ConsignmentState.LOADING and self.refusal is None
