"""One drawn bin: choose the goods, arrange them on the shelf, paint, photograph."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from PIL import Image, ImageFilter

from training.drawn.arrangement import Placed, arrange
from training.drawn.camera import photograph
from training.drawn.catalogue import DrawnItem, Product, choose_products
from training.drawn.goods import draw_good
from training.drawn.shelf import build_shelf, draw_front, draw_walls

if TYPE_CHECKING:
    from training.drawn.arrangement import Space


MOST_GOODS = 12  # more could not each be seen in a reasonable part


@dataclass(frozen=True, slots=True)
class DrawnBin:
    """A photo (RGB) and what is in it."""

    image: Image.Image
    items: tuple[DrawnItem, ...]

    @property
    def count(self) -> int:
        """How many goods the photo shows."""
        return sum(item.quantity for item in self.items)


def draw_bin(seed: int, count: int, size: tuple[int, int] = (540, 480)) -> DrawnBin:
    """Draw the photo of a bin that holds `count` goods, `size` pixels wide and high.

    The same arguments give the same pixels, in any process. Raises ValueError unless `count` is 0 to 12.
    """
    if not 0 <= count <= MOST_GOODS:
        raise ValueError(f"a drawn bin holds 0 to {MOST_GOODS} goods, not {count}")
    rng = Random(f"bin/{seed}/{count}/{size[0]}x{size[1]}")
    shelf = build_shelf(rng, size)
    products = choose_products(rng, count)
    placed = arrange(draw_goods(products, shelf.space, rng), shelf.space, rng)
    scene = draw_walls(shelf, rng)
    for good in placed:
        _paint(scene, good)
    draw_front(scene, shelf, rng)
    return DrawnBin(photograph(scene, rng), tuple(product.item for product in products))


def draw_goods(products: list[Product], space: Space, rng: Random) -> list[Image.Image]:
    """Draw every unit; how much of the bin they fill together says little about how many they are."""
    looks = [product.look for product in products for _ in range(product.item.quantity)]
    if not looks:
        return []
    rng.shuffle(looks)
    width, height = space.right - space.left, space.floor_front - space.top
    area = width * height * rng.uniform(0.2 + 0.02 * len(looks), 0.95) / sum(look.bulk for look in looks)
    limits = (width * 0.96, height * 0.93)
    return [draw_good(look, area * look.bulk, limits, rng) for look in looks]


def _paint(scene: Image.Image, good: Placed) -> None:
    """Lay the good's shadow on what is behind it, then the good, dimmer the farther back it stands."""
    alpha = good.picture.getchannel("A")
    reach = max(3, round(min(alpha.size) * 0.05))
    shadow = Image.new("L", (alpha.width + 4 * reach, alpha.height + 4 * reach))
    shadow.paste(alpha.point(lambda value: value * 3 // 5), (2 * reach, 2 * reach))
    shadow = shadow.filter(ImageFilter.BoxBlur(reach))
    scene.paste((22, 18, 8), (good.left - 2 * reach + reach // 2, good.top - 2 * reach + reach // 3), shadow)
    dim = 1 - 0.3 * good.depth
    colour = good.picture.convert("RGB").point(lambda value: round(value * dim))
    scene.paste(colour, (good.left, good.top), alpha)
