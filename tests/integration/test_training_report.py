"""A report, from drawn bins and a tiny network to the page and its pictures."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from tests.serving_fixtures import package
from training.commands.report import report as command
from training.drawn import write_bins
from training.errors import NothingToScoreError
from training.evaluate import kept_probabilities
from training.records import class_counts, read_folder
from training.report import report
from training.split import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COUNTS = [0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 8]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_bins(folder, COUNTS, seed=1)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def page(data: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of the whole folder."""
    folder = tmp_path_factory.mktemp("report")
    return report(model, data, folder / "out", cache=folder / "cache")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_report_is_complete_and_every_picture_that_it_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert len(pictures) == 6
    for name in pictures:
        with Image.open(page.parent / name) as picture:
            picture.verify()
    assert "tiny/1" in text
    assert "12 photos of the data folder" in text
    for said in ("seed", "zero-to-five", "published run", "EXPECTED_QUANTITY", "AURC"):
        assert said in text


def test_the_html_page_needs_no_other_file(page: Path) -> None:
    html = page.with_suffix(".html").read_text(encoding="utf-8")

    assert html.count('src="data:image/') == 6
    assert html.count("src=") == 6


def test_equal_input_gives_an_equal_report(data: Path, model: Path, page: Path, tmp_path: Path) -> None:
    report(model, data, tmp_path / "out", cache=tmp_path / "cache")

    assert contents(tmp_path / "out") == contents(page.parent)


def test_without_photos_no_photo_is_left_in_the_folder(data: Path, model: Path, page: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(page.parent, out)
    assert "worst.jpg" in contents(out)

    again = report(model, data, out, cache=tmp_path / "cache", photos=False)

    assert not [name for name in contents(out) if name.endswith((".jpg", ".jpeg"))]
    assert "jpg" not in again.read_text(encoding="utf-8")
    assert "image/jpeg" not in again.with_suffix(".html").read_text(encoding="utf-8")


def test_the_plots_are_small_enough_for_a_repository(page: Path) -> None:
    assert all(path.stat().st_size < 60_000 for path in page.parent.glob("*.png"))


def test_a_split_that_the_models_record_names_is_said_to_be_what_it_was(data: Path, tmp_path: Path) -> None:
    part = split(read_folder(data), seed=1)["train"]
    stated = {"classes_per_split": {"real-train": class_counts(part)}}
    known = package(tmp_path / "known", data=stated)

    page = report(known, data, tmp_path / "out", cache=tmp_path / "cache", split="train", photos=False)

    text = page.read_text(encoding="utf-8")
    assert f"{len(part)} photos of the train split (seed 1)" in text
    assert "The model has learnt from them" in text


def test_a_split_that_the_model_does_not_name_is_not_called_unseen(data: Path, model: Path, tmp_path: Path) -> None:
    page = report(model, data, tmp_path / "out", cache=tmp_path / "cache", split="train", photos=False)

    assert "it may have learnt from some of these" in page.read_text(encoding="utf-8")


def test_bins_above_five_alone_have_a_report_too(model: Path, tmp_path: Path) -> None:
    write_bins(tmp_path / "data", [7, 8, 9], seed=2)

    page = report(model, tmp_path / "data", tmp_path / "out", cache=tmp_path / "cache")

    assert "published run" not in page.read_text(encoding="utf-8")


def test_an_empty_folder_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "bin-images").mkdir(parents=True)

    with pytest.raises(NothingToScoreError, match="no photo"):
        report(model, tmp_path / "data", tmp_path / "out", cache=tmp_path / "cache")


def test_an_interrupted_count_goes_on_where_it_stopped(data: Path, model: Path, tmp_path: Path) -> None:
    records = read_folder(data)

    with pytest.raises(KeyboardInterrupt):
        kept_probabilities(model, records, tmp_path, interrupted_after(7), stretch=4)
    (kept,) = tmp_path.glob("*.npy")
    assert len(np.load(kept)) == 4

    marked = np.full((4, 7), 1 / 7, np.float32)
    np.save(kept, marked)
    resumed = kept_probabilities(model, records, tmp_path, stretch=4)

    assert len(resumed) == len(records)
    assert (resumed[:4] == marked).all(), "what was kept is not asked for again"


def test_another_model_or_another_photo_is_asked_anew(data: Path, model: Path, tmp_path: Path) -> None:
    records = read_folder(data)[:3]
    kept_probabilities(model, records, tmp_path / "cache")
    kept_probabilities(package(tmp_path / "other", version=2), records, tmp_path / "cache")
    kept_probabilities(model, records[:2], tmp_path / "cache")

    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_the_command_names_the_pages_that_it_wrote(data: Path, model: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    folders = ["--model", model, "--data", data, "--out", tmp_path / "out", "--cache", tmp_path / "cache"]

    outcome = CliRunner().invoke(app, [*map(str, folders), "--no-photos"])

    assert outcome.exit_code == 0, outcome.output
    assert "report.md" in outcome.output
    assert (tmp_path / "out" / "report.html").is_file()


def test_the_command_refuses_a_split_that_does_not_exist(data: Path, model: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    arguments = ["--model", model, "--data", data, "--out", tmp_path, "--split", "holiday"]

    outcome = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "300", "TERM": "dumb"})

    assert outcome.exit_code == 2
    assert "validation" in outcome.output


def interrupted_after(steps: int) -> Callable:
    """Progress at whose step after so many somebody presses Ctrl-C."""

    @contextmanager
    def progress(_total: int, _label: str) -> Iterator[Callable[[], None]]:
        taken = iter(range(steps))

        def done() -> None:
            if next(taken, None) is None:
                raise KeyboardInterrupt

        yield done

    return progress
