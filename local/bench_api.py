"""What the API's routes cost: a full table, each list and each thing shown, and the bare calls that they need.

The app's own handler is called in this process, as a warm Lambda calls it, with the local DynamoDB behind it. The
calls that a route makes are noted once and then made bare, in turn with the route: what the route takes longer is its
own time. Signing in and the gateway are not in it. On a busy machine much of any time is spent waiting for a processor;
how long this process has computed is therefore told too.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from botocore import xform_name
from rich.table import Column, Table

from chalicelib import wiring
from chalicelib.items import timestamp
from local.bench_api_table import CONSIGNMENTS, NOW, SITES, fill, name_of
from local.emulator import REGION, emulator
from local.table import table_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from local.bench_api_table import Size
    from local.emulator import Emulator

AIM_MS: Final = 50.0
"""Own time of 95 % of the calls of a route, for pages of the usual size."""

_TABLE: Final = "bench"
_WARM_UP: Final = 3
_TOLD: Final = (50, 95)
"""Percentiles."""
_TODAY: Final = f"from={timestamp(NOW)[:10]}T00:00:00Z"
_SITE: Final = f"site={SITES[0]}"
_CSV: Final = {"accept": "text/csv"}


@dataclass(frozen=True, slots=True)
class Route:
    """A request that reads: its path, the route's pattern, what it asks for, and what it accepts."""

    pattern: str
    query: str = ""
    names: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def is_export(self) -> bool:
        """Whether it asks for a page that is larger than usual."""
        return bool(self.headers)

    def __str__(self) -> str:
        path = self.pattern.format(**dict(self.names))
        return f"{path}{'?' if self.query else ''}{self.query}{' as CSV' if self.is_export else ''}"


def _routes() -> list[Route]:
    one = (("bin_id", name_of(0)),)
    site = (("site", SITES[0]),)
    bins = [
        "",
        "status=waiting",
        "status=mismatch",
        f"consignment={CONSIGNMENTS[0]}",
        _SITE,
        f"{_SITE}&q={name_of(0)[:3]}",
        f"{_SITE}&status=match",
        f"{_SITE}&sort=newest",
        f"{_SITE}&{_TODAY}",
        f"{_SITE}&attention=true",
        f"{_SITE}&attention=true&pictures=true",
        f"{_SITE}&attention=true&sort=newest",
        f"{_SITE}&status=mismatch&sort=cost",
        f"{_SITE}&severity=high",
        f"{_SITE}&assignee=ann",
    ]
    return [
        *(Route("/v1/bins", query) for query in bins),
        Route("/v1/bins", f"{_SITE}&limit=1000", headers=tuple(_CSV.items())),
        Route("/v1/bins/{bin_id}", names=one),
        *(Route(f"/v1/bins/{{bin_id}}/{what}", names=one) for what in ("inspections", "resolutions", "audit")),
        Route("/v1/reviews", _SITE),
        Route("/v1/rejections"),
        Route("/v1/audit", _SITE),
        Route("/v1/sites"),
        *(Route(f"/v1/sites/{{site}}/{what}", names=site) for what in ("statistics", "feedback", "resolutions")),
        Route("/v1/consignments", _SITE),
        Route("/v1/consignments/{consignment_id}", names=(("consignment_id", CONSIGNMENTS[0]),)),
        Route("/v1/policies/{site}", names=site),
        Route("/v1/policies/{site}/versions", names=site),
    ]


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds of one piece of work: by the clock, and of this process's computing."""

    clock: float
    computing: float

    def __sub__(self, other: Took) -> Took:
        return Took(self.clock - other.clock, self.computing - other.computing)


@dataclass(frozen=True, slots=True)
class Seen:
    """One route: how many calls it made, what route and bare calls took, and so what the route itself took."""

    route: Route
    calls: int
    whole: Sequence[Took]
    bare: Sequence[Took]

    def figures(self) -> dict[str, Any]:
        """Return the percentiles, rounded."""
        own = [whole - bare for whole, bare in zip(self.whole, self.bare, strict=True)]
        kinds = {
            "route": [took.clock for took in self.whole],
            "bare": [took.clock for took in self.bare],
            "own": [took.clock for took in own],
            "own_computing": [took.computing for took in own],
        }
        percentiles = {
            f"{kind}_p{share}": _percentile(times, share) for kind, times in kinds.items() for share in _TOLD
        }
        return {"path": str(self.route), "calls": self.calls, **percentiles}


