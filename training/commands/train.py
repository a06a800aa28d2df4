"""`train`: fine-tune a counter."""

from pathlib import Path
from typing import Annotated

import typer

from training.commands.knob_options import with_knobs
from training.commands.options import (
    CACHE,
    IMAGENET,
    BackboneSource,
    BackboneWeights,
    CacheFolder,
    DataFolder,
    Gpus,
    Threads,
)
from training.commands.provenance import git_commit
from training.knobs import Knobs
from training.progress import on_terminal


@with_knobs
def train(  # noqa: PLR0913 - one parameter per option
    *,
    data: DataFolder,
    feedback: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of exported feedback, to learn from as well; may be repeated. Never validates or tests.",
            exists=True,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(envvar="SM_MODEL_DIR", help="Run folder: checkpoint, figures, record.")],
    backbone_weights: BackboneWeights = None,
    backbone_source: BackboneSource = IMAGENET,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(
            help="Finished run, or released model, whose opinion is taught as well; several are averaged.", exists=True
        ),
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder that outlives an interrupted job: the run lives there until it is done.")
    ] = None,
    gpus: Gpus = 0,
    threads: Threads = 0,
    cache: CacheFolder = CACHE,
    knobs: Knobs,
) -> None:
    """Fine-tune a counter; goes on from the run folder's checkpoint where there is one.

    Feedback adds to the training split alone: photos of goods that are held out, and held out photos themselves, are
    left out and counted. A folder that is exported anew gives another run: keep a copy for as long as a run is needed.

    Under torchrun the processes train together: torchrun --nproc-per-node 4 -m training train ...
    """
    from training.replicas import joined
    from training.run import Run, start

    folder = checkpoints or out
    sources = (backbone_weights, backbone_source, git_commit(), tuple(teacher or ()))
    run = Run(folder, data, cache, knobs, *sources, feedback=tuple(feedback or ()))
    with joined(gpus) as replica:
        start(run, replica=replica, threads=threads, report=_print_line, progress=on_terminal)
        if checkpoints and replica.is_first:
            run.deliver(out)


def _print_line(line: str) -> None:
    print(line, flush=True)
