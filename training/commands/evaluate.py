"""`evaluate`: how good a released model is on any folder of photos with truth."""

import json
from typing import Annotated

import typer

from training.commands.options import DataFolder, ReleasedModel
from training.commands.tables import show_scores
from training.progress import on_terminal
from training.scores import Protocol


def evaluate(
    model: ReleasedModel,
    data: DataFolder,
    protocol: Annotated[Protocol, typer.Option(help="Which photos and classes take part.")] = Protocol.SEED,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Score a released model on any data folder, with the server's own decoding and no torch."""
    from training.evaluate import evaluate as scores_of

    scores = scores_of(model, data, protocol, progress=on_terminal)
    if as_json:
        print(json.dumps(scores.report()))
    else:
        show_scores([scores], str(data))
