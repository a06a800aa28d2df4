"""Clients that send photos as fast as they are answered, and what they saw.

A client sends its batch of photos at once, each over a connection of its own that stays open, and starts anew when the
last answer is there: one after the other, as a closed loop. Knows HTTP or a function to call, nothing of who answers.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import cycle, islice
from typing import TYPE_CHECKING, Final, Self, TypeAlias

import numpy as np
from urllib3.util.wait import wait_for_read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Client: TypeAlias = Callable[[Sequence[bytes]], int]
    """Gets so many photos answered and returns how many were not."""

WARM_UP: Final = 1
"""Rounds of each client before the clock counts."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One way of asking: milliseconds from sending a client's batch to its last answer, and photos a second of all."""

    clients: int
    batch: int
    p50: float
    p95: float
    p99: float
    photos_per_second: float
    photos: int
    failed: int


def load(make: Callable[[int], Client], photos: Sequence[bytes], clients: int, batch: int, seconds: float) -> Seen:
    """Let so many clients ask for that long, and add up what they saw; `make` makes one of a batch."""
    with ThreadPoolExecutor(clients) as threads:
        askers = [make(batch) for _ in range(clients)]
        list(threads.map(lambda ask: [ask(_batch(photos, 0, batch)) for _ in range(WARM_UP)], askers))
        began = time.perf_counter()
        parts = threads.map(lambda pair: _ask(pair[1], photos, pair[0] * 7, batch, began + seconds), enumerate(askers))
        rounds = [one for part in parts for one in part]
        took = time.perf_counter() - began
    p50, p95, p99 = np.percentile([milliseconds for milliseconds, _ in rounds], (50, 95, 99)).round(1).tolist()
    failed = sum(refused for _, refused in rounds)
    answered = len(rounds) * batch - failed
    return Seen(clients, batch, p50, p95, p99, round(answered / took, 1), answered, failed)


def _ask(ask: Client, photos: Sequence[bytes], first: int, batch: int, until: float) -> list[tuple[float, int]]:
    rounds: list[tuple[float, int]] = []
    while not rounds or time.perf_counter() < until:
        mine = _batch(photos, first + len(rounds) * batch, batch)
        started = time.perf_counter()
        failed = ask(mine)
        rounds.append((1000 * (time.perf_counter() - started), failed))
    return rounds


def _batch(photos: Sequence[bytes], first: int, batch: int) -> list[bytes]:
    return list(islice(cycle(photos), first % len(photos), first % len(photos) + batch))


class HttpClients:
    """Makes clients of a model server on this machine; closes their connections at its end."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def make(self, batch: int) -> Client:
        """Make a client with a connection for each photo of its batch."""
        connections = [HTTPConnection("127.0.0.1", self._port, timeout=120) for _ in range(batch)]
        for connection in connections:
            self._open.enter_context(closing(connection))

        def ask(photos: Sequence[bytes]) -> int:
            for connection, photo in zip(connections, photos, strict=True):
                _close_if_dropped(connection)
                connection.request("POST", "/invocations", photo, {"Content-Type": "image/jpeg"})
            return sum(_status(connection) != 200 for connection in connections)

        return ask


def _close_if_dropped(connection: HTTPConnection) -> None:
    """Close what the server has closed while it was idle: the next request then opens it anew."""
    if connection.sock is not None and wait_for_read(connection.sock, timeout=0.0):
        connection.close()


def _status(connection: HTTPConnection) -> int:
    reply = connection.getresponse()
    reply.read()
    return reply.status
