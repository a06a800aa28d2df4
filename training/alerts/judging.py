"""Bins of the protocol, judged by the very function that the checker calls; beside it, the naive rule.

Nothing is approximated: every bin of every repetition gets the judgement of `chalicelib.decide.decide` on the evidence
of its photos, under the policy with the protocol's rate as its own. Bins that are alike in all of this are judged once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chalicelib.decide import decide
from chalicelib.domain import Expectation, Judgement, Verdict
from chalicelib.evidence import CountEstimate, Evidence
from chalicelib.policy import Policy
from training.alerts.protocol import CROWDS, Counts, Records, crowd, drawn
from training.progress import Progress, silent

VERDICTS: Final = (Verdict.MATCH, Verdict.REVIEW, Verdict.MISMATCH)
"""What a bin with an expectation can be; `Judged.verdicts` are places in it."""

_MATCH, _ALERT = VERDICTS.index(Verdict.MATCH), VERDICTS.index(Verdict.MISMATCH)


@dataclass(frozen=True, slots=True)
class Photos:
    """What the model says of photos, and how many goods they really show."""

    estimates: Sequence[CountEstimate]
    true: Counts

    def __len__(self) -> int:
        return len(self.estimates)


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins with `a_bin` photos each, whose records are drawn so many times."""

    photos: Photos
    a_bin: int
    repetitions: int


@dataclass(frozen=True, slots=True)
class Judged:
    """Bins of all repetitions, [R,N] each."""

    scores: NDArray[np.float64]
    """Of a mismatch: the posterior, or the naive rule's 0 and 1."""
    verdicts: NDArray[np.int64]
    wrong: NDArray[np.bool_]
    """Whether the bin really is."""

    @property
    def alerts(self) -> NDArray[np.bool_]:
        """Which bins are alerted."""
        return self.verdicts == _ALERT

    @property
    def reviews(self) -> NDArray[np.bool_]:
        """Which bins are reviewed."""
        return (self.verdicts != _ALERT) & (self.verdicts != _MATCH)


def judged(bins: Bins, policy: Policy, rates: Sequence[float], progress: Progress = silent) -> dict[float, Judged]:
    """Judge bins by the policy with each of the rates as its mismatch rate."""
    true = bins.photos.true
    draws = [drawn(true, seed) for seed in range(bins.repetitions)]
    shape = (bins.repetitions, len(true))
    made = {
        rate: Judged(np.empty(shape), np.empty(shape, np.int64), np.array([one.are_wrong(rate) for one in draws]))
        for rate in rates
    }
    crowds = CROWDS if bins.a_bin > 1 else 1
    with progress(min(crowds, bins.repetitions) * len(rates), f"judging bins of {bins.a_bin}") as done:
        for seed in range(min(crowds, bins.repetitions)):
            turns, evidences = np.arange(seed, bins.repetitions, crowds), _evidences(bins, seed)
            for rate in rates:
                at_rate = replace(policy, mismatch_rate=rate)
                scores, verdicts = _judge(evidences, [draws[turn] for turn in turns], at_rate)
                made[rate].scores[turns], made[rate].verdicts[turns] = scores, verdicts
                done()
    return made


def with_thresholds_of(policy: Policy, made: Judged) -> Judged:
    """Give the verdicts that a policy with other costs or error bounds reaches; the posteriors stay."""
    verdicts = (made.scores >= policy.review_from).astype(np.int64) + (made.scores >= policy.alert_from)
    return replace(made, verdicts=verdicts)


def naive(photos: Photos, rates: Sequence[float], repetitions: int) -> dict[float, Judged]:
    """Alert whenever the count that a bin's newest photo is given is not the expected one."""
    draws = [drawn(photos.true, seed) for seed in range(repetitions)]
    classes = len(photos.estimates[0].counts)
    said = np.array([one.counts.index(one.prediction) for one in photos.estimates])
    return {rate: _naively(said, classes, draws, rate) for rate in rates}


def _naively(said: Counts, classes: int, draws: Sequence[Records], rate: float) -> Judged:
    differs = np.array([said != np.minimum(one.expected(rate), classes - 1) for one in draws])
    wrong = np.array([one.are_wrong(rate) for one in draws])
    return Judged(differs.astype(np.float64), np.where(differs, _ALERT, _MATCH), wrong)


def _evidences(bins: Bins, seed: int) -> list[Evidence]:
    """Give for every bin what its photos say together."""
    said = [Evidence.of(estimate) for estimate in bins.photos.estimates]
    return [reduce(Evidence.and_of, (said[row] for row in rows)) for rows in crowd(bins.photos.true, bins.a_bin, seed)]


def _judge(
    evidences: Sequence[Evidence], draws: Sequence[Records], policy: Policy
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give posteriors and verdicts [R,N]."""
    expected = np.array([one.expected(policy.mismatch_rate) for one in draws])
    pairs, which = np.unique(
        np.stack([np.broadcast_to(np.arange(len(evidences)), expected.shape).ravel(), expected.ravel()]),
        axis=1,
        return_inverse=True,
    )
    judgements = [judgement_of(evidences[row], quantity, policy) for row, quantity in pairs.T.tolist()]
    scores = np.array([one.probability_of_mismatch for one in judgements], dtype=np.float64)
    verdicts = np.array([VERDICTS.index(one.verdict) for one in judgements])
    return scores[which].reshape(expected.shape), verdicts[which].reshape(expected.shape)


def judgement_of(evidence: Evidence, expected: int, policy: Policy) -> Judgement:
    """Ask the checker."""
    return decide(Expectation("", "", "", expected), evidence, policy)
