"""AWS's own `sagemaker-pytorch-inference` toolkit behind a plain HTTP server, to measure beside ours.

    python -m local.bench_toolkit --model models/bin-counter --port 8080

In AWS's containers TorchServe, which is archived and needs Java, takes the requests and hands them to worker processes,
one for each processor; each runs the toolkit's `HandlerService`. Here uvicorn takes them and hands them to as many
processes running the same service, on one thread of torch each. Nothing of the toolkit is changed or left out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

_PROGRAM = "local.bench_inference"


@dataclass
class Context:
    """What a handler is told of a request and of the model, as TorchServe tells it."""

    system_properties: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200

    @property
    def request_processor(self) -> list[Context]:
        """Return one processor for the one request of a call."""
        return [self]

    def get_request_properties(self) -> dict[str, str]:
        """Return the request's headers."""
        return self.headers

    def set_response_content_type(self, _index: int, _content_type: str) -> None:
        """Take the type that the handler chose; it is always JSON here."""

    def set_response_status(self, code: int, **_: Any) -> None:
        """Take the status of a failure."""
        self.status = code


class Worker:
    """The toolkit's service in a process of its own."""

    service: Any
    context: Context

    @classmethod
    def start(cls, model: str) -> None:
        """Load the network."""
        # Only here: the process that hands out the work needs neither.
        import torch  # noqa: PLC0415
        from sagemaker_pytorch_serving_container.handler_service import HandlerService  # noqa: PLC0415

        torch.set_num_threads(1)
        cls.context = Context({"model_dir": model})
        cls.service = HandlerService()
        cls.service.initialize(cls.context)

    @classmethod
    def handle(cls, body: bytes, content_type: str) -> tuple[int, Any]:
        """Answer one request: a status and a body."""
        cls.context.headers, cls.context.status = {"Content-Type": content_type}, 200
        (answer,) = cls.service.handle([{"body": body}], cls.context)
        return cls.context.status, answer


def app(model: Path, workers: int) -> Starlette:
    """Return the application; /ping answers once each worker is there."""
    processes = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=Worker.start, initargs=(str(model),)
    )

    async def ping(_: Request) -> Response:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(processes, os.getpid) for _ in range(workers)))
        return Response()

    async def invocations(request: Request) -> Response:
        given = await request.body(), request.headers.get("content-type", "")
        status, answer = await asyncio.get_running_loop().run_in_executor(processes, Worker.handle, *given)
        return Response(answer, status, media_type="application/json")

    return Starlette(routes=[Route("/ping", ping), Route("/invocations", invocations, methods=["POST"])])


def main(argv: Sequence[str]) -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m local.bench_toolkit")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    given = parser.parse_args(argv)
    os.environ["SAGEMAKER_PROGRAM"] = _PROGRAM
    uvicorn.run(
        app(given.model, given.workers), host="127.0.0.1", port=given.port, log_level="warning", timeout_keep_alive=75
    )


if __name__ == "__main__":
    main(sys.argv[1:])
