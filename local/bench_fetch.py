"""What fetching a bucket costs: a plain loop over boto3 beside our fetch, in one run against the local S3.

The loopback answers at once and a real bucket does not, so everything is measured twice: as it is, and with a wait
before every request, as long as the way to a bucket and back. Each measurement has a new interpreter of its own, so
that none pays for another's memory.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import re
import resource
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image
from rich.table import Table

from local.emulator import REGION, Emulator, emulator
from training.fetch import All, PatientSource, fetch
from training.fetch.s3 import Address, S3Source, client
from training.fetch.sources import metadata_name, photo_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

_BUCKET: Final = "bench-fetch"
_DISTINCT: Final = 50
_SIDES: Final = (600, 500)
_SEED: Final = 7
PLAIN: Final = 0
"""In place of a number of workers: the plain loop."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One way of fetching the bucket once."""

    way: str
    latency_ms: int
    seconds: float
    photos_per_second: float
    peak_mb: float


def run(folder: Path, photos: int, latency_ms: int, workers: Sequence[int], console: Console) -> None:
    """Print one table and one line of JSON."""
    with emulator(folder) as here:
        with console.status(f"uploading {photos} photos"):
            megabytes = _fill(here, photos) / 1e6
        measured = []
        for latency, threads in product(dict.fromkeys((0, latency_ms)), (PLAIN, *workers)):
            with console.status(f"{_way(threads)}, {latency} ms"):
                out = folder / f"{latency}-{threads}"
                measured.append(_in_a_new_interpreter(here, out, photos, threads, latency))
    console.print(_table(measured, f"{photos} photos, {megabytes:.0f} MB"))
    figures = {"photos": photos, "megabytes": round(megabytes, 1), "measured": [asdict(one) for one in measured]}
    print(f"BENCH {json.dumps(figures)}")


def _fill(here: Emulator, photos: int) -> int:
    """Put photos with metadata into a new bucket; returns their bytes."""
    s3 = here.client("s3")
    s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    drawn = _drawn_photos()
    record = json.dumps({"EXPECTED_QUANTITY": 3, "BIN_FCSKU_DATA": {"B000000000": {"quantity": 3}}}).encode()

    def put(number: int) -> int:
        image_id, photo = f"{number:05d}", drawn[number % len(drawn)]
        s3.put_object(Bucket=_BUCKET, Key=photo_name(image_id), Body=photo)
        s3.put_object(Bucket=_BUCKET, Key=metadata_name(image_id), Body=record)
        return len(photo) + len(record)

    with ThreadPoolExecutor(4) as threads:
        return sum(threads.map(put, range(photos)))


def _drawn_photos() -> list[bytes]:
    """Draw soft noise that is about as large as a bin photo, in pixels and in bytes."""
    random = np.random.default_rng(_SEED)
    return [_jpeg(random.integers(0, 256, (40, 48, 3), dtype=np.uint8)) for _ in range(_DISTINCT)]


def _jpeg(noise: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(noise).resize(_SIDES, Image.Resampling.BICUBIC).save(file, "JPEG", quality=75)
    return file.getvalue()


def _in_a_new_interpreter(here: Emulator, out: Path, photos: int, workers: int, latency_ms: int) -> Measured:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as interpreter:
        seconds, peak_mb = interpreter.submit(_measure, here, out, workers, latency_ms / 1000).result()
    fetched = sum(1 for _ in (out / "bin-images").iterdir())
    if fetched != photos:
        raise RuntimeError(f"{_way(workers)}: {fetched} of {photos} photos arrived")
    return Measured(_way(workers), latency_ms, round(seconds, 2), round(photos / seconds, 1), round(peak_mb, 1))


def _measure(here: Emulator, out: Path, workers: int, latency: float) -> tuple[float, float]:
    """Fetch the whole bucket once; returns seconds and the interpreter's peak memory in MB."""
    # Only this interpreter's own environment changes: the fetch makes its client from it, as on a user's machine.
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    s3 = client(signed=True, connections=workers, endpoint_url=here.url) if workers else here.client("s3")
    if latency:
        # A handler that returns nothing lets the request go on.
        s3.meta.events.register("before-send.s3", lambda **_: time.sleep(latency))
    started = time.perf_counter()
    if workers == PLAIN:
        _plain_loop(s3, out)
    else:
        fetch(PatientSource(S3Source(s3, Address(_BUCKET, ""))), out, All(), workers=workers)
    return time.perf_counter() - started, _peak_mb()


def _plain_loop(s3: Any, out: Path) -> None:
    """Fetch as notebooks do: one object after the other, nothing checked, nothing kept for a second run."""
    for kind in ("metadata", "bin-images"):
        (out / kind).mkdir(parents=True)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, Prefix="metadata/"):
        for listed in page["Contents"]:
            image_id = Path(listed["Key"]).stem
            for name in (metadata_name(image_id), photo_name(image_id)):
                (out / name).write_bytes(s3.get_object(Bucket=_BUCKET, Key=name)["Body"].read())


def _peak_mb() -> float:
    """Return this interpreter's peak memory; what getrusage tells on Linux includes its parent's, before the exec."""
    status = Path("/proc/self/status")
    if status.exists() and (peak := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(peak[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _way(workers: int) -> str:
    return f"fetch, {workers} workers" if workers else "plain boto3 loop"


def _table(measured: Sequence[Measured], title: str) -> Table:
    latencies = list(dict.fromkeys(one.latency_ms for one in measured))
    headings = [f"{what}, +{latency} ms" for latency in latencies for what in ("photos/s", "peak MB")]
    table = Table("way", *headings, title=f"{title}; +n ms: wait before each request")
    for way in dict.fromkeys(one.way for one in measured):
        figures = (one for one in measured if one.way == way)
        table.add_row(way, *(text for one in figures for text in (f"{one.photos_per_second}", f"{one.peak_mb:.0f}")))
    return table
