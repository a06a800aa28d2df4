"""What the data card of a split says: facts about the photos, their labels and their groups, as Markdown.

Computed from a survey and from where each bin went; opens no file. The pictures are `training.data_card`'s.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from training.class_folders import LEFT_OUT, Place
from training.records import CLASSES
from training.split import SHARES
from training.survey import Bin, SetAside

VERY_DARK: Final = 60
"""Mean level (of 255) below which a photo counts as very dark; one in a thousand bins of the data set is."""

VERY_SMALL: Final = 200
"""Short side in pixels below which a photo counts as very small: less than networks are usually fed."""

FAR_OUT: Final = 50
"""Counts above it are named."""

_NAMED: Final = 10
"""So many ids are named of what is odd."""

PER_CLASS: Final = 15
"""So many photos of each class are shown, at most."""

_TOLERATED: Final = 0.02
"""How far a split's share may be from the one it should have before the card warns."""

_QUANTILES: Final = {"least": 0, "1 %": 0.01, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "99 %": 0.99, "most": 1}


class Source(StrEnum):
    """Where the photos come from; decides what the card says about their licence."""

    ABID = "abid"
    """The Amazon Bin Image Dataset."""
    DRAWN = "drawn"
    """`python -m training draw`."""
    OWN = "own"
    """The user's own cameras."""


_ORIGIN: Final = {
    Source.ABID: """\
Photos and records of the Amazon Bin Image Dataset (Amazon, DOI 10.60489/roda.fgtusx; public bucket `aft-vbi-pds`),
licensed under [CC BY-NC-SA 3.0 US](https://creativecommons.org/licenses/by-nc-sa/3.0/us/): attribution, **no
commercial use**, share alike. This card's pictures show some of the photos and stand under the same terms.""",
    Source.DRAWN: """\
Drawn by `python -m training draw`, photos of nothing; under the licence of the code.""",
    Source.OWN: """\
Photos of the user's own; whoever passes them on states their terms here.""",
}

_LABELS: Final = """\
A label is the record's `EXPECTED_QUANTITY`: **what the inventory system believed** was in the bin when the photo was
taken, not a count by hand. Some are wrong, and in some photos goods hide behind goods, bands or blur, so that nobody
could count them. Counts above five share the class `6+`. The goods of a record only keep related bins together; they
are no input of a model."""

_DRAWN_LABELS: Final = "A label is the number of items drawn, and exact."


@dataclass(frozen=True, slots=True)
class Oddity:
    """One way of being odd: a bin is where `strangeness` is above 0, and the more the odder."""

    title: str
    strangeness: Callable[[Bin], float]
    caption: Callable[[Bin], str]

    def among(self, bins: Iterable[Place]) -> list[Place]:
        """Find the odd ones, oddest first."""
        odd = (one for one in bins if self.strangeness(one.bin) > 0)
        return sorted(odd, key=lambda one: -self.strangeness(one.bin))


ODDITIES: Final = (
    Oddity(
        f"Very dark (mean level below {VERY_DARK})",
        lambda b: VERY_DARK - b.photo.brightness,
        lambda b: f"mean level {b.photo.brightness:.0f}",
    ),
    Oddity(
        f"Very small (a side below {VERY_SMALL} px)",
        lambda b: VERY_SMALL - min(b.photo.width, b.photo.height),
        lambda b: f"{b.photo.width} x {b.photo.height} px",
    ),
    Oddity(
        f"Counts above {FAR_OUT}",
        lambda b: b.record.count - FAR_OUT,
        lambda b: f"count {b.record.count}",
    ),
    Oddity(
        "Goods that add up to another number than EXPECTED_QUANTITY",
        lambda b: 0 if b.units is None else abs(b.units - b.record.count),
        lambda b: f"count {b.record.count}, goods {b.units}",
    ),
)


def card_text(bins: Sequence[Place], set_aside: Sequence[SetAside], source: Source) -> str:
    """Write the card, in Markdown; it shows the pictures that `training.data_card` draws."""
    return "\n\n".join(_sections(bins, set_aside, source)) + "\n"


