from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.evidence import CountEstimate, Evidence
from tests.examples import COUNTS, PRIOR, estimates, sure_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_the_prediction_is_the_label_of_the_most_probable_count() -> None:
    assert [sure_of(count).prediction for count in (0, 5, 6)] == ["0", "5", "6+"]


def test_likelihoods_are_probabilities_freed_of_the_mix_that_they_were_calibrated_on() -> None:
    seen = CountEstimate("m", ("0", "1", "2+"), (0.2, 0.5, 0.3), (0.1, 0.5, 0.4))
    assert Evidence.of(seen).likelihoods(0.0) == pytest.approx([1.0, 0.5, 0.375], abs=1e-5)


def test_a_photo_that_repeats_the_mix_says_nothing() -> None:
    assert Evidence.of(CountEstimate("m", COUNTS, PRIOR, PRIOR)).likelihoods(0.0) == [1.0] * len(COUNTS)


@given(st.data(), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=5))
def test_photos_in_any_order_say_exactly_the_same(data: st.DataObject, shares: list[float]) -> None:
    photos = [CountEstimate("m", ("0", "1+"), (share, 1 - share), (0.3, 0.7)) for share in shares]
    assert together(photos) == together(data.draw(st.permutations(photos)))


def together(photos: Sequence[CountEstimate]) -> Evidence:
    return reduce(Evidence.and_of, map(Evidence.of, photos))


def test_independent_photos_multiply_their_likelihoods() -> None:
    seen = CountEstimate("m", ("0", "1+"), (0.25, 0.75), (0.5, 0.5))
    assert together([seen] * 3).likelihoods(0.0) == pytest.approx([1 / 27, 1.0], abs=1e-5)


@pytest.mark.parametrize(("photos", "worth"), [(1, 1.0), (2, 2 / 1.25), (3, 3 / 1.5), (1000, 4.0)])
def test_correlated_photos_are_worth_fewer_and_never_more_than_the_inverse_of_their_correlation(
    photos: int, worth: float
) -> None:
    seen = CountEstimate("m", ("0", "1+"), (0.4, 0.6), (0.5, 0.5))
    least, _ = together([seen] * photos).likelihoods(0.25)
    assert math.log(least) / math.log(0.4 / 0.6) == pytest.approx(worth, rel=0.005)


def test_photos_that_repeat_each_other_completely_are_worth_one() -> None:
    seen = sure_of(3, 0.5)
    assert together([seen] * 9).likelihoods(1.0) == pytest.approx(Evidence.of(seen).likelihoods(1.0))


@given(estimates, estimates)
def test_no_likelihood_is_anything_but_a_number_from_nothing_to_one(one: CountEstimate, other: CountEstimate) -> None:
    likelihoods = Evidence.of(one).and_of(Evidence.of(other)).likelihoods(0.3)
    assert max(likelihoods) == 1.0
    assert all(0.0 <= likelihood <= 1.0 for likelihood in likelihoods)


def test_what_a_model_excludes_stays_excluded_however_many_photos_disagree() -> None:
    surely_one = CountEstimate("m", ("0", "1", "2+"), (0.0, 1.0, 0.0), (0.3, 0.3, 0.4))
    likely_two = CountEstimate("m", ("0", "1", "2+"), (0.0, 0.1, 0.9), (0.3, 0.3, 0.4))
    assert together([surely_one, *[likely_two] * 50]).likelihoods(0.3) == [0.0, 1.0, 0.0]


def test_a_class_that_the_model_never_met_gives_finite_evidence() -> None:
    unheard_of = CountEstimate("m", ("0", "1+"), (0.5, 0.5), (0.0, 1.0))
    assert all(math.isfinite(one) for one in Evidence.of(unheard_of).log_likelihoods)


def test_a_model_that_counts_in_other_classes_starts_the_evidence_afresh() -> None:
    old = Evidence.of(CountEstimate("old", ("0", "1+"), (0.5, 0.5), (0.5, 0.5)))
    new = Evidence.of(replace(sure_of(3), model="new"))
    assert old.and_of(new) == new
