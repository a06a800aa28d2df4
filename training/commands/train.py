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

    Under torchrun the processes train together: torchrun --nproc-per-node 4 -m training train ...
    """
    from training.replicas import joined
    from training.run import Run, start

    folder = checkpoints or out
    run = Run(folder, data, cache, knobs, backbone_weights, backbone_source, git_commit(), tuple(teacher or ()))
    with joined(gpus) as replica:
        start(run, replica=replica, threads=threads, report=_print_line, progress=on_terminal)
        if checkpoints and replica.is_first:
            run.deliver(out)


def _print_line(line: str) -> None:
    print(line, flush=True)
