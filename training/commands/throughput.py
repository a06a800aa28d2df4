"""`throughput`: how fast this machine trains."""

import json
import time
from typing import Annotated

import typer

from training.commands.knob_options import with_knobs
from training.commands.options import CACHE, CacheFolder, DataFolder, Gpus, Threads
from training.knobs import Knobs
from training.progress import on_terminal


@with_knobs
def throughput(  # noqa: PLR0913 - one parameter per option
    *,
    data: DataFolder,
    steps: Annotated[int, typer.Option(min=1, help="Steps to time, of --batch-size photos each.")] = 50,
    gpus: Gpus = 0,
    threads: Threads = 0,
    cache: CacheFolder = CACHE,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    knobs: Knobs,
) -> None:
    """Time training steps on photos beside steps on tensors already in place, in one run.

    On a CPU it first times them with memory as the C library manages it, then as training has it. Extrapolates to one
    pass over 325,000 photos, as many as the largest published run learnt from.
    """
    import torch

    from training.allocator import keep_freed_memory
    from training.network import build
    from training.records import CLASSES, read_folder
    from training.run import Run, photos_of
    from training.throughput import Throughput
    from training.throughput import throughput as timed

    if threads:
        torch.set_num_threads(threads)
    run = Run(cache, data, cache, knobs, None, "", None)
    photos = photos_of(read_folder(data), run, on_terminal)
    network = build(knobs.architecture, len(CLASSES), None, pretrained=False)
    device = torch.device("cuda" if gpus else "cpu")

    def timing() -> Throughput:
        return timed(network, photos, knobs, device=device, steps=steps, clock=time.perf_counter)

    unkept = timing() if device.type == "cpu" else None
    keeps = device.type == "cpu" and keep_freed_memory()
    found = timing() if keeps or unkept is None else unkept
    figures = {
        "from_photos": round(found.from_photos, 1),
        "from_tensors": round(found.from_tensors, 1),
        "share": round(found.share, 3),
        "minutes_per_abid_epoch": round(found.minutes_per_abid_epoch, 1),
        "from_photos_before_memory_was_kept": round(unkept.from_photos, 1) if unkept and keeps else None,
    }
    if as_json:
        print(json.dumps(figures))
        return
    print(
        f"{knobs.architecture}, {knobs.size} px, batches of {knobs.batch_size}, on {device.type}:\n"
        f"  {figures['from_photos']} photos/s from the cache, {figures['from_tensors']} from tensors in place:"
        f" {found.share:.0%} of it\n"
        f"  one pass over 325,000 photos: {figures['minutes_per_abid_epoch']} min"
    )
    if unkept and keeps:
        print(f"  {figures['from_photos_before_memory_was_kept']} photos/s before freed memory was kept")
