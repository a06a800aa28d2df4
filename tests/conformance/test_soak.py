"""However many photos a server has answered, it holds no more memory than after the first few hundred."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.processes import free_port
from tests.conformance_caller import answered_or_refused, invoked, over_http
from tests.malformed import media_type_of, photo_files
from tests.serving_fixtures import bad_files, drawn, encoded, package
from tests.serving_processes import answers, process
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.conformance_caller import Caller

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("own_server")]

RELEASED = Path("models/bin-counter")
CLIENTS = 4
GROWTH_MB = 16
"""What the C library may keep beside what is used; a photo that stayed would be 20 GB after twenty thousand."""
BODIES = [
    *photo_files().values(),
    *(body for body, _ in bad_files().values()),
    *(encoded(drawn(size=size, seed=seed)) for seed, size in enumerate([(540, 480), (800, 600), (3000, 2000)])),
]


def resident_mb(call: Caller) -> float:
    found = re.search(rb"^process_resident_memory_bytes (\S+)$", call("GET", "/metrics").body, re.MULTILINE)
    if not found:
        pytest.skip("this system does not tell a process's memory")
    return float(found[1]) / 2**20


def send(call: Caller, photos: int) -> None:
    with ThreadPoolExecutor(CLIENTS) as clients:
        for reply in clients.map(lambda body: invoked(call, body, media_type_of(body)), islice(cycle(BODIES), photos)):
            answered_or_refused(reply)


def grown_mb(model: Path, log: Path, warm_up: int, photos: int) -> float:
    """Answer photos in three parts and return by how much the server has grown since its warm-up."""
    port = free_port()
    with process("training.serving", "--model", str(model), "--port", str(port), log=log):
        eventually(lambda: answers(f"http://127.0.0.1:{port}/ping"))
        call = over_http(f"http://127.0.0.1:{port}")
        print(f"\nresident MB: {resident_mb(call):.0f} when ready", end="", flush=True)
        send(call, warm_up)
        before = after = resident_mb(call)
        print(f", {before:.0f} after {warm_up} photos", end="", flush=True)
        for part in range(1, 4):
            send(call, photos // 3)
            after = resident_mb(call)
            print(f", {after:.0f} after {warm_up + part * (photos // 3)}", end="", flush=True)
        print()
    return after - before


def test_memory_stays_flat_over_a_thousand_photos(tmp_path: Path) -> None:
    assert grown_mb(package(tmp_path / "tiny"), tmp_path / "log", 400, 600) < GROWTH_MB


@pytest.mark.soak
def test_memory_stays_flat_over_twenty_thousand_photos(tmp_path: Path) -> None:
    model = RELEASED if RELEASED.is_dir() else package(tmp_path / "tiny")
    assert grown_mb(model, tmp_path / "log", 1000, 19_000) < GROWTH_MB
