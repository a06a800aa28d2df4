"""Processes of the local stack: each in a group of its own, so that its children end with it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_STOP_SECONDS = 3
_POLL_SECONDS = 0.05


class NotReady(Exception):  # noqa: N818
    """A process of the local stack did not start; the message tells where its log is."""


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(  # noqa: PLR0913 - what is run, and how it is waited for
    command: Sequence[str],
    *,
    ready_url: str,
    log: Path,
    environment: Mapping[str, str],
    within_seconds: float = 60,
    poll_seconds: float = _POLL_SECONDS,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; enters the block once `ready_url` answers 200.

    Raises:
        NotReady: it ended or did not answer in time.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
        try:
            _wait_until_ready(process, ready_url, log, within_seconds, poll_seconds)
            yield process
        finally:
            _end_group(process)


def _wait_until_ready(
    process: subprocess.Popen[bytes], url: str, log: Path, within_seconds: float, poll_seconds: float
) -> None:
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotReady(f"{process.args!r} ended with code {process.returncode}; its log is {log}")
        if _answers(url):
            return
        time.sleep(poll_seconds)
    raise NotReady(f"{process.args!r} did not answer {url} within {within_seconds:.0f} s; its log is {log}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started: politely first, then whatever is left."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
