"""The plots of a report: each function draws one from findings and gives its file."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from PIL import Image

from training.plots import BLUE, COLOURS, GREY, ORANGE, SHADES, save, styled_figure, styled_panels
from training.records import CLASSES
from training.report.curves import Reliability, share_error
from training.report.findings import Coverage, Findings, Mistake
from training.sheets import Tile, sheet

PHOTOS: Final = "worst.jpg"
"""The only file that shows photos."""

_PERCENT: Final = PercentFormatter(1, decimals=0)


def confusion(findings: Findings, folder: Path) -> Path:
    """Draw how often each truth was taken for each class: shares of the row as shades, with their photos."""
    counts = findings.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with styled_figure(5.4, 4.8) as (figure, axes):
        axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
        axes.grid(visible=False)
        for row, column in np.argwhere(counts):
            share = shares[row, column]
            ink = "white" if share > 0.55 else "#222222"
            axes.text(column, row - 0.1, f"{share:.0%}", ha="center", va="center", color=ink)
            axes.text(column, row + 0.26, f"{counts[row, column]}", ha="center", va="center", color=ink, fontsize=7)
        axes.set_xticks(range(len(CLASSES)), CLASSES)
        axes.set_yticks(range(len(CLASSES)), CLASSES)
        axes.set(xlabel="predicted count", ylabel="true count", title="Share of each true count, and photos")
        return save(figure, folder / "confusion.png")


def reliability(findings: Findings, folder: Path) -> Path:
    """Draw accuracy against confidence, in bins of equal width and of equally many photos, over the photos' number."""
    calibration = findings.calibration
    sides = [(calibration.equal_widths, "Bins of equal width"), (calibration.equal_counts, "Bins of as many photos")]
    grid = {"nrows": 2, "ncols": 2, "sharex": True, "sharey": "row", "height_ratios": [3, 1]}
    with styled_panels(7.2, 4.4, **grid) as (figure, panels):
        for (bins, title), above, below in zip(sides, panels[:2], panels[2:], strict=True):
            _calibration_curve(above, bins)
            above.set_title(f"{title}: error {bins.error:.3f}")
            below.bar(bins.confidence, bins.photos, width=0.014, color=BLUE)
            below.set_xlabel("probability of the predicted class")
        panels[0].set_ylabel("accuracy")
        panels[2].set_ylabel("photos")
        return save(figure, folder / "reliability.png")


def _calibration_curve(axes: Axes, bins: Reliability) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfectly calibrated")
    axes.errorbar(
        bins.confidence, bins.accuracy, yerr=bins.standard_error, color=BLUE, marker="o", elinewidth=1, label="measured"
    )
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.xaxis.set_major_formatter(_PERCENT)
    axes.yaxis.set_major_formatter(_PERCENT)
    axes.legend(loc="upper left")


def coverage(findings: Findings, folder: Path) -> Path:
    """Draw the accuracy among the most confident share of the photos, for the first and the last protocol."""
    with styled_figure(6, 3.6) as (figure, axes):
        lines = dict.fromkeys((0, len(findings.coverage) - 1))
        for index, colour in zip(lines, COLOURS, strict=False):
            _coverage_curve(axes, findings.coverage[index], colour)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="share of photos answered, most confident first")
        axes.set_ylabel("accuracy among them")
        axes.xaxis.set_major_formatter(_PERCENT)
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.legend(loc="lower left", title="protocol", alignment="left")
        return save(figure, folder / "coverage.png")


def _coverage_curve(axes: Axes, line: Coverage, colour: str) -> None:
    n = np.arange(1, len(line.accuracy) + 1)
    spread = share_error(line.accuracy, n)
    shown = n >= min(len(n), 20)  # of fewer photos an accuracy says nothing
    shares = n[shown] / len(n)
    axes.plot(shares, line.accuracy[shown], color=colour, label=f"{line.protocol}: AURC {line.area:.3f}")
    low, high = (line.accuracy - spread)[shown], (line.accuracy + spread)[shown]
    axes.fill_between(shares, low, high, color=colour, alpha=0.15, linewidth=0)


def signed_errors(findings: Findings, folder: Path) -> Path:
    """Draw how often the model was off by how much, and in which direction."""
    values, photos = np.unique(findings.signed_errors, return_counts=True)
    shares = photos / photos.sum()
    with styled_figure(6, 3.2) as (figure, axes):
        bars = axes.bar(values, shares, width=0.8, color=[BLUE if v == 0 else ORANGE for v in values])
        axes.bar_label(bars, [f"{share:.1%}" for share in shares], fontsize=7, padding=1, color="#333333")
        furthest = max(3, int(np.abs(values).max()))
        steps = range(-furthest, furthest + 1)
        axes.set_xticks(steps, [f"{step:+d}" if step else "0" for step in steps])
        axes.set_xlim(-furthest - 0.6, furthest + 0.6)
        axes.set(xlabel="predicted less true count (6+ as 6)", ylabel="share of photos")
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.grid(visible=False, axis="x")
        return save(figure, folder / "errors.png")


def by_count(findings: Findings, folder: Path) -> Path:
    """Draw how often each true count is hit, exactly and within one."""
    counts = findings.confusion
    photos = counts.sum(axis=1)
    true, predicted = np.indices(counts.shape)
    places = np.flatnonzero(photos)
    series = [(1, "within one", ORANGE, "s", 0.08), (0, "exact", BLUE, "o", -0.08)]
    with styled_figure(6, 3.4) as (figure, axes):
        for furthest, label, colour, marker, aside in series:
            hits = np.where(abs(true - predicted) <= furthest, counts, 0).sum(axis=1)[places] / photos[places]
            spread = share_error(hits, photos[places])
            axes.errorbar(places + aside, hits, spread, color=colour, fmt=marker, elinewidth=1, label=label)
        axes.set_xticks(range(len(CLASSES)), [f"{c}\n{n}" for c, n in zip(CLASSES, photos, strict=True)])
        axes.set(ylim=(0, 1.02), xlabel="true count, and photos", ylabel="share of photos")
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
        return save(figure, folder / "counts.png")


def worst(mistakes: list[Mistake], folder: Path) -> Path:
    """Lay the photos of the worst mistakes out as a sheet."""
    tiles = []
    for mistake in mistakes:
        with Image.open(mistake.record.photo) as photo:
            caption = (
                f"{mistake.record.image_id}\n"
                f"true {mistake.record.count}, given {mistake.probability_of_truth:.1%}\n"
                f"said {mistake.predicted}, with {mistake.confidence:.0%}"
            )
            tiles.append(Tile(photo.convert("RGB"), caption))
    path = folder / PHOTOS
    sheet(tiles, columns=4, tile_size=200).save(path, quality=85)
    return path
