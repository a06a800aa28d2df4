from __future__ import annotations

import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from local.processes import free_port
from tests.serving_fixtures import CLASSES, archive, bad_files, drawn, encoded, package
from tests.serving_processes import answers, process
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

RELEASED = Path("models/bin-counter")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("serving")
    model, port = package(folder / "tiny"), free_port()
    with process("training.serving", "--model", str(model), "--port", str(port), log=folder / "log"):
        eventually(lambda: answers(f"http://127.0.0.1:{port}/ping"))
        yield f"http://127.0.0.1:{port}"


def invoke(address: str, body: bytes, media_type: str = "image/jpeg") -> tuple[int, dict[str, Any]]:
    reply = urllib3.request(
        "POST", f"{address}/invocations", body=body, headers={"content-type": media_type}, retries=False
    )
    return reply.status, reply.json()


def test_the_process_answers_a_photo(address: str) -> None:
    status, answer = invoke(address, encoded(drawn()))
    assert status == 200
    assert answer["counts"] == list(CLASSES)
    assert answer["prediction"] in CLASSES


@pytest.mark.parametrize(("body", "reason"), bad_files().values(), ids=bad_files().keys())
def test_the_process_refuses_a_bad_file_and_lives(address: str, body: bytes, reason: str) -> None:
    status, answer = invoke(address, body)
    assert 400 <= status < 500
    assert (set(answer), answer["reason"]) == ({"error", "reason"}, reason)
    assert answers(f"{address}/ping")


def test_seven_megabytes_are_answered_with_413_and_not_with_a_broken_connection(address: str) -> None:
    status, answer = invoke(address, bytes(7_000_000))
    assert (status, answer["reason"]) == (413, "too_large")


def test_many_callers_at_once_are_all_answered(address: str) -> None:
    with ThreadPoolExecutor(8) as callers:
        replies = list(callers.map(lambda seed: invoke(address, encoded(drawn(seed=seed))), range(40)))
    assert {status for status, _ in replies} == {200}


def test_sigterm_lets_a_photo_in_progress_be_answered(tmp_path: Path) -> None:
    model, port, photo = package(tmp_path / "tiny"), free_port(), encoded(drawn())
    with process(
        "training.serving", "--model", str(archive(model)), "--port", str(port), log=tmp_path / "log"
    ) as server:
        eventually(lambda: answers(f"http://127.0.0.1:{port}/ping"))
        with socket.create_connection(("127.0.0.1", port)) as caller, caller.makefile("rb") as reply:
            caller.sendall(
                b"POST /invocations HTTP/1.1\r\nhost: server\r\ncontent-type: image/jpeg\r\n"
                b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(photo)
            )
            assert b"100" in reply.readline()  # the server is reading: the photo is in progress
            server.send_signal(signal.SIGTERM)
            eventually(lambda: refuses(port))
            caller.sendall(photo)
            assert b'"prediction"' in reply.read()
        assert server.wait(10) in {0, -signal.SIGTERM}
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["status"] for line in lines if line["message"] == "invocation"] == [200]


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_server_without_a_model_ends_and_says_why(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    with process("training.serving", "--model", nowhere, "--port", str(free_port()), log=tmp_path / "log") as server:
        assert server.wait(30) == 1
    assert "nowhere is no model package" in (tmp_path / "log").read_text()


@pytest.mark.skipif(not (RELEASED / "model.onnx").exists(), reason="no model is released in models/ yet")
def test_the_released_model_answers(tmp_path: Path) -> None:
    port = free_port()
    with process("training.serving", "--model", str(RELEASED), "--port", str(port), log=tmp_path / "log"):
        eventually(lambda: answers(f"http://127.0.0.1:{port}/ping"))
        status, answer = invoke(f"http://127.0.0.1:{port}", encoded(drawn()))
    assert (status, answer["counts"]) == (200, list(CLASSES))
    assert sum(answer["probabilities"]) == pytest.approx(1)
