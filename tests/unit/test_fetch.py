"""A fetch ends in the same folder however often it was stopped, and what is broken does not stop it."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.fetch_fixtures import FakeSource, bins, files_in, jpeg, metadata, write_folder
from training.errors import FolderInUseError, UnusableSourceError, UnwritableFolderError
from training.fetch import All, FolderSource, Listed, PatientSource, PerClass, Sample, Summary, estimate, fetch
from training.fetch.journal import Journal
from training.fetch.sources import UnreadObjectError
from training.parallel import in_order
from training.records import read_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BROKEN: dict[str, tuple[bytes | None, bytes | None]] = {
    "no-photo": (None, metadata()),
    "no-count": (jpeg(), metadata(None)),
    "negative": (jpeg(), metadata(-2)),
    "no-json": (jpeg(), b"{"),
    "truncated": (jpeg(size=(200, 200))[:-40], metadata()),
}


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def fetched(source: Any, out: Path, selection: Any = All(), **options: Any) -> Summary:  # noqa: B008 - frozen
    return fetch(source, out, selection, **{"workers": 4, **options})


@pytest.fixture
def untouched(tmp_path: Path) -> dict[str, bytes]:
    """The folder that a fetch of forty bins and the broken ones ends in, when nothing interrupts it."""
    fetched(FakeSource(bins(40) | BROKEN), tmp_path / "untouched")
    return files_in(tmp_path / "untouched")


def test_a_fetched_folder_holds_the_bins_as_they_were(tmp_path: Path) -> None:
    content = bins(20)

    summary = fetched(FakeSource(content), tmp_path)

    assert (summary.wanted, summary.fetched, summary.already_there, summary.set_aside) == (20, 20, 0, {})
    assert summary.bytes_fetched == sum(len(photo) + len(facts) for photo, facts in content.values() if photo and facts)
    assert all((tmp_path / f"bin-images/{name}.jpg").read_bytes() == content[name][0] for name in content)
    assert [record.image_id for record in read_folder(tmp_path)] == list(content)


def test_the_manifest_is_in_id_order_whatever_the_order_of_listing(tmp_path: Path) -> None:
    content = dict(reversed(bins(20).items())) | {"7": (jpeg(), metadata(7)), "00007": (jpeg(), metadata(2))}

    fetched(FakeSource(content), tmp_path)

    manifest = lines(tmp_path / "manifest.jsonl")
    assert [line["id"] for line in manifest] == sorted(content)
    assert {line["id"]: line["count"] for line in manifest if line["id"].endswith("7")} == {
        "00007": 2,
        "00017": 1,
        "7": 7,
    }


def test_broken_bins_are_set_aside_with_their_reasons_and_the_rest_arrives(tmp_path: Path) -> None:
    summary = fetched(FakeSource(bins(3) | BROKEN), tmp_path, Listed([*bins(3), *BROKEN, "nowhere"]))

    assert (summary.wanted, summary.fetched) == (9, 3)
    assert summary.set_aside == {
        "no usable count": 2,
        "metadata unusable": 1,
        "photo and metadata missing": 1,
        "photo does not decode": 1,
        "photo missing": 1,
    }
    reasons = {line["id"]: line["reason"] for line in lines(tmp_path / "set-aside.jsonl")}
    assert list(reasons) == sorted([*BROKEN, "nowhere"])
    assert reasons["negative"] == "no usable count: EXPECTED_QUANTITY is -2"
    assert len(read_folder(tmp_path)) == 3


def test_what_there_is_of_a_broken_bin_is_kept_beside(tmp_path: Path) -> None:
    fetched(FakeSource(BROKEN), tmp_path)

    kept = {name.removeprefix("set-aside/") for name in files_in(tmp_path) if name.startswith("set-aside/")}
    assert kept == {
        *(f"bin-images/{name}.jpg" for name, (photo, _) in BROKEN.items() if photo is not None),
        *(f"metadata/{name}.json" for name, (_, facts) in BROKEN.items() if facts is not None),
    }


def test_metadata_missing_of_a_listed_bin_is_a_reason(tmp_path: Path) -> None:
    summary = fetched(FakeSource({"1": (jpeg(), None)}), tmp_path, Listed(["1"]))

    assert summary.set_aside == {"metadata missing": 1}


@pytest.mark.parametrize("stop_at", ["00000", "00001", "00017", "00039", "truncated"])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_fetch_that_was_stopped_and_run_again_ends_in_the_same_folder(
    tmp_path: Path, untouched: dict[str, bytes], stop_at: str, workers: int
) -> None:
    content = bins(40) | BROKEN
    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        fetched(FakeSource(content, {stop_at: [KeyboardInterrupt()]}), out, workers=workers)

    fetched(FakeSource(content), out)

    assert files_in(out) == untouched


def test_nothing_that_is_complete_is_read_again(tmp_path: Path) -> None:
    content = bins(40)
    first = FakeSource(content, {"00025": [UnusableSourceError("the bucket is gone")]})
    with pytest.raises(UnusableSourceError):
        fetched(first, tmp_path, workers=1)

    second = FakeSource(content)
    summary = fetched(second, tmp_path, workers=1)

    whole = set(first.photos_read) - {"00025"}
    assert whole
    assert whole.isdisjoint(second.photos_read)
    assert (summary.fetched, summary.already_there) == (40 - len(whole), len(whole))


def test_bins_whose_record_a_kill_took_are_found_by_their_files(tmp_path: Path) -> None:
    fetched(FakeSource(bins(10)), tmp_path)
    for notes in (tmp_path / ".fetch").glob("journal*"):
        notes.unlink()

    source = FakeSource(bins(10))
    summary = fetched(source, tmp_path)

    assert (summary.fetched, summary.already_there, source.photos_read) == (0, 10, [])


def test_a_second_run_changes_nothing_and_reads_nothing(tmp_path: Path) -> None:
    fetched(FakeSource(bins(10) | BROKEN), tmp_path)
    before = files_in(tmp_path)

    source = FakeSource(bins(10) | BROKEN)
    summary = fetched(source, tmp_path)

    assert (files_in(tmp_path), source.photos_read) == (before, [])
    assert (summary.already_there, sum(summary.set_aside.values())) == (10, len(BROKEN))


@pytest.mark.parametrize("damage", ["bin-images/00003.jpg", "metadata/00003.json"])
def test_a_file_that_was_lost_is_read_again(tmp_path: Path, damage: str) -> None:
    fetched(FakeSource(bins(10)), tmp_path)
    before = files_in(tmp_path)
    (tmp_path / damage).unlink()

    source = FakeSource(bins(10))
    fetched(source, tmp_path)

    assert (source.photos_read, files_in(tmp_path)) == (["00003"], before)


def test_a_photo_that_was_cut_short_on_disk_is_read_again(tmp_path: Path) -> None:
    fetched(FakeSource(bins(10)), tmp_path)
    before = files_in(tmp_path)
    (tmp_path / "bin-images/00003.jpg").write_bytes(b"\xff\xd8\xff")

    fetched(FakeSource(bins(10)), tmp_path)

    assert files_in(tmp_path) == before


def test_asking_for_more_fetches_only_what_is_new_and_lists_it_all(tmp_path: Path) -> None:
    fetched(FakeSource(bins(40)), tmp_path, Sample(10, seed=1))

    source = FakeSource(bins(40))
    summary = fetched(source, tmp_path, Sample(15, seed=1))

    assert (summary.wanted, summary.fetched, summary.already_there) == (15, 5, 10)
    assert len(lines(tmp_path / "manifest.jsonl")) == 15


def test_a_sample_of_each_class_is_fetched(tmp_path: Path) -> None:
    fetched(FakeSource(bins(60) | BROKEN), tmp_path, PerClass({"2": 3, "6+": 4}, seed=1))

    assert sorted(record.label for record in read_folder(tmp_path)) == [2, 2, 2, 6, 6, 6, 6]


def test_what_was_set_aside_is_tried_again_only_when_asked(tmp_path: Path) -> None:
    fetched(FakeSource(BROKEN), tmp_path)
    mended = {image_id: (jpeg(), metadata()) for image_id in BROKEN}

    unasked = fetched(FakeSource(mended), tmp_path)
    asked = fetched(FakeSource(mended), tmp_path, retry_set_aside=True)

    assert (unasked.fetched, asked.fetched, asked.set_aside) == (0, len(BROKEN), {})
    assert not [name for name in files_in(tmp_path) if name.startswith("set-aside/")]
    assert (tmp_path / "set-aside.jsonl").read_text() == ""


def test_a_broken_file_that_lay_in_the_folder_is_kept_aside_where_the_source_has_none(tmp_path: Path) -> None:
    write_folder(tmp_path, {"1": (b"mine", metadata())})

    fetched(FakeSource({"1": (None, metadata())}), tmp_path)

    assert (tmp_path / "set-aside/bin-images/1.jpg").read_bytes() == b"mine"
    assert read_folder(tmp_path) == []


def test_a_body_that_stopped_half_way_is_read_again_after_a_growing_wait(tmp_path: Path) -> None:
    waits: list[float] = []
    source = FakeSource(bins(3), {"00001": [UnreadObjectError("cut"), UnreadObjectError("cut")]})

    summary = fetched(PatientSource(source, waits.append), tmp_path)

    assert (summary.fetched, waits) == (3, [0.5, 1.0])


def test_a_bin_that_the_network_keeps_back_is_tried_again_by_the_next_run(tmp_path: Path) -> None:
    source = FakeSource(bins(3), {"00001": [UnreadObjectError("cut")] * 3})

    first = fetched(PatientSource(source, lambda _: None), tmp_path)
    reasons = lines(tmp_path / "set-aside.jsonl")
    second = fetched(source, tmp_path)

    assert (first.fetched, first.set_aside, reasons) == (
        2,
        {"not read": 1},
        [{"id": "00001", "reason": "not read: cut"}],
    )
    assert (second.fetched, second.already_there, second.set_aside) == (1, 2, {})


def test_a_source_that_answers_nobody_any_more_ends_the_run(tmp_path: Path) -> None:
    content = bins(300)
    silence: Mapping[str, list[BaseException]] = {
        image_id: [UnreadObjectError("unreachable")] for image_id in content if image_id >= "00100"
    }
    source = FakeSource(content, silence)

    with pytest.raises(UnusableSourceError, match=r"50 bins in a row were not read: unreachable"):
        fetched(source, tmp_path)

    assert len(source.photos_read) < 200
    assert fetched(FakeSource(content), tmp_path).already_there == 100


def test_an_unfinished_folder_has_no_manifest(tmp_path: Path) -> None:
    fetched(FakeSource(bins(3)), tmp_path)

    with pytest.raises(UnusableSourceError):
        fetched(FakeSource(bins(9), {"00008": [UnusableSourceError("gone")]}), tmp_path)

    assert not (tmp_path / "manifest.jsonl").exists()


def test_two_fetches_do_not_fill_one_folder_at_once(tmp_path: Path) -> None:
    fetched(FakeSource(bins(1)), tmp_path)

    with Journal.of(tmp_path), pytest.raises(FolderInUseError, match="another process"):
        fetched(FakeSource(bins(2)), tmp_path)


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(UnwritableFolderError, match="Not a directory"):
        fetched(FakeSource(bins(1)), tmp_path / "file")


def test_a_damaged_journal_is_told_with_its_remedy(tmp_path: Path) -> None:
    fetched(FakeSource(bins(1)), tmp_path)
    (tmp_path / ".fetch/journal.sqlite").write_bytes(b"no database at all" * 100)

    with pytest.raises(UnwritableFolderError, match="delete it"):
        fetched(FakeSource(bins(1)), tmp_path)


def test_a_folder_is_a_source_like_any_other(tmp_path: Path) -> None:
    origin = write_folder(tmp_path / "origin", bins(12) | BROKEN)

    summary = fetched(FolderSource(origin), tmp_path / "copy")

    assert (summary.fetched, sum(summary.set_aside.values())) == (12, len(BROKEN))


def test_a_folder_that_is_none_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(UnusableSourceError, match="no data folder"):
        fetched(FolderSource(tmp_path / "nowhere"), tmp_path / "out")


def test_an_estimate_counts_what_is_outstanding_and_leaves_no_trace(tmp_path: Path) -> None:
    content = bins(30)
    size = sum(len(photo) + len(facts) for photo, facts in content.values() if photo and facts)

    whole = estimate(FakeSource(content), tmp_path / "new", All(), workers=4)
    fetched(FakeSource(content), tmp_path / "part", Sample(10, seed=1))
    before = files_in(tmp_path / "part")
    rest = estimate(FakeSource(content), tmp_path / "part", All(), workers=4)
    nothing = estimate(FakeSource(content), tmp_path / "part", Sample(10, seed=1), workers=4)

    assert (whole.wanted, whole.outstanding, whole.objects, whole.about_bytes) == (30, 30, 60, size)
    assert not (tmp_path / "new").exists()
    assert (rest.wanted, rest.outstanding, rest.objects) == (30, 20, 40)
    assert (nothing.outstanding, nothing.about_bytes) == (0, 0)
    assert files_in(tmp_path / "part") == before


def test_never_more_bins_are_read_at_once_than_there_are_workers(tmp_path: Path) -> None:
    source = FakeSource(bins(60))

    fetched(source, tmp_path, workers=3)

    assert 1 <= source.most_busy <= 3


def test_only_a_few_bins_are_taken_ahead() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for number in range(10**9):
            taken.append(number)
            yield number

    results = in_order(str, endless(), workers=2)

    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    results.close()
    assert len(taken) <= 3 + 8


class Counted(bytes):
    """A file's content; the class knows how many of them are in memory, and how many ever were at once."""

    alive = most = 0
    counting = threading.RLock()

    def __new__(cls, content: bytes) -> Self:
        with cls.counting:
            cls.alive += 1
            cls.most = max(cls.most, cls.alive)
        return super().__new__(cls, content)

    def __del__(self) -> None:
        with self.counting:
            type(self).alive -= 1


def test_only_the_bins_under_way_are_in_memory(tmp_path: Path) -> None:
    class Many:
        """Bins that look alike, each read anew."""

        def ids(self) -> Iterator[str]:
            return (f"{n:06d}" for n in range(500))

        def photo(self, _: str) -> bytes:
            return Counted(photo)

        def metadata(self, _: str) -> bytes:
            return Counted(facts)

        def size(self, _: str) -> int:
            return len(photo) + len(facts)

    photo, facts = jpeg(size=(1, 1)), metadata()

    assert fetched(Many(), tmp_path / "out", workers=2).fetched == 500

    assert Counted.alive == 0
    assert Counted.most <= 2 * 2  # a photo and its metadata for each worker
