"""Writes a comparison down: Markdown, one HTML file, one JSON file, and a sheet of photos where photos may be shown."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image

from training.compare import FIGURES, Comparison, Criterion, Difference, Disagreement, Side
from training.report.render import Block, Heading, Paragraph, Picture, Table, as_html, as_markdown
from training.sheets import Tile, sheet

PHOTOS: Final = "disagreements.jpg"
"""The only file that shows photos; the pages carry it inside or refer to it."""

_SHOWN: Final = 24


def write(comparison: Comparison, verdict: Sequence[Criterion], out: Path, *, photos: bool) -> Path:
    """Write compare.md, compare.html, compare.json and, with `photos`, the sheet; returns the Markdown page."""
    out.mkdir(parents=True, exist_ok=True)
    (out / PHOTOS).unlink(missing_ok=True)  # an earlier comparison may have left one
    pictures = []
    if photos and comparison.disagreements:
        pictures.append(Picture(_sheet(comparison.disagreements[:_SHOWN], out), "Photos on which the two disagree"))
    blocks = page(comparison, verdict, pictures)
    (out / "compare.json").write_text(json.dumps(as_json(comparison, verdict), indent=1) + "\n", encoding="utf-8")
    (out / "compare.html").write_text(as_html(blocks), encoding="utf-8")
    written = out / "compare.md"
    written.write_text(as_markdown(blocks), encoding="utf-8")
    return written


def as_json(comparison: Comparison, verdict: Sequence[Criterion]) -> dict[str, Any]:
    """Give the one JSON object: the comparison, and how the gate judges it."""
    return comparison.report() | {
        "promoted": promoted(verdict),
        "gate": [{"name": one.name, "passed": one.passed, "because": one.because} for one in verdict],
    }


def promoted(verdict: Sequence[Criterion]) -> bool:
    """Say whether B may take A's place: it has to pass everything."""
    return all(one.passed for one in verdict)


def page(comparison: Comparison, verdict: Sequence[Criterion], pictures: Sequence[Picture]) -> list[Block]:
    """Compose what the pages say."""
    a, b = comparison.a, comparison.b
    return [
        Heading(f"{b.model} beside {a.model}", 1),
        Paragraph(
            f"{comparison.photos} photos by the protocol {comparison.protocol.value}, in {comparison.groups} groups of "
            f"bins that share goods. A is {a.model} ({a.where}), B is {b.model} ({b.where})."
        ),
        *(Paragraph(f"{name}: {side.standing.sentence}") for name, side in (("A", a), ("B", b))),
        Table(["", "A", "B", "B less A", "95 % interval"], figures(comparison)),
        Paragraph(
            "± is one standard error of the difference; it and the interval are from a bootstrap over the groups, in "
            f"which both models meet the same photos. {comparison.only_a_right} photos only A has right, "
            f"{comparison.only_b_right} only B: by McNemar's exact test p = {comparison.p_value:.3g}, were the photos "
            "independent."
        ),
        Table(
            ["latency of one photo, ms", "A", "B"],
            [
                [name, f"{getattr(a.latency, name):.2f}", f"{getattr(b.latency, name):.2f}"]
                for name in ("p50", "p95", "p99")
            ],
        ),
        Paragraph(
            f"{a.latency.photos} photos as they are stored, A and B in turns. A is timed {_timed_as(a)}, "
            f"B {_timed_as(b)}."
        ),
        Heading("May B take A's place?"),
        Table(
            ["asked for", "", "measured"],
            [[one.name, "passes" if one.passed else "fails", one.because] for one in verdict],
        ),
        Paragraph("Yes." if promoted(verdict) else "No."),
        *_disagreements(comparison, pictures),
    ]


def figures(comparison: Comparison) -> list[list[str]]:
    """Give a row for each figure: its name, A's, B's, the difference with its error, the interval."""
    return [
        [name, *(f"{getattr(side.scores, name):.4f}" for side in (comparison.a, comparison.b)), *_difference(one)]
        for name, one in ((name, comparison.differences[name]) for name in FIGURES)
    ]


def _difference(one: Difference) -> tuple[str, str]:
    return f"{one.value:+.4f} ± {one.standard_error:.4f}", f"{one.low:+.4f} to {one.high:+.4f}"


def _timed_as(side: Side) -> str:
    return {
        "package": "in this process, from file to answer",
        "server": "over HTTP, as a whole request",
        "endpoint": "through its AWS region, as a whole request",
    }[side.kind.value]


def _disagreements(comparison: Comparison, pictures: Sequence[Picture]) -> list[Block]:
    found = comparison.disagreements
    rows = [
        [one.record.image_id, str(one.record.count), *map(_said, one.said, one.with_probability), f"{one.apart:.2f}"]
        for one in found[:_SHOWN]
    ]
    return [
        Heading("Where they disagree"),
        Paragraph(
            f"They name different counts for {len(found)} photos. Below are those whose distributions are furthest "
            "apart (total variation, 0 to 1)."
        ),
        *pictures,
        Table(["bin", "true count", "A", "B", "apart"], rows),
    ]


def _said(name: str, probability: float) -> str:
    return f"{name} ({probability:.0%})"


def _sheet(found: Sequence[Disagreement], folder: Path) -> Path:
    tiles = []
    for one in found:
        with Image.open(one.record.photo) as photo:
            a, b = map(_said, one.said, one.with_probability)
            caption = f"{one.record.image_id}\ntrue {one.record.count}\nA {a}, B {b}"
            tiles.append(Tile(photo.convert("RGB"), caption))
    path = folder / PHOTOS
    sheet(tiles, columns=6).save(path, quality=85)
    return path
