"""The commands about consignments: load one from a file, see how far it is, close it, and open it again."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads the options' types
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chalicelib.domain import BIN_ID
from ops.floor import tables
from ops.floor.api import JSON, named
from ops.floor.errors import places_in
from ops.floor.options import AnySite, ConsignmentId, Key, Most, Note, Token, Url, api, key_of
from ops.terminal import AsJson, failures_told, out

if TYPE_CHECKING:
    from ops.floor.api import Query

_CSV = "text/csv"

app = typer.Typer()


@app.command()
def load(  # noqa: PLR0913, PLR0917 - one parameter per option
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .json file.", exists=True, dir_okay=False)],
    url: Url,
    token: Token,
    site: AnySite = None,
    consignment: Annotated[
        str | None, typer.Option("--consignment", help="Which it is; the file's name without its ending if not given.")
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Load a consignment from a file, or put it in the place of an earlier load. The same file twice changes nothing.

    Example: python -m ops load C-4711.csv --site FRA1

    A CSV has the columns bin_id,expected_quantity and may have sku,quantity; it needs --site. JSON is the body of
    `PUT /v1/consignments/{id}`, which names its site. A file is taken whole or not at all: every mistake is told with
    its line or place.
    """
    name = consignment or file.stem
    if BIN_ID.fullmatch(name) is None:
        raise typer.BadParameter(f"{name} is no name of a consignment: give one by --consignment")
    media_type, query = _format_of(file, site)
    with failures_told():
        loaded = api(url, token).put(named("/v1/consignments/{}", name), file.read_bytes(), media_type, query)
    if as_json:
        out.print_json(json.dumps(loaded))
    else:
        how = "loaded" if loaded["changed"] else "unchanged: it was loaded like this before"
        out.print(f"{name}: {loaded['bin_count']:,} bins at {loaded['site']}, {how}", highlight=False)


@app.command()
def consignments(  # noqa: PLR0913, PLR0917 - one parameter per option
    url: Url,
    token: Token,
    consignment: Annotated[str | None, typer.Argument(metavar="[CONSIGNMENT]", help="Only this one.")] = None,
    site: AnySite = None,
    state: Annotated[str | None, typer.Option(help="loading, loaded, closed or refused.")] = None,
    most: Most = 50,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List consignments, newest first, or show how far one is.

    Example: python -m ops consignments --site FRA1 --state loaded
    """
    with failures_told():
        there = api(url, token)
        found = (
            [there.get(named("/v1/consignments/{}", consignment))]
            if consignment
            else list(there.entries("/v1/consignments", "consignments", {"site": site, "state": state}, most))
        )
    if as_json:
        out.print_json(json.dumps(found[0] if consignment else found))
        return
    out.print(tables.consignments(found))
    for one in found:
        _print_refusal(one)


@app.command()
def close(  # noqa: PLR0913, PLR0917 - one parameter per option
    consignment: ConsignmentId,
    url: Url,
    token: Token,
    even_if_open: Annotated[  # noqa: FBT002 - a switch of the command line
        bool, typer.Option("--even-if-open", help="Also while bins of it wait for a person.")
    ] = False,
    note: Note = "",
    key: Key = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Close a consignment: its bins are released. Refused while bins of it wait for a person, unless told otherwise.

    Example: python -m ops close C-4711
    """
    _change(consignment, "closing", {"even_if_open": even_if_open, "note": note}, url, token, key, as_json=as_json)


@app.command("reopen-consignment")
def reopen_consignment(  # noqa: PLR0913, PLR0917 - one parameter per option
    consignment: ConsignmentId,
    url: Url,
    token: Token,
    note: Note = "",
    key: Key = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Take a closed consignment's bins back, as they were loaded. Refused where another consignment holds them.

    Example: python -m ops reopen-consignment C-4711
    """
    _change(consignment, "reopening", {"note": note}, url, token, key, as_json=as_json)


def _format_of(file: Path, site: str | None) -> tuple[str, Query]:
    """Return as what a file is sent, and the query that goes with it."""
    ending = file.suffix.lower()
    if ending == ".csv":
        if site is None:
            raise typer.BadParameter("a CSV does not name its site: give --site")
        return _CSV, {"site": site}
    if ending == ".json":
        if site is not None:
            raise typer.BadParameter("a JSON file names its site itself")
        return JSON, {}
    raise typer.BadParameter(f"{file.name}: a .csv or a .json is needed")


def _change(  # noqa: PLR0913, PLR0917 - what both changes have
    consignment: str, act: str, body: dict[str, Any], url: str, token: str, key: str | None, *, as_json: bool
) -> None:
    with failures_told():
        answer = api(url, token).post(named(f"/v1/consignments/{{}}/{act}", consignment), body, key_of(key))
    if as_json:
        out.print_json(json.dumps(answer))
    else:
        out.print(f"{consignment}: {answer['state']}", highlight=False)


def _print_refusal(consignment: dict[str, Any]) -> None:
    refusal = consignment.get("refusal")
    if refusal:
        count = f"{refusal['error_count']:,} mistakes"
        told = "\n  ".join((f"{consignment['consignment_id']}: a file was refused, {count}", *places_in(refusal)))
        out.print(told, markup=False, highlight=False, soft_wrap=True)
