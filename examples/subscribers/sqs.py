"""Alerts from a queue: reads, handles each once, deletes.

    python -m examples.subscribers.sqs --queue "$QUEUE_URL" --inbox alerts.db

The queue itself keeps what was not worked off: a message is deleted once its alert was handled, and comes back after
the queue's visibility timeout where that failed; its redrive policy says how often. The inbox only remembers which
alerts were handled, because an alert may come twice. Who may send to the queue is the queue's policy; only the topic
should.
Stop it with Ctrl-C or SIGTERM: what it has received by then it still handles.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import boto3

from examples.subscribers.handling import given_to, id_in, printed
from examples.subscribers.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.subscribers.handling import Handle

_LONG_POLL_S: Final = 20


def read(sqs: Any, queue: str, inbox: Inbox, handle: Handle, *, wait_s: int = _LONG_POLL_S) -> int:
    """Receive one batch and work it off; returns how many messages came."""
    reply = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s)
    messages = reply.get("Messages", [])
    for message in messages:
        try:
            work_off_one(message, inbox, handle)
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises, the message comes back
            print(f"message {message['MessageId']} is left in the queue: {error}", file=sys.stderr, flush=True)
        else:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return len(messages)


def work_off_one(message: dict[str, Any], inbox: Inbox, handle: Handle) -> None:
    """Handle one message of the queue, unless its alert was handled before."""
    text, sent_as = _unwrapped(message["Body"], message["MessageId"])
    alert_id = id_in(text, otherwise=sent_as)
    if inbox.is_done(alert_id):
        return
    handle(json.loads(text))
    inbox.take(alert_id, text)
    inbox.done(alert_id)


def _unwrapped(body: str, message_id: str) -> tuple[str, str]:
    """Return Bincheck's message and an id of its sending, with raw delivery or without."""
    facts = json.loads(body)
    is_wrapped = isinstance(facts, dict) and facts.get("Type") == "Notification" and "Message" in facts
    return (facts["Message"], facts["MessageId"]) if is_wrapped else (body, message_id)


def keep_reading(read_one: Callable[[], int], is_over: threading.Event) -> None:
    """Read batch after batch until it is over."""
    while not is_over.is_set():
        read_one()


def main() -> None:
    """Read until stopped."""
    parser = argparse.ArgumentParser(prog="examples.subscribers.sqs", description=__doc__.partition("\n")[0])
    parser.add_argument("--queue", required=True, help="the queue's URL")
    parser.add_argument("--inbox", required=True, help="file that remembers which alerts were handled")
    parser.add_argument("--exec", dest="command", help="run this for each alert, its JSON on standard input")
    given = parser.parse_args()
    is_over = threading.Event()
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: is_over.set())
    sqs, inbox = boto3.client("sqs"), Inbox(given.inbox)
    handle = given_to(given.command) if given.command else printed
    keep_reading(lambda: read(sqs, given.queue, inbox, handle), is_over)
    inbox.close()


if __name__ == "__main__":
    main()
