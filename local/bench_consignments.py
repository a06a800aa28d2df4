"""How long a consignment takes through the deployed app: loaded as JSON, shown, closed, reopened, dropped as a file.

The gateway waits 29 seconds, the API's function has 28, the inbox's 120. What does not end in time is asked for again,
as a client would: each attempt goes on where the last one stopped, and the figures say how many it took.
"""

from __future__ import annotations

import json
import time
import urllib.error
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from local.stack import Stack

_SITE: Final = "FRA1"
_PATIENCE_SECONDS: Final = 180
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Took:
    """How long something took, and how often it had to be asked for."""

    seconds: float
    attempts: int


def run(stack: Stack, bins: int, console: Console) -> None:
    """Print one table and one line of JSON; a small consignment comes first, so that the functions are warm."""
    _work(stack, 10, "warm-up")
    figures = _work(stack, bins, "bench")
    table = Table("what", "seconds", "attempts", title=f"A consignment of {bins} bins, each with two kinds of goods")
    for what, took in figures.items():
        table.add_row(what, f"{took.seconds:.2f}", str(took.attempts))
    console.print(table)
    print(f"BENCH {json.dumps({'bins': bins, **{what: asdict(took) for what, took in figures.items()}})}")


def _work(stack: Stack, bins: int, name: str) -> dict[str, Took]:
    path, body = f"/v1/consignments/{name}", _body(name, bins)
    return {
        "loaded": _timed(lambda: stack.call("PUT", path, body)),
        "loaded again": _timed(lambda: stack.call("PUT", path, body)),
        "shown": _timed(lambda: stack.call("GET", path)),
        "closed": _timed(lambda: stack.call("POST", f"{path}/closing", {})),
        "reopened": _timed(lambda: stack.call("POST", f"{path}/reopening", {})),
        "all bins changed by a file": _timed(lambda: _drop(stack, name, bins)),
    }


def _timed(do: Callable[[], object]) -> Took:
    started = time.monotonic()
    attempts = 1
    while not _is_done(do, started + _PATIENCE_SECONDS):
        attempts += 1
    return Took(round(time.monotonic() - started, 2), attempts)


def _is_done(do: Callable[[], object], give_up_at: float) -> bool:
    """Do it, unless the gateway gives it up; False where it is to be asked for again."""
    try:
        do()
    except urllib.error.HTTPError as error:
        is_over = error.code < HTTPStatus.INTERNAL_SERVER_ERROR or time.monotonic() > give_up_at
        if is_over:
            raise
        return False
    return True


def _body(name: str, bins: int) -> dict[str, Any]:
    items = [{"sku": "B000C33MI2", "quantity": 2}, {"sku": "B000C33MI3", "quantity": 1}]
    return {
        "site": _SITE,
        "bins": [{"bin_id": f"{name}-{n:05d}", "expected_quantity": 3, "items": items} for n in range(bins)],
    }


def _drop(stack: Stack, name: str, bins: int) -> None:
    """Drop a file that expects another count in each bin, and wait until it is loaded."""
    file = "\n".join(["bin_id,expected_quantity", *(f"{name}-{n:05d},4" for n in range(bins))])
    before = stack.call("GET", f"/v1/consignments/{name}")["loaded_at"]
    stack.client("s3").put_object(
        Bucket=stack.outputs["BucketName"], Key=f"consignments/{_SITE}/{name}.csv", Body=file.encode()
    )
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        newest = stack.call("GET", "/v1/consignments?limit=1")["consignments"][0]
        if newest["state"] == "loaded" and newest["loaded_at"] != before:
            return
        time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"{name} was not loaded from its file within {_PATIENCE_SECONDS} s")
