"""The proof judges by the checker's own decision, nothing in its place."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest

from chalicelib.decide import decide
from chalicelib.evidence import CountEstimate, Evidence
from chalicelib.policy import DEFAULT
from tests.examples import COUNTS, PRIOR, expecting, sure_of
from training.alerts.judging import VERDICTS, Bins, Photos, judged, naive, with_thresholds_of
from training.alerts.protocol import crowd, drawn

RATE = 0.1
REPETITIONS = 25


@pytest.fixture(scope="module")
def photos() -> Photos:
    chances = np.random.default_rng(1).dirichlet(np.ones(len(COUNTS)) / 2, size=30)
    estimates = [CountEstimate("m", COUNTS, tuple(row), PRIOR) for row in chances.tolist()]
    return Photos(estimates, np.arange(30) % 9)


@pytest.mark.parametrize("a_bin", [1, 2, 3])
def test_every_bin_gets_what_the_checker_decides_on_the_evidence_of_its_photos(photos: Photos, a_bin: int) -> None:
    made = judged(Bins(photos, a_bin, REPETITIONS), DEFAULT, [RATE])[RATE]
    policy = replace(DEFAULT, mismatch_rate=RATE)
    for seed in (0, 1, 21):
        records = drawn(photos.true, seed)
        rows = crowd(photos.true, a_bin, seed % 20 if a_bin > 1 else 0)
        for place, quantity in enumerate(records.expected(RATE).tolist()):
            said = reduce(Evidence.and_of, (Evidence.of(photos.estimates[row]) for row in rows[place]))
            judgement = decide(expecting(quantity), said, policy)
            assert made.scores[seed, place] == judgement.probability_of_mismatch
            assert VERDICTS[made.verdicts[seed, place]] is judgement.verdict
        assert (made.wrong[seed] == records.are_wrong(RATE)).all()


def test_other_costs_and_bounds_change_verdicts_as_judging_anew_would(photos: Photos) -> None:
    policy = replace(DEFAULT, mismatch_rate=RATE)
    made = judged(Bins(photos, 1, REPETITIONS), policy, [RATE])[RATE]
    other = replace(policy, costs=replace(policy.costs, review=0.2, false_alert=3.0), false_alert_bound=0.5)
    anew = judged(Bins(photos, 1, REPETITIONS), other, [RATE])[RATE]
    assert (with_thresholds_of(other, made).verdicts == anew.verdicts).all()
    assert (made.verdicts != anew.verdicts).any()


def test_the_naive_rule_alerts_wherever_the_prediction_is_not_the_expectation() -> None:
    photos = Photos([sure_of(1), sure_of(2), sure_of(6)], np.array([1, 3, 8]))
    made = naive(photos, [0.01], 1)[0.01]
    assert not made.wrong.any()
    assert made.alerts.tolist() == [[False, True, False]]
    assert not made.reviews.any()
