"""What operators said becomes labelled photos, each once and with its origin; the rest is listed with its reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from chalicelib.domain import Verdict
from chalicelib.resolution import Cause, Resolution
from tests.feedback_fixtures import SITE, Site
from tests.fetch_fixtures import jpeg
from tests.serving_fixtures import drawn, encoded
from training.errors import FolderInUseError, OtherExportError
from training.feedback import Choice, Summary, Which, export
from training.fetch.journal import Journal
from training.fetch.sources import UnreadObjectError
from training.records import read_folder

if TYPE_CHECKING:
    from pathlib import Path

CHOICE = Choice("http://api")
NAMED = Choice("http://api", are_named=True)
ALL = Choice("http://api", which=Which.ALL)


@pytest.fixture
def site() -> Site:
    return Site()


def exported(site: Site, out: Path, choice: Choice = NAMED) -> Summary:
    return export(site, out, choice, workers=3)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def labels(out: Path) -> dict[str, int]:
    """Photo to count, read as training reads them."""
    return {record.image_id: record.count for record in read_folder(out)}


def reasons(out: Path) -> list[tuple[int, str]]:
    """Version and reason of what was left out."""
    return [(line["resolution"], line["why"]) for line in lines(out / "left-out.jsonl")]


def metadata(out: Path, image_id: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((out / f"metadata/{image_id}.json").read_text(encoding="utf-8"))
    return facts


# What is exported


def test_a_resolved_bin_gives_its_photo_with_what_the_operator_found(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    photo = site.photograph("A-1")
    site.resolve("A-1", 2)

    summary = exported(site, tmp_path)

    assert labels(tmp_path) == {photo.image_id: 2}
    assert (tmp_path / f"bin-images/{photo.image_id}.jpg").read_bytes() == site.bodies[photo.image_id]
    assert (summary.said, summary.resolutions, summary.photos, summary.left_out) == (1, 1, 1, {})


def test_a_label_tells_where_it_comes_from(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3, ("B0", 3))
    photo = site.photograph("A-1", verdict=Verdict.REVIEW, is_audit=True, stands_for=100.0)
    version = site.resolve("A-1", 2, Cause.LOST, by="ann", note="behind the shelf")

    exported(site, tmp_path)

    told = metadata(tmp_path, photo.image_id)["PROVENANCE"]
    expected = {
        "site": SITE,
        "bin_id": "A-1",
        "resolution": version,
        "at": "2026-11-22T12:03:00.000Z",
        "by": "ann",
        "reason": "lost",
        "note": "behind the shelf",
        "true_count": 2,
        "expected": 3,
        "expected_items": {"B0": 3},
        "consignment_id": "C-1",
        "predicted": "2",
        "model": "bin-counter/3",
        "policy": "FRA1/1",
        "asked": "audit",
        "stands_for": 100.0,
        "photo": "shown",
    }
    assert {name: told[name] for name in expected} == expected
    assert (told["image"]["version"], told["image"]["image_id"]) == (photo.version, photo.image_id)
    (line,) = lines(tmp_path / "manifest.jsonl")
    assert (line["id"], line["asked"], line["stands_for"]) == (photo.image_id, "audit", 100.0)


def test_bins_that_nobody_has_looked_into_are_not_exported(site: Site, tmp_path: Path) -> None:
    for verdict in (Verdict.MATCH, Verdict.MISMATCH, Verdict.REVIEW):
        site.expect(f"A-{verdict}", 3)
        site.photograph(f"A-{verdict}", verdict=verdict)

    assert exported(site, tmp_path).photos == 0
    assert labels(tmp_path) == {}


@pytest.mark.parametrize(
    ("found", "items", "goods"),
    [
        ((3, Cause.COUNTED), {"B0": 1, "B1": 2}, {"B0": 1, "B1": 2}),
        ((2, Cause.COUNTED), {"B0": 1, "B1": 2}, {}),
        ((3, Cause.WRONG_CONSIGNMENT), {"B0": 3}, {}),
        ((3, Cause.COUNTED), {}, {}),
    ],
    ids=["as expected", "another number", "other goods", "no goods named"],
)
def test_goods_are_named_where_what_was_found_bears_the_consignment_out(
    site: Site, tmp_path: Path, found: tuple[int, Cause], items: dict[str, int], goods: dict[str, int]
) -> None:
    site.expect("A-1", 3, *items.items())
    photo = site.photograph("A-1")
    site.resolve("A-1", *found)

    exported(site, tmp_path)

    written = metadata(tmp_path, photo.image_id)["BIN_FCSKU_DATA"]
    assert {asin: entry["quantity"] for asin, entry in written.items()} == goods


def test_a_png_stays_the_very_file_and_is_read_by_training(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    photo = site.photograph("A-1", encoded(drawn(), "PNG"))
    site.resolve("A-1", 2)

    exported(site, tmp_path)

    assert (tmp_path / f"bin-images/{photo.image_id}.png").read_bytes() == site.bodies[photo.image_id]
    assert labels(tmp_path) == {photo.image_id: 2}


def test_what_a_camera_wrote_into_the_file_stays_there(site: Site, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    body = encoded(drawn(), exif=exif)
    site.expect("A-1", 3)
    photo = site.photograph("A-1", body)
    site.resolve("A-1", 2)

    exported(site, tmp_path)

    assert (tmp_path / f"bin-images/{photo.image_id}.jpg").read_bytes() == body


def test_operators_stand_under_pseudonyms_unless_their_names_are_asked_for(site: Site, tmp_path: Path) -> None:
    for number, who in enumerate(("ann", "ann", "bob")):
        site.expect(f"A-{number}", 3)
        site.photograph(f"A-{number}")
        site.resolve(f"A-{number}", 2, by=who)

    exported(site, tmp_path / "named", NAMED)
    exported(site, tmp_path / "hidden", CHOICE)

    named = [metadata(tmp_path / "named", one)["PROVENANCE"]["by"] for one in labels(tmp_path / "named")]
    hidden = [metadata(tmp_path / "hidden", one)["PROVENANCE"]["by"] for one in labels(tmp_path / "hidden")]
    assert sorted(named) == ["ann", "ann", "bob"]
    assert len(set(hidden)) == 2
    assert not any(who in one for one in hidden for who in ("ann", "bob"))


# Said twice


def test_two_photos_resolved_one_after_the_other_are_two_labels(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    first = site.photograph("A-1")
    site.resolve("A-1", 2)
    second = site.photograph("A-1")
    site.resolve("A-1", 3)

    assert exported(site, tmp_path).resolutions == 2
    assert labels(tmp_path) == {first.image_id: 2, second.image_id: 3}


def test_a_correction_takes_the_place_of_what_it_corrects(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    photo = site.photograph("A-1")
    versions = [site.resolve("A-1", count) for count in (2, 4, 5)]

    exported(site, tmp_path)

    assert labels(tmp_path) == {photo.image_id: 5}
    assert reasons(tmp_path) == [(versions[0], "corrected"), (versions[1], "corrected")]


def test_what_was_taken_back_is_no_label_and_stays_on_record(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    site.photograph("A-1")
    said = site.resolve("A-1", 2, note="my count")
    back = site.reopen("A-1")

    summary = exported(site, tmp_path)

    assert (summary.photos, labels(tmp_path)) == (0, {})
    assert reasons(tmp_path) == [(said, "taken_back"), (back, "reopening")]
    assert [line["note"] for line in lines(tmp_path / "left-out.jsonl")] == ["my count", "no"]


def test_what_is_said_after_a_reopening_is_said_of_the_same_photo(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    photo = site.photograph("A-1")
    site.resolve("A-1", 2)
    site.reopen("A-1")
    site.resolve("A-1", 4)

    exported(site, tmp_path)

    assert labels(tmp_path) == {photo.image_id: 4}


def test_the_same_bytes_are_one_photo_with_what_was_said_last(site: Site, tmp_path: Path) -> None:
    body = jpeg(7)
    for bin_id in ("A-1", "A-2"):
        site.expect(bin_id, 3)
    photos = [site.photograph("A-1", body), site.photograph("A-2", body)]
    later, earlier = site.resolve("A-2", 2), site.resolve("A-1", 4)

    exported(site, tmp_path)

    assert labels(tmp_path) == {photos[0].image_id: 4}
    (line,) = lines(tmp_path / "left-out.jsonl")
    assert (line["bin_id"], line["why"], line["photo"]) == ("A-2", "same_photo", photos[1].image_id)
    assert line["detail"] == f"with version {earlier} of bin A-1, which was 4"
    assert line["resolution"] == later


# What is no label


def test_a_resolution_without_a_photo_is_no_label(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    version = site.resolve("A-1", 2)

    assert exported(site, tmp_path).photos == 0
    assert reasons(tmp_path) == [(version, "no_photo")]


def test_a_photo_of_what_the_bin_held_before_is_no_label(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    site.photograph("A-1")
    site.expect("A-1", 5)
    version = site.resolve("A-1", 5)

    assert exported(site, tmp_path).photos == 0
    assert reasons(tmp_path) == [(version, "photo_of_before")]


def test_a_photo_that_shows_something_else_is_no_label(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    site.photograph("A-1")
    version = site.resolve("A-1", 3, Cause.WRONG_PHOTO)

    assert exported(site, tmp_path).photos == 0
    assert reasons(tmp_path) == [(version, "wrong_photo")]


def test_a_photo_that_does_not_decode_is_no_label(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    photo = site.photograph("A-1", jpeg(1, size=(200, 200))[:-60])
    site.resolve("A-1", 3)

    exported(site, tmp_path)

    (line,) = lines(tmp_path / "left-out.jsonl")
    assert (line["why"], line["photo"]) == ("photo_unusable", photo.image_id)
    assert line["detail"].startswith("truncated")


def test_a_photo_that_is_gone_is_no_label(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    photo = site.photograph("A-1")
    site.resolve("A-1", 3)
    del site.bodies[photo.image_id]

    assert exported(site, tmp_path).left_out == {"photo_gone": 1}


def test_a_refused_photo_that_decodes_after_all_is_a_label(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    photo = site.photograph("A-1", verdict=Verdict.REJECTED)
    site.resolve("A-1", 3)

    exported(site, tmp_path)

    assert labels(tmp_path) == {photo.image_id: 3}


def test_a_photo_that_did_not_arrive_is_tried_again(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    photo = site.photograph("A-1")
    site.resolve("A-1", 3)
    site.troubles[photo.image_id] = UnreadObjectError("half of it")

    assert exported(site, tmp_path).unread == 1
    site.troubles.clear()
    summary = exported(site, tmp_path)

    assert (summary.unread, summary.fetched, labels(tmp_path)) == (0, 1, {photo.image_id: 3})


def test_what_says_nothing_of_the_goods_is_on_record_and_changes_no_label(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    photo = site.photograph("A-1")
    site.resolve("A-1", 3)
    common = {"bin_id": "A-1", "version": 99, "by": "ann", "at": "2026-11-22T13:00:00.000Z"}
    site.beside = [{**common, "type": "assignment", "assignee": "bob"}]

    exported(site, tmp_path)

    assert (labels(tmp_path), reasons(tmp_path)) == ({photo.image_id: 3}, [(99, "no_count")])


# More photos of one resolution


def test_all_photos_since_the_contents_changed_are_exported_where_that_is_asked_for(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 5)
    before = site.photograph("A-1")
    site.expect("A-1", 3)
    beside, refused, shown = (
        site.photograph("A-1"),
        site.photograph("A-1", verdict=Verdict.REJECTED),
        site.photograph("A-1"),
    )
    site.resolve("A-1", 2)
    later = site.photograph("A-1")

    exported(site, tmp_path / "shown")
    exported(site, tmp_path / "all", ALL)

    assert labels(tmp_path / "shown") == {shown.image_id: 2}
    assert labels(tmp_path / "all") == {shown.image_id: 2, beside.image_id: 2}
    assert not {before.image_id, refused.image_id, later.image_id} & set(labels(tmp_path / "all"))
    roles = {line["id"]: line["photo"] for line in lines(tmp_path / "all/manifest.jsonl")}
    assert roles == {shown.image_id: "shown", beside.image_id: "beside"}


def test_photos_from_before_somebody_looked_in_are_not_exported_even_if_that_was_taken_back(
    site: Site, tmp_path: Path
) -> None:
    site.expect("A-1", 3)
    site.photograph("A-1")
    site.resolve("A-1", 2)
    site.reopen("A-1")
    shown = site.photograph("A-1")
    site.resolve("A-1", 4)

    exported(site, tmp_path, ALL)

    assert labels(tmp_path) == {shown.image_id: 4}


def test_a_correction_speaks_of_all_photos_that_were_there_before_what_it_corrects(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    photos = [site.photograph("A-1").image_id for _ in range(2)]
    site.resolve("A-1", 2)
    site.resolve("A-1", 4)

    exported(site, tmp_path, ALL)

    assert labels(tmp_path) == dict.fromkeys(photos, 4)


# Again, and again


def test_an_export_is_brought_up_to_date_without_reading_a_photo_again(site: Site, tmp_path: Path) -> None:
    for bin_id in ("A-1", "A-2", "A-3"):
        site.expect(bin_id, 3, ("B0", 3))
        site.photograph(bin_id)
        site.resolve(bin_id, 3)
    exported(site, tmp_path)
    before = site.read.copy()
    site.resolve("A-2", 5)
    site.reopen("A-3")

    summary = exported(site, tmp_path)

    assert site.read == before
    assert sorted(labels(tmp_path).values()) == [3, 5]
    assert (summary.fetched, summary.already_there, summary.removed) == (0, 2, 1)
    assert len(list((tmp_path / "set-aside/bin-images").iterdir())) == 1
    goods = {record.count: record.asins for record in read_folder(tmp_path)}
    assert goods == {3: frozenset({"B0"}), 5: frozenset()}


def test_an_export_that_changes_nothing_leaves_every_byte_as_it_was(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    site.photograph("A-1")
    site.resolve("A-1", 3)
    exported(site, tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.json*")}

    exported(site, tmp_path)

    assert {file: file.read_bytes() for file in tmp_path.rglob("*.json*")} == before


def test_a_photo_that_was_damaged_in_the_folder_is_read_again(site: Site, tmp_path: Path) -> None:
    site.expect("A-1", 3)
    photo = site.photograph("A-1")
    site.resolve("A-1", 3)
    exported(site, tmp_path)
    file = tmp_path / f"bin-images/{photo.image_id}.jpg"
    file.write_bytes(file.read_bytes()[:-20])

    exported(site, tmp_path)

    assert file.read_bytes() == site.bodies[photo.image_id]


@pytest.mark.parametrize("other", [Choice("http://other"), Choice("http://api", ("MUC3",)), ALL, NAMED])
def test_a_folder_is_of_one_choice(site: Site, tmp_path: Path, other: Choice) -> None:
    exported(site, tmp_path, CHOICE)

    with pytest.raises(OtherExportError, match="holds an export with other"):
        exported(site, tmp_path, other)


def test_a_folder_of_something_else_is_refused_and_left_alone(site: Site, tmp_path: Path) -> None:
    (tmp_path / "bin-images").mkdir()
    (tmp_path / "bin-images/1.jpg").write_bytes(jpeg())

    with pytest.raises(OtherExportError):
        exported(site, tmp_path)

    assert [file.name for file in tmp_path.rglob("*.*")] == ["1.jpg"]


def test_a_folder_that_is_being_filled_is_refused(site: Site, tmp_path: Path) -> None:
    exported(site, tmp_path)

    with Journal.of(tmp_path), pytest.raises(FolderInUseError):
        exported(site, tmp_path)


# For whatever people may say

BINS = ("A-1", "A-2")
EVENTS = st.lists(
    st.tuples(st.sampled_from(BINS), st.sampled_from(("expect", "photo", "same photo", "resolve", "reopen"))),
    max_size=14,
)


def lived(events: list[tuple[str, str]]) -> Site:
    site = Site()
    for bin_id in BINS:
        site.expect(bin_id, 3)
    for number, (bin_id, event) in enumerate(events):
        if event == "expect":
            site.expect(bin_id, 2 + number)
        elif "photo" in event:
            site.photograph(bin_id, jpeg(999) if event == "same photo" else None)
        elif event == "resolve":
            site.resolve(bin_id, number % 7)
        elif site.can_be_reopened(bin_id):
            site.reopen(bin_id)
    return site


@given(EVENTS, st.sampled_from([NAMED, ALL]))
def test_whatever_is_said_is_a_label_or_has_a_reason_and_no_photo_has_two(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, str]], choice: Choice
) -> None:
    site, out = lived(events), tmp_path_factory.mktemp("export")

    summary = exported(site, out, choice)

    manifest, left_out = lines(out / "manifest.jsonl"), lines(out / "left-out.jsonl")
    accounted = {(line["bin_id"], line["resolution"]) for line in (*manifest, *left_out)}
    assert accounted == {(act.bin_id, act.version) for act in site.said}
    assert len({line["sha256"] for line in manifest}) == len(manifest) == summary.photos
    said = {(act.bin_id, act.version): act for act in site.said if isinstance(act, Resolution)}
    for line in manifest:
        assert line["count"] == said[line["bin_id"], line["resolution"]].finding.true_count
    superseded = {(act.bin_id, getattr(act, "corrects", None) or getattr(act, "reopens", None)) for act in site.said}
    assert not superseded & {(line["bin_id"], line["resolution"]) for line in manifest}