def run(folder: Path, size: Size, rounds: int, console: Console) -> dict[str, Any]:
    """Fill a table, measure every route, print one table and one line of JSON, and return what that says."""
    with emulator(folder) as cloud, _app_over(cloud) as call:
        started = time.perf_counter()
        items = fill(cloud.client("dynamodb"), _TABLE, size)
        seconds = round(time.perf_counter() - started, 1)
        console.print(f"[dim]... {items} items written in {seconds} s[/]")
        seen = [_measured(route, call, rounds) for route in _routes()]
    slowest = max(one.figures()["own_p95"] for one in seen if not one.route.is_export)
    figures = {
        "bins": size.bins,
        "inspections": size.inspections,
        "rounds": rounds,
        "fill_seconds": seconds,
        "aim_ms": AIM_MS,
        "slowest_own_p95": slowest,
        "is_met": slowest < AIM_MS,
        "routes": [one.figures() for one in seen],
    }
    console.print(_table(seen))
    print(f"BENCH-API {json.dumps(figures)}")
    return figures


def _measured(route: Route, call: Callable[[Route], Mapping[str, Any]], rounds: int) -> Seen:
    with _noted() as calls:
        reply = call(route)
    if reply["statusCode"] != 200:
        raise RuntimeError(f"{route}: {reply['body']}")
    for _ in range(_WARM_UP):
        call(route)
    whole, bare = [], []
    for _ in range(rounds):
        whole.append(_took(lambda: call(route)))
        bare.append(_took(lambda: [getattr(client, name)(**asked) for client, name, asked in calls]))
    return Seen(route, len(calls), whole, bare)


@contextmanager
def _noted() -> Iterator[list[tuple[Any, str, dict[str, Any]]]]:
    """Note the calls that are made within the block: the client, its method, and what it is asked."""
    calls: list[tuple[Any, str, dict[str, Any]]] = []
    clients = [wiring.client("dynamodb"), wiring.client("sqs")]

    def note_for(client: Any) -> Callable[..., None]:
        def note(params: dict[str, Any], model: Any, **_: Any) -> None:
            calls.append((client, xform_name(model.name), dict(params)))

        return note

    notes = [(client, note_for(client)) for client in clients]
    for client, note in notes:
        client.meta.events.register("provide-client-params.*.*", note)
    try:
        yield calls
    finally:
        for client, note in notes:
            client.meta.events.unregister("provide-client-params.*.*", note)


@contextmanager
def _app_over(cloud: Emulator) -> Iterator[Callable[[Route], Mapping[str, Any]]]:
    """Give the app's handler, over a table and queues of this emulator's, in the environment that a function has."""
    cloud.client("dynamodb").create_table(TableName=_TABLE, **table_shape())
    queues = [cloud.client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in ("dead", "dead-alerts")]
    before = dict(os.environ)
    os.environ.update(
        BINCHECK_TABLE=_TABLE,
        BINCHECK_DEAD_LETTERS_URL=queues[0],
        BINCHECK_ALERTS_DEAD_LETTERS_URL=queues[1],
        AWS_ENDPOINT_URL=cloud.url,
        AWS_DEFAULT_REGION=REGION,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106 - the emulator's own
        POWERTOOLS_TRACE_DISABLED="true",
        POWERTOOLS_LOG_LEVEL="WARNING",
    )
    _forget_clients()
    from app import app  # noqa: PLC0415 - it reads its log's level when it is imported

    try:
        yield lambda route: app(_event(route), _Context())
    finally:
        os.environ.clear()
        os.environ.update(before)
        _forget_clients()


def _forget_clients() -> None:
    wiring.client.cache_clear()
    wiring.world.cache_clear()


@dataclass(frozen=True, slots=True)
class _Context:
    """What Lambda tells a function of itself, as far as it is logged."""

    function_name: str = "bench"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:000000000000:function:bench"
    aws_request_id: str = "bench"


def _event(route: Route) -> dict[str, Any]:
    """Return what the gateway hands to the function."""
    asked = [pair.partition("=") for pair in route.query.split("&") if pair]
    return {
        "resource": route.pattern,
        "path": route.pattern.format(**dict(route.names)),
        "httpMethod": "GET",
        "headers": dict(route.headers),
        "multiValueQueryStringParameters": {name: [value] for name, _, value in asked} or None,
        "pathParameters": dict(route.names),
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {
            "httpMethod": "GET",
            "resourcePath": route.pattern,
            "authorizer": {"principalId": "ann", "role": "operator"},
        },
    }


def _took(work: Callable[[], object]) -> Took:
    clock, computing = time.perf_counter(), time.process_time()
    work()
    return Took((time.perf_counter() - clock) * 1000, (time.process_time() - computing) * 1000)


def _percentile(times: Sequence[float], share: float) -> float:
    return round(float(np.percentile(times, share)), 1)


def _table(seen: Sequence[Seen]) -> Table:
    title = f"Milliseconds, median and 95 %; the aim is less than {AIM_MS:.0f} of its own for all but exports"
    table = Table(Column("GET", overflow="fold"), "calls", "route", "bare calls", "own", "computing", title=title)
    for one in seen:
        path, calls, *percentiles = one.figures().values()
        pairs = zip(percentiles[::2], percentiles[1::2], strict=True)
        table.add_row(path, str(calls), *(f"{median:6.1f} {late:6.1f}" for median, late in pairs))
    return table
