"""The commands about bins: what waits, one in full, and what people do about them. Ask and print."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.live import Live

from chalicelib.domain import BinState, Severity  # noqa: TC001 - typer reads the options' types
from chalicelib.resolution import Cause  # noqa: TC001 - likewise
from ops.floor import tables
from ops.floor.api import named
from ops.floor.errors import Unreachable
from ops.floor.options import AnySite, BinId, Key, Most, Note, Site, Token, Url, Version, api, key_of
from ops.floor.watching import news
from ops.terminal import AsJson, Exit, err, failures_told, out

if TYPE_CHECKING:
    from ops.floor.api import Api, Query

_PHOTOS_SHOWN = 10

app = typer.Typer()


@app.command()
def bins(  # noqa: PLR0913, PLR0917 - one parameter per option
    url: Url,
    token: Token,
    site: AnySite = None,
    status: Annotated[BinState | None, typer.Option(help="Only bins that stand so.")] = None,
    attention: Annotated[  # noqa: FBT002 - a switch of the command line
        bool, typer.Option("--attention", help="Only bins that wait for a person; needs --site.")
    ] = False,
    consignment: Annotated[str | None, typer.Option(help="Only bins of this consignment.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Only bins whose alert is of this severity.")] = None,
    assignee: Annotated[str | None, typer.Option(help="Only bins that are somebody's.")] = None,
    beginning: Annotated[str | None, typer.Option("--q", help="Only bins whose names begin so.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Only bins that changed since then (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Only bins that changed before then.")] = None,
    sort: Annotated[str | None, typer.Option(help="newest, cost or name, where the list can be had so.")] = None,
    most: Most = 50,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List bins. What can't be asked for at once is refused with what can.

    Example: python -m ops bins --site FRA1 --status mismatch --most 20
    """
    query: Query = {
        "site": site,
        "status": status,
        "attention": "true" if attention else None,
        "consignment": consignment,
        "severity": severity,
        "assignee": assignee,
        "q": beginning,
        "from": since,
        "to": until,
        "sort": sort,
    }
    with failures_told():
        found = list(api(url, token).entries("/v1/bins", "bins", query, most))
    if as_json:
        out.print_json(json.dumps(found))
    else:
        out.print(tables.bins(found))


