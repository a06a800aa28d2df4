"""Writes a report down: Markdown, one HTML file, one JSON file, and a plot of every measure, baseline against window.

Shows no photo: captured ones are a warehouse's own. Needs matplotlib.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from training.plots import BLUE, GREY, save, styled_panels
from training.records import CLASSES
from training.report.render import Block, Heading, Paragraph, Picture, Table, as_html, as_markdown
from training.watch.drift import Counts
from training.watch.measures import BY_NAME
from training.watch.report import ADVICE, Report
from training.watch.review import Share
from training.watch.summary import HEAD, MARKS, passed_over, reviewed, rows, stretch

_COLUMNS: Final = 3


def write(report: Report, out: Path) -> Path:
    """Write watch.md, watch.html, watch.json and their picture; returns the Markdown page."""
    out.mkdir(parents=True, exist_ok=True)
    pictures = [_picture(report, out / "measures.png")] if len(report.window) else []
    blocks = page(report, pictures)
    (out / "watch.json").write_text(json.dumps(report.as_json(), indent=1) + "\n", encoding="utf-8")
    (out / "watch.html").write_text(as_html(blocks), encoding="utf-8")
    written = out / "watch.md"
    written.write_text(as_markdown(blocks), encoding="utf-8")
    return written


def page(report: Report, pictures: Sequence[Picture] = ()) -> list[Block]:
    """Compose what the pages say."""
    window = report.window
    return [
        Heading(f"{report.model}: {report.verdict}", 1),
        Paragraph(ADVICE[report.verdict]),
        Paragraph(f"{stretch(report)} Baseline: {report.baseline}."),
        Table(["measure", *HEAD], rows(report)),
        Paragraph(
            f"PSI is the population stability index. A measure has drifted where it is above {report.rule.limit:g}, "
            "from where on a difference matters, and above what chance gives so many photos (all measures together: in "
            f"{report.rule.false_alarms:.0%} of reports without any drift). Moved: beyond chance, too little to "
            "matter. With the mix: what is left of it once the baseline has the window's mix of counts. KS: the share "
            "of photos that lie elsewhere."
        ),
        *pictures,
        *_mix(report),
        *_review(report.review),
        Heading("What was passed over"),
        Table(["lines of the capture", "number"], passed_over(report)),
        *([Paragraph(f"Not in the baseline: {', '.join(report.unwatched)}.")] if report.unwatched else ()),
        Paragraph(f"Measured as the network sees them: {', '.join(_units(report))}.") if len(window) else Paragraph(""),
    ]


def _mix(report: Report) -> list[Block]:
    if report.mix is None:
        return []
    pairs = (report.mix.estimated, report.mix.mean_answer, report.mix.predicted)
    columns = [column for pair in pairs for column in pair]
    head = [
        "count",
        *(f"{what}, {when}" for what in ("bins", "mean answer", "predicted") for when in ("before", "now")),
    ]
    return [
        Heading("The mix of counts"),
        Table(head, [[name, *(f"{column[row]:.1%}" for column in columns)] for row, name in enumerate(CLASSES)]),
        Paragraph(
            "Bins, now: estimated from the answers (expectation maximisation, held to the training mix by a tenth); "
            "counts that the model hardly tells apart are hardly known here either."
        ),
    ]


def _review(share: Share | None) -> list[Block]:
    return [] if share is None else [Heading("Left to a person"), Paragraph(reviewed(share))]


def _units(report: Report) -> list[str]:
    return [f"{name} ({BY_NAME[name].unit})" for name in report.findings]


def _picture(report: Report, path: Path) -> Picture:
    names = list(report.histograms)
    high = -(-len(names) // _COLUMNS)
    with styled_panels(9, 2.1 * high, nrows=high, ncols=_COLUMNS) as (figure, panels):
        for axes, name in zip(panels, names, strict=False):
            edges, before, now = report.histograms[name]
            start, end = _occupied(before + now)
            span = slice(start, end + 1)
            axes.stairs(_shares(before)[start:end], edges[span], color=GREY, fill=True, alpha=0.45, label="baseline")
            axes.stairs(_shares(now)[start:end], edges[span], color=BLUE, linewidth=1.6, label="window")
            mark = MARKS.get(report.findings[name].state, "")
            axes.set_title(f"{name}{': ' if mark else ''}{mark}")
            axes.set_xlabel(BY_NAME[name].unit)
        for axes in panels[len(names) :]:
            axes.set_visible(False)
        panels[0].legend()
        save(figure, path)
    return Picture(path, "Share of photos in each bin of every measure, baseline and window")


def _occupied(counts: Counts) -> tuple[int, int]:
    """Find the bins between which anything is; the rest would only be empty paper."""
    filled = np.flatnonzero(counts)
    return max(int(filled[0]) - 1, 0), min(int(filled[-1]) + 2, len(counts))


def _shares(counts: Counts) -> Counts:
    shares: Counts = counts / counts.sum()
    return shares
