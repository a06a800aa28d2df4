"""What the demo drops in is fixed by its seed, and its mistakes are real ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageStat

if TYPE_CHECKING:
    from pathlib import Path

from chalicelib.api.policy_bodies import change_in
from local.plan import POLICY, NoPhotos, consignment_of, dimmed, drawn_plan, plan_from, policy_change


def data_folder(folder: Path, counts: dict[str, int], full_size: tuple[str, ...] = ()) -> Path:
    for name in ("bin-images", "metadata", "originals"):
        (folder / name).mkdir()
    for name, count in counts.items():
        Image.new("RGB", (8, 8)).save(folder / "bin-images" / f"{name}.jpg")
        (folder / "metadata" / f"{name}.json").write_text(json.dumps({"EXPECTED_QUANTITY": count}))
    for name in full_size:
        Image.new("RGB", (16, 16)).save(folder / "originals" / f"{name}.jpg")
    return folder


def test_a_data_folder_gives_as_many_photos_as_asked_for_full_size_ones_first(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {f"{number:03}": number % 6 for number in range(20)}, full_size=("007", "011"))
    plan = plan_from(folder, 10, seed=1)
    assert len(plan) == 10
    assert [photo.path.parent.name for photo in plan[:3]] == ["originals", "originals", "bin-images"]
    assert plan[0].holds == 7 % 6


def test_the_sites_policy_is_one_that_the_api_takes_and_expects_what_is_planted() -> None:
    change = change_in(json.dumps(policy_change()).encode())
    assert change.policy.rules.default == POLICY
    assert POLICY.mismatch_rate == pytest.approx(1 / 6, abs=0.01)
    assert {abs(step) for step, _ in POLICY.deviations} == {1, 2, 3}


def test_one_bin_in_six_is_planted_with_another_quantity_than_it_holds(tmp_path: Path) -> None:
    plan = plan_from(data_folder(tmp_path, {f"{number:03}": number % 6 for number in range(60)}), None, seed=1)
    planted = [photo for photo in plan if photo.is_planted]
    assert len(planted) == 10
    assert all(photo.expected is not None and 1 <= abs(photo.expected - photo.holds) <= 3 for photo in planted)
    assert all(photo.expected is not None and photo.expected >= 0 for photo in plan)


def test_the_same_seed_plants_the_same_mistakes(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {f"{number:03}": 3 for number in range(40)})
    assert plan_from(folder, None, seed=1) == plan_from(folder, None, seed=1)
    assert plan_from(folder, None, seed=1) != plan_from(folder, None, seed=2)


def test_a_folder_without_pairs_of_photo_and_truth_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NoPhotos, match=str(tmp_path)):
        plan_from(tmp_path, None, seed=1)


def test_a_drawn_plan_ends_with_an_unlisted_bin_and_a_file_that_is_no_photo(tmp_path: Path) -> None:
    plan = drawn_plan(tmp_path, 12, seed=1)
    assert len(plan) == 12
    assert [photo.expected for photo in plan[-2:]] == [None, None]
    assert len({photo.key for photo in plan}) == 12
    body = consignment_of(plan)
    assert len(body["bins"]) == 10
    assert all(line["expected_quantity"] >= 0 for line in body["bins"])


def test_dimmed_photos_are_darker_copies_and_what_is_no_photo_stays(tmp_path: Path) -> None:
    plan = drawn_plan(tmp_path / "photos", 12, seed=1)
    darker = dimmed(plan, 0.5, tmp_path / "dimmed")

    assert [(photo.bin_id, photo.expected) for photo in darker] == [(photo.bin_id, photo.expected) for photo in plan]
    assert darker[-1].path == plan[-1].path
    for before, now in zip(plan[:-1], darker[:-1], strict=True):
        light = [ImageStat.Stat(Image.open(photo.path).convert("L")).mean[0] for photo in (before, now)]
        assert light[1] == pytest.approx(light[0] / 2, rel=0.05)