@app.command()
def show(bin_id: BinId, url: Url, token: Token, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Show a bin: where it stands and why, its newest photos, and what people said of it.

    Example: python -m ops show A-17
    """
    with failures_told():
        there = api(url, token)
        bin_ = there.get(named("/v1/bins/{}", bin_id))
        photos, acts = (
            list(there.entries(named(f"/v1/bins/{{}}/{plural}", bin_id), plural, most=_PHOTOS_SHOWN))
            for plural in ("inspections", "resolutions")
        )
    if as_json:
        out.print_json(json.dumps({"bin": bin_, "inspections": photos, "resolutions": acts}))
    else:
        out.print(tables.bin_in_full(bin_, photos, acts))


@app.command()
def watch(  # noqa: PLR0913, PLR0917 - one parameter per option
    site: Site,
    url: Url,
    token: Token,
    once: Annotated[bool, typer.Option("--once", help="Look once; exit code 1 if something waits.")] = False,  # noqa: FBT002
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.2)] = 3.0,
    most: Most = 50,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Watch what waits for people at a site, the costliest to leave alone first, until Ctrl-C.

    Example: python -m ops watch --site FRA1

    With --json, one line for each bin that comes, changes or leaves: {"what": "came", "bin": {...}}. With --once and
    --json, the bins as one list.
    """
    there = api(url, token)
    with failures_told():
        waiting = _waiting(there, site, most)
        if once:
            _print_waiting(site, waiting, as_json=as_json)
            raise typer.Exit(Exit.FAILED if waiting else Exit.DONE)
        try:
            if as_json:
                _tell_news(there, site, most, every, waiting)
            _show_live(there, site, most, every, waiting)
        except KeyboardInterrupt:
            raise typer.Exit(Exit.DONE) from None


@app.command()
def acknowledge(  # noqa: PLR0913, PLR0917 - one parameter per option
    bin_id: BinId,
    url: Url,
    token: Token,
    if_version: Version = None,
    key: Key = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Take up a bin's alert: you are on the way.

    Example: python -m ops acknowledge A-17
    """
    _act(api(url, token), bin_id, "acknowledgement", {}, key, if_version, as_json=as_json)


@app.command()
def assign(  # noqa: PLR0913, PLR0917 - one parameter per option
    bin_id: BinId,
    url: Url,
    token: Token,
    to: Annotated[str | None, typer.Option(help="Whom; yourself if not given.")] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Give it back.")] = False,  # noqa: FBT002
    if_version: Version = None,
    key: Key = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Make a bin somebody's: yours, another's, or nobody's.

    Example: python -m ops assign A-17 --to ann@example.com
    """
    if to is not None and nobody:
        raise typer.BadParameter("give --to or --nobody, one of the two")
    there = api(url, token)
    with failures_told():
        assignee = None if nobody else to or there.get("/v1/me")["name"]
    _act(there, bin_id, "assignment", {"assignee": assignee}, key, if_version, as_json=as_json)


@app.command()
def resolve(  # noqa: PLR0913, PLR0917 - one parameter per option
    bin_id: BinId,
    true_count: Annotated[int, typer.Option(help="How many goods it really holds.", min=0)],
    reason: Annotated[Cause, typer.Option(help="Why it differs, or how you know; other needs a note.")],
    url: Url,
    token: Token,
    note: Note = "",
    if_version: Version = None,
    key: Key = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Say what a bin really holds. It starts afresh, and its site learns from it.

    Example: python -m ops resolve A-17 --true-count 2 --reason lost --note "behind the shelf"

    Resolving it again, with no photo in between, corrects what was said.
    """
    body = {"true_count": true_count, "reason": reason, "note": note}
    _act(api(url, token), bin_id, "resolution", body, key, if_version, as_json=as_json)


@app.command()
def reopen(  # noqa: PLR0913, PLR0917 - one parameter per option
    bin_id: BinId,
    url: Url,
    token: Token,
    note: Note = "",
    if_version: Version = None,
    key: Key = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Take the last resolution of a bin back: it stands as it stood, and alerts again.

    Example: python -m ops reopen A-17 --note "that was A-18"
    """
    _act(api(url, token), bin_id, "reopening", {"note": note}, key, if_version, as_json=as_json)


@app.command("ask-photo")
def ask_photo(  # noqa: PLR0913, PLR0917 - one parameter per option
    bin_id: BinId,
    url: Url,
    token: Token,
    note: Note = "",
    if_version: Version = None,
    key: Key = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Ask the robots for another photo of a bin.

    Example: python -m ops ask-photo A-17 --note "a box stands in the light"
    """
    _act(api(url, token), bin_id, "photo-request", {"note": note}, key, if_version, as_json=as_json)


def site_status(site: str, url: str, token: str, *, as_json: bool) -> None:
    """Show how a site is doing; exit code 1 when something waits for people, or letters are dead."""
    with failures_told():
        figures = api(url, token).get(named("/v1/sites/{}/statistics", site))
    if as_json:
        out.print_json(json.dumps(figures))
    else:
        out.print(tables.site(figures))
    waits = any([*figures["open"].values(), *(figures["dead_letters"] or {}).values()])
    raise typer.Exit(Exit.FAILED if waits else Exit.DONE)


def _act(  # noqa: PLR0913, PLR0917 - what every act has
    there: Api, bin_id: str, act: str, body: dict[str, Any], key: str | None, version: int | None, *, as_json: bool
) -> None:
    with failures_told():
        bin_ = there.post(named(f"/v1/bins/{{}}/{act}", bin_id), body, key_of(key), version)
    if as_json:
        out.print_json(json.dumps(bin_))
    else:
        version_now = f", version {bin_['version']}" if bin_.get("version") else ""
        out.print(f"{bin_['bin_id']}: {bin_['status']}{version_now}", highlight=False)


def _waiting(there: Api, site: str, most: int) -> list[dict[str, Any]]:
    return list(there.entries("/v1/bins", "bins", {"site": site, "attention": "true"}, most))


def _print_waiting(site: str, waiting: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps(waiting))
    elif waiting:
        out.print(tables.bins(waiting, f"Waits for people at {site}"))
    else:
        out.print(f"nothing waits at {site}")


def _tell_news(there: Api, site: str, most: int, every: float, waiting: list[dict[str, Any]]) -> None:
    """Write what is news as JSON lines, for ever."""
    before: list[dict[str, Any]] = []
    while True:
        for one in news(before, waiting):
            sys.stdout.write(json.dumps({"what": one.what, "bin": one.bin}) + "\n")
        sys.stdout.flush()
        time.sleep(every)
        before = waiting
        try:
            waiting = _waiting(there, site, most)
        except Unreachable as failure:
            err.print(str(failure), markup=False, soft_wrap=True)


def _show_live(there: Api, site: str, most: int, every: float, waiting: list[dict[str, Any]]) -> None:
    """Show what waits, for ever; where the API can't be reached, say so and show what was seen last."""
    with Live(console=out, auto_refresh=False) as live:
        title = f"Waits for people at {site}"
        while True:
            live.update(tables.bins(waiting, title), refresh=True)
            time.sleep(every)
            try:
                waiting, title = _waiting(there, site, most), f"Waits for people at {site}"
            except Unreachable as failure:
                title = f"As seen before: {failure}"
