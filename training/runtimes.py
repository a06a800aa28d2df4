"""Which runtime and which precision serve a released network best, all of them measured on the same photos in one run.

Each has an interpreter of its own, so that its start and its memory are its own. Judged by the validation split: the
test split is not for choosing. OpenVINO takes part where it is installed; it is no requirement of the project.
"""

from __future__ import annotations

import multiprocessing
import re
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from training.dataset import labels_of
from training.pixels import decoded
from training.progress import silent
from training.quantise import ENOUGH, quantise
from training.scores import Protocol, Scores, score
from training.serving.model import NETWORK, CountModel
from training.split import split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from training.pixels import Pixels
    from training.progress import Progress
    from training.records import Record

    Ask = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

FP32, INT8, BF16 = "fp32", "int8", "bf16"
WAYS: Final = (
    ("onnxruntime", FP32),
    ("onnxruntime", INT8),
    ("openvino", FP32),
    ("openvino", BF16),
    ("openvino", INT8),
)
"""By package and precision; the first is what the others are held against. ONNX Runtime has no bf16 for x86."""

_TIMED: Final = 200
"""Photos of which the latency is taken."""


@dataclass(frozen=True, slots=True)
class Way:
    """One runtime with one precision, and what it did."""

    package: str
    precision: str
    scores: Scores
    largest_change: float
    mean_change: float
    """Of a probability, against the first of WAYS."""
    other_answers: int
    """Photos whose most probable class is another than that of the first."""
    p50_ms: float
    """Of one photo's pixels through the network, on the threads asked for."""
    start_seconds: float
    """Import, load, first answer."""
    resident_mb: float | None
    """By which the process grows until then."""
    package_mb: float


@dataclass(frozen=True, slots=True)
class _Answers:
    probabilities: NDArray[np.float32]
    p50_ms: float
    start_seconds: float
    resident_mb: float | None


def runtimes(  # noqa: PLR0913 - what is measured, on what, and where it is kept
    model: Path,
    records: Sequence[Record],
    seed: int,
    cache: Path,
    *,
    threads: int,
    save: Path | None = None,
    progress: Progress = silent,
) -> list[Way]:
    """Measure every way that is installed on the validation photos of a split of these records.

    The 8-bit network is quantised here, over photos of the training split, and kept as `save`. Raises
    UnusableModelError, BrokenRecordError and NothingToScoreError.
    """
    size = CountModel.load(model).facts.size
    parts = split(records, seed)
    judged = parts["validation"]
    pixels, labels = decoded(judged, cache, size), labels_of(judged)
    learnt = decoded(parts["train"][:: max(1, len(parts["train"]) // ENOUGH)][:ENOUGH], cache, size)
    eight_bits = save or cache / "eight-bits.onnx"
    quantise(model / NETWORK, learnt, eight_bits)
    present = [way for way in WAYS if find_spec(way[0])]
    found: list[tuple[str, str, _Answers]] = []
    with progress(len(present), "runtimes") as done:
        for package, precision in present:
            network = eight_bits if precision == INT8 else model / NETWORK
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as interpreter:
                answers = interpreter.submit(_measure, package, precision, network, pixels, threads).result()
            found.append((package, precision, answers))
            done()
    reference = found[0][2].probabilities
    return [_judged(*one, reference, labels) for one in found]


def _judged(
    package: str, precision: str, answers: _Answers, reference: NDArray[np.float32], labels: NDArray[np.int64]
) -> Way:
    given = answers.probabilities
    change = np.abs(given - reference)
    return Way(
        package,
        precision,
        scores=score(given, labels, Protocol.SEED),
        largest_change=float(change.max()),
        mean_change=float(change.mean()),
        other_answers=int((given.argmax(axis=1) != reference.argmax(axis=1)).sum()),
        p50_ms=answers.p50_ms,
        start_seconds=answers.start_seconds,
        resident_mb=answers.resident_mb,
        package_mb=_megabytes(package),
    )


def _measure(package: str, precision: str, network: Path, pixels: Pixels, threads: int) -> _Answers:
    """Run in the new interpreter: start the runtime, let it answer, photo by photo."""
    before, began = _resident_mb(), time.perf_counter()
    ask = {"onnxruntime": _onnxruntime, "openvino": _openvino}[package](network, precision, threads)
    ask(pixels[:1])
    start, resident = time.perf_counter() - began, _resident_mb()
    answers, taken = [], []
    for number in range(len(pixels)):
        photo = np.array(pixels[number : number + 1])
        began = time.perf_counter()
        answers.append(ask(photo))
        taken.append(time.perf_counter() - began)
    grown = None if before is None or resident is None else round(resident - before, 1)
    return _Answers(np.concatenate(answers), 1000 * float(np.median(taken[-_TIMED:])), start, grown)


def _onnxruntime(network: Path, _precision: str, threads: int) -> Ask:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run(["probabilities"], {"images": images})[0])


def _openvino(network: Path, precision: str, threads: int) -> Ask:
    import openvino

    core = openvino.Core()
    settings = {
        # Left to itself it takes bf16 where the processor has it.
        "INFERENCE_PRECISION_HINT": "bf16" if precision == BF16 else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = core.compile_model(core.read_model(network), "CPU", settings).create_infer_request()
    return lambda images: np.array(request.infer({0: images})[0])


def _resident_mb() -> float | None:
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
    return int(found[1]) / 1024 if found else None


def _megabytes(package: str) -> float:
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        return 0.0
    return round(sum(file.size or 0 for file in listed) / 1e6, 1)
