"""Which bins train the network, choose it, calibrate it and test it.

Two bins that share an ASIN never end up on different sides: neighbouring photos show the same goods, and a
network that has seen them counts by recognising. The split depends on ids, counts, ASINs and the seed only: no
clock, no order of reading, no global random state.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from training.records import Record

SHARES: Final = {"train": 0.76, "validation": 0.08, "calibration": 0.06, "test": 0.10}
"""Part of the photos that each split gets, about: groups are not cut to fit."""


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
    """Deal the records out by split name, in the proportions of SHARES, stratified by group.

    A group's stratum is its most frequent class. The groups are ordered by stratum, within it shuffled by a hash of
    the seed and their first id, and each goes to the split that is furthest behind its share. Any stretch of that
    order is dealt out in proportion, so every stratum is, and what a small one leaves uneven the next one mends.
    """
    dealing_order = sorted(groups(records), key=lambda group: (_usual_label(group), _shuffle_key(group, seed)))
    splits: dict[str, list[Record]] = {name: [] for name in SHARES}
    for group in dealing_order:
        splits[_furthest_behind(splits, len(group))].extend(group)
    return {name: sorted(part, key=lambda r: r.image_id) for name, part in splits.items()}


def _usual_label(group: Sequence[Record]) -> int:
    tally = Counter(record.label for record in group)
    return min(tally, key=lambda label: (-tally[label], label))


def _shuffle_key(group: Sequence[Record], seed: int) -> str:
    return hashlib.sha256(f"{seed}/{group[0].image_id}".encode()).hexdigest()


def _furthest_behind(splits: Mapping[str, Sequence[Record]], incoming: int) -> str:
    total = sum(map(len, splits.values())) + incoming
    return max(SHARES, key=lambda name: SHARES[name] * total - len(splits[name]))
