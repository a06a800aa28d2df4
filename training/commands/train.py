"""`train`: fine-tune a counter."""

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from training.commands.knob_options import with_knobs
from training.commands.options import CACHE, CacheFolder, DataFolder
from training.knobs import Knobs
from training.progress import on_terminal


@with_knobs
def train(  # noqa: PLR0913 - one parameter per option
    *,
    data: DataFolder,
    out: Annotated[Path, typer.Option(envvar="SM_MODEL_DIR", help="Run folder: checkpoint, figures, record.")],
    backbone_weights: Annotated[
        Path | None, typer.Option(help="State dict to start from; without one, torchvision downloads its own.")
    ] = None,
    backbone_source: Annotated[
        str, typer.Option(help="Where the starting weights come from and their licence, for the model card.")
    ] = "torchvision's published ImageNet weights (BSD-3-Clause)",
    teacher: Annotated[
        list[Path] | None,
        typer.Option(help="Finished run whose opinion is taught as well; several are averaged.", exists=True),
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder that outlives an interrupted job: the run lives there until it is done.")
    ] = None,
    gpus: Annotated[int, typer.Option(envvar="SM_NUM_GPUS", help="0 trains on the CPU.")] = 0,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch.")] = 0,
    cache: CacheFolder = CACHE,
    knobs: Knobs,
) -> None:
    """Fine-tune a counter; goes on from the run folder's checkpoint where there is one.

    Under torchrun the processes train together: torchrun --nproc-per-node 4 -m training train ...
    """
    from training.replicas import joined
    from training.run import Run, start

    folder = checkpoints or out
    run = Run(folder, data, cache, knobs, backbone_weights, backbone_source, _git_commit(), tuple(teacher or ()))
    with joined(gpus) as replica:
        start(run, replica=replica, threads=threads, report=_print_line, progress=on_terminal)
        if checkpoints and replica.is_first:
            run.deliver(out)


def _print_line(line: str) -> None:
    print(line, flush=True)


def _git_commit() -> str | None:
    """Find the commit that the code is at; None outside a repository with one."""
    answer = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git the user has
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() if answer.returncode == 0 else None
