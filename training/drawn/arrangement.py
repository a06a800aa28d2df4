"""Where the goods lie: in front of each other, on each other, and each of them still to be seen.

Silhouettes only; nothing here knows colours. Coordinates are pixels of the photo, y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from numpy.typing import NDArray

VISIBLE_SHARE = 0.5  # of each good's silhouette, at the least, when arranged
COARSE = 4  # silhouettes are compared at a quarter of the size: sixteen times faster, exact enough
TRIES = 30
SHRINK = 0.9


@dataclass(frozen=True, slots=True)
class Space:
    """The inside of the bin as the camera sees it: its sides, its upper edge, the floor's back and front edge."""

    left: int
    top: int
    right: int
    floor_back: int
    floor_front: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A good at its place. `left` and `top` are its picture's corner."""

    picture: Image.Image
    left: int
    top: int
    depth: float  # 0 at the front edge of the floor, 1 at the back wall

    @property
    def right(self) -> int:
        """The first column right of the good."""
        return self.left + self.picture.width

    @property
    def bottom(self) -> int:
        """The first row below the good."""
        return self.top + self.picture.height


def arrange(pictures: Sequence[Image.Image], space: Space, rng: Random) -> list[Placed]:
    """Place all goods, the farthest first; where they do not fit, they are made smaller until they do."""
    scale = 1.0
    while True:
        placed = _try_all([_scaled(picture, scale) for picture in pictures], space, rng)
        if placed is not None:
            return placed
        scale *= SHRINK


def visible_shares(placed: Sequence[Placed]) -> list[float]:
    """Give for each good, painted in this order, the share of its silhouette that no other good covers."""
    return _shares([_Silhouette.of(good) for good in placed])


def _scaled(picture: Image.Image, scale: float) -> Image.Image:
    if scale == 1.0:
        return picture
    width, height = (max(4, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)


def _try_all(pictures: Sequence[Image.Image], space: Space, rng: Random) -> list[Placed] | None:
    placed: list[Placed] = []
    shapes: list[_Silhouette] = []
    crowding = rng.random()
    for picture in pictures:
        for _ in range(TRIES):
            good = _candidate(picture, placed, space, crowding, rng)
            if good is None:
                continue
            shape = _Silhouette.of(good)
            at = _painting_rank(good, placed)
            trial = [*shapes[:at], shape, *shapes[at:]]
            if min(_shares(trial)) >= VISIBLE_SHARE:
                shapes = trial
                placed.insert(at, good)
                break
        else:
            return None
    return placed


def _candidate(
    picture: Image.Image, placed: Sequence[Placed], space: Space, crowding: float, rng: Random
) -> Placed | None:
    """Propose a place: on another good, close beside one, or anywhere on the floor; nothing if it does not fit."""
    width, height = picture.size
    if width > space.right - space.left:
        return None
    kind = rng.random()
    depth = rng.random() ** 1.5
    left = rng.randint(space.left, space.right - width)
    bottom = round(space.floor_front + (space.floor_back - space.floor_front) * depth)
    if placed and kind < 0.35:
        under = rng.choice(placed)
        slack = round(max(0, under.picture.width - width) / 2 + 0.2 * width)
        middle = (under.left + under.right - width) // 2
        left, depth = middle + rng.randint(-slack, slack), max(0.0, under.depth - 0.001)
        bottom = _resting_bottom(picture, left, under) + rng.randint(1, 3)
    elif placed and kind < 0.35 + 0.5 * crowding:
        beside = rng.choice(placed)
        gap = rng.randint(-max(2, width // 8), 4)
        left = rng.choice((beside.right + gap, beside.left - width - gap))
        depth = min(1.0, max(0.0, beside.depth + rng.uniform(-0.1, 0.1)))
        bottom = round(space.floor_front + (space.floor_back - space.floor_front) * depth)
    inside = left >= space.left and left + width <= space.right and bottom - height >= space.top
    return Placed(picture, left, bottom - height, depth) if inside else None


def _resting_bottom(picture: Image.Image, left: int, under: Placed) -> int:
    """Give the row to which a good at column `left` sinks before its silhouette meets the one below it."""
    first, last = max(left, under.left), min(left + picture.width, under.right)
    if first >= last:
        return under.top
    upper = np.asarray(picture.getchannel("A"))[::-1, first - left : last - left] > 127
    lower = np.asarray(under.picture.getchannel("A"))[:, first - under.left : last - under.left] > 127
    both = upper.any(axis=0) & lower.any(axis=0)
    gaps = upper.argmax(axis=0)[both] + lower.argmax(axis=0)[both]
    return under.top + int(gaps.min(initial=under.picture.height))


def _painting_rank(good: Placed, placed: Sequence[Placed]) -> int:
    return sum(other.depth > good.depth for other in placed)


@dataclass(frozen=True, slots=True)
class _Silhouette:
    mask: NDArray[np.bool_]
    left: int
    top: int

    @staticmethod
    def of(good: Placed) -> _Silhouette:
        mask = np.asarray(good.picture.getchannel("A").reduce(COARSE)) > 127
        return _Silhouette(mask, good.left // COARSE, good.top // COARSE)


def _shares(shapes: Sequence[_Silhouette]) -> list[float]:
    if not shapes:
        return []
    rows = max(shape.top + shape.mask.shape[0] for shape in shapes)
    columns = max(shape.left + shape.mask.shape[1] for shape in shapes)
    owner = np.zeros((rows, columns), np.uint8)
    for number, shape in enumerate(shapes, 1):
        height, width = shape.mask.shape
        owner[shape.top : shape.top + height, shape.left : shape.left + width][shape.mask] = number
    seen = np.bincount(owner.ravel(), minlength=len(shapes) + 1)[1:]
    return [float(pixels) / max(1, int(shape.mask.sum())) for pixels, shape in zip(seen, shapes, strict=True)]
