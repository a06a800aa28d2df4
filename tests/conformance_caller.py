"""Asks a model server, in this process or at an address, and holds every reply against the endpoint's contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.testclient import TestClient

MAX_BODY = 6 * 1024 * 1024
INSIDES = ("Traceback", 'File "', ".py", "Error:", "Exception", "site-packages", "0x")
"""What no reply may hold: a sign of the server's inside."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, which has to be JSON."""
        assert self.headers["content-type"].partition(";")[0] == "application/json"
        return json.loads(self.body)


Caller = Callable[..., Reply]
"""caller(method, path, body=b"", **headers): sends one request."""


def over_http(address: str) -> Caller:
    """Call whoever listens at an address."""
    pool = urllib3.PoolManager(maxsize=32, retries=False, timeout=60)

    def call(method: str, path: str, body: Any = b"", headers: Mapping[str, str] | None = None) -> Reply:
        reply = pool.request(method, address + path, body=body, headers=dict(headers or {}), redirect=False)
        return Reply(reply.status, reply.headers, reply.data)

    return call


def in_process(client: TestClient) -> Caller:
    """Call an application without a socket; what it fails to catch is raised in the test."""

    def call(method: str, path: str, body: Any = b"", headers: Mapping[str, str] | None = None) -> Reply:
        reply = client.request(method, path, content=body, headers=headers, follow_redirects=False)
        return Reply(reply.status_code, reply.headers, reply.content)

    return call


def invoked(call: Caller, body: Any, media_type: str = "image/jpeg") -> Reply:
    """Send one photo."""
    return call("POST", "/invocations", body, {"content-type": media_type})


def answered(reply: Reply) -> dict[str, Any]:
    """Hold a reply to a photo against the contract, and give what it says."""
    assert reply.status == 200, reply.body[:300]
    said: dict[str, Any] = reply.json()
    assert set(said) == {"model", "counts", "probabilities", "prior", "prediction"}
    name, _, version = said["model"].partition("/")
    assert name
    assert version
    counts, probabilities, prior = said["counts"], said["probabilities"], said["prior"]
    assert counts == [*map(str, range(len(counts) - 1)), f"{len(counts) - 1}+"], "the last class is open-ended"
    for shares in (probabilities, prior):
        assert len(shares) == len(counts)
        assert all(0 <= share <= 1 for share in shares)
        assert sum(shares) == pytest.approx(1, abs=1e-6)
    assert said["prediction"] == counts[probabilities.index(max(probabilities))]
    return said


def refused(reply: Reply) -> str:
    """Hold the reply to a request that is the client's fault against the contract, and give its reason."""
    assert 400 <= reply.status < 500, (reply.status, reply.body[:300])
    said = reply.json()
    assert set(said) == {"error", "reason"}
    assert all(isinstance(value, str) and value for value in said.values())
    shown = reply.body.decode()
    assert not [inside for inside in INSIDES if inside in shown], shown
    return str(said["reason"])


def answered_or_refused(reply: Reply) -> None:
    """Nothing else may happen to a request, whatever its bytes are."""
    if reply.status == 200:
        answered(reply)
    else:
        refused(reply)
