"""`feedback`: what operators found in bins, as labelled photos."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from training.commands.tables import table
from training.feedback.exporting import Choice, Summary
from training.feedback.records import LEFT_OUT
from training.feedback.truths import EXPLAINED, Which, Why
from training.progress import on_terminal

_TOKEN: Final = "BINCHECK_TOKEN"  # noqa: S105 - the name of a variable
_NOT_ALL_ARRIVED: Final = 3
_INTERRUPTED: Final = 130


def feedback(  # noqa: PLR0913 - one parameter per option
    *,
    out: Annotated[Path, typer.Option(help="Folder of the export; a new one, or one to bring up to date.")],
    api: Annotated[str, typer.Option(help="The API's address, up to before /v1.", show_default=False)],
    token_from: Annotated[
        str, typer.Option(help="Environment variable that holds a viewer's or operator's token.", metavar="NAME")
    ] = _TOKEN,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; may be repeated. Left out, all.")] = None,
    photos: Annotated[
        Which,
        typer.Option(
            help="Of each resolution, the photo that was shown, or all since the contents last changed: these"
            " nobody has looked at."
        ),
    ] = Which.SHOWN,
    names: Annotated[
        bool, typer.Option("--names", help="Name operators as the API does; without it, by pseudonyms.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many photos are read at once.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Bring what operators found in bins into a data folder, to train on in addition: `train --feedback OUT`.

    Each photo's EXPECTED_QUANTITY is the number that an operator found, the newest that stands; PROVENANCE beside it
    tells of which photo, who said it, when, and what had made them look. OUT/manifest.jsonl lists the photos. What was
    said and is no label (it was corrected or taken back, the photo is older than the bin's contents, ...) is in
    OUT/left-out.jsonl with the reason: nothing that was said is lost. Bins that nobody has looked into are not
    exported.

    Run it again and the folder is brought up to date: what is there is not read again, and what was taken back
    meanwhile moves to OUT/set-aside. Can be interrupted at any time. The exit code is 1 where the API or the
    folder cannot be used, 3 where some photos did not arrive (run it again), 130 where it was interrupted.

        export BINCHECK_TOKEN=...
        python -m training feedback --api https://example.org/api --out feedback
    """
    from training.feedback import HttpApi, export

    token = os.environ.get(token_from, "").strip()
    if not token:
        raise typer.BadParameter(f"there is no token in the environment: set {token_from}, or name another variable")
    choice = Choice(api.rstrip("/"), tuple(sorted(set(site or ()))), photos, names)
    try:
        summary = export(
            HttpApi(choice.api, token, connections=workers), out, choice, workers=workers, progress=on_terminal
        )
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        raise typer.Exit(_INTERRUPTED) from None
    _show(summary, out, as_json=as_json)
    if summary.unread:
        print(f"{summary.unread} photos did not arrive: run it again", file=sys.stderr)
        raise typer.Exit(_NOT_ALL_ARRIVED)


def _show(summary: Summary, out: Path, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(summary)))
        return
    shown = table(str(out), "", "")
    shown.add_row("things said", str(summary.said))
    shown.add_row("resolutions exported", str(summary.resolutions))
    shown.add_row("photos", str(summary.photos))
    shown.add_row("of them read now", str(summary.fetched))
    for asked, number in summary.asked.items():
        shown.add_row(f"of them looked into by {asked}", str(number))
    if summary.removed:
        shown.add_row("set aside: stand no more", str(summary.removed))
    for why, number in summary.left_out.items():
        shown.add_row(f"left out: {EXPLAINED[Why(why)]}", str(number))
    Console().print(shown)
    if summary.left_out:
        print(f"what was left out, and why: {out / LEFT_OUT}")
