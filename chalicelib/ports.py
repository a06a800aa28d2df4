"""What the checker and the API need of the world, as protocols; `chalicelib.aws` has the adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from chalicelib.bin_status import Bin, BinStatus
    from chalicelib.consignment import Consignment
    from chalicelib.digest import GateName, Ruling, Tally
    from chalicelib.domain import BinImage, Outcome
    from chalicelib.events import Message
    from chalicelib.evidence import CountEstimate
    from chalicelib.notices import Notice
    from chalicelib.photo_call import Raised
    from chalicelib.policy import Policy
    from chalicelib.statistics import Counted


class Images(Protocol):
    """Where photos lie."""

    def read(self, image: BinImage) -> bytes:
        """Return the file of exactly this version.

        Raises:
            PhotoUnavailable: it was deleted or replaced.
            PhotoRefused: `empty` or `too_large`; a large file is refused without being read.
            TemporaryFailure: the store did not answer as it should.

        """


class Counter(Protocol):
    """Counts the goods in a photo."""

    def count(self, body: bytes, media_type: str) -> CountEstimate:
        """Return the distribution over the count.

        Raises:
            PhotoRefused: the model server can't read this file, with its reason.
            TemporaryFailure: it is throttled, slow, failing, absent, or answers nonsense.

        """


class Policies(Protocol):
    """By what photos are judged."""

    def policy_for(self, site: str | None, bin_id: str) -> Policy:
        """Return the policy in force for a bin, its mismatch rate being the site's as far as that is known.

        Raises:
            TemporaryFailure: the table did not answer as it should.

        """


class Bins(Protocol):
    """The record of every bin and of every photo."""

    def get(self, bin_id: str) -> Bin:
        """Return the bin, consistently; one that was never heard of has a status of version 0."""

    def record(self, outcome: Outcome, before: BinStatus, after: BinStatus) -> bool:
        """Record how a photo ended and where its bin stands now, both or neither.

        Returns False, changing nothing, where the photo has been recorded before.

        Raises:
            Conflict: the bin's status is no longer `before`.
            TemporaryFailure: the table did not answer as it should.

        """

    def record_stray(self, outcome: Outcome) -> bool:
        """Record how a photo ended whose key names no bin; False where it has been recorded before."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger knows: the alerts that were ruled upon by id, gates' tallies, and consignments by id."""

    rulings: Mapping[str, Ruling]
    tallies: Mapping[GateName, Tally]
    consignments: Mapping[str, Consignment]


MOST_AT_ONCE = 25
"""Alerts in one step: four keys each make the 100 that one BatchGetItem takes, three writes each are fewer."""


class Ledger(Protocol):
    """Which alerts were ruled upon, how, and which of them have gone out; calls for another photo likewise.

    All methods raise TemporaryFailure.
    """

    def read(self, alerts: Sequence[Raised], gates: Collection[GateName], consignments: Collection[str]) -> Standing:
        """Return what is on file, consistently, of at most `MOST_AT_ONCE` alerts and what they concern."""

    def record(
        self,
        rulings: Sequence[tuple[Raised, Ruling]],
        before: Mapping[GateName, Tally],
        after: Mapping[GateName, Tally],
    ) -> None:
        """Record how alerts leave, and what their gates have counted then, all or nothing.

        Raises:
            Conflict: one of the alerts was recorded meanwhile, or a gate's tally is no longer as it was `before`.

        """

    def mark_sent(self, alert: Raised) -> None:
        """Record that the alert, or the digest in its place, has gone out."""


class Topic(Protocol):
    """Where alerts, digests and calls for another photo go."""

    def publish(self, notice: Notice) -> None:
        """Send one to all subscribers.

        Raises:
            TemporaryFailure: the topic did not take it.

        """


class Inbox(Protocol):
    """The queue that announces photos, for messages that could not be worked off."""

    def delay(self, message: Message, seconds: int) -> None:
        """Let the message come back after so many seconds, not sooner."""

    def bury(self, body: str, reason: str) -> None:
        """Put a message among the dead letters, with the reason for a person to read."""


class Counters(Protocol):
    """The hourly sums of sites. All methods raise TemporaryFailure."""

    def add(self, counted: Counted) -> None:
        """Add what a batch has counted, all or nothing, and know its sites from now on.

        The same batch again, within some minutes, adds nothing.
        """
