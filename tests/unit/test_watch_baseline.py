"""What is measured, and a model's baseline: of which photos it is made, how it travels, and whom it may judge."""

from __future__ import annotations

import io
import json
import math
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.serving_fixtures import archive, drawn, encoded, package
from training.drawn import write_bins
from training.endpoint.package import packed
from training.errors import UnusableBaselineError
from training.records import Record, read_folder
from training.serving.images import RESAMPLING, STORED_QUALITY, BadImage
from training.serving.model import CountModel
from training.watch.baseline import BASELINE, Baseline, read
from training.watch.make import of_training, unseen_splits
from training.watch.measures import MEASURES, NAMES, Kind, binned, names_of, of_answers, of_photo, of_pixels

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (224, 224)
FILES = names_of(Kind.FILE)


def flat(*colour: int) -> np.ndarray:
    return np.full((20, 30, 3), colour, np.uint8)


@pytest.fixture(scope="module")
def bins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bins")
    write_bins(folder, [0, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4], seed=1)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return package(tmp_path / "model")


def splits_of(folder: Path) -> dict[str, list[Record]]:
    records = read_folder(folder)
    return {"train": records[:5], "validation": records[5:8], "calibration": records[8:11], "test": records[11:]}


def shrunk(folder: Path, to: Path) -> Path:
    """The same bins as copies at the network's size, as the data set has them."""
    shutil.copytree(folder, to)
    for photo in (to / "bin-images").iterdir():
        with Image.open(photo) as image:
            image.convert("RGB").resize(SIZE, RESAMPLING).save(photo, "JPEG", quality=STORED_QUALITY)
    return to


def test_pixels_are_measured_as_they_are_named() -> None:
    grey, red = of_pixels(flat(100, 100, 100)), of_pixels(flat(200, 0, 50))
    chequered = np.indices((20, 30)).sum(axis=0)[..., None] % 2 * np.full(3, 100)

    assert grey == pytest.approx((100, 0, 0, 0), abs=1e-4)
    assert (red[0], red[3]) == (pytest.approx(0.299 * 200 + 0.114 * 50, abs=0.01), 150)
    assert of_pixels(chequered.astype(np.uint8))[1:3] == pytest.approx((50, 100), abs=0.01)


def test_answers_are_measured_as_they_are_named() -> None:
    even, sure = of_answers(np.array([np.full(7, 1 / 7), np.eye(7)[3]]))

    assert even.tolist() == pytest.approx([1 / 7, math.log(7), 0], abs=1e-5)
    assert sure.tolist() == pytest.approx([1, 0, 3], abs=1e-5)


def test_a_full_size_photo_looks_as_its_copy_does_and_only_the_file_tells_them_apart() -> None:
    photo = drawn(size=(640, 480))
    copy = io.BytesIO()
    photo.resize(SIZE, RESAMPLING).save(copy, "JPEG", quality=STORED_QUALITY)
    full, small = of_photo(encoded(photo, "PNG"), SIZE), of_photo(copy.getvalue(), SIZE)

    assert full[:4] == small[:4]
    assert full[4:7] == (640, 480, 640 / 480)


def test_a_photo_is_measured_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6

    assert of_photo(encoded(drawn(size=(64, 48)), exif=exif), SIZE)[4:6] == (48, 64)


def test_what_the_server_would_refuse_is_not_measured() -> None:
    with pytest.raises(BadImage):
        of_photo(b"no photo", SIZE)


@pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
def test_every_value_has_a_bin(measure: object) -> None:
    edges = np.array(measure.edges)  # type: ignore[attr-defined]
    values = np.array([-1e9, *((edges[1:] + edges[:-1]) / 2), 1e9], np.float32)

    assert binned(values, edges).tolist() == [0, *range(len(edges) - 1), len(edges) - 2]