def _sections(bins: Sequence[Place], set_aside: Sequence[SetAside], source: Source) -> list[str]:
    left_out = sum(one.reason == LEFT_OUT for one in set_aside)
    return [
        "# Data card",
        f"{len(bins):,} photos of bins with the number of items in each, split for training.",
        f"## Source and licence\n\n{_ORIGIN[source]}",
        f"## Labels\n\n{_DRAWN_LABELS if source is Source.DRAWN else _LABELS}",
        f"## Classes and splits\n\n{_class_table(bins)}\n\n![Share of each class in each split](card/class-mix.png)",
        *(f"**{warning}.**" for warning in warnings(Counter(one.split for one in bins), left_out)),
        "Made by `python -m training split`; the same photos, records and seed (`split.json`) give the same split.",
        f"## Goods and groups\n\n{_groups(bins)}",
        *([_drawn_first(left_out)] if left_out else []),
        straddling(bins),
        f"## Photos\n\n{_photo_table(bins)}\n\n![Sizes, aspect, file sizes, brightness](card/photos.png)",
        f"## Oddities\n\n{_oddities(bins, set_aside)}",
        *(
            ["Some of them, with what is odd:\n\n![Odd bins](card/oddities.png)"]
            if any(odd.among(bins) for odd in ODDITIES)
            else []
        ),
        f"## Pictures\n\n{_galleries(bins)}",
    ]


def _class_table(bins: Collection[Place]) -> str:
    tally = Counter((CLASSES[one.bin.record.label], one.split) for one in bins)
    of_class = {label: [tally[label, side] for side in SHARES] for label in CLASSES}
    of_split = [sum(column) for column in zip(*of_class.values(), strict=True)]
    rows: list[list[Any]] = [
        [label, *counts, sum(counts), f"{sum(counts) / len(bins):.1%}"]
        for label, counts in (of_class | {"all": of_split}).items()
    ]
    rows.append(["share", *(f"{one / len(bins):.1%}" for one in of_split), "100.0%", ""])
    return _table(["class", *SHARES, "all", "share"], rows)


def warnings(tally: Counter[str], left_out: int = 0) -> list[str]:
    """Tell which splits got a share far from theirs, because groups are not cut, or else how many bins are left out.

    Where some are left out, the splits' sizes are chosen otherwise, and are told instead.
    """
    if left_out:
        sizes = ", ".join(f"{side} {tally[side]:,}" for side in SHARES)
        return [f"{left_out:,} bins are left out, as they share goods with bins held out; the others: {sizes}"]
    got = {side: tally[side] / tally.total() for side in SHARES}
    return [
        f"{side} got {got[side]:.1%} of the bins instead of {share:.0%}: the groups are too large to deal out"
        for side, share in SHARES.items()
        if abs(got[side] - share) > _TOLERATED
    ]


def _drawn_first(left_out: int) -> str:
    return f"""\
So many bins hang together by shared goods that they could not be dealt out whole. The bins of validation, calibration
and test were drawn first, evenly over the classes and together with their neighbours, and what shares an ASIN with
one of them is in no split: **{left_out:,} bins are left out** (`set-aside.jsonl`). Frequent goods are therefore rarer
in train than they are among the bins held out; groups are counted without the bins left out."""


def _groups(bins: Sequence[Place]) -> str:
    sizes = Counter(one.group for one in bins)
    by_size = [("1", 1, 1), ("2", 2, 2), ("3 to 5", 3, 5), ("6 to 20", 6, 20), ("21 and more", 21, len(bins))]
    rows: list[list[Any]] = []
    for title, least, most in by_size:
        within = [size for size in sizes.values() if least <= size <= most]
        rows.append([title, len(within), sum(within)])
    largest, most_bins = max(sizes.items(), key=lambda item: (item[1], item[0]))
    side = next(one.split for one in bins if one.group == largest)
    pairs = [counts for counts in _counts_by_group(bins) if len(counts) == 2]
    one_apart = sum(abs(first - second) == 1 for first, second in pairs)
    unnamed = sum(one.bin.units is None and one.bin.record.count > 0 for one in bins)
    return f"""\
Bins that share an ASIN, directly or through others, form a group, and a group is never cut: a network that has seen
the goods would count by recognising them. There are {len(sizes):,} groups; the largest, that of bin {largest},
has {most_bins:,} bins ({most_bins / len(bins):.1%} of all), which went to {side}.

{_table(["bins in a group", "groups", "bins"], rows)}

In {one_apart:,} of the {len(pairs):,} pairs the counts are exactly one apart, as in photos of one bin before and after
one item was moved. Photos of a group are not independent: a standard error over photos is a little too small.

{unnamed:,} bins hold items but name no goods. Nobody can tell what they share with other bins: each is a group of its
own, and the promise below does not reach them."""


