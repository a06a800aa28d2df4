"""What makes the network's probabilities mean what they say: fitted on the calibration split only.

That split neither trained nor chose the network. Each method divides the logits by one temperature (Guo et al., 2017),
which changes no prediction, only how sure it is. The richer ones then mend what a temperature cannot: a network that
says some counts too often, as soft targets teach it to. `compare` tells by cross-validation within the split which of
them does best; a prior holds the richer ones so near to the temperature that they have little to lose.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.bootstrap import standard_errors

Logits = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]

_BOUNDS: Final = (0.05, 20.0)
_PRECISION: Final = 1e-5
_GOLDEN: Final = (5**0.5 - 1) / 2

_SPREAD: Final = 0.2
"""Standard deviation of the normal prior that holds scales near 1 and biases near 0: a few hundred photos know too
little of a rare class to be believed without one. From 0.1 to 0.5 the gain is about the same."""

_FOLDS: Final = 10
_ROUNDS: Final = 5

_NEWTON_STEPS: Final = 50
_HALVINGS: Final = 10
"""Of a step that overshoots, as from wildly sure and wrong logits."""
_SETTLED: Final = 1e-6
"""Nats, over all photos, below which a step is not worth taking."""


class Method(StrEnum):
    """Ways to calibrate, from the plainest to the richest."""

    TEMPERATURE = "temperature"
    BIAS = "bias-corrected temperature"
    """One bias per class besides, fitted together with the temperature (Alexandari et al., 2020)."""
    VECTOR = "vector scaling"
    """One scale and one bias per class besides (Guo et al., 2017)."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probabilities are softmax(log softmax(logits / temperature) * scale + bias), scale and bias one per class.

    The inner logarithm makes the outcome the same for logits that differ by a constant, as those of a photo may.
    """

    temperature: float
    scale: tuple[float, ...]
    bias: tuple[float, ...]

    def log_probabilities(self, logits: Logits) -> NDArray[np.float64]:
        """Calibrate logits [N,C]."""
        return _log_softmax(_softened(logits, self.temperature) * self.scale + self.bias)


def fit(method: Method, logits: Logits, labels: Labels) -> Calibration:
    """Fit a calibration to logits [N,C] and labels [N]."""
    temperature, classes = fit_temperature(logits, labels), logits.shape[1]
    if method is Method.TEMPERATURE:
        return Calibration(temperature, (1.0,) * classes, (0.0,) * classes)
    log_chances, own = _softened(logits, temperature)[:, :, np.newaxis], np.eye(classes)
    scaled = log_chances * own if method is Method.VECTOR else log_chances
    features = np.concatenate([scaled, np.broadcast_to(own, (len(logits), classes, classes))], axis=2)
    centre = np.concatenate([np.ones(scaled.shape[2]), np.zeros(classes)])
    fitted = _most_probable(features, labels, centre)
    scale, bias = np.broadcast_to(fitted[:-classes], classes), fitted[-classes:]
    return Calibration(temperature, tuple(scale.tolist()), tuple(bias.tolist()))


def _most_probable(features: NDArray[np.float64], labels: Labels, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the parameters [K] that are most probable after the labels, by Newton's method from the prior's centre.

    Their products with the features [N,C,K] are the logits.
    """
    precision = np.eye(len(centre)) / _SPREAD**2
    of_truth = features[np.arange(len(labels)), labels].sum(axis=0)

    def improbability(parameters: NDArray[np.float64]) -> float:
        log_chances = _log_softmax(features @ parameters)
        off = parameters - centre
        return float(-log_chances[np.arange(len(labels)), labels].sum() + off @ precision @ off / 2)

    fitted, level = centre, improbability(centre)
    for _ in range(_NEWTON_STEPS):
        chances = np.exp(_log_softmax(features @ fitted))[:, :, np.newaxis]
        expected = (chances * features).sum(axis=1)
        slope = expected.sum(axis=0) - of_truth + precision @ (fitted - centre)
        spread = np.tensordot(chances * features, features, axes=([0, 1], [0, 1])) - expected.T @ expected
        step = np.linalg.solve(spread + precision, slope)
        shorter = (fitted - step / 2**halvings for halvings in range(_HALVINGS))
        nearer = next((place for place in shorter if improbability(place) < level - _SETTLED), None)
        if nearer is None:
            break
        fitted, level = nearer, improbability(nearer)
    return fitted


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one method does on photos that it was not fitted to; losses in nats, with standard errors over groups."""

    method: Method
    loss: float
    loss_error: float
    gain: float
    """How much lower the loss is than the temperature's, on the same photos."""
    gain_error: float


def compare(logits: Logits, labels: Labels, grouped: NDArray[np.int64], seed: int) -> list[Comparison]:
    """Cross-validate every method on logits [N,C]; `grouped` [N] numbers the groups that a fold must not cut.

    Losses are averaged over several rounds, each of which deals the groups out anew.
    """
    dealt = list(_folds(grouped, np.random.default_rng(seed)))
    losses = {method: np.mean([_held_out(method, logits, labels, fold) for fold in dealt], axis=0) for method in Method}

    def error(values: NDArray[np.float64]) -> float:
        return float(standard_errors(lambda rows: values[rows].mean(keepdims=True), grouped, seed)[0])

    gains = {method: losses[Method.TEMPERATURE] - loss for method, loss in losses.items()}
    return [
        Comparison(method, float(loss.mean()), error(loss), float(gains[method].mean()), error(gains[method]))
        for method, loss in losses.items()
    ]


def best(comparisons: Sequence[Comparison]) -> Method:
    """Choose the method with the lowest cross-validated loss; of equal ones the plainest."""
    return min(comparisons, key=lambda comparison: comparison.loss).method


def _folds(grouped: NDArray[np.int64], rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    groups, number = np.unique(grouped, return_inverse=True)
    for _ in range(_ROUNDS):
        yield rng.permutation(np.arange(len(groups)) % _FOLDS)[number]


def _held_out(method: Method, logits: Logits, labels: Labels, fold: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give each photo's loss [N] under a calibration fitted to the other folds."""
    losses = np.empty(len(labels))
    for held in np.unique(fold):
        apart = fold == held
        calibration = fit(method, logits[~apart], labels[~apart])
        log_chances = calibration.log_probabilities(logits[apart])
        losses[apart] = -log_chances[np.arange(len(log_chances)), labels[apart]]
    return losses


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Find the temperature, within 0.05 to 20, that minimises the mean negative log likelihood.

    Logits are [N,C], labels [N]. The loss is convex in 1/T, so it has one valley in log T as well, and a
    golden-section search over log T finds its floor.
    """
    low, high = np.log(_BOUNDS)
    while high - low > _PRECISION:
        step = (high - low) * _GOLDEN
        left, right = high - step, low + step
        if negative_log_likelihood(logits, labels, np.exp(left)) < negative_log_likelihood(
            logits, labels, np.exp(right)
        ):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def negative_log_likelihood(logits: Logits, labels: Labels, temperature: float) -> float:
    """Average -log softmax(logits / temperature) at the label over the photos, in nats."""
    log_chances = _softened(logits, temperature)
    return float(-log_chances[np.arange(len(labels)), labels].mean())


def _softened(logits: Logits, temperature: float) -> NDArray[np.float64]:
    return _log_softmax(logits.astype(np.float64) / temperature)


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled = logits - logits.max(axis=1, keepdims=True)
    log_chances: NDArray[np.float64] = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return log_chances
