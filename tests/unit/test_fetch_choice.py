"""Which bins are wanted depends on the ids and the seed, on nothing else."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import BadSelectionError
from training.fetch.choice import All, Listed, PerClass, Sample, chosen, read_list, read_quotas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

IDS = [f"{number:05d}" for number in range(400)]


def count_of(image_id: str) -> int | None:
    """Every ninth bin's metadata is broken."""
    number = int(image_id)
    return None if number % 9 == 0 else number % 8


class Reader:
    """Finds counts, and remembers of which bins."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, ids: Iterable[str]) -> Iterator[tuple[str, int | None]]:
        for image_id in ids:
            self.asked.append(image_id)
            yield image_id, count_of(image_id)


def sample(count: int, seed: int, ids: Iterable[str] = IDS) -> list[str]:
    return list(chosen(Sample(count, seed), lambda: iter(ids), Reader()))


@settings(max_examples=25)
@given(st.permutations(IDS[:20]), st.integers(0, 25), st.integers())
def test_a_sample_does_not_depend_on_the_order_of_the_listing(listed: list[str], count: int, seed: int) -> None:
    assert sample(count, seed, listed) == sample(count, seed, IDS[:20])


@settings(max_examples=25)
@given(st.integers(0, 50), st.integers(0, 50), st.integers())
def test_a_larger_sample_contains_the_smaller_one(one: int, other: int, seed: int) -> None:
    small, large = sorted((one, other))

    assert set(sample(small, seed, IDS[:50])) <= set(sample(large, seed, IDS[:50]))


def test_another_seed_draws_others() -> None:
    assert set(sample(50, 1)) != set(sample(50, 2))


def test_a_sample_larger_than_the_source_is_all_of_it() -> None:
    assert sorted(sample(1000, 1)) == IDS


def test_what_is_listed_is_wanted_without_asking_the_source() -> None:
    def unasked() -> Iterator[str]:
        raise AssertionError

    assert list(chosen(Listed(["7", "00007"]), unasked, Reader())) == ["7", "00007"]


def test_a_name_that_is_no_id_is_passed_over() -> None:
    names = ["1", "", ".hidden", "a b", "x" * 65, "../1"]

    assert list(chosen(All(), lambda: iter(names), Reader())) == ["1"]


def test_classes_are_filled_to_their_quotas() -> None:
    quotas = {"0": 0, "1": 20, "5": 7, "6+": 30}

    ids = list(chosen(PerClass(quotas, 1), lambda: iter(IDS), Reader()))

    assert Counter(min(count_of(image_id) or 0, 6) for image_id in ids) == {1: 20, 5: 7, 6: 30}


def test_a_quota_that_the_source_cannot_fill_takes_all_there_are() -> None:
    there_are = [image_id for image_id in IDS if count_of(image_id) == 3]

    assert sorted(chosen(PerClass({"3": 1000}, 1), lambda: iter(IDS), Reader())) == there_are


def test_reading_counts_stops_when_every_class_is_full() -> None:
    reader = Reader()

    list(chosen(PerClass({"1": 2, "2": 2}, 1), lambda: iter(IDS), reader))

    assert len(reader.asked) < 60


def test_no_count_is_read_twice() -> None:
    reader = Reader()

    list(chosen(PerClass({"4": 40}, 1), lambda: iter(IDS), reader))

    assert len(reader.asked) == len(set(reader.asked))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"1": ["data/metadata/100313.json"], "2": ["data/metadata/00007.json", "data/metadata/7.json"]}),
        json.dumps(["100313", "00007.jpg", "bin-images/7.jpg"]),
        "100313\n00007\n7\n",
        "  100313 metadata/00007.json\r\n7",
    ],
)
def test_lists_of_every_form_name_the_same_bins(text: str, tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text(text)

    assert read_list(file) == Listed(["100313", "00007", "7"])


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[1, 2]", '{"1": 7}', '{"1": "00007"}', "[", '["..", "1"]', '["a/b/"  , ".json"]', "caf\u00e9"],
)
def test_what_is_no_list_of_bins_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(BadSelectionError, match=str(file)):
        read_list(file)


def test_a_list_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSelectionError, match="no list of bins"):
        read_list(tmp_path / "nowhere")


def test_quotas_are_read_by_class() -> None:
    assert read_quotas("1:1228, 2:2299,6+:5") == {"1": 1228, "2": 2299, "6+": 5}


@pytest.mark.parametrize("text", ["", "1", "1:", "1:x", "7:3", "1:-1", "1:2:3", "1:2;2:3"])
def test_other_quotas_are_refused(text: str) -> None:
    with pytest.raises(BadSelectionError):
        read_quotas(text)
