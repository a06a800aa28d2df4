"""How soon someone should walk to a bin. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain import Severity, Verdict

if TYPE_CHECKING:
    from chalicelib.bin_status import BinStatus

_HIGH_FROM = 1.5
_MEDIUM_FROM = 0.5
"""Goods that are probably wrong, from which a mismatch is that severe."""


def severity_of_bin(status: BinStatus) -> Severity | None:
    """Return how severe the bin's open alert is by what its photos say now; None where it has none."""
    episode, judgement = status.episode, status.judgement
    if episode is None or not episode.is_active:
        return None
    probability = judgement.probability_of_mismatch if judgement else None
    return severity_of(episode.raised[-1], probability, at_stake(status.expected, status.predicted))


def severity_of(verdict: Verdict, probability: float | None, stake: int) -> Severity:
    """Return how soon someone should walk: by the goods that are probably wrong, probability of a mismatch x stake.

    High from 1.5 on, medium from 0.5 on: one item short is never high, three are from a probability of 0.5 on. More
    probable or more at stake is never less severe. What is no mismatch says nothing of goods, and is low.
    """
    if verdict is not Verdict.MISMATCH:
        return Severity.LOW
    wrong = (probability or 0.0) * stake
    if wrong >= _HIGH_FROM:
        return Severity.HIGH
    return Severity.MEDIUM if wrong >= _MEDIUM_FROM else Severity.LOW


def at_stake(expected: int | None, predicted: str | None) -> int:
    """Return by how many goods the count differs from the consignment: at least one, or there were no mismatch.

    An open class counts as its least member: of a bin that should hold 9 and shows "6+", one item is at stake.
    """
    if expected is None or predicted is None:
        return 1
    least = int(predicted.rstrip("+"))
    difference = max(0, least - expected) if predicted.endswith("+") else abs(expected - least)
    return max(1, difference)
