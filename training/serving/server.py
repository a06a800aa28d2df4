"""The endpoint's HTTP face: `POST /invocations` and `GET /ping`, as SageMaker calls a container, and `GET /metrics`.

Turns requests into calls of a `CountModel`, and its answers, refusals and failures into JSON. The event loop
only moves bytes; decoding and inference run in a bounded pool of threads. May not know how a model is stored.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from training.serving.images import BadImage, Reason
from training.serving.metrics import CONTENT_TYPE, Metrics
from training.serving.steps import Stopwatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from training.serving.model import CountModel

T = TypeVar("T")

MAX_BODY: Final = 6 * 1024 * 1024
"""Bytes of a request: SageMaker's limit for real-time endpoints, from the InvokeEndpoint reference."""

BODIES: Final = 5 * MAX_BODY
"""Bytes of photos that are in memory at once, before they are decoded; an announced length counts from the start."""

BODY_SECONDS: Final = 20.0
"""Time for a photo to arrive: a client that stalls holds a place only so long, and less than the server's draining."""

MEDIA_TYPES: Final = frozenset({"image/jpeg", "image/png"})

STATUS_OF: Final[dict[Reason, HTTPStatus]] = {
    "empty": HTTPStatus.BAD_REQUEST,
    "not_an_image": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "unsupported_format": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "too_many_pixels": HTTPStatus.UNPROCESSABLE_ENTITY,
    "truncated": HTTPStatus.UNPROCESSABLE_ENTITY,
    "undecodable": HTTPStatus.UNPROCESSABLE_ENTITY,
}

log = logging.getLogger("bincheck.serving")


class Refused(Exception):  # noqa: N818 - an answer to the client, not a failure of the server
    """A request that gets an error for an answer: its status, its code for machines, its text for people."""

    def __init__(self, status: HTTPStatus, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


@dataclass(slots=True)
class Taken:
    """A request on its way: what is told of it at its end."""

    stopwatch: Stopwatch
    photo: str | None
    """The photo's name, where the client gives one."""
    size: int = 0
    """Bytes of the photo, once they are there."""


class BoundedPool:
    """A fixed number of threads behind a queue that is bounded in photos and in bytes; beyond, work is refused."""

    def __init__(self, *, threads: int, queue: int, size: int = BODIES) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="model")
        self._at_work = threads
        self._places = self._free = threads + queue
        self._room = size
        self._asked = 0

    @property
    def in_flight(self) -> int:
        """Photos that have a place."""
        return self._places - self._free

    @property
    def queued(self) -> int:
        """Photos that wait for a thread."""
        return max(0, self._asked - self._at_work)

    @asynccontextmanager
    async def place(self, size: int) -> AsyncIterator[None]:
        """Hold one place, and `size` bytes, from before the body is read until the answer: it bounds memory and work.

        Raises:
            Refused: every thread is busy and the queue is full.

        """
        if not self._free or size > self._room:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", "too many photos are waiting")
        self._free -= 1
        self._room -= size
        try:
            yield
        finally:
            self._free += 1
            self._room += size

    async def run(self, work: Callable[..., T], *arguments: object, stopwatch: Stopwatch | None = None) -> T:
        """Run `work` on a thread and return what it returns; the stopwatch gets the time until a thread was free."""
        asked = stopwatch.clock() if stopwatch else 0.0

        def begin() -> T:
            if stopwatch:
                stopwatch.add("wait", stopwatch.clock() - asked)
            return work(*arguments)

        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, begin)
        finally:
            self._asked -= 1

    def close(self) -> None:
        """Let running work end and drop what is queued."""
        self._threads.shutdown(cancel_futures=True)


