"""What the conformance suite asks, and whom.

    python -m pytest tests/conformance                                     the project's own server, with a tiny model
    python -m pytest tests/conformance --address http://127.0.0.1:8080     any other, such as a container
    python -m pytest tests/conformance -m fuzz                             ten thousand malformed bodies
    python -m pytest tests/conformance -m soak -s                          twenty thousand photos, memory watched

With --address only HTTP is used: nothing is started or ended, so tests of starting and ending are skipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from local.processes import free_port
from tests.conformance_caller import Caller, in_process, over_http
from tests.serving_fixtures import package
from tests.serving_processes import answers, process
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
LONG = {"fuzz": "ten thousand malformed bodies", "soak": "twenty thousand photos"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--address", metavar="URL", help="the model server to ask; without one, the project's own starts")


def pytest_configure(config: pytest.Config) -> None:
    for marker, what in LONG.items():
        config.addinivalue_line("markers", f"{marker}: {what}, which take minutes; run by -m {marker} alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    given = _address(config)
    for item in items:
        if HERE not in item.path.parents:
            continue
        if given:
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1", urlsplit(given).hostname]))
        for marker in LONG:
            if item.get_closest_marker(marker) and marker not in config.option.markexpr:
                item.add_marker(pytest.mark.skip(reason=f"takes minutes: -m {marker}"))


def _address(config: pytest.Config) -> str | None:
    """The option is known only where this folder is named on the command line."""
    given: str | None = config.getoption("--address", default=None)
    return given.rstrip("/") if given else None


@pytest.fixture(scope="session")
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server under test listens."""
    given = _address(request.config)
    if given:
        assert answers(f"{given}/ping"), f"{given}/ping does not answer 200"
        yield given
        return
    folder = tmp_path_factory.mktemp("server")
    model, port = package(folder / "tiny"), free_port()
    with process("training.serving", "--model", str(model), "--port", str(port), log=folder / "log"):
        eventually(lambda: answers(f"http://127.0.0.1:{port}/ping"))
        yield f"http://127.0.0.1:{port}"
        assert "Traceback" not in (folder / "log").read_text(), "the server has met an error of its own"


@pytest.fixture(scope="session")
def call(address: str) -> Caller:
    """Sends requests to the server under test."""
    return over_http(address)


@pytest.fixture(scope="module")
def quick_call(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Sends requests to the application in this process, or to the address that was given."""
    from starlette.testclient import TestClient  # noqa: PLC0415 - it wants httpx, which asking an address does not

    from training.serving.model import CountModel  # noqa: PLC0415
    from training.serving.server import BoundedPool, ModelServer  # noqa: PLC0415

    if _address(request.config):
        yield request.getfixturevalue("call")
        return
    model = CountModel.load(package(tmp_path_factory.mktemp("quick")))
    front = ModelServer(lambda: model, BoundedPool(threads=1, queue=1), give_up=lambda: None)
    with TestClient(front.app()) as client:
        eventually(lambda: client.get("/ping").status_code == 200)
        yield in_process(client)


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> None:
    """Skips what starts and ends a server where another one is asked."""
    if _address(request.config):
        pytest.skip("a server at an address is not started or ended from here")
