"""Drawn bins: the same seed gives the same photo, and the photo shows what its record says."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from training.drawn import draw_bin, drawn_counts, write_bins
from training.drawn.arrangement import Placed, arrange, visible_shares
from training.drawn.bins import draw_goods
from training.drawn.catalogue import choose_products
from training.drawn.shelf import Shelf, build_shelf

SMALL = (260, 200)


def arranged(seed: int, count: int, size: tuple[int, int]) -> tuple[Shelf, list[Placed]]:
    rng = Random(seed)  # noqa: S311 - places goods, keeps no secret
    shelf = build_shelf(rng, size)
    pictures = draw_goods(choose_products(rng, count), shelf.space, rng)
    return shelf, arrange(pictures, shelf.space, rng)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("count", range(13))
def test_every_count_is_drawn_and_its_items_add_up(count: int) -> None:
    drawn = draw_bin(7, count, SMALL)
    assert drawn.count == count == sum(item.quantity for item in drawn.items)
    assert (drawn.image.mode, drawn.image.size) == ("RGB", SMALL)


@pytest.mark.parametrize("count", [-1, 13])
def test_a_count_that_could_not_be_seen_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"not {count}"):
        draw_bin(7, count, SMALL)


def test_another_process_draws_the_same_pixels() -> None:
    here = hashlib.sha256(draw_bin(3, 5, SMALL).image.tobytes()).hexdigest()
    program = (
        "import hashlib; from training.drawn import draw_bin;"
        f"print(hashlib.sha256(draw_bin(3, 5, {SMALL}).image.tobytes()).hexdigest())"
    )
    root = Path(__file__).parents[2]
    there = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_another_seed_draws_another_photo() -> None:
    assert draw_bin(1, 3, SMALL).image.tobytes() != draw_bin(2, 3, SMALL).image.tobytes()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**64 - 1), st.integers(0, 12), st.sampled_from([(380, 250), (380, 480)]))
def test_every_good_can_be_seen_and_lies_within_the_bin(seed: int, count: int, size: tuple[int, int]) -> None:
    shelf, placed = arranged(seed, count, size)
    left, top, right, bottom = shelf.opening
    assert len(placed) == count
    assert all(share >= 0.45 for share in visible_shares(placed))
    assert all(left <= good.left < good.right <= right for good in placed)
    assert all(top <= good.top < good.bottom <= bottom for good in placed)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(0, 2**64 - 1))
def test_the_farthest_good_is_painted_first(seed: int) -> None:
    depths = [good.depth for good in arranged(seed, 6, SMALL)[1]]
    assert depths == sorted(depths, reverse=True)


def test_a_covered_good_has_a_smaller_visible_share() -> None:
    picture = Image.new("RGBA", (80, 80), (200, 30, 30, 255))
    behind, before = Placed(picture, 0, 0, 0.5), Placed(picture, 40, 0, 0.0)
    assert visible_shares([behind, before]) == [0.5, 1.0]


def test_bins_are_written_in_the_layout_of_the_public_bucket(tmp_path: Path) -> None:
    told: list[int] = []
    ids = write_bins(tmp_path, [0, 4], seed=11, progress=told.append)
    assert ids == ["drawn-000001", "drawn-000002"]
    assert told == [1, 2]
    for bin_id, count in zip(ids, [0, 4], strict=True):
        record = json.loads((tmp_path / "metadata" / f"{bin_id}.json").read_text())
        goods = record["BIN_FCSKU_DATA"]
        assert record["EXPECTED_QUANTITY"] == count == sum(good["quantity"] for good in goods.values())
        assert all(good["asin"] == asin and len(asin) == 10 for asin, good in goods.items())
        with Image.open(tmp_path / "bin-images" / f"{bin_id}.jpg") as photo:
            photo.load()
            assert photo.format == "JPEG"
            assert 380 <= photo.width <= 640


def test_a_longer_run_begins_with_the_same_photos(tmp_path: Path) -> None:
    write_bins(tmp_path / "short", [2, 1], seed=5)
    write_bins(tmp_path / "long", [2, 1, 3], seed=5)
    assert contents(tmp_path / "short").items() <= contents(tmp_path / "long").items()


def test_a_run_can_be_continued_where_another_ended(tmp_path: Path) -> None:
    write_bins(tmp_path / "whole", [2, 1, 3], seed=5)
    write_bins(tmp_path / "parts", [2], seed=5)
    assert write_bins(tmp_path / "parts", [1, 3], seed=5, first_id=2) == ["drawn-000002", "drawn-000003"]
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_counts_are_mostly_one_to_five_and_a_longer_list_begins_the_same() -> None:
    counts = drawn_counts(2000, seed=1)
    assert set(counts) == set(range(13))
    assert 0.6 < sum(1 <= count <= 5 for count in counts) / len(counts) < 0.85
    assert drawn_counts(50, seed=1) == counts[:50]