class ModelServer:
    """Serves one model, which it loads and warms while it already answers that it is not ready."""

    def __init__(
        self,
        load: Callable[[], CountModel],
        pool: BoundedPool,
        *,
        give_up: Callable[[], None],
        clock: Callable[[], float] = time.perf_counter,
        patience: float = BODY_SECONDS,
    ) -> None:
        """`give_up` is called if the model cannot be loaded or warmed; the log holds the cause by then."""
        self._load = load
        self._pool = pool
        self._give_up = give_up
        self._clock = clock
        self._patience = patience
        self._metrics = Metrics(in_flight=lambda: pool.in_flight, queued=lambda: pool.queued)
        self._model: CountModel | None = None
        self.failed = False

    def app(self) -> Starlette:
        """Return the ASGI application; its lifespan loads the model and waits for the last answer."""
        app = Starlette(
            routes=[
                Route("/ping", self.ping, methods=["GET"]),
                Route("/invocations", self.invocations, methods=["POST"]),
                Route("/metrics", self.metrics, methods=["GET"]),
            ],
            exception_handlers={HTTPException: _no_such_route},
            lifespan=self._lifespan,
        )
        app.router.redirect_slashes = False  # every path but the three is unknown
        return app

    async def ping(self, _: Request) -> JSONResponse:
        """Say whether the model has answered its warm-up photo."""
        try:
            model = self._ready()
        except Refused as refusal:
            return _error_response(refusal)
        return JSONResponse({"model": _named(model)})

    async def metrics(self, _: Request) -> Response:
        """Give what has been counted, for Prometheus."""
        return Response(self._metrics.text(), media_type=CONTENT_TYPE)

    async def invocations(self, request: Request) -> JSONResponse:
        """Answer one photo, or say in JSON why not; each request leaves one line in the log."""
        taken = Taken(Stopwatch(self._clock), request.headers.get("x-amzn-sagemaker-custom-attributes"))
        try:
            answer = await self._answer(request, taken)
            response, outcome = JSONResponse(answer), {"prediction": answer["prediction"]}
        except Refused as refusal:
            if refusal.status != HTTPStatus.REQUEST_TIMEOUT:
                await _discard_rest(request, self._patience)
            response, outcome = _error_response(refusal), {"reason": refusal.reason, "error": refusal.message}
        # Told only after the reply is on its way, so that telling costs the client nothing.
        response.background = BackgroundTask(self._tell, taken, self._clock(), response.status_code, outcome)
        return response

    async def _tell(self, taken: Taken, replied: float, status: int, outcome: dict[str, str]) -> None:
        """Count the request and log it: nothing of the photo but its name and its size."""
        watch = taken.stopwatch
        watch.add("reply", self._clock() - replied)
        total = watch.total()
        self._metrics.answered(status, outcome.get("reason"), taken.size, watch.seconds, total)
        log.info(
            "invocation",
            extra={
                "status": status,
                "ms": _milliseconds(total),
                "ms_by_step": {step: _milliseconds(spent) for step, spent in watch.seconds.items()},
                "bytes": taken.size,
                "photo": taken.photo,
                **outcome,
            },
        )

    async def warm_up(self) -> None:
        """Load the model and let it answer once; only then is the server ready."""
        started = self._clock()
        try:
            model = await self._pool.run(self._load)
            await self._pool.run(model.warm_up)
        except Exception:
            log.critical("the model cannot be served", exc_info=True)
            self.failed = True
            self._give_up()
            return
        self._model = model
        self._metrics.ready(_named(model))
        log.info("ready", extra={"model": _named(model), "ms": _milliseconds(self._clock() - started)})

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        warming = asyncio.create_task(self.warm_up())
        try:
            yield
        finally:
            warming.cancel()
            self._pool.close()

    async def _answer(self, request: Request, taken: Taken) -> dict[str, Any]:
        model, watch = self._ready(), taken.stopwatch
        _check_media_type(request)
        async with self._pool.place(_announced(request)):
            with watch.timed("read"):
                body = await _read(request, self._patience)
            taken.size = len(body)
            try:
                return await self._pool.run(model.answer, body, watch.timed, stopwatch=watch)
            except BadImage as bad:
                raise Refused(STATUS_OF[bad.reason], bad.reason, bad.message) from bad
            except Exception as error:
                log.exception("the model failed")
                raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "the model failed on this photo") from error

    def _ready(self) -> CountModel:
        if self._model is None:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", "the model is still loading")
        return self._model


def _named(model: CountModel) -> str:
    return f"{model.facts.name}/{model.facts.version}"


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 1)


def _announced(request: Request) -> int:
    """Return the bytes that the client says the photo has; without its word, or with too large a one, the limit."""
    stated = request.headers.get("content-length", "")
    in_chunks = "transfer-encoding" in request.headers  # a length beside it means nothing
    return min(int(stated), MAX_BODY) if stated.isdecimal() and not in_chunks else MAX_BODY


def _check_media_type(request: Request) -> None:
    stated = request.headers.get("content-type", "")
    if stated.partition(";")[0].strip().lower() not in MEDIA_TYPES:
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "media_type",
            f"send image/jpeg or image/png, not {stated[:80]!r}",
        )


async def _read(request: Request, patience: float) -> bytes:
    """Read the body and stop at the limit of size or time, whatever length the client announced."""
    body = bytearray()
    try:
        async with asyncio.timeout(patience):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise Refused(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        "too_large",
                        f"the file has more than {MAX_BODY} bytes",
                    )
    except ClientDisconnect as error:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, "disconnected", "the photo never arrived in full") from error
    except TimeoutError as error:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, "too_slow", f"the photo took more than {patience:g} s") from error
    return bytes(body)


async def _discard_rest(request: Request, patience: float) -> None:
    """Take in what the client still sends: were it cut off, it would never see our answer."""
    with suppress(ClientDisconnect, RuntimeError, TimeoutError):  # RuntimeError: there is no rest
        async with asyncio.timeout(patience):
            async for _ in request.stream():
                pass


async def _no_such_route(_: Request, error: Exception) -> JSONResponse:
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 404)
    return _error_response(
        Refused(status, status.name.lower(), f"{status.phrase}: see /ping, /invocations and /metrics")
    )


def _error_response(refusal: Refused) -> JSONResponse:
    headers = {"Retry-After": "1"} if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse({"error": refusal.message, "reason": refusal.reason}, refusal.status, headers)
