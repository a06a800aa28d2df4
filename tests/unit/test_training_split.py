"""Bins that share goods stay together, whatever the data."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from training.records import Record
from training.split import SHARES, groups, split

ids = st.integers(0, 999).map(str)
asins = st.frozensets(st.sampled_from([f"B{n}" for n in range(30)]), max_size=3)
some_records = st.dictionaries(ids, st.tuples(st.integers(0, 12), asins), max_size=60).map(
    lambda bins: [record(image_id, count, *goods) for image_id, (count, goods) in bins.items()]
)


def record(image_id: str, count: int, *goods: str) -> Record:
    return Record(image_id, Path(f"{image_id}.jpg"), count, frozenset(goods))


def test_bins_are_grouped_through_a_chain_of_shared_goods() -> None:
    chain = [record("1", 1, "A"), record("2", 1, "A", "B"), record("3", 1, "B", "C"), record("4", 1, "C")]
    alone = [record("5", 1, "D"), record("6", 1)]

    assert [[r.image_id for r in group] for group in groups(alone + chain)] == [["1", "2", "3", "4"], ["5"], ["6"]]


def test_an_id_that_reads_like_an_asin_joins_nothing() -> None:
    assert len(groups([record("B1", 1, "B2"), record("7", 1, "B1")])) == 2


@given(some_records, st.integers(0, 5))
def test_no_asin_is_on_two_sides(records: list[Record], seed: int) -> None:
    side: dict[str, str] = {}
    for name, part in split(records, seed).items():
        for one in part:
            assert all(side.setdefault(asin, name) == name for asin in one.asins)


@given(some_records, st.integers(0, 5))
def test_every_bin_is_in_exactly_one_split(records: list[Record], seed: int) -> None:
    parts = split(records, seed).values()

    assert sorted(one.image_id for part in parts for one in part) == sorted(one.image_id for one in records)


@given(some_records, st.randoms(use_true_random=False))
def test_the_order_of_reading_does_not_matter(records: list[Record], random: object) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert split(shuffled, 1) == split(records, 1)


def test_another_seed_gives_another_split() -> None:
    records = [record(str(n), n % 7) for n in range(100)]

    assert split(records, 1) != split(records, 2)


def test_shares_and_class_mix_hold_in_every_split() -> None:
    records = [record(str(n), n % 7) for n in range(7000)]

    for name, part in split(records, 1).items():
        assert abs(len(part) - SHARES[name] * 7000) <= 1
        for label in range(7):
            assert abs(sum(one.label == label for one in part) - SHARES[name] * 1000) <= 2


def test_even_a_small_folder_fills_every_split() -> None:
    assert all(split([record(str(n), n % 7) for n in range(40)], 1).values())
