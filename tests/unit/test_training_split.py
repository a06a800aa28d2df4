"""Bins that share goods stay together or are left out, whatever the data."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.records import Record, class_mix, manifest_sha256, read_folder
from training.split import SHARES, groups, split

PHOTOS = Path(os.environ.get("BINCHECK_PHOTOS", "../shared/abid"))
HELD_OUT = ("validation", "calibration", "test")

ids = st.integers(0, 999).map(str)
asins = st.frozensets(st.sampled_from([f"B{n}" for n in range(30)]), max_size=3)
some_records = st.dictionaries(ids, st.tuples(st.integers(0, 12), asins), max_size=60).map(
    lambda bins: [record(image_id, count, *goods) for image_id, (count, goods) in bins.items()]
)


def record(image_id: str, count: int, *goods: str) -> Record:
    return Record(image_id, Path(f"{image_id}.jpg"), count, frozenset(goods))


def tied_bins(number: int, goods: int, seed: int = 0) -> list[Record]:
    """Pairs of bins before and after an item was moved, with three of so many goods, some of them frequent."""
    dice = random.Random(seed)  # noqa: S311 - synthetic bins
    bins = []
    for image_id in range(0, number, 2):
        chosen = [f"B{int(goods * dice.random() ** 2)}" for _ in range(3)]
        count = dice.randrange(1, 9)
        bins += [record(str(image_id), count, *chosen), record(str(image_id + 1), count - 1, *chosen[1:])]
    return bins


def goods_of(part: list[Record]) -> set[str]:
    return {asin for one in part for asin in one.asins}


def frequent_goods(part: list[Record]) -> float:
    """Share of the goods that are among the thousand most frequent."""
    numbers = [int(asin.removeprefix("B")) for one in part for asin in one.asins]
    return sum(number < 1000 for number in numbers) / len(numbers)


def left_out(records: list[Record], splits: dict[str, list[Record]]) -> list[Record]:
    placed = {one.image_id for part in splits.values() for one in part}
    return [one for one in records if one.image_id not in placed]


@pytest.fixture(scope="module")
def many() -> list[Record]:
    """So many bins that one group holds most of them."""
    return tied_bins(20_000, 25_000)


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


def test_the_dealing_of_small_groups_stays_as_it_is_to_the_bin() -> None:
    pairs = [record(str(n), n * n % 9, f"A{n // 2}", f"B{n // 5}" if n % 3 else f"C{n}") for n in range(2000)]

    splits = split(pairs, 1)

    assert manifest_sha256(splits) == "6247f3b5e79ef52faf905c2d8a178bee9b98b005496fb77bf52d4af5e0132786"
    assert [len(splits[name]) for name in SHARES] == [1522, 158, 120, 200]


@pytest.mark.skipif(not (PHOTOS / "counts.csv").is_file(), reason="the real photos are not here")
@pytest.mark.dataset
def test_the_split_of_the_real_photos_stays_as_it_is_to_the_bin() -> None:
    splits = split(read_folder(PHOTOS), 1)

    assert manifest_sha256(splits) == "dbca1fcc4ce57e93f720d6ae38e7088b122c06f48f459ef7833b98c0b2346be7"


def test_bins_that_hang_together_are_split_with_few_left_out(many: list[Record]) -> None:
    assert max(map(len, groups(many))) > 0.5 * len(many)

    splits = split(many, 1)

    assert len(splits["train"]) >= 0.6 * len(many)
    assert [len(splits[name]) / sum(map(len, map(splits.get, HELD_OUT))) for name in HELD_OUT] == pytest.approx(
        [8 / 24, 6 / 24, 10 / 24], abs=0.01
    )
    assert len(left_out(many, splits)) > 0


def test_what_is_left_out_shares_goods_with_what_is_held_out_and_train_does_not(many: list[Record]) -> None:
    splits = split(many, 1)
    held_out = set().union(*(goods_of(splits[name]) for name in HELD_OUT))

    assert all(one.asins & held_out for one in left_out(many, splits))
    assert held_out.isdisjoint(goods_of(splits["train"]))
    assert sum(len(goods_of(splits[name])) for name in HELD_OUT) == len(held_out)


def test_what_is_held_out_has_the_class_mix_of_all_and_its_frequent_goods(many: list[Record]) -> None:
    splits = split(many, 1)
    held_out = [one for name in HELD_OUT for one in splits[name]]

    assert class_mix(held_out) == pytest.approx(class_mix(many), abs=0.02)
    assert frequent_goods(held_out) == pytest.approx(frequent_goods(many), abs=0.02)
    assert frequent_goods(splits["train"]) < frequent_goods(many) - 0.05


def test_a_bin_before_and_after_a_move_is_held_out_twice_or_not_at_all(many: list[Record]) -> None:
    splits = split(many, 1)
    held_out = {int(one.image_id) // 2 for name in HELD_OUT for one in splits[name]}

    assert 2 * len(held_out) == sum(len(splits[name]) for name in HELD_OUT)


def test_no_more_than_two_thousand_photos_are_drawn_to_test() -> None:
    ring = [record(f"bin-{n}", n % 7, f"B{n}", f"B{(n + 1) % 40_000}") for n in range(40_000)]

    splits = split(ring, 1)

    assert [len(splits[name]) for name in HELD_OUT] == pytest.approx([1600, 1200, 2000], abs=5)
    assert 4_800 <= len(left_out(ring, splits)) <= 9_600


def test_drawing_ends_before_train_is_left_with_too_little() -> None:
    bins = tied_bins(4000, 600)

    splits = split(bins, 1)

    assert len(splits["train"]) >= 0.6 * 4000
    assert 0 < sum(len(splits[name]) for name in HELD_OUT) < 0.1 * 4000


@settings(max_examples=10, deadline=None)
@given(st.sampled_from([600, 2000, 4000]), st.integers(0, 999))
def test_whatever_hangs_together_no_asin_is_on_two_sides_in_any_order(goods: int, seed: int) -> None:
    bins = tied_bins(2500, goods, seed)
    splits = split(bins, seed)
    shuffled = list(bins)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - any order will do

    assert sum(len(goods_of(part)) for part in splits.values()) == len(set().union(*map(goods_of, splits.values())))
    assert split(shuffled, seed) == splits


def test_another_seed_holds_out_other_bins(many: list[Record]) -> None:
    assert split(many, 1)["test"] != split(many, 2)["test"]


def test_ids_that_are_no_numbers_are_drawn_one_by_one() -> None:
    bins = [Record(f"cam-{one.image_id}", one.photo, one.count, one.asins) for one in tied_bins(4000, 2000)]

    splits = split(bins, 1)

    assert all(splits.values())
    assert left_out(bins, splits)


def test_twenty_thousand_bins_are_split_within_three_seconds(many: list[Record]) -> None:
    begun = time.process_time()
    split(many, 1)

    assert time.process_time() - begun < 3
