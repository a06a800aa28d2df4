from __future__ import annotations

import asyncio
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.serving_fixtures import bad_files
from training.serving.images import BadImage
from training.serving.logs import JsonLines
from training.serving.model import ModelFacts
from training.serving.server import BODIES, MAX_BODY, BoundedPool, ModelServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from training.serving.steps import Timed

JPEG = {"content-type": "image/jpeg"}
REASONS = sorted({reason for _, reason in bad_files().values()})


class FakeModel:
    """Answers at once, or when its gate opens, and does with special bodies what their text says."""

    facts = ModelFacts("fake", "7", ("0", "1+"), (4, 4), (0.5, 0.5))

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.warmed = False

    def warm_up(self) -> None:
        self.warmed = True

    def answer(self, body: bytes, timed: Timed) -> dict[str, Any]:
        with timed("network"):
            self.gate.wait(10)
        if body.decode() in REASONS:
            raise BadImage(body.decode(), "refused")  # type: ignore[arg-type]
        if body == b"fail":
            raise ValueError("/secret/path")
        return {"prediction": "0", "bytes": len(body)}


def serve(scenario: Callable[[httpx.AsyncClient, ModelServer, FakeModel], Awaitable[None]], **limits: float) -> None:
    """Run a scenario against the server in this process, without a socket."""

    async def run() -> None:
        model = FakeModel()
        pool = BoundedPool(
            threads=int(limits.get("threads", 1)),
            queue=int(limits.get("queue", 1)),
            size=int(limits.get("size", BODIES)),
        )
        server = ModelServer(
            lambda: model,  # type: ignore[arg-type,return-value]
            pool,
            give_up=lambda: None,
            patience=limits.get("patience", 10),
        )
        transport = httpx.ASGITransport(app=server.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            await scenario(client, server, model)
        pool.close()

    asyncio.run(run())


def test_ping_is_503_until_the_model_has_answered_its_warm_up_photo() -> None:
    async def scenario(client: httpx.AsyncClient, server: ModelServer, model: FakeModel) -> None:
        before = await client.get("/ping")
        assert (before.status_code, before.json()["reason"]) == (503, "not_ready")
        early = await client.post("/invocations", content=b"photo", headers=JPEG)
        assert (early.status_code, early.headers["retry-after"]) == (503, "1")
        await server.warm_up()
        assert model.warmed
        after = await client.get("/ping")
        assert (after.status_code, after.json()) == (200, {"model": "fake/7"})

    serve(scenario)


def test_a_model_that_cannot_be_loaded_ends_the_server() -> None:
    given_up: list[bool] = []

    def load() -> Any:
        raise OSError("no such file")

    server = ModelServer(load, BoundedPool(threads=1, queue=1), give_up=lambda: given_up.append(True))
    asyncio.run(server.warm_up())
    assert given_up
    assert server.failed


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "IMAGE/JPEG; charset=binary"])
def test_a_photo_is_answered(media_type: str) -> None:
    async def scenario(client: httpx.AsyncClient, server: ModelServer, _: FakeModel) -> None:
        await server.warm_up()
        reply = await client.post("/invocations", content=b"photo", headers={"content-type": media_type})
        assert (reply.status_code, reply.json()) == (200, {"prediction": "0", "bytes": 5})

    serve(scenario)


@pytest.mark.parametrize("reason", REASONS)
def test_a_photo_that_is_refused_is_the_clients_fault(reason: str) -> None:
    async def scenario(client: httpx.AsyncClient, server: ModelServer, _: FakeModel) -> None:
        await server.warm_up()
        reply = await client.post("/invocations", content=reason.encode(), headers=JPEG)
        assert 400 <= reply.status_code < 500
        assert reply.json() == {"error": "refused", "reason": reason}

    serve(scenario)


