"""How far two histograms are apart, and how far chance alone would take them. Pure; knows neither files nor photos.

**The distance** is the population stability index, sum over bins of (q - p) ln(q / p): Jeffreys' divergence, symmetric,
0 for equal shares. Operators know its rule of thumb: below 0.1 nothing has happened, above 0.25 much has (Siddiqi,
Credit Risk Scorecards, 2006, chapter 6).

**Chance.** The rule of thumb knows no sample size. Without any drift the index of n and m photos in k bins is about
chi-squared with k - 1 degrees of freedom, times (1/n + 1/m) (Yurdakul and Naranjo, Statistical properties of the
population stability index, Journal of Risk Model Validation 14(4), 2020): 200 photos in 10 bins reach 0.1 by luck in
one window of fifty. Here the same is drawn (a parametric bootstrap), which holds for few photos and empty bins too. A
measure has drifted where its index is above both: what matters, and what luck gives.

**The mix.** That the warehouse holds more of one count today is no fault of a camera, and alters every measure that
goes with the count. The true mix is estimated from the answers by expectation maximisation (Saerens, Latinne and
Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities, Neural Computation 14(1), 2002),
which needs calibrated probabilities, and the baseline is weighed anew with it. What that explains is told apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]

GROUPS: Final = 10
"""Bins that the index is worked out of, at most: each of about a tenth of the baseline."""

DRAWS: Final = 20_000
SEED: Final = 1

_PSEUDO: Final = 0.5
"""Added to every bin, as Jeffreys' prior does: an empty one would make the index infinite."""

_HELD: Final = 0.1
"""Photos of the old mix that are thrown in for each of the window's when its mix is estimated. Counts that the model
hardly tells apart (3, 4 and 5) would else be dealt out by luck: of 722 photos the likelihood alone makes 43 % threes
where 18 % are. What the answers do tell, they tell against a tenth all the same."""

_STEPS: Final = 1000
_STILL: Final = 1e-7


class State(StrEnum):
    """What is known of one measure."""

    STEADY = "steady"
    MOVED = "moved"
    """Beyond chance, and too little to matter."""
    MIX = "mix"
    """Beyond both; another mix of counts explains it."""
    DRIFTED = "drifted"
    TOO_FEW = "too few"
    """Chance alone reaches what would matter: nothing is known."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a measure counts as drifted."""

    limit: float = 0.25
    """The index from which on a difference matters."""
    false_alarms: float = 0.01
    """Share of reports, at most, in which a measure is beyond chance though nothing has drifted."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a measure was in the baseline: counts of photos by true count and bin, float64 [K,bins]."""

    edges: Counts
    by_count: Counts

    @property
    def counts(self) -> Counts:
        """Photos by bin."""
        total: Counts = self.by_count.sum(axis=0)
        return total

    @property
    def photos(self) -> float:
        """How many there are."""
        return float(self.by_count.sum())


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure of a window beside the baseline's."""

    photos: int
    psi: float
    chance: float
    """The index that no-drift stays below, but for the share of false alarms."""
    psi_of_mix: float
    """The index that is left once the baseline has the window's mix of counts."""
    ks: float
    """Kolmogorov and Smirnov's distance between the bins' sums: the share of photos that have gone elsewhere."""
    median: tuple[float, float]
    """Of baseline and window, from the bins."""
    state: State


def psi(one: Counts, other: Counts) -> NDArray[np.float64]:
    """Give the population stability index of counts [..., bins]; the last axis is the bins."""
    p, q = _shares(one), _shares(other)
    index: NDArray[np.float64] = ((q - p) * np.log(q / p)).sum(axis=-1)
    return index


def _shares(counts: Counts) -> Counts:
    filled = np.asarray(counts, np.float64) + _PSEUDO
    shares: Counts = filled / filled.sum(axis=-1, keepdims=True)
    return shares


def chance(shares: Counts, photos: tuple[int, int], false_alarms: float) -> float:
    """Give the index that two samples of so many photos, both drawn from `shares`, exceed in that share of cases."""
    return _drawn_quantile(tuple(np.round(shares, 9).tolist()), photos, false_alarms)


@cache
def _drawn_quantile(shares: tuple[float, ...], photos: tuple[int, int], false_alarms: float) -> float:
    rng = np.random.default_rng(SEED)
    p = np.array(shares) / sum(shares)
    one, other = (rng.multinomial(n, p, size=DRAWS).astype(np.float64) for n in photos)
    return float(np.quantile(psi(one, other), 1 - false_alarms))


def grouped(counts: Counts, most: int = GROUPS) -> NDArray[np.int64]:
    """Give each bin the number of its group: neighbours are joined until each group holds about as much.

    Where one bin holds nearly everything, what lies below it and what lies above it are groups of their own.
    """
    upto = np.cumsum(counts)
    middle = (upto - counts / 2) / max(upto[-1], 1e-12)
    return np.minimum((middle * most).astype(np.int64), most - 1)


