"""What one number hides, from probabilities and truth alone: confusion, calibration and confidence as curves.

Everywhere `chances` are distributions [N,C] whose rows sum to 1 and `truth` is int64 [N] in 0..C-1. Numpy only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.scores import CONFIDENCE_BINS, Labels, Probabilities, expected_calibration_error

Values = NDArray[np.float64]


def confusion(predicted: Labels, truth: Labels, classes: int) -> NDArray[np.int64]:
    """Count the photos of each truth (row) that were taken for each class (column)."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (truth, predicted), 1)
    return table


@dataclass(frozen=True, slots=True)
class Reliability:
    """Photos binned by confidence; bins without a photo are left out. All fields are [B]."""

    photos: NDArray[np.int64]
    confidence: Values
    """Mean of the bin."""
    accuracy: Values
    standard_error: Values
    """Of the accuracy; see `share_error`."""

    @property
    def error(self) -> float:
        """Average gap between confidence and accuracy, weighted by photos: ECE where the bins are its own."""
        return float(np.average(np.abs(self.confidence - self.accuracy), weights=self.photos))


def equal_widths(confidence: Values, right: NDArray[np.bool_], bins: int = CONFIDENCE_BINS) -> Reliability:
    """Bin by confidence in steps of 1/bins, as ECE does."""
    return _binned(np.minimum((confidence * bins).astype(int), bins - 1), confidence, right)


def equal_counts(confidence: Values, right: NDArray[np.bool_], bins: int = 10) -> Reliability:
    """Bin so that each bin has as many photos as the next (Nguyen and O'Connor, 2015: adaptive binning)."""
    rank = np.empty(len(confidence), dtype=np.int64)
    rank[np.argsort(confidence, kind="stable")] = np.arange(len(confidence))
    return _binned(rank * bins // len(confidence), confidence, right)


def equal_ratios(confidence: Values, right: NDArray[np.bool_], a_decade: int = 4, decades: int = 4) -> Reliability:
    """Bin by the logarithm of the confidence, so that small ones are told apart; the last bin takes all below.

    With 4 bins to each of 4 decades: 0.56 to 1, 0.32 to 0.56, ... and all below 0.00018.
    """
    smallest = 10.0**-decades
    places = np.floor(a_decade * (np.log10(np.maximum(confidence, smallest)) + decades)).astype(int)
    return _binned(np.minimum(places, a_decade * decades - 1), confidence, right)


def _binned(which: NDArray[np.int64], confidence: Values, right: NDArray[np.bool_]) -> Reliability:
    photos = np.bincount(which)
    used = photos > 0
    mean_confidence = np.bincount(which, weights=confidence)[used] / photos[used]
    accuracy = np.bincount(which, weights=right)[used] / photos[used]
    return Reliability(photos[used], mean_confidence, accuracy, share_error(accuracy, photos[used]))


def share_error(share: Values, n: NDArray[np.int64]) -> Values:
    """Give the standard errors of shares of n photos that know nothing of each other.

    One hit and one miss are added first (Laplace's rule), or three of three would count as certain.
    """
    likely = (share * n + 1) / (n + 2)
    error: Values = np.sqrt(likely * (1 - likely) / (n + 2))
    return error


def class_wise_error(chances: Probabilities, truth: Labels) -> float:
    """Average over the classes the calibration error of each one's probability (Nixon et al., 2019, static)."""
    errors = [expected_calibration_error(chances[:, c], truth == c) for c in range(chances.shape[1])]
    return float(np.mean(errors))


def selective_accuracy(confidence: Values, right: NDArray[np.bool_]) -> Values:
    """Give the accuracy among the k most confident photos for k = 1..N; equal confidences share their rights.

    So the order of the photos plays no part.
    """
    _, level, photos = np.unique(-confidence, return_inverse=True, return_counts=True)
    share_right = (np.bincount(level, weights=right) / photos)[level]
    best_first = share_right[np.argsort(level, kind="stable")]
    accuracy: Values = np.cumsum(best_first) / np.arange(1, len(right) + 1)
    return accuracy


def area_under_risk_coverage(confidence: Values, right: NDArray[np.bool_]) -> float:
    """Average the error among the k most confident photos over k = 1..N (Geifman and El-Yaniv, 2017); 0 is best."""
    return float(1 - selective_accuracy(confidence, right).mean())
