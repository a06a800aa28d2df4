"""What a training step makes smaller. The counting losses take soft targets, and are least at the true distribution."""

import torch
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from training.knobs import Loss

_SMALLEST = 1e-6
"""Keeps the logarithm of a cumulative probability finite in single precision."""


def loss_of(loss: Loss, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Average the loss of logits [N,C] against target distributions [N,C] over the batch, in nats."""
    match loss:
        case Loss.CROSS_ENTROPY:
            return F.cross_entropy(logits, targets)
        case Loss.ORDINAL:
            return ordinal(logits, targets)


def ordinal(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Average the binary cross-entropies of "at most k" over the C - 1 thresholds k, summed per photo.

    The logarithmic form of the ranked probability score (Epstein, 1969): a guess that is four off fails at four
    thresholds, one that is one off at one. The output stays an ordinary softmax over the classes.
    """
    at_most = torch.softmax(logits, dim=1).cumsum(dim=1)[:, :-1].clamp(_SMALLEST, 1 - _SMALLEST)
    wanted = targets.cumsum(dim=1)[:, :-1].clamp(0, 1)
    return F.binary_cross_entropy(at_most, wanted, reduction="none").sum(dim=1).mean()


def measuring_loss(guesses: torch.Tensor, measures: torch.Tensor) -> torch.Tensor:
    """Average the smooth absolute error of guesses [N,M] against standardised measures [N,M], NaN where unknown."""
    known = ~torch.isnan(measures)
    if not known.any():
        return guesses.sum() * 0  # nothing to learn, and still a gradient for those who average them
    return F.smooth_l1_loss(guesses[known], measures[known])
