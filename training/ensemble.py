"""Several finished runs as one counter: whether they are better together, and whether their weights can be averaged.

Two ways. The mean of their logits costs as much as all of them; it can be released (`package --run` for each), and is
what a student may hope to learn from them (`train --teacher`). The mean of their weights costs no more than one, but
only works for runs that started from the same weights and did not drift far apart (Wortsman et al., 2022, "Model
soups"). The validation split judges both; no test photo is looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.dataset import Photos
from training.errors import OtherPhotosError, UnusableModelError
from training.network import network_of
from training.progress import Progress
from training.run import Run, gather, photos_of
from training.scores import Protocol, Scores, score
from training.stored_weights import Weights
from training.train import logits_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to count, and how it did on the validation photos."""

    name: str
    probabilities: NDArray[np.float64]
    """float64 [N,7], uncalibrated."""
    labels: NDArray[np.int64]

    def scores(self) -> list[Scores]:
        """Score by the seed's protocol and over all classes."""
        return [score(self.probabilities, self.labels, protocol) for protocol in (Protocol.SEED, Protocol.ALL)]

    @property
    def losses(self) -> NDArray[np.float64]:
        """Each photo's negative log probability of the truth over all classes, in nats; float64 [N]."""
        return -np.log(self.probabilities[np.arange(len(self.labels)), self.labels])

    def gain_over(self, other: "Candidate") -> tuple[float, float]:
        """Give the loss that this one saves against another on the same photos, and its (paired) standard error."""
        saved = other.losses - self.losses
        return float(saved.mean()), float(saved.std() / len(saved) ** 0.5)


def compare(runs: Sequence[Run], *, progress: Progress) -> list[Candidate]:
    """Judge each run, the mean of all logits and, where they are of one architecture, of all weights.

    Raises OtherPhotosError where the runs do not share their validation photos and UnfinishedRunError for one that has
    not come to its end.
    """
    photos = _validation(runs, progress)
    singles = [_judged(run, run.best_network(), photos) for run in runs]
    candidates = [*singles, _together(singles)]
    if len({_kind(run) for run in runs}) == 1:
        mean = mean_weights([run.best_network().state_dict() for run in runs])
        candidates.append(_judged(runs[0], network_of(runs[0].knobs.architecture, mean), photos, "mean of weights"))
    return candidates


def soup(runs: Sequence[Run], out: Path, *, progress: Progress) -> list[Run]:
    """Average the weights of those runs that lower the validation loss together; leave the mean as a finished run.

    Greedy: the best run alone, then each of the others, best first, is kept if the mean with it is better. Returns the
    runs that went in. Raises UnusableModelError where the runs are of several architectures.
    """
    if len({_kind(run) for run in runs}) > 1:
        raise UnusableModelError("only weights of one architecture at one size can be averaged")
    photos = _validation(runs, progress)
    alone = {run: _judged(run, run.best_network(), photos).losses.mean() for run in runs}
    kept: list[Run] = []
    best: Weights = {}
    lowest = np.inf
    for run in sorted(runs, key=lambda run: alone[run]):
        mean = mean_weights([one.best_network().state_dict() for one in [*kept, run]])
        loss = _judged(run, network_of(run.knobs.architecture, mean), photos).losses.mean()
        if loss < lowest:
            kept, best, lowest = [*kept, run], mean, loss
    kept[0].deliver(out, weights=best, averaged=len(kept))
    return kept


def _together(singles: Sequence[Candidate]) -> Candidate:
    """Average logits as a release of several networks does; those of a photo are known up to a constant."""
    chances = np.exp(np.mean([np.log(single.probabilities) for single in singles], axis=0))
    return Candidate("mean of logits", chances / chances.sum(axis=1, keepdims=True), singles[0].labels)


def mean_weights(states: Sequence[Mapping[str, torch.Tensor]]) -> Weights:
    """Average state dicts of one architecture tensor by tensor; counters (whole numbers) are taken from the first."""
    first = states[0]
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0) if tensor.is_floating_point() else tensor
        for name, tensor in first.items()
    }


def _validation(runs: Sequence[Run], progress: Progress) -> Photos:
    splits = [gather(run, progress)["real-validation"] for run in runs]
    if any(one != splits[0] for one in splits):
        raise OtherPhotosError("the runs were validated on different photos: give them one seed and data folder")
    return photos_of(splits[0], runs[0], progress)


def _kind(run: Run) -> tuple[str, int, float]:
    """Return what networks must have in common before their weights can be averaged."""
    return (run.knobs.architecture, run.knobs.size, run.knobs.enlarge)


def _judged(run: Run, network: torch.nn.Module, photos: Photos, name: str | None = None) -> Candidate:
    logits = logits_of(network, photos, torch.device("cpu"), enlarge=run.knobs.enlarge, fast=True)
    return Candidate(name or run.out.name, torch.softmax(logits.double(), dim=1).numpy(), photos.labels)
