"""Which bins train the network, choose it, calibrate it and test it.

Two bins that share an ASIN never end up on different sides: neighbouring photos show the same goods, and a
network that has seen them counts by recognising. The split depends on ids, counts, ASINs and the seed only: no
clock, no order of reading, no global random state.

There are two ways to it. Where bins share goods with few others, they form small groups, and whole groups are dealt
out: every bin is in a split. The more bins there are, the more each shares goods with: half a bin far away on the
average among 9,000 of the public data set, and about 35 among all 535,000 if that goes on. From some 25,000 bins on
the groups run together into one, which would take half of 50,000 bins and nearly all of 535,000 to train. Then the
bins to hold out are drawn first, and **whatever shares an ASIN with one of them is left out**, in no split.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from training.records import Record

SHARES: Final = {"train": 0.76, "validation": 0.08, "calibration": 0.06, "test": 0.10}
"""Part of the photos that each split gets, about: groups are not cut to fit."""

_HELD_OUT: Final = {name: share for name, share in SHARES.items() if name != "train"}

LARGEST_SHARE: Final = min(SHARES.values())
"""Part of the photos up to which a group is dealt whole. A larger one fits train alone, and what is left for the
others has other classes: with 17 % of 28,000 bins in one group, 41 % of those held out are of `6+` instead of 32 %."""

LARGEST_GROUP: Final = 1_200
"""Photos up to which a group is dealt whole, however few there are of all: of a few thousand nothing need be left out,
as what is held out is too little to show the difference."""

MOST_HELD_OUT: Final = 4_800
"""So many photos are drawn to be held out, at most, of which 2,000 are to test: the standard error of an accuracy of
0.45 is then 1.1 points. Of 535,000, that leaves out 90,000, and each photo more would cost train about fifteen."""

LEAST_TRAINING: Final = 0.6
"""Part of the photos that drawing leaves to train, where a few goods are in a great many bins."""


def groups(records: Iterable[Record]) -> list[list[Record]]:
    """Find the connected components of "shares an ASIN with"; a bin without goods is a group of its own.

    Each group is ordered by id, and the groups by their first id.
    """
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent[node] != node:
            parent[node] = parent[parent[node]]  # path halving keeps a million records near-linear
            node = parent[node]
        return node

    ordered = sorted(records, key=lambda r: r.image_id)
    for record in ordered:
        # The prefixes keep an image id apart from an ASIN that happens to read the same.
        bin_node = parent.setdefault(f"bin {record.image_id}", f"bin {record.image_id}")
        for asin in sorted(record.asins):
            asin_node = f"asin {asin}"
            parent.setdefault(asin_node, asin_node)
            parent[root(asin_node)] = root(bin_node)

    found: dict[str, list[Record]] = defaultdict(list)
    for record in ordered:
        found[root(f"bin {record.image_id}")].append(record)
    return list(found.values())


def split(records: Iterable[Record], seed: int) -> dict[str, list[Record]]:
    """Split the records, by split name: every one, or where a group is too large all but those left out.

    A group is too large above LARGEST_SHARE of the records if that is above LARGEST_GROUP.
    """
    ordered = sorted(records, key=lambda r: r.image_id)
    tied = groups(ordered)
    too_large = max(map(len, tied), default=0) > max(LARGEST_SHARE * len(ordered), LARGEST_GROUP)
    return _drawn(ordered, seed) if too_large else _dealt(tied, SHARES, seed)


def _dealt(tied: Iterable[Sequence[Record]], shares: Mapping[str, float], seed: int) -> dict[str, list[Record]]:
    """Deal the groups out in the proportions of the shares, stratified by group.

    A group's stratum is its most frequent class. The groups are ordered by stratum, within it shuffled by a hash of
    the seed and their first id, and each goes to the split that is furthest behind its share. Any stretch of that
    order is dealt out in proportion, so every stratum is, and what a small one leaves uneven the next one mends.
    """
    dealing_order = sorted(tied, key=lambda group: (_usual_label(group), _shuffle_key(group, seed)))
    splits: dict[str, list[Record]] = {name: [] for name in shares}
    for group in dealing_order:
        splits[_furthest_behind(splits, shares, len(group))].extend(group)
    return {name: sorted(part, key=lambda r: r.image_id) for name, part in splits.items()}


def _drawn(records: Sequence[Record], seed: int) -> dict[str, list[Record]]:
    """Draw what is held out, deal it out, and train on what shares no goods with it; the rest is left out.

    What is drawn is as good as random: rare goods and frequent ones alike, and no split's bins are chosen by those of
    another. It is too little to run together, so its own groups are dealt out as those of few bins are. Drawing ends
    where train would be left with too little, and does not go on with bins that cost less: they would be other bins.
    """
    bins_with = _bins_by_asin(records)
    wanted = sum(_HELD_OUT.values())
    enough = min(wanted * len(records), MOST_HELD_OUT)
    room = (1 - LEAST_TRAINING) * len(records)
    held_out: list[Record] = []
    lost_to_train: set[Path] = set()
    for move in _fairly_ordered(_moves(records), seed):
        costs = {photo for record in move for asin in record.asins for photo in bins_with[asin]}
        costs.update(record.photo for record in move)
        costs -= lost_to_train
        if len(held_out) >= enough or len(lost_to_train) + len(costs) > room:
            break
        held_out += move
        lost_to_train |= costs
    shares = {name: share / wanted for name, share in _HELD_OUT.items()}
    training = [record for record in records if record.photo not in lost_to_train]
    return {"train": training} | _dealt(groups(held_out), shares, seed)


def _bins_by_asin(records: Iterable[Record]) -> Mapping[str, Sequence[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for record in records:
        for asin in record.asins:
            found[asin].append(record.photo)
    return found


def _moves(records: Iterable[Record]) -> list[list[Record]]:
    """Put bins with consecutive numbers that share goods together: mostly one bin before and after an item was moved.

    Drawn together they cost train hardly more than one of them does: of 535,000 bins, 17 % are left out and not 24 %.
    Bins whose id is not a number stay alone.
    """
    numbered = sorted((int(r.image_id), r.image_id, r) for r in records if r.image_id.isdecimal())
    moves = [[record] for record in records if not record.image_id.isdecimal()]
    before, last = -2, frozenset[str]()
    for number, _, record in numbered:
        if number - before <= 1 and last & record.asins:
            moves[-1].append(record)
        else:
            moves.append([record])
        before, last = number, record.asins
    return moves


def _fairly_ordered(moves: Iterable[Sequence[Record]], seed: int) -> Iterator[Sequence[Record]]:
    """Shuffle the moves so that each stretch from the beginning on has every stratum in proportion."""
    strata: dict[int, list[Sequence[Record]]] = defaultdict(list)
    for move in moves:
        strata[_usual_label(move)].append(move)
    ranked: list[tuple[float, int, Sequence[Record]]] = []
    for label, stratum in strata.items():
        stratum.sort(key=lambda move: _shuffle_key(move, seed))
        ranked.extend(((rank + 0.5) / len(stratum), label, move) for rank, move in enumerate(stratum))
    return (move for _, _, move in sorted(ranked, key=lambda entry: entry[:2]))


def _usual_label(group: Sequence[Record]) -> int:
    tally = Counter(record.label for record in group)
    return min(tally, key=lambda label: (-tally[label], label))


def _shuffle_key(group: Sequence[Record], seed: int) -> str:
    return hashlib.sha256(f"{seed}/{group[0].image_id}".encode()).hexdigest()


def _furthest_behind(splits: Mapping[str, Sequence[Record]], shares: Mapping[str, float], incoming: int) -> str:
    total = sum(map(len, splits.values())) + incoming
    return max(shares, key=lambda name: shares[name] * total - len(splits[name]))
