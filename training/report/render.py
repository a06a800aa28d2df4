"""A page as blocks, written out as Markdown or as one HTML file that carries its pictures inside."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_KINDS: Final = {".png": "image/png", ".jpg": "image/jpeg"}

_STYLE: Final = """\
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
img { max-width: 100%; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
"""


@dataclass(frozen=True, slots=True)
class Heading:
    """The page's title (level 1) or a section's."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain sentences."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A head and rows of as many cells."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG or JPEG file beside the page, and what it shows in a few words."""

    file: Path
    alt: str


Block = Heading | Paragraph | Table | Picture


def as_markdown(page: Sequence[Block]) -> str:
    """Write the page in Markdown; it refers to its pictures by their names."""
    return "\n\n".join(map(_markdown, page)) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return text
        case Table(head, rows):
            lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
            return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
        case Picture(file, alt):
            return f"![{alt}]({file.name})"


def as_html(page: Sequence[Block]) -> str:
    """Write the page as one HTML file that needs no other: style and pictures are inside."""
    title = next(html.escape(block.text) for block in page if isinstance(block, Heading))
    body = "\n".join(map(_html, page))
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>\n{_STYLE}</style>\n{body}\n</html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{html.escape(text)}</p>"
        case Table(head, rows):
            return f"<table>\n{_row(head, 'th')}\n" + "\n".join(_row(row, "td") for row in rows) + "\n</table>"
        case Picture(file, alt):
            inside = base64.b64encode(file.read_bytes()).decode()
            return f'<p><img src="data:{_KINDS[file.suffix]};base64,{inside}" alt="{html.escape(alt)}"></p>'


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"
