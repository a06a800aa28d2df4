"""One temperature that makes the network's probabilities mean what they say (Guo et al., 2017).

Fitted on the calibration split only, which neither trained nor chose the network. Dividing every logit by the
same number changes no prediction, only how sure it is.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]

_BOUNDS: Final = (0.05, 20.0)
_PRECISION: Final = 1e-5
_GOLDEN: Final = (5**0.5 - 1) / 2


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
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    log_chances = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return float(-log_chances[np.arange(len(labels)), labels].mean())
