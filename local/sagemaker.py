"""Stands in for the SageMaker runtime: `invoke_endpoint` of boto3 on one side, the model server on the other.

    python -m local.sagemaker --port 8081 --endpoint bin-counter --model-server http://127.0.0.1:8080

With `--s3 http://127.0.0.1:4566` it runs transform jobs as well (`local.transform`), over the local S3 at that address.

Clients reach it with `AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=http://127.0.0.1:8081`. Errors have the shapes that
botocore's service model of `sagemaker-runtime` states; their texts are those that users of the real service
report. Checks no signature and no permission. Binds loopback only, because its fault route is open:

    PUT    /faults   {"kind": "throttle", "times": 3}    the next 3 invocations fail; without "times", all of them
    DELETE /faults                                        back to normal

`--capture FOLDER` keeps requests and replies as SageMaker's data capture does (see `local.capture`).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import urllib3
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.capture import MEGABYTES, VARIANT, Capture, Exchange
from local.emulator import Emulator
from local.transform import Control

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from starlette.requests import Request

MAX_BODY: Final = 6 * 1024 * 1024
CONTAINER_SECONDS: Final = 60.0
"""How long a container may take, as the InvokeEndpoint reference says."""

ACCOUNT: Final = "000000000000"
FORWARDED: Final = (
    "Content-Type",
    "Accept",
    "X-Amzn-SageMaker-Custom-Attributes",
    "X-Amzn-SageMaker-Inference-Id",
)


class FaultKind(StrEnum):
    """Ways in which an invocation can be made to go wrong."""

    THROTTLE = "throttle"
    SLOW = "slow"
    CONTAINER_ERROR = "container_error"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong, and for how many invocations; `times` None means until it is cleared."""

    kind: FaultKind
    times: int | None = None
    seconds: float = 5.0
    """How long a slow invocation is held up before it goes its usual way."""


class Faults:
    """What is planned to go wrong; empty until somebody asks."""

    def __init__(self, planned: Fault | None = None) -> None:
        self.plan(planned)

    def plan(self, fault: Fault | None) -> None:
        """Replace whatever was planned; None clears it."""
        self._fault = fault
        self._left = fault.times if fault else 0

    def take(self) -> Fault | None:
        """Return the fault that the invocation at hand has to suffer, if any, and count it."""
        if self._left == 0:
            return None
        if self._left is not None:
            self._left -= 1
        return self._fault


@dataclass(frozen=True, slots=True)
class ContainerReply:
    """What a container said; status 0 where it said nothing, as SageMaker writes it."""

    status: int
    body: bytes
    content_type: str = "application/json"


Container: TypeAlias = Callable[[bytes, Mapping[str, str]], ContainerReply]


def container_at(address: str, *, seconds: float = CONTAINER_SECONDS) -> Container:
    """Return a function that posts a body and headers to the `/invocations` of the model server at `address`."""
    pool = urllib3.PoolManager(maxsize=64, retries=False, timeout=urllib3.Timeout(total=seconds))

    def invoke(body: bytes, headers: Mapping[str, str]) -> ContainerReply:
        try:
            reply = pool.request("POST", f"{address.rstrip('/')}/invocations", body=body, headers=headers)
        except urllib3.exceptions.ReadTimeoutError:
            return ContainerReply(
                0,
                b"Your invocation timed out while waiting for a response from container primary. Review the "
                b"latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
            )
        except urllib3.exceptions.HTTPError:
            return ContainerReply(0, b"Amazon SageMaker could not get a response from the primary endpoint.")
        return ContainerReply(reply.status, reply.data, reply.headers.get("Content-Type", ""))

    return invoke


Keep: TypeAlias = Callable[[Exchange], None]
"""Takes what the container was asked and what it said."""