def _counts_by_group(bins: Iterable[Place]) -> Iterable[list[int]]:
    counts: dict[str, list[int]] = defaultdict(list)
    for one in bins:
        counts[one.group].append(one.bin.record.count)
    return counts.values()


def straddling(bins: Iterable[Place]) -> str:
    """Look, independently of how the split was made, for an ASIN on two sides; returns the card's sentence."""
    sides: dict[str, set[str]] = defaultdict(set)
    for one in bins:
        for asin in one.bin.record.asins:
            sides[asin].add(one.split)
    astride = sorted(asin for asin, found in sides.items() if len(found) > 1)
    if astride:
        return f"**{len(astride):,} of {len(sides):,} ASINs are in more than one split**: {_few(astride)}."
    return f"Checked after the split: of {len(sides):,} ASINs, **none is in more than one split**."


def _photo_table(bins: Sequence[Place]) -> str:
    rows = [
        [title, *(f"{value:.{digits}f}" for value in np.quantile(values, list(_QUANTILES.values())))]
        for title, digits, values in measures(bins)
    ]
    return _table(["", *_QUANTILES], rows)


def measures(bins: Sequence[Place]) -> list[tuple[str, int, list[float]]]:
    """Give each measure of the photos with its title and its decimals."""
    photos = [one.bin.photo for one in bins]
    return [
        ("width, px", 0, [p.width for p in photos]),
        ("height, px", 0, [p.height for p in photos]),
        ("aspect (width / height)", 2, [p.width / p.height for p in photos]),
        ("file size, kB", 1, [p.bytes / 1000 for p in photos]),
        ("brightness, 0 to 255", 0, [p.brightness for p in photos]),
    ]


def _oddities(bins: Sequence[Place], set_aside: Sequence[SetAside]) -> str:
    reasons = Counter(one.reason.split(":")[0] for one in set_aside)
    why = ", ".join(f"{reason} {n:,}" for reason, n in reasons.most_common())
    lines = [
        f"Set aside, and in no split: {len(set_aside):,} bins{f' ({why}; set-aside.jsonl)' if why else ''}.",
        *(_counted(odd.title, [one.bin.record.image_id for one in odd.among(bins)]) for odd in ODDITIES),
        _without_goods(bins),
        *_duplicates(bins),
    ]
    return "\n".join(f"- {line}" for line in lines)


def _without_goods(bins: Iterable[Place]) -> str:
    bare = Counter(CLASSES[one.bin.record.label] for one in bins if one.bin.units is None)
    by_class = ", ".join(f"{label}: {bare[label]:,}" for label in CLASSES if bare[label])
    return f"Records without goods: {bare.total():,}" + (f" (by class {by_class})." if by_class else ".")


def _duplicates(bins: Iterable[Place]) -> list[str]:
    """Tell of photos that are the same file, byte for byte, under several ids."""
    same: dict[str, list[Place]] = defaultdict(list)
    for one in bins:
        same[one.bin.photo.sha256].append(one)
    twins = [found for found in same.values() if len(found) > 1]
    across = [found for found in twins if len({one.split for one in found}) > 1]
    torn = [found for found in twins if len({one.bin.record.count for one in found}) > 1]
    return [
        _counted(title, [" = ".join(one.bin.record.image_id for one in found) for found in sets])
        for title, sets in (
            ("Photos that are the same file under several ids", twins),
            ("of these, in more than one split", across),
            ("of these, with different counts", torn),
        )
        if sets or title.startswith("Photos")
    ]


def _counted(title: str, ids: Sequence[str]) -> str:
    return f"{title}: {len(ids):,}" + (f" ({_few(ids)})." if ids else ".")


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def _galleries(bins: Iterable[Place]) -> str:
    present = sorted({one.bin.record.label for one in bins if one.split == "train"})
    parts = [f"Class {CLASSES[label]}:\n\n![Class {CLASSES[label]}](card/{gallery_name(label)})" for label in present]
    return "\n\n".join([f"Up to {PER_CLASS} photos of each class, from train, chosen by a hash of their ids.", *parts])


def gallery_name(label: int) -> str:
    """Name the picture of a class, without a character that addresses would have to escape."""
    return f"class-{CLASSES[label].replace('+', '-or-more')}.png"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    ruler = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *cells))
