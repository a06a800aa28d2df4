"""One page, as Markdown and as HTML."""

from __future__ import annotations

from pathlib import Path

from training.report.render import Heading, Paragraph, Picture, Table, as_html, as_markdown

TABLE = Table(["count", "F1"], [["1", "0.54"], ["a|b", "<2"]])


def test_markdown_has_headings_tables_and_names_of_pictures() -> None:
    page = [Heading("Bins", 1), Paragraph("Few."), TABLE, Picture(Path("/somewhere/plot.png"), "A plot")]

    assert as_markdown(page) == (
        "# Bins\n\nFew.\n\n| count | F1 |\n| --- | ---: |\n| 1 | 0.54 |\n| a\\|b | <2 |\n\n![A plot](plot.png)\n"
    )


def test_html_is_titled_and_escapes_what_it_quotes() -> None:
    written = as_html([Heading("Bins & boxes", 1), TABLE])

    assert "<title>Bins &amp; boxes</title>" in written
    assert "<td>&lt;2</td>" in written


def test_html_carries_its_pictures(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"abc")

    assert 'src="data:image/jpeg;base64,YWJj" alt="A photo"' in as_html([Heading("H"), Picture(photo, "A photo")])
