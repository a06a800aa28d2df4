"""A server from its start to its end: ready only when it can answer, and never leaving an answer half said."""

from __future__ import annotations

import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import urllib3

from local.processes import free_port
from tests.conformance_caller import Reply, answered, invoked, over_http
from tests.serving_fixtures import FACTS, drawn, encoded, package
from tests.serving_processes import answers, process
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.integration,
    pytest.mark.usefixtures("own_server"),
    pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM and named pipes"),
]

PHOTO = encoded(drawn())


def test_ping_is_503_for_as_long_as_the_model_loads(tmp_path: Path) -> None:
    """The model's facts are a pipe, so loading lasts until this test writes them."""
    model, port = package(tmp_path / "tiny"), free_port()
    (model / "model.json").unlink()
    os.mkfifo(model / "model.json")
    call = over_http(f"http://127.0.0.1:{port}")

    def status_of_ping() -> int:
        try:
            return call("GET", "/ping").status
        except urllib3.exceptions.HTTPError:
            return 0

    with process("training.serving", "--model", str(model), "--port", str(port), log=tmp_path / "log"):
        eventually(lambda: status_of_ping() != 0)
        early = invoked(call, PHOTO)
        assert status_of_ping() == 503
        (model / "model.json").write_text(json.dumps(FACTS))
        eventually(lambda: status_of_ping() == 200)
        answered(invoked(call, PHOTO))

    assert (early.status, early.json()["reason"]) == (503, "not_ready")
    assert int(early.headers["retry-after"]) >= 1


def test_sigterm_under_load_breaks_no_answer_off(tmp_path: Path) -> None:
    """Whoever is answered is answered whole; whoever comes later finds nobody, and is never told of a failure."""
    model, port = package(tmp_path / "tiny"), free_port()
    with process("training.serving", "--model", str(model), "--port", str(port), log=tmp_path / "log") as server:
        eventually(lambda: answers(f"http://127.0.0.1:{port}/ping"))
        with ThreadPoolExecutor(8) as clients:
            calling = [clients.submit(until_nobody_listens, f"http://127.0.0.1:{port}") for _ in range(8)]
            eventually(lambda: sum(one.running() for one in calling) == 8)
            server.send_signal(signal.SIGTERM)
            replies = [reply for one in calling for reply in one.result()]
        assert server.wait(30) in {0, -signal.SIGTERM}

    assert replies
    for reply in replies:
        answered(reply)
    assert "Traceback" not in (tmp_path / "log").read_text()


def until_nobody_listens(address: str) -> list[Reply]:
    """Send photo after photo, each over a connection of its own."""
    replies = []
    while True:
        try:
            call = over_http(address)
            replies.append(call("POST", "/invocations", PHOTO, {"content-type": "image/jpeg", "connection": "close"}))
        except urllib3.exceptions.IncompleteRead:
            pytest.fail("half an answer")
        except urllib3.exceptions.HTTPError:
            return replies
