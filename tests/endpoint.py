"""A SageMaker endpoint on loopback: the stand-in of the local stack, with a container whose answers a test sets."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import boto3
import uvicorn
from botocore.config import Config

from local.processes import free_port
from local.sagemaker import ContainerReply, Faults, Runtime
from tests.examples import COUNTS, PRIOR, sure_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from starlette.applications import Starlette

ENDPOINT = "bin-counter"


def answer_of(count: int) -> ContainerReply:
    """What a model server says that is sure of a count."""
    estimate = sure_of(count)
    fields = {
        "model": estimate.model,
        "counts": COUNTS,
        "probabilities": estimate.probabilities,
        "prior": PRIOR,
        "prediction": estimate.prediction,
    }
    return ContainerReply(200, json.dumps(fields).encode())


@dataclass
class Endpoint:
    """A running endpoint: what its container answers, what is planned to go wrong, what it was asked."""

    url: str
    reply: ContainerReply = field(default_factory=lambda: answer_of(3))
    faults: Faults = field(default_factory=Faults)
    asked: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)

    def container(self, body: bytes, headers: Mapping[str, str]) -> ContainerReply:
        self.asked.append((body, headers))
        return self.reply

    def client(self, patience: float = 5) -> Any:
        """A client that tries once and waits `patience` seconds."""
        return boto3.client(
            "sagemaker-runtime",
            endpoint_url=self.url,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(connect_timeout=1, read_timeout=patience, retries={"total_max_attempts": 1}),
        )


@contextmanager
def serving() -> Iterator[Endpoint]:
    """Serve an endpoint until the block ends."""
    port = free_port()
    endpoint = Endpoint(f"http://127.0.0.1:{port}")
    app = Runtime(ENDPOINT, endpoint.container, endpoint.faults).app()
    with _running(app, port):
        yield endpoint


@contextmanager
def _running(app: Starlette, port: int) -> Iterator[None]:
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the endpoint did not start")
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
