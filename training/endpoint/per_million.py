"""What counting a million photos costs, by each way of running the model server: a table to choose from.

Every figure is a formula over a few stated inputs, and each option carries its own. What all options share (recording,
keeping the photos) stands apart, since it decides nothing. The prices are in `prices.toml`, with where they come from.
"""

import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from training.serving.model import CountModel

MILLION: Final = 1_000_000
CORES: Final = 2
"""Of the instance types below."""
LOADS: Final = (0.1, 0.7)
"""Shares of the time in which a real-time endpoint has work: a few photos all day, and what scaling aims at."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a photo asks for; times in seconds."""

    core_seconds: float = 0.0189
    """Of one processor, to decode, resize and count: `python -m training costs --measure`."""
    kilobytes: float = 52.0
    """Of a photo as cameras send it."""
    waiting_seconds: float = 0.03
    """In which a function waits for S3 and pays: an assumption."""
    busy: float = 0.8
    """Share of the time in which processors work while photos queue up (asynchronous, batch): an assumption."""


@dataclass(frozen=True, slots=True)
class Machines:
    """What the options run on."""

    instance: str = "ml.c6i.large"
    serverless_mb: int = 2048
    lambda_mb: int = 1769
    """At which a function has one whole processor, as Lambda's guide says."""


@dataclass(frozen=True, slots=True)
class Option:
    """A way of running the model server, and what a million photos cost with it, in USD."""

    name: str
    usd: float
    formula: str


def options(work: Work, machines: Machines) -> tuple[Option, ...]:
    """Price a million photos in every way, for the same work."""
    busy_options = [_real_time(work, machines, load) for load in LOADS]
    lambdas = [_lambda(work, machines, architecture) for architecture in ("arm64", "x86_64")]
    return (
        _serverless(work, machines),
        *busy_options,
        _asynchronous(work, machines),
        batch(MILLION, work, machines.instance, jobs=20),
        *lambdas,
    )


def batch(photos: int, work: Work, instance: str, *, jobs: int, instances: int = 1) -> Option:
    """Price a batch transform: instances while they count, and while each job's instances start."""
    table = _prices()["batch"]
    per_hour, minutes = table[instance]["usd_per_hour"], table["start_minutes"]
    hours = _instance_hours(photos, work, work.busy)
    starting = jobs * instances * minutes / 60
    return Option(
        "batch transform",
        (hours + starting) * per_hour,
        f"({_hours_told(photos, work, work.busy)} + {jobs * instances} starts x {minutes:g} min / 60) x"
        f" {per_hour:g} USD/h ({instance})",
    )


def batch_instances() -> tuple[str, ...]:
    """Name the instance types of batch transform that have a price."""
    return tuple(name for name in _prices()["batch"] if name.startswith("ml."))


def recording(photos: int) -> Option:
    """Price what every option shares: the reads and writes of one inspection and its bin's status."""
    table, s3 = _prices()["dynamodb"], _prices()["s3"]
    writes, reads, gets = table["writes_per_photo"], table["reads_per_photo"], 2
    usd = photos * (
        writes * table["usd_per_million_writes"] / MILLION
        + reads * table["usd_per_million_reads"] / MILLION
        + gets * s3["usd_per_thousand_gets"] / 1000
        + s3["usd_per_thousand_puts"] / 1000
    )
    formula = (
        f"photos x ({writes} writes x {table['usd_per_million_writes']:g} + {reads} reads x"
        f" {table['usd_per_million_reads']:g} USD a million, {gets} GETs, 1 PUT)"
    )
    return Option("recording", usd, formula)


def measured(model: "CountModel", photos: Sequence[bytes], clock: Callable[[], float] = time.thread_time) -> float:
    """Measure the median processor time in which a model answers a photo, in seconds of one core.

    The thread's own time: what else runs on the machine does not count.
    """
    model.warm_up()
    times = []
    for photo in photos:
        started = clock()
        model.answer(photo)
        times.append(clock() - started)
    return median(times)


def _serverless(work: Work, machines: Machines) -> Option:
    price, gigabytes = _prices()["serverless"]["usd_per_gb_second"], machines.serverless_mb / 1024
    return Option(
        "serverless endpoint",
        MILLION * work.core_seconds * gigabytes * price + _traffic(work),
        f"photos x {work.core_seconds:g} s x {gigabytes:g} GB x {price:g} USD + {_traffic_told(work)}",
    )


def _real_time(work: Work, machines: Machines, load: float) -> Option:
    per_hour = _prices()["instances"][machines.instance]["usd_per_hour"]
    return Option(
        f"real-time endpoint, {load:.0%} busy",
        _instance_hours(MILLION, work, load) * per_hour + _traffic(work),
        f"{_hours_told(MILLION, work, load)} x {per_hour:g} USD/h ({machines.instance}) + {_traffic_told(work)}",
    )


def _asynchronous(work: Work, machines: Machines) -> Option:
    per_hour, idle = _prices()["instances"][machines.instance]["usd_per_hour"], 0.5
    return Option(
        "asynchronous endpoint from zero",
        (_instance_hours(MILLION, work, work.busy) + idle) * per_hour + _traffic(work),
        f"({_hours_told(MILLION, work, work.busy)} + {idle:g} h to start and to go) x {per_hour:g} USD/h"
        f" ({machines.instance}) + {_traffic_told(work)}",
    )


def _lambda(work: Work, machines: Machines, architecture: str) -> Option:
    table, gigabytes = _prices()["lambda"], machines.lambda_mb / 1024
    price, requests = table[f"usd_per_gb_second_{architecture}"], table["usd_per_million_requests"]
    seconds = work.core_seconds + work.waiting_seconds
    return Option(
        f"server inside a Lambda function, {architecture}",
        MILLION * seconds * gigabytes * price + requests,
        f"photos x ({work.core_seconds:g} + {work.waiting_seconds:g}) s x {gigabytes:.3g} GB x {price:g} USD +"
        f" {requests:g} USD",
    )


def _instance_hours(photos: int, work: Work, busy: float) -> float:
    return photos * work.core_seconds / CORES / busy / 3600


def _hours_told(photos: int, work: Work, busy: float) -> str:
    number = "photos" if photos == MILLION else f"{photos:,} photos"
    return f"{number} x {work.core_seconds:g} s / {CORES} cores / {busy:g} / 3600"


def _traffic(work: Work) -> float:
    usd: float = MILLION * work.kilobytes / 1e6 * _prices()["traffic"]["usd_per_gb"]
    return usd


def _traffic_told(work: Work) -> str:
    return f"{MILLION * work.kilobytes / 1e6:g} GB x {_prices()['traffic']['usd_per_gb']:g} USD"


@cache
def _prices() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))
