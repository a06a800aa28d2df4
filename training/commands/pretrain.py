"""`pretrain`: learn from the photos themselves, before anybody counts."""

from pathlib import Path
from typing import Annotated

import typer

from training.commands.knob_options import with_pretraining_knobs
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
from training.errors import BadKnobsError
from training.knobs import PretrainingKnobs
from training.progress import on_terminal


@with_pretraining_knobs
def pretrain(  # noqa: PLR0913 - one parameter per option
    *,
    data: DataFolder,
    out: Annotated[Path, typer.Option(help="New folder: backbone.pth, record, checkpoint, figures.")],
    backbone_weights: BackboneWeights = None,
    backbone_source: BackboneSource = IMAGENET,
    gpus: Gpus = 0,
    threads: Threads = 0,
    cache: CacheFolder = CACHE,
    knobs: PretrainingKnobs,
) -> None:
    """Learn from the training split's photos without their truth; writes weights for train to start from.

    The network sees each photo twice, through another window and in another light, and learns to find the two views
    of one photo among all photos of the step. Photos with consecutive ids, mostly one bin before and after an item
    moved, meet in one step: only the goods tell those apart. Photos of the other splits are not looked at.

    Watch three figures of each epoch. spread is how far the photos' embeddings lie apart: near 0 the network has
    collapsed, and the command stops. found is the part of views that find their other one, told_apart the part that
    are not taken in by a neighbour. Both should rise, pretrain_loss should fall.

    Afterwards: python -m training train --data DATA --backbone-weights OUT/backbone.pth --out RUN, with the same
    --architecture and --seed. The model card then tells of it. The same command goes on after an interruption.
    """
    from training.pretraining import BACKBONE, Pretraining, start
    from training.replicas import joined

    run = Pretraining(out, data, cache, knobs, backbone_weights, backbone_source, git_commit())
    with joined(gpus) as replica:
        if replica.of > 1:
            raise BadKnobsError("pretrain is one process: start it without torchrun")
        start(run, device=replica.device, threads=threads, report=_print_line, progress=on_terminal)
    print(f"{out / BACKBONE} written; train --backbone-weights takes it")


def _print_line(line: str) -> None:
    print(line, flush=True)
