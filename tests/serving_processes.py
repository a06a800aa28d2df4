"""Starts servers for tests: applications on a thread, or the project's modules as processes, on loopback only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import urllib3
import uvicorn

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def running(app: Any) -> Iterator[str]:
    """Serve an ASGI application on a free port for as long as the block lasts; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        eventually(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def process(*arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m ARGUMENTS`, its output going to `log`; ends it with the block if it still runs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SM_", "SAGEMAKER_"))}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", *arguments], stdout=output, stderr=subprocess.STDOUT, env=environment
        ) as started,
    ):
        try:
            yield started
        finally:
            if started.poll() is None:
                started.kill()


def answers(address: str) -> bool:
    """Tell whether a GET of the address succeeds now."""
    try:
        return urllib3.request("GET", address, retries=False, timeout=1).status == 200
    except urllib3.exceptions.HTTPError:
        return False
