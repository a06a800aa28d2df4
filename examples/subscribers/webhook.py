"""A webhook for alerts: verifies what SNS posts, confirms the subscription, answers at once, works alerts off after.

    python -m examples.subscribers.webhook --topic "$ALERTS_TOPIC" --inbox alerts.db

It speaks HTTP; what is reachable from SNS speaks HTTPS: a load balancer, or a web server in front of it, has the
certificate. Subscribe it without raw delivery, which is not signed. Stop it with Ctrl-C or SIGTERM.

    status   to whom it says what
    200      the alert is written down, or was before
    400, 411, 413   that is no message of SNS: no content, no length, too long
    403      it is not of our topic (why stands in the log)
    503      it could not be written down: SNS tries again
"""

from __future__ import annotations

import argparse
import signal
import sqlite3
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

import urllib3

from examples.subscribers.handling import given_to, id_in, printed, work_off
from examples.subscribers.inbox import Inbox
from examples.subscribers.signature import CONFIRMATION, NOTIFICATION, NotOurs, Topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.subscribers.handling import Handle
    from examples.subscribers.signature import Message

MOST_BYTES: Final = 1024 * 1024
"""Of a request's body: four times what SNS takes, as JSON in JSON escapes."""

_MOST_OF_A_CERTIFICATE: Final = 64 * 1024
_PATIENCE_S: Final = 5.0
_TRY_AGAIN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """What a request leads to.

    Attributes:
        topic: whose messages are taken.
        inbox: where alerts are written down.
        confirm: opens the link that confirms a subscription.
        came: is set when something waits to be worked off.

    """

    topic: Topic
    inbox: Inbox
    confirm: Callable[[str], None]
    came: threading.Event = field(default_factory=threading.Event)

    def received(self, body: bytes) -> HTTPStatus:
        """Take a posted message; the answer says whether it is to be sent again."""
        try:
            self._take(self.topic.verified(body))
        except NotOurs as reason:
            print(f"refused a message: {reason}", file=sys.stderr, flush=True)
            return HTTPStatus.FORBIDDEN
        except (OSError, sqlite3.Error) as error:
            print(f"could not take a message: {error}", file=sys.stderr, flush=True)
            return HTTPStatus.SERVICE_UNAVAILABLE
        return HTTPStatus.OK

    def _take(self, message: Message) -> None:
        if message["Type"] == CONFIRMATION:
            self.confirm(self.topic.confirmation_link(message))
        if message["Type"] != NOTIFICATION:
            return
        try:
            alert_id = id_in(message["Message"], otherwise=message["MessageId"])
        except ValueError as error:
            raise NotOurs(f"Bincheck sends no such thing: {error}") from error
        if self.inbox.take(alert_id, message["Message"]):
            self.came.set()


def server_for(webhook: Webhook, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server that hands each POST to the webhook; it is not started yet."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10
        """Seconds that a client may be silent in the middle of a request."""

        def do_POST(self) -> None:
            status = self._status()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _status(self) -> HTTPStatus:
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdecimal()):
                return HTTPStatus.LENGTH_REQUIRED
            if int(length) > MOST_BYTES:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            body = self.rfile.read(int(length))
            is_whole = len(body) == int(length) > 0
            return webhook.received(body) if is_whole else HTTPStatus.BAD_REQUEST

        def log_message(self, *_: object) -> None:
            """Say nothing of requests: what is refused is told where it is."""

    return ThreadingHTTPServer((host, port), Handler)


def fetched(address: str) -> bytes:
    """Read what lies at an address of SNS, without following it elsewhere.

    Raises:
        OSError: it could not be read.

    """
    try:
        reply = urllib3.request(
            "GET", address, redirect=False, retries=False, timeout=_PATIENCE_S, preload_content=False
        )
        body = reply.read(_MOST_OF_A_CERTIFICATE)
        reply.close()
    except urllib3.exceptions.HTTPError as error:
        raise OSError(f"{address}: {error}") from error
    if reply.status != HTTPStatus.OK:
        raise OSError(f"{address} answers {reply.status}")
    return body


def confirmed(link: str) -> None:
    """Open the link that confirms a subscription; raises OSError."""
    fetched(link)


def keep_working(webhook: Webhook, handle: Handle, is_over: threading.Event) -> None:
    """Work off what comes until it is over; what failed is tried again after half a minute."""
    while not is_over.is_set():
        webhook.came.clear()
        is_clear = work_off(webhook.inbox, handle)  # at first, what an earlier run has left
        webhook.came.wait(None if is_clear else _TRY_AGAIN_S)


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="examples.subscribers.webhook", description=__doc__.partition("\n")[0])
    parser.add_argument("--topic", required=True, help="ARN of the topic whose messages are taken")
    parser.add_argument("--inbox", required=True, help="file that keeps what was received")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--exec", dest="command", help="run this for each alert, its JSON on standard input")
    given = parser.parse_args()
    try:
        topic = Topic(given.topic, lru_cache(maxsize=8)(fetched), lambda: datetime.now(UTC))
    except ValueError as error:
        parser.error(str(error))
    webhook = Webhook(topic, Inbox(given.inbox), confirmed)
    is_over = threading.Event()
    handle = given_to(given.command) if given.command else printed
    worker = threading.Thread(target=keep_working, args=(webhook, handle, is_over))
    server = server_for(webhook, given.host, given.port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    worker.start()
    try:
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    finally:
        is_over.set()
        webhook.came.set()
        server.server_close()
        worker.join()
        webhook.inbox.close()


if __name__ == "__main__":
    main()
