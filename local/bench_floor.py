"""Plain ONNX Runtime without a server: what the network and the decoder cost on this machine, and nothing else.

    python -m local.bench_floor --model models/bin-counter --photos build/photos --threads 2

As many clients as asked for call the decoder and one session of ONNX Runtime's defaults, in this process; a batch goes
through the network as one. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from local.bench_load import WARM_UP, load
from training.serving.images import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.bench_load import Client

_SIZE = (224, 224)


def main(argv: Sequence[str]) -> None:
    """Measure each pair of clients and batch that is named."""
    parser = argparse.ArgumentParser(prog="python -m local.bench_floor")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--cell", type=int, nargs=2, action="append", metavar=("CLIENTS", "BATCH"), required=True)
    given = parser.parse_args(argv)
    began = time.perf_counter()
    ask = asker(given.model / "model.onnx", given.threads)
    photos = [path.read_bytes() for path in sorted(given.photos.iterdir())]
    ask(photos[:1])
    ready = time.perf_counter() - began
    used = time.process_time()
    seen = [asdict(load(lambda _: ask, photos, clients, batch, given.seconds)) for clients, batch in given.cell]
    photos_asked = sum(cell["photos"] + WARM_UP * cell["clients"] * cell["batch"] for cell in seen)
    cpu_ms = round(1000 * (time.process_time() - used) / photos_asked, 2)
    print(json.dumps({"ready_seconds": round(ready, 2), "cpu_ms_per_photo": cpu_ms, "cells": seen}))


def asker(network: Path, threads: int) -> Client:
    """Return a client; all of them share one session, whose every inference has so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])

    def ask(photos: Sequence[bytes]) -> int:
        images = np.stack([decode(photo, _SIZE) for photo in photos])
        (answers,) = session.run(["probabilities"], {"images": images})
        return len(photos) - len(answers)

    return ask


if __name__ == "__main__":
    main(sys.argv[1:])
