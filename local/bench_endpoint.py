"""The endpoint beside what else could serve the same network on this machine, all of it in one run.

Three answer the same photos: our server; the same network in eager PyTorch behind AWS's own handler toolkit
(`local.bench_toolkit`); and ONNX Runtime without any server (`local.bench_floor`), which no server can beat.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import urllib3
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from local.bench_load import WARM_UP, HttpClients, Seen, load
from local.hostile import hostile_photos
from local.processes import NotReady, free_port, running
from local.stack import PROJECT
from training.drawn import draw_bin
from training.serving.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import Console

CLIENTS: Final = (1, 4, 16)
BATCHES: Final = (1, 8)
SERVER, TOOLKIT, FLOOR, FLOOR_OF_ONE = "server", "toolkit", "onnxruntime", "onnxruntime, 1 thread"

_QUEUE: Final = max(CLIENTS) * max(BATCHES)
"""So long that nobody is turned away: the default of 32 refuses what comes above, which would flatter the figures."""

_DRAWN: Final = 24
_SIZES: Final = ((540, 480), (640, 480), (800, 600))
"""Sides of drawn photos: those of the data set's full-size ones are 250 to 1,100 px."""

_QUALITY: Final = 85
_HOSTILE_AT_ONCE: Final = 12
_POLL_SECONDS: Final = 0.005
_PATIENCE_SECONDS: Final = 120


