"""The data card of a split: what a person should know and see of the photos before training on them.

Its words and figures are `training.data_card_text`'s; here the pictures are drawn beside it, into card/. Reads photos
for the picture sheets only.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from training.class_folders import CARD, Place
from training.data_card_text import ODDITIES, PER_CLASS, Source, card_text, gallery_name, measures
from training.plots import COLOURS, GREY, save, styled_figure, styled_panels
from training.progress import Progress, silent
from training.records import CLASSES
from training.sheets import Tile, sheet
from training.split import SHARES
from training.survey import SetAside

_COLUMNS: Final = 5

Captioned = Sequence[tuple[Place, str]]


def write_card(
    out: Path, bins: Sequence[Place], set_aside: Sequence[SetAside], source: Source, *, progress: Progress = silent
) -> None:
    """Write the card and its pictures into `out`; the card comes last, so that one that exists is whole."""
    pictures = _pictures(bins)
    with progress(len(pictures), "drawing the data card") as done:
        for name, draw in pictures.items():
            draw(out / "card" / name)
            done()
    partial = out / f"{CARD}.part"
    partial.write_text(card_text(bins, set_aside, source), encoding="utf-8")
    partial.replace(out / CARD)


def _pictures(bins: Sequence[Place]) -> dict[str, Callable[[Path], object]]:
    """Name every picture, with the function that draws it to a path."""
    pictures: dict[str, Callable[[Path], object]] = {
        "class-mix.png": lambda path: _draw_class_mix(bins, path),
        "photos.png": lambda path: _draw_histograms(bins, path),
    }
    if odd := _odd_tiles(bins):
        pictures["oddities.png"] = lambda path: _draw_sheet(odd, path)
    chosen: dict[int, list[Place]] = defaultdict(list)
    for one in sorted(bins, key=lambda one: sha256(one.bin.record.image_id.encode()).digest()):
        if one.split == "train" and len(chosen[one.bin.record.label]) < PER_CLASS:
            chosen[one.bin.record.label].append(one)
    for label, some in chosen.items():
        captioned = [(one, f"{one.bin.record.image_id}: {one.bin.record.count}") for one in some]
        pictures[gallery_name(label)] = lambda path, captioned=captioned: _draw_sheet(captioned, path)  # type: ignore[misc]
    return pictures


def _odd_tiles(bins: Sequence[Place]) -> Captioned:
    return [
        (one, f"{one.bin.record.image_id}\n{oddity.caption(one.bin)}")
        for oddity in ODDITIES
        for one in oddity.among(bins)[:_COLUMNS]
    ]


def _draw_class_mix(bins: Iterable[Place], path: Path) -> None:
    tally = Counter((one.split, one.bin.record.label) for one in bins)
    width = 0.8 / len(SHARES)
    with styled_figure(7, 3) as (figure, axes):
        for number, side in enumerate(SHARES):
            total = sum(tally[side, label] for label in range(len(CLASSES)))
            shares = [tally[side, label] / max(total, 1) for label in range(len(CLASSES))]
            places = [label + (number - (len(SHARES) - 1) / 2) * width for label in range(len(CLASSES))]
            axes.bar(places, shares, width * 0.92, color=COLOURS[number], label=f"{side} ({total:,})")
        axes.set_xticks(range(len(CLASSES)), CLASSES)
        axes.set(xlabel="class", ylabel="share of the split", title="Class mix of each split")
        axes.yaxis.set_major_formatter("{x:.0%}")
        axes.grid(visible=False, axis="x")
        axes.legend()
        save(figure, path)


def _draw_histograms(bins: Sequence[Place], path: Path) -> None:
    shown = measures(bins)
    with styled_panels(12, 2.4, ncols=len(shown)) as (figure, panels):
        for axes, (title, _, values) in zip(panels, shown, strict=True):
            low, high = min(values), max(values)
            axes.hist(values, bins=30, range=(low, high) if low < high else (0.9 * low, 1.1 * low), color=COLOURS[0])
            axes.axvline(float(np.median(values)), color=GREY, linestyle="--", linewidth=1)
            axes.locator_params(nbins=4)
            axes.set(title=title)
        panels[0].set(ylabel="photos (median dashed)")
        save(figure, path)


def _draw_sheet(captioned: Captioned, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tiles = [Tile(_shown(one.bin.record.photo), caption) for one, caption in captioned]
    sheet(tiles, columns=_COLUMNS).save(path)


def _shown(photo: Path) -> Image.Image:
    with Image.open(photo) as image:
        return ImageOps.exif_transpose(image).convert("RGB")
