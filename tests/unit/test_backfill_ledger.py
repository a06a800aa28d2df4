"""The ledger keeps what it was told, in order, through a kill, and for one process at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.backfill.errors import InUse, OtherBackfill
from ops.backfill.ledger import End, Ledger, Source
from tests.examples import image_of, images

if TYPE_CHECKING:
    from pathlib import Path

    from chalicelib.domain import BinImage

SOURCE = Source("photos", "warehouse/", photos_per_job=2)
MATCH = End("match", None, "batch", is_new=True)


def photos(number: int) -> list[BinImage]:
    return [image_of(f"warehouse/A-{index:03d}/1.jpg", sequencer="") for index in range(number)]


@given(st.lists(images, unique_by=lambda image: image.key, max_size=5))
def test_photos_come_back_as_they_were_written_down(
    tmp_path_factory: pytest.TempPathFactory, some: list[BinImage]
) -> None:
    listed = [replace(image, bucket="photos", sequencer="") for image in some]
    with Ledger.of(tmp_path_factory.mktemp("ledger")) as ledger:
        ledger.begin(Source("photos", "", photos_per_job=2))
        ledger.add(listed)
        assert [image for part in ledger.parts() for _, image in ledger.photos_of(part)] == listed


def test_a_part_holds_as_many_photos_as_a_job_counts(tmp_path: Path) -> None:
    with Ledger.of(tmp_path) as ledger:
        ledger.begin(SOURCE)
        ledger.add(photos(5)[:3])
        ledger.add(photos(5)[3:])
        assert [len(ledger.photos_of(part)) for part in ledger.parts()] == [2, 2, 1]


def test_keys_are_in_the_order_of_their_bytes_as_s3_lists_them(tmp_path: Path) -> None:
    with Ledger.of(tmp_path) as ledger:
        ledger.begin(SOURCE)
        ledger.add(
            [image_of("warehouse/Z/1.jpg"), image_of("warehouse/a/1.jpg"), image_of("warehouse/\U0001f4e6/1.jpg")]
        )
        assert ledger.last_key == "warehouse/\U0001f4e6/1.jpg"


def test_a_folder_keeps_to_one_place(tmp_path: Path) -> None:
    with Ledger.of(tmp_path) as ledger:
        ledger.begin(SOURCE)
        ledger.begin(SOURCE)
        with pytest.raises(OtherBackfill, match="warehouse/"):
            ledger.begin(replace(SOURCE, prefix="incoming/"))


def test_two_processes_do_not_work_on_one_backfill(tmp_path: Path) -> None:
    with Ledger.of(tmp_path) as first:
        first.begin(SOURCE)
        with pytest.raises(InUse), Ledger.of(tmp_path):
            pass


def test_what_ended_before_a_failure_stays_ended(tmp_path: Path) -> None:
    def killed(ledger: Ledger) -> None:
        ledger.begin(SOURCE)
        ledger.add(photos(2))
        ledger.note_end(0, MATCH)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Ledger.of(tmp_path) as ledger:
        killed(ledger)
    with Ledger.of(tmp_path) as ledger:
        assert [number for number, _ in ledger.photos_of(0)] == [1]


def test_the_standing_adds_up(tmp_path: Path) -> None:
    with Ledger.of(tmp_path) as ledger:
        ledger.begin(SOURCE)
        ledger.add(photos(3))
        ledger.finish_listing()
        ledger.note_job(0, "july-00000-1")
        ledger.note_counted(0, photos=2, answered=1)
        ledger.note_end(0, MATCH)
        ledger.note_end(1, End("rejected", "truncated", "endpoint", is_new=False))
        standing = ledger.standing()
    assert (standing.photos, standing.recorded, standing.left, standing.known_before) == (3, 2, 1, 1)
    assert (standing.jobs, standing.parts, standing.parts_counted, standing.answered) == (1, 2, 1, 1)
    assert dict(standing.ends) == {"match": 1, "rejected: truncated": 1}
    assert dict(standing.ways) == {"batch": 1, "endpoint": 1}
