"""Telling photos apart: which of them meet in one step, the loss of mistaking them, and what shows that it works.

Photos whose ids follow each other are, as a rule, one bin before and after an item moved: the same fabric, the same
lamp, the same goods but for one. Only the goods tell such photos apart, so they are put into one step and pushed
away from each other. Pulling them together would teach a network to overlook just what is to be counted.

Knows nothing of networks and files, and nothing of the truth: it looks at ids and at embeddings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import torch
from numpy.typing import NDArray

_TOGETHER: Final = 4
"""Neighbours in one step at most: a photo has two, and a step needs other bins as well."""

Numbers = NDArray[np.int64]
"""One number for each photo; those of neighbours differ by one or not at all, those of others by more."""

Rows = NDArray[np.int64]
"""Which photos, as places among all of them."""


def numbered(ids: Sequence[str]) -> Numbers:
    """Give each id a number, int64 [N], by which its neighbours are known; an id that is no number has none."""
    order = sorted((int(name) if name.isdecimal() else -2 * row - 2, row) for row, name in enumerate(ids))
    numbers = np.zeros(len(ids), dtype=np.int64)
    last, number = None, 0
    for value, row in order:
        number += 0 if last is None else min(value - last, 2)  # ids may be longer than any integer of a machine
        numbers[row] = number
        last = value
    return numbers


def shuffled(numbers: Numbers, *, neighbours_together: bool, dice: np.random.Generator) -> Rows:
    """Shuffle the rows; neighbours may stay together, never more than _TOGETHER, and not always the same ones."""
    if not neighbours_together:
        return dice.permutation(len(numbers))
    order = np.argsort(numbers, kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(numbers[order]) > 1) + 1)
    blocks = [block for run in runs for block in _cut(run, dice)]
    return np.concatenate([blocks[turn] for turn in dice.permutation(len(blocks))])


def _cut(run: Rows, dice: np.random.Generator) -> list[Rows]:
    """Cut a run of neighbours into blocks of _TOGETHER, beginning anywhere."""
    first = int(dice.integers(1, _TOGETHER + 1))
    return [block for block in np.split(run, range(first, len(run), _TOGETHER)) if len(block)]


def contrast(embeddings: torch.Tensor, temperature: float) -> torch.Tensor:
    """Average the decoupled contrastive loss over embeddings [2N,D] of length 1, N photos seen twice, in nats.

    Row i and row N + i are one photo. After Yeh et al., 2022, "Decoupled Contrastive Learning": the logarithm of how
    much a view is like those of other photos, less how much it is like the photo's own other view. The other view is
    not among what it is weighed against, which small batches and few passes gain most by. Embeddings that are all the
    same have log(2N - 2), and N must be at least 2.
    """
    similar = embeddings @ embeddings.T / temperature
    return (torch.logsumexp(_of_others(similar), dim=1) - _of_own(similar)).mean()


def _of_own(similar: torch.Tensor) -> torch.Tensor:
    """Take each view's similarity to its photo's other view: [2N,2N] to [2N]."""
    photos = len(similar) // 2
    return similar.roll(photos, dims=1).diagonal()


def _of_others(similar: torch.Tensor) -> torch.Tensor:
    """Take out each view's similarity to the views of its own photo."""
    photo = torch.arange(len(similar), device=similar.device) % (len(similar) // 2)
    return similar.masked_fill(photo[:, None] == photo, -torch.inf)


@dataclass(frozen=True, slots=True)
class Signs:
    """Sums over steps that tell whether photos are told apart; tensors on the device, so that nobody waits for them."""

    views: torch.Tensor
    found: torch.Tensor
    """Views that are more like their photo's other view than like that of any other photo of the step."""
    with_neighbours: torch.Tensor
    told_apart: torch.Tensor
    """Of those with a neighbour in their step, the ones that are more like the other view than like the neighbour's."""
    spread: torch.Tensor
    """Spread of the embeddings (see `spread`), summed over views."""

    @classmethod
    def of(cls, embeddings: torch.Tensor, numbers: torch.Tensor) -> Self:
        """Look at one step: embeddings [2N,D] as `contrast` takes them, and the numbers of its photos, int64 [N]."""
        embeddings = embeddings.detach()
        similar = embeddings @ embeddings.T
        own, others = _of_own(similar), _of_others(similar)
        beside = ((numbers[:, None] - numbers).abs() <= 1).repeat(2, 2)
        neighbours = others.masked_fill(~beside, -torch.inf).amax(dim=1)
        has_neighbours = neighbours > -torch.inf
        views = torch.tensor(len(similar), device=similar.device)
        return cls(
            views=views,
            found=(own > others.amax(dim=1)).sum(),
            with_neighbours=has_neighbours.sum(),
            told_apart=(has_neighbours & (own > neighbours)).sum(),
            spread=spread(embeddings) * views,
        )

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, name) + getattr(other, name) for name in type(self).__dataclass_fields__))

    def figures(self) -> dict[str, float]:
        """Name the shares; that of neighbours only where any met."""
        of_neighbours = {"told_apart": float(self.told_apart / self.with_neighbours)} if self.with_neighbours else {}
        return {"spread": float(self.spread / self.views), "found": float(self.found / self.views)} | of_neighbours


def spread(embeddings: torch.Tensor) -> torch.Tensor:
    """Measure how far embeddings [M,D] of length 1 lie apart: their standard deviation over all dimensions together.

    1 where they point everywhere, 0 where all are the same: the network has collapsed.
    """
    return embeddings.var(dim=0, correction=0).sum().sqrt()
