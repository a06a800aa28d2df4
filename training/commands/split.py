"""`split`: class folders, a manifest and a data card."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.options import DataFolder
from training.commands.tables import table
from training.data_card_text import Source, warnings
from training.progress import on_terminal


def split(  # noqa: PLR0913 - one parameter per option
    data: DataFolder,
    out: Annotated[Path, typer.Option(help="Folder of the split; a new one, or one to go on with.")],
    seed: Annotated[int, typer.Option(help="Same photos and seed, same split; `train` uses 1 unless told.")] = 1,
    source: Annotated[
        Source, typer.Option(help="Where the photos come from, for the data card's licence.")
    ] = Source.ABID,
    *,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the photos; without it they are links.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace another split that stands in the folder.")] = False,
) -> None:
    """Label and split a data folder: class folders for train, validation, calibration and test, and a data card.

    The truth is each record's EXPECTED_QUANTITY. Bins that share an ASIN are on one side. What is broken is set aside
    with its reason, and so is, where goods tie too many bins together, what shares some with bins held out. Run it
    again after an interruption and it goes on; run it again when it is done and nothing changes. Photos become hard
    links where that is possible: editing one edits the data folder's.

        python -m training split --data bins --out bins-split
    """
    from training.class_folders import CARD, SET_ASIDE, split_into_folders
    from training.data_card import write_card
    from training.records import CLASSES
    from training.split import SHARES

    describe = partial(write_card, source=source, progress=on_terminal)
    outcome = split_into_folders(data, out, seed, describe, copy=copy, force=force, progress=on_terminal)
    shown = table(f"{outcome.bins.total():,} bins", "class", *SHARES)
    for label in CLASSES:
        shown.add_row(label, *(f"{outcome.bins[label, side]:,}" for side in SHARES))
    Console().print(shown)
    print("photos: " + ", ".join(f"{number:,} {way}" for way, number in outcome.placed.items()))
    for warning in warnings(outcome.splits, outcome.left_out):
        print(f"warning: {warning}")
    if outcome.set_aside:
        print(f"set aside: {outcome.set_aside:,}, see {out / SET_ASIDE}")
    print(f"data card: {out / CARD}")