def test_answers_come_from_photos_that_the_model_has_not_learnt_from(model: Path, bins: Path) -> None:
    splits = splits_of(bins)
    made = of_training(model, splits, bins / "originals")
    counter = CountModel.load(model)
    unseen = [record for name in ("validation", "calibration") for record in splits[name]]
    said = np.array([counter.answer(record.photo.read_bytes())["probabilities"] for record in unseen])

    assert made.references["confidence"].photos == 6
    assert made.mean_answer == pytest.approx(said.mean(axis=0), abs=1e-5)
    assert made.references["brightness"].photos == 11, "test stays untouched"
    assert made.references["brightness"].by_count.sum(axis=1).tolist() == [1, 2, 2, 2, 1, 1, 2]


@pytest.mark.parametrize(
    ("knobs", "unseen"),
    [
        ({}, ("validation", "calibration")),
        ({"learn_from_validation": False}, ("validation", "calibration")),
        ({"learn_from_validation": True}, ("calibration",)),
    ],
)
def test_validation_photos_that_were_learnt_from_are_not_asked(knobs: dict[str, bool], unseen: tuple[str]) -> None:
    assert unseen_splits({"hyperparameters": knobs}) == unseen


def test_copies_tell_nothing_of_files_and_originals_do(model: Path, bins: Path, tmp_path: Path) -> None:
    copies = shrunk(bins, tmp_path / "copies")
    alone = of_training(model, splits_of(copies), copies / "originals")
    originals = copies / "originals"
    originals.mkdir()
    for name in sorted((bins / "bin-images").iterdir())[:4]:
        shutil.copy(name, originals)
    with_some = of_training(model, splits_of(copies), originals)

    assert set(NAMES) - set(alone.references) == set(FILES)
    assert {with_some.references[name].photos for name in FILES} == {4}
    assert with_some.references["brightness"].photos == 11


def test_a_model_that_has_seen_everything_has_no_baseline(model: Path, bins: Path) -> None:
    with pytest.raises(UnusableBaselineError, match="no photo in validation, calibration"):
        of_training(model, {"train": splits_of(bins)["train"]}, bins / "originals")


@pytest.fixture
def baseline(model: Path, bins: Path) -> Baseline:
    made = of_training(model, splits_of(bins), bins / "originals")
    (model / BASELINE).write_text(made.written())
    return made


def test_a_baseline_reads_back_from_folder_archive_and_file(baseline: Baseline, model: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "ours.json"
    elsewhere.write_text(baseline.written())

    for found in (read(model), read(archive(model)), read(model, elsewhere)):
        assert found.written() == baseline.written()


def test_making_it_again_gives_the_same_file(baseline: Baseline, model: Path, bins: Path) -> None:
    assert of_training(model, splits_of(bins), bins / "originals").written() == baseline.written()


def test_it_travels_with_the_model_and_disturbs_nobody(baseline: Baseline, model: Path, tmp_path: Path) -> None:
    facts = json.loads((model / "model.json").read_text()) | {"metrics": {}}
    (model / "model.json").write_text(json.dumps(facts))
    sent = tmp_path / "sent.tar.gz"
    sent.write_bytes(packed(model).archive.body)

    assert read(sent).written() == baseline.written()
    assert CountModel.load(sent).facts.name == "tiny"


def test_a_baseline_of_another_network_judges_nobody(baseline: Baseline, model: Path) -> None:
    (model / BASELINE).write_text(replace(baseline, network_sha256="0" * 64).written())

    with pytest.raises(UnusableBaselineError, match=r"another network than tiny/1 .* make it anew"):
        read(model)


def test_a_model_without_a_baseline_says_how_to_make_one(model: Path) -> None:
    with pytest.raises(UnusableBaselineError, match="python -m training baseline"):
        read(model)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "counts": []}'])
def test_what_is_no_baseline_is_refused(model: Path, text: str) -> None:
    (model / BASELINE).write_text(text)

    with pytest.raises(UnusableBaselineError):
        read(model)


def test_a_measure_whose_bins_do_not_fit_is_refused(baseline: Baseline, model: Path) -> None:
    facts = json.loads(baseline.written())
    facts["measures"]["brightness"]["by_count"] = [[1, 2]]
    (model / BASELINE).write_text(json.dumps(facts))

    with pytest.raises(UnusableBaselineError, match="nothing usable of brightness"):
        read(model)