class Runtime:
    """One endpoint, as its callers see it."""

    def __init__(  # noqa: PLR0913 - what stands behind the endpoint, and what it can do beside counting
        self,
        endpoint: str,
        container: Container,
        faults: Faults,
        *,
        control: Control | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        keep: Keep | None = None,
    ) -> None:
        self._control = control
        self._endpoint = endpoint
        self._container = container
        self._faults = faults
        self._sleep = sleep
        self._keep = keep

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/endpoints/{name}/invocations", self.invoke, methods=["POST"]),
                Route("/ping", self.ping, methods=["GET"]),
                Route("/faults", self.plan_fault, methods=["PUT"]),
                Route("/faults", self.clear_faults, methods=["DELETE"]),
                *([Route("/", self._control.answer, methods=["POST"])] if self._control else []),
            ]
        )

    async def invoke(self, request: Request) -> Response:
        """Check what the service checks, then let the container answer."""
        body = await request.body()
        name = request.path_params["name"]
        if name != self._endpoint:
            return service_error(400, "ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.")
        if len(body) > MAX_BODY:
            # The one error that comes without a type: boto3 reports its code as "413".
            return JSONResponse({"message": f"HTTP content length exceeded {MAX_BODY} bytes."}, 413)
        match self._faults.take():
            case Fault(FaultKind.THROTTLE):
                return service_error(400, "ThrottlingException", None)
            case Fault(FaultKind.CONTAINER_ERROR):
                return self._reply(ContainerReply(500, b"planned failure of the container"))
            case Fault(FaultKind.GARBAGE):
                return self._reply(ContainerReply(200, b"<html>\xff", "text/html"))
            case Fault(FaultKind.SLOW, seconds=seconds):
                await self._sleep(seconds)
        headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
        reply = await run_in_threadpool(self._container, body, headers)
        if self._keep is not None and reply.status:
            exchange = Exchange(body, headers.get("Content-Type", ""), reply.body, reply.content_type)
            await run_in_threadpool(self._keep, exchange)
        return self._reply(reply)

    async def ping(self, _: Request) -> Response:
        """Say that the stand-in listens; of the container it says nothing."""
        return Response()

    async def plan_fault(self, request: Request) -> Response:
        """Plan a fault from its JSON form; 400 says what is wrong with it."""
        try:
            wanted = await request.json()
            self._faults.plan(Fault(**{**wanted, "kind": FaultKind(wanted["kind"])}))
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"message": repr(error)}, 400)
        return Response(status_code=204)

    async def clear_faults(self, _: Request) -> Response:
        """Let everything go right again."""
        self._faults.plan(None)
        return Response(status_code=204)

    def _reply(self, reply: ContainerReply) -> Response:
        succeeded = 200 <= reply.status < 300
        if succeeded:
            return Response(
                reply.body,
                headers={"x-Amzn-Invoked-Production-Variant": VARIANT},
                media_type=reply.content_type,
            )
        return model_error(self._endpoint, reply)


def service_error(status: int, kind: str, message: str | None) -> JSONResponse:
    """Return an error of the service itself; throttling comes without a text."""
    return JSONResponse({"message": message}, status, {"x-amzn-ErrorType": kind})


def model_error(endpoint: str, reply: ContainerReply) -> JSONResponse:
    """Return what the service makes of a container that answered 4xx, 5xx or not at all."""
    side = "client" if 400 <= reply.status < 500 else "server"
    said = reply.body.decode("utf-8", "replace")
    return JSONResponse(
        {
            "Message": f'Received {side} error ({reply.status}) from primary with message "{said}". See '
            f"/aws/sagemaker/Endpoints/{endpoint} in account {ACCOUNT} for more information.",
            "OriginalStatusCode": reply.status,
            "OriginalMessage": said,
            "LogStreamArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/{endpoint}",
        },
        424,
        {"x-amzn-ErrorType": "ModelError"},
    )


def main(argv: Sequence[str]) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m local.sagemaker", description="Stand in for the SageMaker runtime."
    )
    parser.add_argument("--port", type=int, required=True, help="port on loopback")
    parser.add_argument("--endpoint", required=True, help="name of the one endpoint that exists")
    parser.add_argument("--model-server", required=True, help="address of the model server behind it")
    parser.add_argument("--s3", help="address of the local S3; with it, transform jobs run")
    parser.add_argument("--capture", type=Path, help="folder for requests and replies; without it, none are kept")
    parser.add_argument("--capture-percentage", type=int, default=100, help="share that is kept")
    parser.add_argument("--capture-megabytes", type=int, default=MEGABYTES, help="kept at most")
    given = parser.parse_args(argv)
    container = container_at(given.model_server)
    control = Control(given.endpoint, container, Emulator(given.s3, Path()).client("s3")) if given.s3 else None
    runtime = Runtime(given.endpoint, container, Faults(), control=control, keep=_capture(given))
    uvicorn.run(runtime.app(), host="127.0.0.1", port=given.port, log_level="warning")


def _capture(given: argparse.Namespace) -> Capture | None:
    if given.capture is None:
        return None
    return Capture(
        given.capture,
        given.endpoint,
        percentage=given.capture_percentage,
        megabytes=given.capture_megabytes,
        now=lambda: datetime.now(UTC),
        chance=random.random,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
