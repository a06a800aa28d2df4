"""What feedback a run learns from: nothing of the goods and photos that are held out, and each photo once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.feedback_fixtures import Site
from tests.fetch_fixtures import bins, jpeg, metadata, write_folder
from training.errors import UnfinishedExportError
from training.feedback import Choice, export
from training.feedback.taking import HELD_OUT_GOODS, HELD_OUT_PHOTO, KNOWN_PHOTO, SAID_AGAIN, Taken, taken
from training.records import Record, read_folder

if TYPE_CHECKING:
    from pathlib import Path

CHOICE = Choice("http://api")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Bins `00000` to `00007`, each with goods of its own, `B0` to `B7`."""
    return write_folder(tmp_path / "data", bins(8))


def splits_of(data: Path) -> dict[str, list[Record]]:
    """Four train, one each is held out; the last is in no split."""
    parts = {"train": slice(4), "validation": slice(4, 5), "calibration": slice(5, 6), "test": slice(6, 7)}
    records = read_folder(data)
    return {f"real-{name}": records[part] for name, part in parts.items()}


def resolved(site: Site, bin_id: str, count: int, *items: tuple[str, int], body: bytes | None = None) -> str:
    """A bin that should hold three, is photographed and resolved; returns the photo's id."""
    site.expect(bin_id, 3, *items)
    photo = site.photograph(bin_id, jpeg(500 + site.minute) if body is None else body)
    site.resolve(bin_id, count)
    return photo.image_id


def exported(site: Site, out: Path) -> Path:
    export(site, out, CHOICE, workers=1)
    return out


def chosen(data: Path, *folders: Path) -> Taken:
    return taken(folders, data, splits_of(data))


def ids(these: Taken) -> set[str]:
    return {record.image_id for record in these.records}


def test_photos_of_other_goods_are_learnt_from_with_the_operators_count(data: Path, tmp_path: Path) -> None:
    site = Site()
    known, unknown = resolved(site, "A-1", 3, ("NEW", 3)), resolved(site, "A-2", 5)

    these = chosen(data, exported(site, tmp_path / "out"))

    assert {record.image_id: record.count for record in these.records} == {known: 3, unknown: 5}
    assert (these.left_out, these.goods_unknown, these.asked) == ({}, 1, {"alert": 2})


@pytest.mark.parametrize("goods", ["B4", "B5", "B6"])
@pytest.mark.parametrize("count", [3, 2], ids=["as expected", "another number"])
def test_photos_that_show_goods_held_out_are_left_out_whatever_their_number(
    data: Path, tmp_path: Path, goods: str, count: int
) -> None:
    site = Site()
    resolved(site, "A-1", count, (goods, 1), ("NEW", 2))

    these = chosen(data, exported(site, tmp_path / "out"))

    assert (these.records, these.left_out) == ([], {HELD_OUT_GOODS: 1})


@pytest.mark.parametrize("goods", ["B0", "B3", "B7"])
def test_goods_that_only_train_or_are_in_no_split_do_no_harm(data: Path, tmp_path: Path, goods: str) -> None:
    site = Site()
    photo = resolved(site, "A-1", 3, (goods, 3))

    assert ids(chosen(data, exported(site, tmp_path / "out"))) == {photo}


@pytest.mark.parametrize(
    ("number", "why"), [(0, KNOWN_PHOTO), (4, HELD_OUT_PHOTO), (6, HELD_OUT_PHOTO), (7, HELD_OUT_PHOTO)]
)
def test_photos_of_the_data_folder_itself_are_told_by_their_bytes(
    data: Path, tmp_path: Path, number: int, why: str
) -> None:
    site = Site()
    resolved(site, "A-1", 2, body=jpeg(number))

    assert chosen(data, exported(site, tmp_path / "out")).left_out == {why: 1}


def test_a_photo_that_is_held_out_is_so_even_if_training_has_the_same_bytes(data: Path, tmp_path: Path) -> None:
    write_folder(data, {"00004": (jpeg(0), metadata(4, ["B4"]))})
    site = Site()
    resolved(site, "A-1", 2, body=jpeg(0))

    assert chosen(data, exported(site, tmp_path / "out")).left_out == {HELD_OUT_PHOTO: 1}


def test_of_a_photo_in_two_folders_the_newer_word_counts(data: Path, tmp_path: Path) -> None:
    earlier, later = Site(), Site(minute=500)
    resolved(earlier, "A-1", 1, body=jpeg(999))
    photo = resolved(later, "A-1", 4, body=jpeg(999))
    folders = exported(earlier, tmp_path / "a"), exported(later, tmp_path / "b")

    for order in (folders, folders[::-1]):
        these = chosen(data, *order)
        assert {record.image_id: record.count for record in these.records} == {photo: 4}
        assert these.left_out == {SAID_AGAIN: 1}


def test_a_folder_that_is_no_finished_export_is_refused(data: Path, tmp_path: Path) -> None:
    site = Site()
    photo = resolved(site, "A-1", 3)
    out = exported(site, tmp_path / "out")
    with pytest.raises(UnfinishedExportError, match="no finished export"):
        chosen(data, data)
    (data / "manifest.jsonl").write_text('{"id": "00001"}\n')
    with pytest.raises(UnfinishedExportError, match="not that of an export"):
        chosen(data, data)
    (out / f"metadata/{photo}.json").write_bytes(metadata(4))
    with pytest.raises(UnfinishedExportError, match="export it again"):
        chosen(data, out)
    (out / f"bin-images/{photo}.jpg").unlink()
    with pytest.raises(UnfinishedExportError, match="export it again"):
        chosen(data, out)