def regrouped(counts: Counts, groups: NDArray[np.int64]) -> Counts:
    """Add up the bins of each group; groups that no bin has are left out."""
    numbers = np.unique(groups)
    return np.array([counts[groups == number].sum() for number in numbers])


def mix_of(probabilities: NDArray[np.floating], prior: Sequence[float]) -> Counts:
    """Estimate the true mix of counts [K] behind calibrated answers [N,K] that took `prior` for granted.

    The maximum a posteriori under a Dirichlet prior around the old mix; see _HELD.
    """
    old = np.asarray(prior, np.float64)
    likelihoods = np.asarray(probabilities, np.float64) / old
    mix = old
    for _ in range(_STEPS):
        joint = likelihoods * mix
        belongs = joint / joint.sum(axis=1, keepdims=True)
        new = (belongs.mean(axis=0) + _HELD * old) / (1 + _HELD)
        moved = np.abs(new - mix).max()
        mix = new
        if moved < _STILL:
            break
    return mix


def of_mix(by_count: Counts, mix: Counts) -> Counts:
    """Weigh the baseline's counts [K,bins] so that the true counts have the mix [K]; returns counts [bins].

    They add up to the photos that so weighted ones are worth (Kish's effective sample size): the more they are weighed,
    the more chance there is in them. A count that the baseline does not have stays out.
    """
    photos = by_count.sum(axis=1)
    has = photos > 0
    weight = np.where(has, mix, 0) / np.where(has, photos, 1)
    weight = weight / (weight * photos).sum()
    worth = 1 / (weight**2 * photos).sum()
    weighed: Counts = worth * (weight @ by_count)
    return weighed


def judge(  # noqa: PLR0913 - two histograms and what they are judged by
    reference: Reference, window: Counts, mix: Counts | None, rule: Rule, measures: int, *, ordered: bool = True
) -> Finding:
    """Hold a window's counts [bins] against the baseline's.

    Args:
        reference: the baseline's.
        window: the window's, in the same bins.
        mix: the window's estimated mix of counts [K]; None where there is no photo to estimate it from.
        rule: what counts as drift.
        measures: among how many of them the false alarms are shared out (Bonferroni).
        ordered: whether bins may be joined; categories stay what they are.

    """
    old, photos = reference.counts, int(window.sum())
    groups = grouped(old) if ordered else np.arange(len(old))
    each = rule.false_alarms / measures
    before, now = regrouped(old, groups), regrouped(window, groups)
    index, luck = float(psi(before, now)), _luck(before, photos, each)
    left, left_luck = index, luck
    if mix is not None:
        weighed = regrouped(of_mix(reference.by_count, mix), groups)
        left, left_luck = float(psi(weighed, now)), _luck(weighed, photos, each)
    return Finding(
        photos=photos,
        psi=index,
        chance=luck,
        psi_of_mix=left,
        ks=_ks(old, window),
        median=(median(reference.edges, old), median(reference.edges, window)),
        state=_state(index > max(luck, rule.limit), index > luck, left > max(left_luck, rule.limit), luck > rule.limit),
    )


def _luck(counts: Counts, photos: int, false_alarms: float) -> float:
    return chance(_shares(counts), (round(counts.sum()), photos), false_alarms)


def _state(drifted: bool, moved: bool, unexplained: bool, blind: bool) -> State:  # noqa: FBT001 - four named facts
    if drifted:
        return State.DRIFTED if unexplained else State.MIX
    if blind:
        return State.TOO_FEW
    return State.MOVED if moved else State.STEADY


def _ks(one: Counts, other: Counts) -> float:
    if not other.sum():
        return 0.0
    return float(np.abs(np.cumsum(one) / one.sum() - np.cumsum(other) / other.sum()).max())


def median(edges: Counts, counts: Counts) -> float:
    """Find the median in binned counts, linear within its bin; NaN where there are none."""
    if not counts.sum():
        return float("nan")
    upto = np.concatenate([[0.0], np.cumsum(counts)])
    half = upto[-1] / 2
    bin_ = int(np.searchsorted(upto, half, side="left")) - 1
    bin_ = max(bin_, 0)
    inside = (half - upto[bin_]) / counts[bin_] if counts[bin_] else 0.0
    return float(edges[bin_] + inside * (edges[bin_ + 1] - edges[bin_]))


class Verdict(StrEnum):
    """What a whole report says."""

    STEADY = "steady"
    TOO_FEW = "too few photos to tell"
    MIX = "another mix of counts"
    ANSWERS = "the answers have drifted"
    PHOTOS = "the photos have drifted"


def verdict(findings: Mapping[str, Finding], of_photos: frozenset[str]) -> Verdict:
    """Sum up; `of_photos` names the measures of what comes in, the others are of what goes out."""
    drifted = {name for name, one in findings.items() if one.state is State.DRIFTED}
    states = {one.state for one in findings.values()}
    if drifted & of_photos:
        return Verdict.PHOTOS
    if drifted:
        return Verdict.ANSWERS
    if State.MIX in states:
        return Verdict.MIX
    if State.TOO_FEW in states or not findings:
        return Verdict.TOO_FEW
    return Verdict.STEADY
