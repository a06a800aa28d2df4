"""The webhook writes what comes from the topic down before it answers, once, and works it off until it succeeds."""

from __future__ import annotations

import http.client
import json
import sqlite3
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from examples.subscribers.handling import Failed, given_to, id_in, work_off
from examples.subscribers.inbox import Inbox
from examples.subscribers.signature import Topic
from examples.subscribers.webhook import MOST_BYTES, Webhook, fetched, keep_working, server_for
from tests.sns_messages import LINK, NOW, TOPIC, Sns, body_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SNS = Sns()


@dataclass
class House:
    """A running webhook, the links that it opened, and what it is told when it opens one."""

    webhook: Webhook
    port: int
    opened: list[str] = field(default_factory=list)

    def post(self, body: bytes, **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", "/", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def waiting(self) -> list[dict[str, Any]]:
        return [json.loads(message) for _, message in self.webhook.inbox.waiting()]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened: list[str] = []
    webhook = Webhook(Topic(TOPIC, SNS.fetch, lambda: NOW), Inbox(tmp_path / "alerts.db"), opened.append)
    server = server_for(webhook, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield House(webhook, server.server_port, opened)
    server.shutdown()
    thread.join()
    server.server_close()
    webhook.inbox.close()


def test_an_alert_is_written_down_and_acknowledged_without_being_worked_off(house: House) -> None:
    assert house.post(body_of(SNS.notification({"alert_id": "a-1", "kind": "alert"}))) == 200

    assert house.waiting() == [{"alert_id": "a-1", "kind": "alert"}]


def test_the_same_alert_under_another_message_id_is_one(house: House) -> None:
    for number in range(3):
        assert house.post(body_of(SNS.notification({"alert_id": "a-1"}, MessageId=f"m-{number}"))) == 200

    assert len(house.waiting()) == 1


def test_a_replayed_message_changes_nothing_even_after_its_alert_was_worked_off(house: House) -> None:
    body = body_of(SNS.notification())
    house.post(body)
    handled: list[Any] = []
    work_off(house.webhook.inbox, handled.append)

    assert house.post(body) == 200
    work_off(house.webhook.inbox, handled.append)

    assert handled == [{"alert_id": "a-1"}]


def test_what_the_topic_did_not_send_is_refused_and_not_written_down(house: House, capsys: Any) -> None:
    tampered = SNS.notification() | {"Message": json.dumps({"alert_id": "evil"})}

    assert house.post(body_of(tampered)) == 403
    assert house.waiting() == []
    assert "signature" in capsys.readouterr().err


def test_a_subscription_to_the_topic_is_confirmed_and_to_another_not(house: House) -> None:
    assert house.post(body_of(SNS.confirmation())) == 200
    assert house.post(body_of(SNS.confirmation(TopicArn=f"{TOPIC}-other"))) == 403
    assert house.post(body_of(SNS.confirmation(SubscribeURL="https://evil.example/?x"))) == 403

    assert house.opened == [LINK]


def test_a_goodbye_is_acknowledged_and_not_undone(house: House) -> None:
    assert house.post(body_of(SNS.confirmation("UnsubscribeConfirmation"))) == 200

    assert (house.opened, house.waiting()) == ([], [])


def test_what_cannot_be_written_down_is_sent_again(house: House, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "alerts.db") as elsewhere:
        elsewhere.execute("DROP TABLE alerts")

    assert house.post(body_of(SNS.notification())) == 503


def test_a_certificate_that_cannot_be_read_just_now_is_asked_for_again(tmp_path: Path) -> None:
    def fetch(_: str) -> bytes:
        raise OSError("no route")

    webhook = Webhook(Topic(TOPIC, fetch, lambda: NOW), Inbox(tmp_path / "a.db"), lambda _: None)
    assert webhook.received(body_of(SNS.notification())) == 503


@pytest.mark.parametrize("text", ["no JSON", "[]", "3"])
def test_what_bincheck_never_sends_is_refused(house: House, text: str) -> None:
    assert house.post(body_of(SNS.notification(Message=text))) == 403


def test_requests_without_content_or_with_too_much_are_refused(house: House) -> None:
    assert house.post(b"") == 400
    assert house.post(b"", **{"Content-Length": str(MOST_BYTES + 1)}) == 413
    assert house.post(b"x", **{"Transfer-Encoding": "chunked"}) == 411
    assert house.post(b"", **{"Content-Length": "-1"}) == 411


def test_what_is_fetched_is_small_and_lies_where_it_was_asked_for() -> None:
    replies: list[tuple[int, bytes]] = [(200, b"x" * 100_000), (302, b""), (404, b"")]

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = replies.pop(0)
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked wants no more of it
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        assert len(fetched(address)) == 65_536
        for status in (302, 404):
            with pytest.raises(OSError, match=str(status)):
                fetched(address)
        assert replies == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    with pytest.raises(OSError, match="127"):
        fetched(address)


def test_alerts_are_worked_off_as_they_come_and_what_an_earlier_run_left_first(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "alerts.db")
    inbox.take("left", '{"alert_id": "left"}')
    webhook = Webhook(Topic(TOPIC, SNS.fetch, lambda: NOW), inbox, lambda _: None)
    handled: list[dict[str, Any]] = []
    is_over = threading.Event()
    worker = threading.Thread(target=keep_working, args=(webhook, handled.append, is_over))
    worker.start()
    eventually(lambda: len(handled) == 1)
    webhook.received(body_of(SNS.notification()))
    eventually(lambda: len(handled) == 2)
    is_over.set()
    webhook.came.set()
    worker.join(10)

    assert [message["alert_id"] for message in handled] == ["left", "a-1"]
    assert not worker.is_alive()


def test_one_alert_that_cannot_be_handled_stays_and_holds_up_none_behind_it(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "alerts.db")
    for name in ("bad", "good"):
        inbox.take(name, json.dumps({"alert_id": name}))

    def handle(message: dict[str, Any]) -> None:
        if message["alert_id"] == "bad":
            raise Failed("no")

    assert not work_off(inbox, handle)
    assert [alert_id for alert_id, _ in inbox.waiting()] == ["bad"]
    assert work_off(inbox, lambda _: None)


def test_what_was_taken_outlives_the_process(tmp_path: Path) -> None:
    first = Inbox(tmp_path / "alerts.db")
    first.take("a-1", "{}")
    first.take("a-2", "{}")
    first.done("a-1")
    first.close()

    second = Inbox(tmp_path / "alerts.db")
    assert second.waiting() == [("a-2", "{}")]
    assert not second.take("a-1", "{}")


def test_a_command_gets_the_alert_and_says_by_its_exit_whether_that_worked(tmp_path: Path) -> None:
    got = tmp_path / "got"
    given_to(f"sh -c 'cat > {got}'")({"alert_id": "a-1"})
    assert json.loads(got.read_text()) == {"alert_id": "a-1"}
    for command in ("false", "no-such-command-anywhere"):
        with pytest.raises(Failed):
            given_to(command)({})
    with pytest.raises(Failed):
        given_to("sleep 20", timeout_s=0.1)({})


@pytest.mark.parametrize(
    ("message", "name"), [('{"alert_id": "a-1"}', "a-1"), ("{}", "m-1"), ('{"alert_id": 3}', "m-1")]
)
def test_repeats_are_told_by_the_alerts_id_or_by_that_of_its_sending(message: str, name: str) -> None:
    assert id_in(message, otherwise="m-1") == name