@dataclass(slots=True)
class Contender:
    """One that answers, and all that was seen of it."""

    name: str
    ready_seconds: float = 0.0
    resident_mb: float | None = None
    cpu_ms_per_photo: float | None = None
    """Processor time over all cells: hardly disturbed by what else the machine does, as the others are."""
    cells: list[Seen] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: package, photos, seconds for each figure, the server's threads, the toolkit's Python if any."""

    model: Path
    photos: Sequence[bytes]
    seconds: float
    inference_threads: int
    toolkit_python: Path | None
    cells: Sequence[tuple[int, int]] = tuple(product(CLIENTS, BATCHES))


def run(folder: Path, plan: Plan, console: Console) -> None:
    """Print the tables and one line of JSON."""
    with Progress(
        *Progress.get_default_columns()[:2], TextColumn("{task.fields[now]}"), TimeElapsedColumn(), console=console
    ) as bar:
        task = bar.add_task("endpoint", total=len(plan.cells) * (4 if plan.toolkit_python else 3) + 1, now="")

        def step(now: str) -> None:
            bar.update(task, advance=1, now=now)

        ours, steps = _ours(folder, plan, step)
        contenders = [ours, *_others(folder, plan, step)]
        step("photos made to cost memory")
        hostile_mb = _hostile_peak(folder, plan)
    figures = report(contenders, steps, hostile_mb)
    console.print(_cell_table(contenders), _start_table(contenders, hostile_mb), _step_table(steps))
    for aim, (value, met) in figures["aims"].items():
        console.print(f"{'met   ' if met else 'MISSED'} {aim}: {value}")
    print(f"BENCH {json.dumps({'endpoint': figures})}")


def photos_for(images: Path | None, most: int = 200) -> list[bytes]:
    """Return the JPEG files of a folder, or drawn ones of full camera size."""
    if images is None:
        return [_drawn(number) for number in range(min(_DRAWN, most))]
    files = sorted(path for path in images.iterdir() if path.suffix.lower() in {".jpg", ".jpeg"})[:most]
    if not files:
        raise NotReady(f"{images} holds no .jpg")
    return [path.read_bytes() for path in files]


def _drawn(number: int) -> bytes:
    file = io.BytesIO()
    draw_bin(number, number % 7, _SIZES[number % len(_SIZES)]).image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _ours(folder: Path, plan: Plan, step: Callable[[str], None]) -> tuple[Contender, dict[str, dict[str, float]]]:
    ours, steps = Contender(SERVER), {}
    with _served(_server_command(plan), folder / "server.log", ours) as (port, process):
        idle = cpu_seconds(process.pid)
        for clients, batch in plan.cells:
            step(f"{SERVER}: {clients} clients, {batch} photos each")
            before = step_sums(port)
            with HttpClients(port) as http:
                ours.cells.append(load(http.make, plan.photos, clients, batch, plan.seconds))
            steps[f"{clients}x{batch}"] = _mean_ms(before, step_sums(port))
        _weigh(ours, process.pid, idle)
    return ours, steps


def _others(folder: Path, plan: Plan, step: Callable[[str], None]) -> Iterator[Contender]:
    if plan.toolkit_python:
        toolkit = Contender(TOOLKIT)
        command = [plan.toolkit_python, "-m", "local.bench_toolkit", "--model", plan.model, "--port"]
        with _served(list(map(str, command)), folder / "toolkit.log", toolkit) as (port, process):
            idle = cpu_seconds(process.pid)
            for clients, batch in plan.cells:
                step(f"{TOOLKIT}: {clients} clients, {batch} photos each")
                with HttpClients(port) as http:
                    toolkit.cells.append(load(http.make, plan.photos, clients, batch, plan.seconds))
            _weigh(toolkit, process.pid, idle)
        yield toolkit
    for name, threads in ((FLOOR, os.cpu_count() or 1), (FLOOR_OF_ONE, 1)):
        floor = Contender(name)
        for cell in plan.cells:
            step(f"{name}: {cell[0]} clients, {cell[1]} photos each")
        _floor(folder, plan, floor, threads)
        yield floor


def _server_command(plan: Plan) -> list[str]:
    command = [sys.executable, "-m", "training.serving", "--model", str(plan.model), "--queue", str(_QUEUE)]
    return [*command, "--inference-threads", str(plan.inference_threads), "--port"]


def _floor(folder: Path, plan: Plan, floor: Contender, threads: int) -> None:
    photos = folder / "photos"
    photos.mkdir(exist_ok=True)
    for number, photo in enumerate(plan.photos):
        (photos / f"{number:04d}.jpg").write_bytes(photo)
    command = [sys.executable, "-m", "local.bench_floor", "--model", str(plan.model), "--photos", str(photos)]
    command += ["--threads", str(threads), "--seconds", str(plan.seconds)]
    for clients, batch in plan.cells:
        command += ["--cell", str(clients), str(batch)]
    said = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=PROJECT).stdout)
    floor.ready_seconds, floor.cpu_ms_per_photo = said["ready_seconds"], said["cpu_ms_per_photo"]
    floor.cells = [Seen(**cell) for cell in said["cells"]]


@contextmanager
def _served(command: Sequence[str], log: Path, contender: Contender) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Start a server and note how long it took until it answered /ping."""
    port, started = free_port(), time.perf_counter()
    ready = f"http://127.0.0.1:{port}/ping"
    with running(
        [*command, str(port)],
        ready_url=ready,
        log=log,
        environment=os.environ | {"PYTHONPATH": str(PROJECT)},
        within_seconds=_PATIENCE_SECONDS,
        poll_seconds=_POLL_SECONDS,
    ) as process:
        contender.ready_seconds = round(time.perf_counter() - started, 2)
        yield port, process


def _hostile_peak(folder: Path, plan: Plan) -> float | None:
    """Send the worst photos, a dozen of a kind at once and then of all kinds, and return the server's peak in MB."""
    worst = list(hostile_photos().values())
    with _served(_server_command(plan), folder / "hostile.log", Contender(SERVER)) as (port, process):
        for photos in (*([photo] * _HOSTILE_AT_ONCE for photo in worst), worst * _HOSTILE_AT_ONCE):
            with HttpClients(port) as http:
                http.make(len(photos))(photos)
        return resident_mb(process.pid, peak=True)


def step_sums(port: int) -> dict[str, tuple[float, float]]:
    """Read seconds and count by step from the server's /metrics."""
    text = urllib3.request("GET", f"http://127.0.0.1:{port}/metrics", timeout=10).data.decode()
    found = re.findall(r'^bincheck_step_seconds_(sum|count)\{step="(\w+)"\} (\S+)$', text, re.MULTILINE)
    values = {(kind, name): float(value) for kind, name, value in found}
    return {name: (values["sum", name], values["count", name]) for name in STEPS}


