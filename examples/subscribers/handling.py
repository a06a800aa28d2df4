"""What is done with an alert: change this to your liking. It may come to an end half way and be done again."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from examples.subscribers.inbox import Inbox

Handle = Callable[[dict[str, Any]], None]
"""Does something with a message of Bincheck; what it raises leaves the message for another try."""


class Failed(Exception):  # noqa: N818 - what the command did
    """What should have been done with an alert was not."""


def printed(message: dict[str, Any]) -> None:
    """Print it as one line of JSON, for a log or for another program's standard input."""
    print(json.dumps(message, ensure_ascii=False), flush=True)


def given_to(command: str, timeout_s: float = 60.0) -> Handle:
    """Run a command for each alert, with the message as JSON on its standard input; 0 is success."""
    words = shlex.split(command)

    def handle(message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        try:
            status = subprocess.run(words, input=body, timeout=timeout_s, check=False).returncode  # noqa: S603 - the user's own command
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(f"{words[0]}: {error}") from error
        if status != 0:
            raise Failed(f"{words[0]} ended with {status}")

    return handle


def id_in(message: str, otherwise: str) -> str:
    """Return the id by which repeats are told: an alert's own; of what has none, the one that its transport gave it.

    Raises:
        ValueError: the message is no JSON object.

    """
    facts = json.loads(message)
    if not isinstance(facts, dict):
        raise ValueError("the message is no JSON object")  # noqa: TRY004 - as json raises it
    found = facts.get("alert_id")
    return found if isinstance(found, str) else otherwise


def work_off(inbox: Inbox, handle: Handle) -> bool:
    """Handle what waits, each once; tells whether all of it succeeded. One that fails holds up none behind it."""
    is_clear = True
    for alert_id, message in inbox.waiting():
        try:
            handle(json.loads(message))
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises, the alert stays
            print(f"alert {alert_id} is tried again: {error}", file=sys.stderr, flush=True)
            is_clear = False
        else:
            inbox.done(alert_id)
    return is_clear