@pytest.mark.parametrize("media_type", ["", "text/plain", "image/gif", "application/octet-stream"])
def test_other_media_types_are_refused(media_type: str) -> None:
    async def scenario(client: httpx.AsyncClient, server: ModelServer, _: FakeModel) -> None:
        await server.warm_up()
        reply = await client.post("/invocations", content=b"photo", headers={"content-type": media_type})
        assert (reply.status_code, reply.json()["reason"]) == (415, "media_type")

    serve(scenario)


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY, 200), (MAX_BODY + 1, 413), (7_000_000, 413)])
@pytest.mark.parametrize("announced", [True, False])
def test_six_megabytes_are_the_limit_announced_or_not(size: int, status: int, announced: bool) -> None:  # noqa: FBT001
    async def pieces() -> AsyncIterator[bytes]:
        yield bytes(size - 1)
        yield b"x"

    async def scenario(client: httpx.AsyncClient, server: ModelServer, _: FakeModel) -> None:
        await server.warm_up()
        body = bytes(size) if announced else pieces()
        reply = await client.post("/invocations", content=body, headers=JPEG)
        assert reply.status_code == status
        assert status == 200 or reply.json()["reason"] == "too_large"

    serve(scenario)


def test_a_full_queue_refuses_at_once_and_recovers() -> None:
    async def scenario(client: httpx.AsyncClient, server: ModelServer, model: FakeModel) -> None:
        await server.warm_up()
        model.gate.clear()
        accepted = [asyncio.create_task(client.post("/invocations", content=b"photo", headers=JPEG)) for _ in range(3)]
        while server._pool._free:  # noqa: ASYNC110 - places are counted, nobody announces them
            await asyncio.sleep(0)
        refused = await client.post("/invocations", content=b"photo", headers=JPEG)
        assert (refused.status_code, refused.json()["reason"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert (await client.get("/ping")).status_code == 200
        model.gate.set()
        assert [reply.status_code for reply in await asyncio.gather(*accepted)] == [200, 200, 200]
        again = await client.post("/invocations", content=b"photo", headers=JPEG)
        assert again.status_code == 200

    serve(scenario, threads=2, queue=1)


def test_clients_that_stall_are_given_up_and_leave_their_places_to_others() -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield b"pho"
        await asyncio.Event().wait()

    async def scenario(client: httpx.AsyncClient, server: ModelServer, _: FakeModel) -> None:
        await server.warm_up()
        stalled = [client.post("/invocations", content=stalling(), headers=JPEG) for _ in range(2)]
        for reply in await asyncio.gather(*stalled):
            assert (reply.status_code, reply.json()["reason"]) == (408, "too_slow")
        after = await client.post("/invocations", content=b"photo", headers=JPEG)
        assert after.status_code == 200

    serve(scenario, threads=1, queue=1, patience=0.05)


def test_a_failing_model_is_a_500_that_tells_nothing_of_the_inside() -> None:
    async def scenario(client: httpx.AsyncClient, server: ModelServer, _: FakeModel) -> None:
        await server.warm_up()
        reply = await client.post("/invocations", content=b"fail", headers=JPEG)
        assert (reply.status_code, reply.json()["reason"]) == (500, "internal")
        assert "secret" not in reply.text

    serve(scenario)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/invocations", 405), ("POST", "/ping/", 404)]
)
def test_unknown_routes_answer_in_json_too(method: str, path: str, status: int) -> None:
    async def scenario(client: httpx.AsyncClient, _: ModelServer, __: FakeModel) -> None:
        reply = await client.request(method, path)
        assert reply.status_code == status
        assert set(reply.json()) == {"error", "reason"}

    serve(scenario)


@pytest.mark.parametrize(("announced", "status"), [(100, 200), (101, 503), (None, 503)])
def test_photos_that_wait_take_no_more_memory_than_there_is(announced: int | None, status: int) -> None:
    """A photo of 900 bytes is held; 1,000 are the limit; who does not say how much comes may send MAX_BODY."""

    async def unannounced() -> AsyncIterator[bytes]:
        yield bytes(10)

    async def scenario(client: httpx.AsyncClient, server: ModelServer, model: FakeModel) -> None:
        await server.warm_up()
        model.gate.clear()
        held = asyncio.create_task(client.post("/invocations", content=bytes(900), headers=JPEG))
        while not server._pool.in_flight:  # noqa: ASYNC110 - places are counted, nobody announces them
            await asyncio.sleep(0)
        body = unannounced() if announced is None else bytes(announced)
        beside = asyncio.create_task(client.post("/invocations", content=body, headers=JPEG))
        await asyncio.sleep(0.05 if status == 503 else 0)
        model.gate.set()
        assert ((await beside).status_code, (await held).status_code) == (status, 200)
        assert (await client.post("/invocations", content=bytes(1000), headers=JPEG)).status_code == 200

    serve(scenario, threads=1, queue=5, size=1000)


def test_each_photo_leaves_one_log_line_that_says_what_became_of_it_and_nothing_of_what_it_shows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(client: httpx.AsyncClient, server: ModelServer, _: FakeModel) -> None:
        await server.warm_up()
        headers = JPEG | {"X-Amzn-SageMaker-Custom-Attributes": "incoming/A-17/1.jpg"}
        await client.post("/invocations", content=b"truncated", headers=headers)
        await client.post("/invocations", content=b"pixels", headers=headers)

    with caplog.at_level(logging.INFO, "bincheck.serving"):
        serve(scenario)
    refused, answered = (json.loads(JsonLines().format(record)) for record in caplog.records[-2:])
    assert (refused["status"], refused["reason"], refused["photo"]) == (422, "truncated", "incoming/A-17/1.jpg")
    assert (answered["status"], answered["bytes"], "reason" in answered) == (200, 6, False)
    assert set(answered["ms_by_step"]) == {"read", "wait", "network", "reply"}
    assert sum(answered["ms_by_step"].values()) <= answered["ms"] + 1
    assert "pixels" not in json.dumps(answered)


def test_metrics_tell_how_many_photos_were_answered_and_refused_and_why() -> None:
    async def scenario(client: httpx.AsyncClient, server: ModelServer, _: FakeModel) -> None:
        early = await metrics(client)
        assert "bincheck_requests_total" not in early
        await server.warm_up()
        for body in (b"photo", b"photo", b"truncated", b"fail"):
            await client.post("/invocations", content=body, headers=JPEG)
        await client.post("/invocations", content=b"photo", headers={"content-type": "text/plain"})
        counted = await metrics(client)
        assert counted['bincheck_requests_total{reason="",status="200"}'] == 2
        assert counted['bincheck_requests_total{reason="truncated",status="422"}'] == 1
        assert counted['bincheck_requests_total{reason="internal",status="500"}'] == 1
        assert counted['bincheck_requests_total{reason="media_type",status="415"}'] == 1
        assert counted["bincheck_request_seconds_count"] == 5
        assert counted['bincheck_step_seconds_count{step="network"}'] == 4
        assert counted['bincheck_step_seconds_count{step="reply"}'] == 5
        assert counted["bincheck_photo_bytes_total"] == 5 + 5 + 9 + 4
        assert counted['bincheck_model_ready{model="fake/7"}'] == 1

    serve(scenario)


def test_metrics_tell_what_is_in_flight_and_what_waits_for_a_thread() -> None:
    async def scenario(client: httpx.AsyncClient, server: ModelServer, model: FakeModel) -> None:
        await server.warm_up()
        model.gate.clear()
        photos = [asyncio.create_task(client.post("/invocations", content=b"photo", headers=JPEG)) for _ in range(3)]
        while server._pool.queued < 2:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0)
        busy = await metrics(client)
        assert (busy["bincheck_in_flight"], busy["bincheck_queued"]) == (3, 2)
        model.gate.set()
        await asyncio.gather(*photos)
        idle = await metrics(client)
        assert (idle["bincheck_in_flight"], idle["bincheck_queued"]) == (0, 0)

    serve(scenario, threads=1, queue=2)


async def metrics(client: httpx.AsyncClient) -> dict[str, float]:
    """Read the metrics as their text format says: a name with labels and a number on each line that is no comment."""
    reply = await client.get("/metrics")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain; version=")
    lines = (line.rpartition(" ") for line in reply.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_a_traceback_is_a_field_of_its_log_line() -> None:
    error = ValueError("two\nlines")
    record = logging.makeLogRecord({"msg": "it failed", "exc_info": (ValueError, error, None)})
    text = JsonLines().format(record)
    assert "\n" not in text
    assert "ValueError" in json.loads(text)["traceback"]