def _mean_ms(before: Mapping[str, tuple[float, float]], after: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    return {
        name: round(1000 * (after[name][0] - before[name][0]) / max(after[name][1] - before[name][1], 1), 2)
        for name in STEPS
    }


def _weigh(contender: Contender, pid: int, idle: float | None) -> None:
    """Note a server's memory, and its processor time for each photo since it was ready, the warm-up included."""
    contender.resident_mb, used = resident_mb(pid), cpu_seconds(pid)
    if used is not None and idle is not None:
        photos = sum(cell.photos + WARM_UP * cell.clients * cell.batch for cell in contender.cells)
        contender.cpu_ms_per_photo = round(1000 * (used - idle) / photos, 2)


def cpu_seconds(pid: int) -> float | None:
    """Return the processor time of a process and of all it started; None where /proc is missing."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return None
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    own = (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(child) or 0.0 for child in _children(pid))


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident_mb(pid: int, *, peak: bool = False) -> float | None:
    """Return the memory of a process and of all it started, now or at their peaks; None where /proc is missing."""
    if not Path("/proc/self/status").exists():
        return None
    name = "VmHWM" if peak else "VmRSS"
    own = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    children = sum(resident_mb(child, peak=peak) or 0 for child in _children(pid))
    return round(int(own[1]) / 1024 if own else 0) + children


def report(
    contenders: Sequence[Contender], steps: Mapping[str, Mapping[str, float]], hostile_mb: float | None
) -> dict[str, Any]:
    """Return all figures, and what became of the aims."""
    return {
        "contenders": {one.name: asdict(one) for one in contenders},
        "milliseconds_by_step": steps,
        "peak_mb_with_hostile_photos": hostile_mb,
        "aims": aims({one.name: one for one in contenders}, hostile_mb),
    }


def aims(by_name: Mapping[str, Contender], hostile_mb: float | None) -> dict[str, tuple[float, bool]]:
    """Return each aim's figure, and whether it is met; those that were not measured are left out."""
    ours, floor = by_name[SERVER], by_name[FLOOR]
    found: dict[str, tuple[float, bool]] = {}
    if toolkit := by_name.get(TOOLKIT):
        times = max(c.photos_per_second for c in ours.cells) / max(c.photos_per_second for c in toolkit.cells)
        found["photos/s, times those of the toolkit (at least 5)"] = round(times, 2), times >= 5
    times = ours.cells[0].p50 / floor.cells[0].p50
    found["median latency of one client, times ONNX Runtime's alone (at most 1.25)"] = round(times, 2), times <= 1.25
    found["seconds from start to ready (below 1.5)"] = ours.ready_seconds, ours.ready_seconds < 1.5
    for what, memory in (("under load", ours.resident_mb), ("at its peak, with hostile photos", hostile_mb)):
        if memory is not None:
            found[f"resident MB {what} (below 350)"] = memory, memory < 350
    return found


def _cell_table(contenders: Sequence[Contender]) -> Table:
    headings = ("p50", "p95", "p99", "photos/s", "failed")
    table = Table(
        "clients", "photos each", "answered by", *headings, title="Milliseconds until a client has its answers"
    )
    for index, cell in enumerate(contenders[0].cells):
        for one in contenders:
            seen = one.cells[index]
            figures = (seen.p50, seen.p95, seen.p99, seen.photos_per_second, seen.failed)
            table.add_row(str(cell.clients), str(cell.batch), one.name, *map(str, figures))
        table.add_section()
    return table


def _start_table(contenders: Sequence[Contender], hostile_mb: float | None) -> Table:
    headings = ("start to ready, s", "CPU ms a photo", "resident MB under load", "peak MB, hostile photos")
    table = Table("answered by", *headings)
    for one in contenders:
        peak = hostile_mb if one.name == SERVER else None
        table.add_row(
            one.name,
            f"{one.ready_seconds:.2f}",
            "-" if one.cpu_ms_per_photo is None else f"{one.cpu_ms_per_photo:.1f}",
            *("-" if mb is None else f"{mb:.0f}" for mb in (one.resident_mb, peak)),
        )
    return table


def _step_table(steps: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table("clients x photos", *STEPS, title="Where the server's time goes: mean milliseconds of a photo")
    for cell, means in steps.items():
        table.add_row(cell, *(f"{means[name]:.2f}" for name in STEPS))
    return table
