"""A released model's report on a folder of photos: figures with their errors, plots, and where it fails.

    report.md      the page, which refers to the pictures beside it
    report.html    the same in one file
    *.png          the plots
    worst.jpg      the worst mistakes' photos, unless photos are to be left out

Gathers answers and light, examines them (`findings`), then writes (`figures`, `page`, `render`). Needs no torch.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.errors import NothingToScoreError
from training.evaluate import kept_probabilities, load
from training.progress import Progress, silent
from training.records import Record, read_folder
from training.report.findings import Findings, examine
from training.report.page import Subject, page
from training.report.render import as_html, as_markdown
from training.serving.model import read_package
from training.split import split as split_of
from training.standing import standing


def report(  # noqa: PLR0913 - the command's options
    model: Path,
    data: Path,
    out: Path,
    *,
    cache: Path,
    split: str | None = None,
    seed: int = 1,
    photos: bool = True,
    progress: Progress = silent,
) -> Path:
    """Write a report of the packaged model on a data folder, or on one split of it; returns the Markdown page.

    Without `photos` nothing in `out` shows one. Answers are kept under `cache`, so that an interrupted report goes on.
    Raises UnusableModelError, BrokenRecordError, and NothingToScoreError where there is no photo.
    """
    records = read_folder(data)
    if split is not None:
        records = split_of(records, seed)[split]
    if not records:
        raise NothingToScoreError(f"no photo in {data}" + (f" is in its {split} split" if split else ""))
    facts = load(model).facts
    probabilities = kept_probabilities(model, records, cache, progress)
    findings = examine(records, probabilities.astype(np.float64), facts.prior, _light(records, progress))

    out.mkdir(parents=True, exist_ok=True)
    plots = _plots(findings, out, photos=photos)
    subject = Subject(
        model=f"{facts.name}/{facts.version}",
        photos="the data folder" if split is None else f"the {split} split (seed {seed})",
        standing=standing(json.loads(read_package(model)[1]), records, split).sentence,
    )
    blocks = page(subject, findings, plots)
    (out / "report.html").write_text(as_html(blocks), encoding="utf-8")
    written = out / "report.md"
    written.write_text(as_markdown(blocks), encoding="utf-8")
    return written


def _plots(findings: Findings, out: Path, *, photos: bool) -> dict[str, Path]:
    from training.report import figures  # matplotlib, which those who only measure need not have

    drawn = (figures.confusion, figures.reliability, figures.coverage, figures.signed_errors, figures.by_count)
    plots = {plot.__name__: plot(findings, out) for plot in drawn}
    (out / figures.PHOTOS).unlink(missing_ok=True)  # an earlier report may have left one
    if photos and findings.worst:
        plots["worst"] = figures.worst(findings.worst, out)
    return plots


def _light(records: Sequence[Record], progress: Progress) -> NDArray[np.float64]:
    """Measure the mean brightness of each photo, 0 to 255."""
    light = np.empty(len(records))
    with progress(len(records), "measuring light") as done:
        for row, record in enumerate(records):
            with Image.open(record.photo) as photo:
                photo.draft("L", (64, 64))  # a mean needs few of a JPEG's pixels
                light[row] = np.asarray(photo.convert("L")).mean()
            done()
    return light
