"""The alerter's function in a process of its own, which kills itself at one of its calls: no cleaning up, no goodbye.

    python -m tests.doomed_alerter [OPERATION before|after] < event.json

Run with the function's environment; `OPERATION` is a service's, `Publish` for instance. What `before` kills was never
sent; what `after` kills was done, and nobody has heard of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys

import boto3
from chalice.test import Client

_MOMENTS = {"before": "before-send", "after": "after-call"}


def _die_at(operation: str, moment: str) -> None:
    def die(event_name: str, **_: object) -> None:
        if event_name.rpartition(".")[2] == operation:
            os.kill(os.getpid(), signal.SIGKILL)

    boto3.setup_default_session()
    boto3.DEFAULT_SESSION.events.register(_MOMENTS[moment], die)


def main() -> None:
    """Hand the function the event on standard input."""
    from app import app  # noqa: PLC0415 - its clients have to find the session that is set up here

    if sys.argv[1:]:
        _die_at(*sys.argv[1:])
    with Client(app) as client:
        client.lambda_.invoke("on_status_change", json.load(sys.stdin))


if __name__ == "__main__":
    main()
