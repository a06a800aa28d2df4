"""The figures by which a counter is judged, from probabilities and labels alone. Numpy; no files, no network."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.errors import NothingToScoreError
from training.records import CLASSES

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int64]


class Protocol(StrEnum):
    """Which photos take part, and among which classes the model then has to choose."""

    SEED = "seed"
    """Truth 1 to 5, the distribution restricted to 1 to 5 and renormalised: the published run's table."""
    ZERO_TO_FIVE = "zero-to-five"
    """The same with the empty bin as a class."""
    ALL = "all"
    """Every photo, all classes."""

    @property
    def labels(self) -> tuple[int, int]:
        """The first and the last label that take part."""
        return {"seed": (1, 5), "zero-to-five": (0, 5), "all": (0, len(CLASSES) - 1)}[self.value]


CONFIDENCE_BINS: Final = 15
"""Equal-width bins of ECE, as in Guo et al., 2017, "On Calibration of Modern Neural Networks"."""

_SMALLEST_PROBABILITY: Final = 1e-12
"""Keeps the logarithm of a hopeless guess finite."""

_AGREED: Final = ("protocol", "n", "accuracy", "loss", "rmse", "ece", "per_class")
"""The keys of `evaluate --json`, in their order."""


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class against the rest; 0 where it was never predicted or never true."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Scores:
    """How a model did on `n` photos under one protocol.

    `loss` is the mean negative log probability (nats) of the truth. `rmse` is that of the predicted class (the
    most probable one) against the true one, `6+` taken as 6. `ece` is the expected calibration error of the
    predicted class's probability over CONFIDENCE_BINS. `brier` is Brier's (1950) own score: the squared differences
    between the distribution and the truth's indicator, summed over the classes and averaged over the photos, so 0 is
    perfect and 2 the worst. The standard errors are those of a mean over n photos that know nothing of each other.
    """

    protocol: str
    n: int
    accuracy: float
    loss: float
    rmse: float
    ece: float
    per_class: dict[str, ClassScores]
    accuracy_standard_error: float
    loss_standard_error: float
    brier: float
    brier_standard_error: float

    def report(self) -> dict[str, Any]:
        """Give the JSON object of `evaluate --json`."""
        whole = asdict(self)
        return {name: whole[name] for name in _AGREED}


def score(probabilities: NDArray[np.floating[Any]], labels: Labels, protocol: Protocol) -> Scores:
    """Score probabilities [N,7] against labels [N]; raises NothingToScoreError where no photo takes part."""
    first, last = protocol.labels
    part = takes_part(labels, protocol)
    if not part.any():
        raise NothingToScoreError(f"no photo with a truth of {CLASSES[first]} to {CLASSES[last]}")
    chances = restricted(probabilities[part].astype(np.float64), first, last)
    truth = labels[part] - first
    predicted = chances.argmax(axis=1)
    right = predicted == truth
    surprise = surprises(chances, truth)
    squares = squared_differences(chances, truth)
    n = len(truth)
    return Scores(
        protocol=protocol.value,
        n=n,
        accuracy=float(right.mean()),
        loss=float(surprise.mean()),
        rmse=float(np.sqrt(np.mean((predicted - truth) ** 2))),
        ece=expected_calibration_error(chances.max(axis=1), right),
        per_class={
            name: _against_the_rest(predicted == index, truth == index)
            for index, name in enumerate(CLASSES[first : last + 1])
        },
        accuracy_standard_error=float(right.std() / np.sqrt(n)),
        loss_standard_error=float(surprise.std() / np.sqrt(n)),
        brier=float(squares.mean()),
        brier_standard_error=float(squares.std() / np.sqrt(n)),
    )


def takes_part(labels: Labels, protocol: Protocol) -> NDArray[np.bool_]:
    """Say for each label [N] whether the protocol counts its photo."""
    first, last = protocol.labels
    inside: NDArray[np.bool_] = (labels >= first) & (labels <= last)
    return inside


def surprises(chances: Probabilities, truth: Labels) -> NDArray[np.float64]:
    """Give each photo's negative log probability of its truth, in nats; chances [N,C], truth [N] in 0..C-1."""
    said: NDArray[np.float64] = chances[np.arange(len(truth)), truth]
    return -np.log(np.maximum(said, _SMALLEST_PROBABILITY))


def squared_differences(chances: Probabilities, truth: Labels) -> NDArray[np.float64]:
    """Give each photo's Brier score, 0 to 2; chances [N,C], truth [N] in 0..C-1."""
    differences = chances.copy()
    differences[np.arange(len(truth)), truth] -= 1
    squares: NDArray[np.float64] = (differences**2).sum(axis=1)
    return squares


def restricted(probabilities: Probabilities, first: int, last: int) -> Probabilities:
    """Condition distributions [N,7] on a label in first..last: [N,last-first+1], rows sum to 1."""
    inside = np.maximum(probabilities[:, first : last + 1], _SMALLEST_PROBABILITY)
    share: Probabilities = inside / inside.sum(axis=1, keepdims=True)
    return share


def expected_calibration_error(confidence: Probabilities, right: NDArray[np.bool_]) -> float:
    """Average the gap between confidence and accuracy over equal-width bins, weighted by their photos."""
    bins = np.minimum((confidence * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=CONFIDENCE_BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def _against_the_rest(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> ClassScores:
    hits = int((predicted & true).sum())
    precision = hits / max(int(predicted.sum()), 1)
    recall = hits / max(int(true.sum()), 1)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return ClassScores(precision, recall, f1)
