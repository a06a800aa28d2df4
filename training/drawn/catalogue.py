"""What may lie in a drawn bin: products, their look, and how a count is made up of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

Colour = tuple[int, int, int]

BRANDS = (
    "Alvera", "Bramco", "Corvid", "Dunlin", "Ekko", "Fjordic", "Galvo", "Hexel", "Inkwell", "Jasper", "Kestro",
    "Lumio", "Mosswood", "Nordel", "Orbita", "Pellar", "Quanta", "Rivet", "Solway", "Tundra", "Ulmo", "Vantik",
)  # fmt: skip
ADJECTIVES = ("Classic", "Compact", "Deluxe", "Everyday", "Heavy Duty", "Mini", "Original", "Premium", "Slim")
PACKS = ("2 Pack", "4 oz", "8 Count", "Black", "Blue", "Large", "Medium", "Second Edition", "White", "12 V")

PRODUCTS = {
    "carton": ("Desk Lamp", "Router", "Ceiling Fan Part", "Space Heater", "Mixing Bowl Set", "Door Lock"),
    "box": ("LED Bulb", "Ear Buds", "Tea Sampler", "Phone Case", "Board Game", "Oil Filter", "Face Cream"),
    "book": ("Cookbook", "Field Guide", "Atlas", "Crossword Collection", "Travel Notes", "Algebra Workbook"),
    "bottle": ("Shampoo", "Olive Oil", "Dish Soap", "Vitamin Tablets", "Hand Lotion", "Fuel Additive"),
    "can": ("Spray Paint", "Coffee Beans", "Tennis Balls", "Cocoa Powder", "Wood Stain"),
    "bag": ("Cotton Shirt", "Bath Towel", "Leggings", "Cable Set", "Plush Toy", "Dog Jacket"),
    "bubble": ("Ceramic Mug", "Picture Frame", "Glass Vase", "Candle Holder"),
    "blister": ("Micro SD Card", "Paint Brush Set", "Door Hinge", "USB Cable", "Screwdriver"),
    "roll": ("Packing Tape", "Electrical Tape", "Ribbon", "Masking Tape"),
}

# Width over height of the side that is looked at, lowest and highest.
ASPECTS = {
    "carton": (0.7, 1.9), "box": (0.45, 1.5), "book": (0.62, 0.85), "bottle": (0.28, 0.5), "can": (0.45, 0.8),
    "bag": (0.75, 1.5), "bubble": (0.75, 1.35), "blister": (0.5, 0.85), "roll": (0.95, 1.05),
}  # fmt: skip

KRAFT: tuple[Colour, ...] = ((168, 126, 88), (150, 112, 78), (184, 146, 108), (140, 104, 76))
PRINTS: tuple[Colour, ...] = (
    (232, 230, 224), (214, 206, 190), (38, 40, 46), (28, 46, 92), (166, 36, 38), (32, 98, 74), (212, 120, 40),
    (96, 132, 176), (118, 72, 128), (200, 176, 70), (70, 74, 82), (196, 138, 150), (60, 134, 148), (92, 58, 42),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DrawnItem:
    """A product in a drawn bin. Lengths in inches, weight in pounds, as the real records have them."""

    asin: str
    name: str
    quantity: int
    length: float
    width: float
    height: float
    weight: float

    def record(self) -> dict[str, Any]:
        """Give the item in the shape of an entry of `BIN_FCSKU_DATA`."""
        return {
            "asin": self.asin,
            "height": {"unit": "IN", "value": self.height},
            "length": {"unit": "IN", "value": self.length},
            "name": self.name,
            "normalizedName": self.name,
            "quantity": self.quantity,
            "weight": {"unit": "pounds", "value": self.weight},
            "width": {"unit": "IN", "value": self.width},
        }


@dataclass(frozen=True, slots=True)
class Look:
    """How all units of one product look: two units differ in pose and light only."""

    kind: str
    aspect: float
    bulk: float  # share of the filled area, relative to the other products
    base: Colour
    accent: Colour
    ink: Colour
    title: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class Product:
    """An item and its look."""

    item: DrawnItem
    look: Look


def choose_products(rng: Random, count: int) -> list[Product]:
    """Make up `count` goods of one or several products; identical goods are as usual as in real bins."""
    return [_product(rng, quantity) for quantity in _quantities(rng, count)]


def _quantities(rng: Random, count: int) -> list[int]:
    sameness = rng.choice((0.1, 0.3, 0.6, 0.9))
    quantities: list[int] = []
    for _ in range(count):
        if quantities and rng.random() < sameness:
            quantities[-1] += 1
        else:
            quantities.append(1)
    return quantities


def _product(rng: Random, quantity: int) -> Product:
    kind = rng.choices(tuple(PRODUCTS), weights=(3, 5, 4, 3, 2, 3, 1.5, 1.5, 1))[0]
    brand, noun = rng.choice(BRANDS), rng.choice(PRODUCTS[kind])
    words = (brand, rng.choice(ADJECTIVES), noun, rng.choice(PACKS))
    long, middle, short = sorted((round(rng.uniform(0.8, 12.0), 2) for _ in range(3)), reverse=True)
    item = DrawnItem(
        asin="B0" + "".join(rng.choices("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ", k=8)),
        name=f"{words[0]} {words[1]} {words[2]}, {words[3]}",
        quantity=quantity,
        length=long,
        width=middle,
        height=short,
        weight=round(rng.uniform(0.05, 4.0), 2),
    )
    return Product(item, _look(rng, kind, (brand, noun)))


def _look(rng: Random, kind: str, title: tuple[str, ...]) -> Look:
    base = rng.choice(KRAFT if kind == "carton" else PRINTS)
    accent = rng.choice([colour for colour in PRINTS if _contrast(colour, base) > 60])
    ink = (24, 24, 28) if _luma(base) > 110 else (236, 234, 228)
    lowest, highest = ASPECTS[kind]
    return Look(
        kind, rng.uniform(lowest, highest), rng.uniform(0.6, 1.6), base, accent, ink, title, rng.getrandbits(48)
    )


def _luma(colour: Colour) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def _contrast(one: Colour, other: Colour) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))
