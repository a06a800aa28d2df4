"""Class folders hold exactly one split, however often and with whatever interruptions they were made."""

from __future__ import annotations

import io
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from training.class_folders import split_into_folders
from training.errors import BrokenRecordError, NothingToSplitError, OtherSplitError
from training.records import CLASSES, read_folder
from training.split import SHARES, split
from training.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from training.class_folders import Outcome, Place
    from training.survey import SetAside


def jpeg(seed: int, size: tuple[int, int] = (12, 8)) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG")
    return file.getvalue()


def add_bin(data: Path, image_id: str, count: Any, *goods: str, photo: bytes | None = None) -> None:
    for name in ("bin-images", "metadata"):
        (data / name).mkdir(parents=True, exist_ok=True)
    (data / "bin-images" / f"{image_id}.jpg").write_bytes(jpeg(int(image_id)) if photo is None else photo)
    facts = {"EXPECTED_QUANTITY": count, "BIN_FCSKU_DATA": {asin: {"quantity": 1} for asin in goods}}
    (data / "metadata" / f"{image_id}.json").write_text(json.dumps(facts))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Forty bins; each shares goods with the next one of its pair."""
    for number in range(40):
        add_bin(tmp_path / "data", f"{number:05d}", number % 8, f"B{number // 2}")
    return tmp_path / "data"


def run(data: Path, out: Path, seed: int = 1, **options: Any) -> Outcome:
    return split_into_folders(data, out, seed, described, **options)


def described(out: Path, places: Sequence[Place], set_aside: Sequence[SetAside]) -> None:
    (out / "DATA_CARD.md").write_text(f"{len(places)} bins, {len(set_aside)} set aside")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def times(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in folder.rglob("*")}


def manifest(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]


class Interrupted(Exception):  # noqa: N818 - it is what happens to the run, not a mistake
    pass


def cut_off_after(steps: int, label: str) -> Any:
    """Progress that stops the run after so many steps of the work with that label."""

    @contextmanager
    def progress(_total: int, shown: str) -> Iterator[Callable[[], None]]:
        left = [steps]

        def step() -> None:
            left[0] -= 1
            if shown == label and left[0] < 0:
                raise Interrupted

        yield step

    return progress


def test_every_bin_is_in_the_folder_of_its_class_and_of_its_split(data: Path, tmp_path: Path) -> None:
    outcome = run(data, tmp_path / "out")

    for name, part in split(read_folder(data), 1).items():
        for record in part:
            placed = tmp_path / "out" / name / CLASSES[record.label] / f"{record.image_id}.jpg"
            assert placed.read_bytes() == record.photo.read_bytes()
            assert outcome.bins[CLASSES[record.label], name] > 0
    assert len(list((tmp_path / "out").glob("*/*/*.jpg"))) == 40


def test_every_split_has_every_class_folder_so_that_readers_number_them_alike(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "out")

    for name in SHARES:
        assert sorted(path.name for path in (tmp_path / "out" / name).iterdir()) == sorted(CLASSES)


def test_the_manifest_has_a_line_for_every_bin_in_id_order(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "out")

    lines = manifest(tmp_path / "out")

    assert [line["id"] for line in lines] == [f"{number:05d}" for number in range(40)]
    assert list(lines[7]) == ["id", "count", "label", "split", "group", "file", "bytes", "sha256"]
    assert (lines[7]["count"], lines[7]["label"], lines[7]["group"]) == (7, "6+", "00006")
    assert lines[7]["file"] == f"{lines[6]['split']}/6+/00007.jpg"


def test_photos_are_hard_links_and_take_no_space(data: Path, tmp_path: Path) -> None:
    outcome = run(data, tmp_path / "out")

    assert outcome.placed == {"hard links": 40}
    assert all(photo.stat().st_nlink == 2 for photo in (data / "bin-images").iterdir())


def test_copies_are_made_when_asked_for(data: Path, tmp_path: Path) -> None:
    outcome = run(data, tmp_path / "out", copy=True)

    assert outcome.placed == {"copies": 40}
    assert all(photo.stat().st_nlink == 1 for photo in (data / "bin-images").iterdir())


@pytest.mark.parametrize(
    ("broken", "way"), [({"link"}, "symbolic links"), ({"link", "symlink"}, "copies")], ids=["hard", "any"]
)
def test_a_file_system_without_links_gets_the_next_best(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: set[str], way: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("not on this file system")

    for name in broken:
        monkeypatch.setattr(os, name, refuse)

    assert run(data, tmp_path / "out").placed == {way: 40}
    assert run(data, tmp_path / "out").placed == {"already there": 40}
    assert contents(tmp_path / "out" / "test")


def test_a_second_run_changes_nothing(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "out")
    before = times(tmp_path / "out")

    assert run(data, tmp_path / "out").placed == {"already there": 40}
    assert times(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("label", "steps"),
    [("looking at photos", 17), ("placing photos", 0), ("placing photos", 23)],
)
@pytest.mark.parametrize("copy", [False, True])
def test_an_interrupted_run_goes_on_and_ends_where_an_undisturbed_one_does(
    data: Path, tmp_path: Path, label: str, steps: int, *, copy: bool
) -> None:
    with pytest.raises(Interrupted):
        run(data, tmp_path / "out", copy=copy, progress=cut_off_after(steps, label))
    assert not (tmp_path / "out" / "DATA_CARD.md").exists()

    run(data, tmp_path / "out", copy=copy)
    run(data, tmp_path / "undisturbed", copy=copy)

    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def test_photos_that_were_looked_at_before_an_interruption_are_not_decoded_again(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        survey(data, tmp_path / "memory", progress=cut_off_after(17, "looking at photos"))
    seen = data / "bin-images" / "00003.jpg"
    stamp = seen.stat()
    seen.write_bytes(b"x" * stamp.st_size)  # who looks again will notice
    os.utime(seen, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    found = survey(data, tmp_path / "memory")

    assert len(found.bins) == 40


def test_a_line_that_an_interruption_left_unfinished_is_written_again(data: Path, tmp_path: Path) -> None:
    whole = survey(data, tmp_path / "memory")
    text = (tmp_path / "memory").read_bytes()
    (tmp_path / "memory").write_bytes(text[:-20])

    assert survey(data, tmp_path / "memory") == whole
    assert (tmp_path / "memory").read_bytes() == text


def test_a_photo_that_changed_is_looked_at_again(data: Path, tmp_path: Path) -> None:
    survey(data, tmp_path / "memory")
    add_bin(data, "00003", 3, photo=jpeg(99, (30, 20)))

    changed = next(one for one in survey(data, tmp_path / "memory").bins if one.record.image_id == "00003")

    assert (changed.photo.width, changed.photo.height) == (30, 20)


def test_a_survey_reads_of_the_records_what_training_splits_by(data: Path, tmp_path: Path) -> None:
    surveyed = [one.record for one in survey(data, tmp_path / "memory").bins]

    assert [(r.photo, r.count, r.asins) for r in surveyed] == [(r.photo, r.count, r.asins) for r in read_folder(data)]


def test_a_copy_that_was_cut_short_is_made_again(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "out", copy=True)
    whole = contents(tmp_path / "out")
    file = next((tmp_path / "out" / "train").glob("*/*.jpg"))
    file.write_bytes(file.read_bytes()[:50])

    assert run(data, tmp_path / "out", copy=True).placed == {"already there": 39, "copies": 1}
    assert contents(tmp_path / "out") == whole


def test_another_seed_is_refused_and_changes_nothing(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "out")
    before = times(tmp_path / "out")

    with pytest.raises(OtherSplitError, match=r"seed 1 of 40 photos.*seed 2.*--force"):
        run(data, tmp_path / "out", seed=2)
    assert times(tmp_path / "out") == before


@pytest.mark.parametrize(
    "change",
    [
        lambda data: add_bin(data, "00077", 3),
        lambda data: add_bin(data, "00004", 6, "B2"),
        lambda data: add_bin(data, "00004", 4, "B2", photo=jpeg(5)),
        lambda data: (data / "bin-images" / "00004.jpg").unlink(),
    ],
    ids=["a bin more", "another count", "another photo", "a bin less"],
)
def test_a_changed_data_folder_is_refused_and_the_split_stays_as_it_was(
    data: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    run(data, tmp_path / "out", copy=True)
    before = contents(tmp_path / "out" / "train")
    change(data)

    with pytest.raises(OtherSplitError, match="gives another one now"):
        run(data, tmp_path / "out", copy=True)
    assert contents(tmp_path / "out" / "train") == before


def test_an_interrupted_split_is_not_finished_with_another_seed(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(data, tmp_path / "out", progress=cut_off_after(5, "placing photos"))

    with pytest.raises(OtherSplitError):
        run(data, tmp_path / "out", seed=2)


def test_force_replaces_the_split_whole(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "out")
    run(data, tmp_path / "out", seed=2, force=True)
    run(data, tmp_path / "fresh", seed=2)

    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_a_file_that_is_not_of_the_split_is_named_and_refused(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "out")
    (tmp_path / "out" / "train" / "3" / "stranger.jpg").write_bytes(b"")

    with pytest.raises(OtherSplitError, match=r"train/3/stranger\.jpg"):
        run(data, tmp_path / "out")


@pytest.mark.parametrize("force", [False, True])
def test_class_folders_that_no_split_made_are_left_alone(data: Path, tmp_path: Path, *, force: bool) -> None:
    (tmp_path / "out" / "train" / "cats").mkdir(parents=True)

    with pytest.raises(OtherSplitError, match="no split made it"):
        run(data, tmp_path / "out", force=force)


def test_a_data_folder_is_not_split_into_itself(data: Path) -> None:
    with pytest.raises(OtherSplitError, match="bin-images"):
        run(data, data, force=True)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: add_bin(data, "00004", 4, photo=b""), "photo: the file has no bytes"),
        (lambda data: add_bin(data, "00004", 4, photo=jpeg(4)[:-60]), "photo: the JPEG file ends too early"),
        (lambda data: add_bin(data, "00004", 4, photo=b"GIF89a"), "photo: GIF is not supported: send JPEG or PNG"),
        (lambda data: add_bin(data, "00004", "4"), "no usable count: EXPECTED_QUANTITY is '4'"),
        (lambda data: (data / "metadata" / "00004.json").write_text("{"), "metadata unusable: JSONDecodeError"),
        (lambda data: (data / "metadata" / "00004.json").write_text("[]"), "metadata unusable: TypeError"),
        (
            lambda data: (data / "metadata" / "00004.json").write_text(
                '{"EXPECTED_QUANTITY": 1, "BIN_FCSKU_DATA": {"B1": 2}}'
            ),
            "metadata unusable: AttributeError",
        ),
        (lambda data: (data / "metadata" / "00004.json").unlink(), "no metadata"),
    ],
    ids=["empty", "cut short", "gif", "count", "torn json", "list", "goods", "none"],
)
def test_what_is_broken_is_set_aside_with_its_reason(
    data: Path, tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(data)

    outcome = run(data, tmp_path / "out")

    (line,) = (tmp_path / "out" / "set-aside.jsonl").read_text().splitlines()
    assert json.loads(line)["id"] == "00004"
    assert json.loads(line)["reason"].startswith(reason)
    assert (outcome.bins.total(), outcome.set_aside) == (39, 1)
    assert not list((tmp_path / "out").rglob("00004.jpg"))


def test_bins_left_out_are_set_aside_and_the_others_are_placed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(100, 140):  # a chain of bins, too long to be dealt whole
        add_bin(data, f"{number:05d}", number % 8, f"B{number}", f"B{number + 2}")
    monkeypatch.setattr("training.split.LARGEST_GROUP", 10)

    outcome = run(data, tmp_path / "out")

    aside = [json.loads(line) for line in (tmp_path / "out" / "set-aside.jsonl").read_text().splitlines()]
    placed = manifest(tmp_path / "out")
    assert {line["reason"] for line in aside} == {"shares goods with bins held out"}
    assert outcome.left_out == outcome.set_aside == len(aside) > 0
    assert sorted(line["id"] for line in placed + aside) == sorted(one.image_id for one in read_folder(data))
    assert {path.stem for path in (tmp_path / "out").glob("*/*/*.jpg")} == {line["id"] for line in placed}
    assert run(data, tmp_path / "out").placed == {"already there": len(placed)}
    tied = {line["group"]: {line["split"]} for line in placed}
    assert all(line["split"] in tied[line["group"]] for line in placed)


def test_nothing_usable_is_an_error(tmp_path: Path) -> None:
    add_bin(tmp_path / "data", "1", 3, photo=b"")

    with pytest.raises(NothingToSplitError):
        run(tmp_path / "data", tmp_path / "out")


def test_what_is_no_data_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BrokenRecordError, match="bin-images"):
        run(tmp_path, tmp_path / "out")
