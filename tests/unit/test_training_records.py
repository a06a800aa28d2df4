"""Data folders are read as they are, or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from training.errors import BrokenRecordError
from training.measures import NOTHING_KNOWN
from training.records import CLASSES, class_counts, class_mix, manifest_sha256, read_folder

if TYPE_CHECKING:
    from pathlib import Path


def add_bin(folder: Path, image_id: str, facts: Any, suffix: str = ".jpg") -> None:
    for name in ("bin-images", "metadata"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "bin-images" / f"{image_id}{suffix}").write_bytes(b"not looked at")
    (folder / "metadata" / f"{image_id}.json").write_text(facts if isinstance(facts, str) else json.dumps(facts))


def test_a_record_holds_the_count_and_the_goods(tmp_path: Path) -> None:
    add_bin(
        tmp_path, "00523", {"EXPECTED_QUANTITY": 3, "BIN_FCSKU_DATA": {"B1": {"quantity": 1}, "B2": {"quantity": 2}}}
    )

    (record,) = read_folder(tmp_path)

    assert (record.image_id, record.count, record.asins) == ("00523", 3, {"B1", "B2"})


@pytest.mark.parametrize("goods", [None, {}, []])
def test_a_bin_may_name_no_goods(tmp_path: Path, goods: Any) -> None:
    add_bin(tmp_path, "7", {"EXPECTED_QUANTITY": 2, "BIN_FCSKU_DATA": goods})

    (record,) = read_folder(tmp_path)

    assert (record.asins, record.goods) == (frozenset(), NOTHING_KNOWN)


def test_ids_that_differ_in_leading_zeros_are_different_bins(tmp_path: Path) -> None:
    add_bin(tmp_path, "1", {"EXPECTED_QUANTITY": 1})
    add_bin(tmp_path, "00001", {"EXPECTED_QUANTITY": 2})

    assert [(record.image_id, record.count) for record in read_folder(tmp_path)] == [("00001", 2), ("1", 1)]


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".jpeg", ".png"])
def test_photos_of_every_accepted_kind_are_found(tmp_path: Path, suffix: str) -> None:
    add_bin(tmp_path, "7", {"EXPECTED_QUANTITY": 0}, suffix)

    assert len(read_folder(tmp_path)) == 1


def test_other_files_beside_the_photos_are_passed_over(tmp_path: Path) -> None:
    add_bin(tmp_path, "7", {"EXPECTED_QUANTITY": 0}, ".txt")

    assert read_folder(tmp_path) == []


@pytest.mark.parametrize(("count", "label"), [(0, "0"), (1, "1"), (5, "5"), (6, "6+"), (7, "6+"), (209, "6+")])
def test_counts_above_five_share_the_open_ended_class(tmp_path: Path, count: int, label: str) -> None:
    add_bin(tmp_path, "7", {"EXPECTED_QUANTITY": count})

    (record,) = read_folder(tmp_path)

    assert CLASSES[record.label] == label


@pytest.mark.parametrize(
    "facts",
    [
        "",
        "{",
        "[]",
        "null",
        {},
        {"EXPECTED_QUANTITY": None},
        {"EXPECTED_QUANTITY": "3"},
        {"EXPECTED_QUANTITY": 2.5},
        {"EXPECTED_QUANTITY": -1},
        {"EXPECTED_QUANTITY": True},
        '{"EXPECTED_QUANTITY": NaN}',
        {"EXPECTED_QUANTITY": 1, "BIN_FCSKU_DATA": 7},
        {"EXPECTED_QUANTITY": 1, "BIN_FCSKU_DATA": ["B1"]},
        {"EXPECTED_QUANTITY": 1, "BIN_FCSKU_DATA": {"B1": 7}},
    ],
)
def test_metadata_without_a_usable_count_is_named_and_refused(tmp_path: Path, facts: Any) -> None:
    add_bin(tmp_path, "7", facts)

    with pytest.raises(BrokenRecordError, match=r"7\.json"):
        read_folder(tmp_path)


def test_a_photo_without_metadata_is_refused(tmp_path: Path) -> None:
    add_bin(tmp_path, "7", {"EXPECTED_QUANTITY": 1})
    (tmp_path / "metadata" / "7.json").unlink()

    with pytest.raises(BrokenRecordError, match=r"7\.json"):
        read_folder(tmp_path)


def test_metadata_without_a_photo_is_passed_over(tmp_path: Path) -> None:
    add_bin(tmp_path, "7", {"EXPECTED_QUANTITY": 1})
    (tmp_path / "bin-images" / "7.jpg").unlink()

    assert read_folder(tmp_path) == []


def test_the_class_mix_is_the_share_of_each_class(tmp_path: Path) -> None:
    for image_id, count in enumerate([1, 1, 3, 12]):
        add_bin(tmp_path, str(image_id), {"EXPECTED_QUANTITY": count})
    records = read_folder(tmp_path)

    assert class_counts(records) == [0, 2, 0, 1, 0, 0, 1]
    assert class_mix(records) == [0, 0.5, 0, 0.25, 0, 0, 0.25]


def test_the_manifest_hash_ignores_order_and_notices_a_moved_bin(tmp_path: Path) -> None:
    for image_id, count in enumerate([1, 2, 3]):
        add_bin(tmp_path, str(image_id), {"EXPECTED_QUANTITY": count})
    one, two, three = read_folder(tmp_path)

    same = manifest_sha256({"train": [one, two], "test": [three]})

    assert same == manifest_sha256({"test": [three], "train": [two, one]})
    assert same != manifest_sha256({"train": [one], "test": [two, three]})
