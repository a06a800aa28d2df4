"""The command `python -m ops export`: ask, write, tell how far it is."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - typer reads the options' types
from typing import Annotated

import typer

from ops.floor.exporting import Format, Progress, Wanted, What, to_file, to_stream
from ops.floor.options import AnySite, Token, Url, api
from ops.terminal import err, failures_told

app = typer.Typer()


@app.command()
def export(  # noqa: PLR0913, PLR0917 - one parameter per option
    what: Annotated[What, typer.Argument(metavar="WHAT", help="bins, inspections, rejections, resolutions or audit.")],
    url: Url,
    token: Token,
    site: AnySite = None,
    bin_id: Annotated[str | None, typer.Option("--bin", help="Of inspections, only those of this bin.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Only from then on (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Only before then.")] = None,
    form: Annotated[Format, typer.Option("--format", help="jsonl or csv.")] = Format.JSONL,
    file: Annotated[
        Path | None, typer.Option("--out", help="Where to; the same command goes on where it was stopped.")
    ] = None,
) -> None:
    """Write a list out whole, over all its pages, to a file or to the standard output.

    Example: python -m ops export resolutions --site FRA1 --format csv --out resolutions.csv

    Inspections of a site are read bin by bin. While a file is being written, it is called FILE.part, and FILE.progress
    holds what is left to do.
    """
    wanted = Wanted(what, site, bin_id, since, until)
    try:
        with failures_told():
            if file is None:
                to_stream(api(url, token), form, wanted, sys.stdout.buffer)
            else:
                to_file(api(url, token), form, wanted, file, _told)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from wrong


def _told(reached: Progress) -> None:
    err.print(f"{reached.written / 1e6:.1f} MB", end="\r" if reached.left else "\n", highlight=False)
