"""Subscribers on the emulator: what each filter of docs/alerts.md lets through, and the queue's reader at work."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.topic import SnsTopic
from chalicelib.domain import Direction, EpisodeState, Severity, Verdict
from chalicelib.notices import id_of
from examples.subscribers.handling import Failed
from examples.subscribers.inbox import Inbox
from examples.subscribers.sqs import read
from local.stack import subscribe
from tests.examples import alert_of, stray_alert
from tests.unit.test_notices import CONSIGNMENT_DIGEST, SITE_DIGEST, STRAY_DIGEST, UNEXPECTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.emulator import Emulator

pytestmark = pytest.mark.integration

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
SENT = {
    "high short": alert_of(1, severity=Severity.HIGH, site="FRA1"),
    "medium over": alert_of(2, severity=Severity.MEDIUM, direction=Direction.OVER, site="MUC3"),
    "reopened": alert_of(
        3, severity=Severity.LOW, verdict=Verdict.REVIEW, direction=None, episode=EpisodeState.REOPENED
    ),
    "unexpected": replace(UNEXPECTED, alert_id="a9"),
    "stray": stray_alert(4),
    "digest": SITE_DIGEST,
    "of consignment": CONSIGNMENT_DIGEST,
    "of strays": STRAY_DIGEST,
}
ALERTS = {"high short", "medium over", "reopened", "unexpected", "stray"}
OF_GOODS = {"digest", "of consignment"}
DIGESTS = {"digest", "of consignment", "of strays"}
PHOTO_REQUEST = {"kind": "photo_request", "verdict": "photo_request", "site": "FRA1"}
"""The attributes of what asks for another photo."""

LET_THROUGH = {
    '{"severity": ["high"], "site": ["FRA1"]}': {"high short", *OF_GOODS},
    '{"site": [{"prefix": "FRA"}]}': {"high short", "reopened", "photo request", *OF_GOODS},
    '{"verdict": ["mismatch"], "direction": ["short"], "severity": ["high", "medium"]}': {"high short", *OF_GOODS},
    '{"kind": ["alert"]}': ALERTS,
    '{"kind": ["alert", "digest"]}': ALERTS | DIGESTS,
    '{"verdict": ["photo_request"]}': {"photo request"},
    '{"kind": ["alert"], "episode": ["reopened"]}': {"reopened"},
    '{"site": [{"exists": false}]}': {"unexpected", "stray", "of strays"},
}


def topic_of(emulator: Emulator, name: str) -> str:
    arn: str = emulator.client("sns").create_topic(Name=name)["TopicArn"]
    return arn


def queue_of(emulator: Emulator, name: str, topic: str, **attributes: str) -> str:
    """A subscribed queue, from which a message that was read and not deleted comes back at once; returns its URL."""
    url = subscribe(emulator, topic, name, **attributes)
    emulator.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "0"})
    return url


def drained(emulator: Emulator, queue: str, handle: Callable[[dict[str, Any]], None], inbox: Inbox) -> None:
    while read(emulator.client("sqs"), queue, inbox, handle, wait_s=0):
        pass


def test_the_page_has_these_filters_and_no_others() -> None:
    assert re.findall(r"```json filter\n(.*?)\n```", PAGE) == sorted(LET_THROUGH, key=PAGE.index)


@pytest.fixture(scope="module")
def received(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """By filter, the names of what came through it."""
    topic = topic_of(emulator, "filtered")
    queues = {
        policy: queue_of(emulator, f"filtered-{number}", topic, FilterPolicy=policy)
        for number, policy in enumerate(LET_THROUGH)
    }
    publisher, names = SnsTopic(emulator.client("sns"), topic, "https://api"), {"p1": "photo request"}
    for name, notice in SENT.items():
        publisher.publish(notice)
        names[id_of(notice)] = name
    assert len(names) == len(SENT) + 1
    emulator.client("sns").publish(
        TopicArn=topic,
        Message=json.dumps({"alert_id": "p1"}),
        MessageAttributes={k: {"DataType": "String", "StringValue": v} for k, v in PHOTO_REQUEST.items()},
    )
    came: dict[str, set[str]] = {policy: set() for policy in queues}
    for policy, queue in queues.items():
        inbox = Inbox(tmp_path_factory.mktemp("inbox") / "alerts.db")
        drained(emulator, queue, lambda message, policy=policy: came[policy].add(names[message["alert_id"]]), inbox)  # type: ignore[misc]
        inbox.close()
    return came


@pytest.mark.parametrize("policy", LET_THROUGH)
def test_a_filter_lets_through_what_it_is_there_for(received: dict[str, set[str]], policy: str) -> None:
    assert received[policy] == LET_THROUGH[policy]


@pytest.mark.parametrize("raw", ["true", "false"])
def test_the_queues_reader_handles_each_alert_once_and_leaves_what_fails(
    emulator: Emulator, tmp_path: Path, raw: str
) -> None:
    topic = topic_of(emulator, f"read-{raw}")
    queue = queue_of(emulator, f"read-{raw}", topic, RawMessageDelivery=raw)
    publisher = SnsTopic(emulator.client("sns"), topic, "https://api")
    for notice in (SENT["high short"], SENT["high short"], SENT["stray"], SENT["digest"]):
        publisher.publish(notice)
    inbox, handled = Inbox(tmp_path / "alerts.db"), []

    def handle(message: dict[str, Any]) -> None:
        if message["kind"] == "digest":
            raise Failed("not today")
        handled.append(message["alert_id"])

    for _ in range(3):
        read(emulator.client("sqs"), queue, inbox, handle, wait_s=0)
    assert sorted(handled) == sorted([id_of(SENT["high short"]), id_of(SENT["stray"])])

    drained(emulator, queue, lambda message: handled.append(message["alert_id"]), inbox)
    assert handled[2:] == [id_of(SENT["digest"])]


def test_what_is_no_message_stays_for_the_dead_letters(emulator: Emulator, tmp_path: Path, capsys: Any) -> None:
    sqs = emulator.client("sqs")
    queue = sqs.create_queue(QueueName="broken", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="no JSON")
    inbox = Inbox(tmp_path / "alerts.db")

    assert read(sqs, queue, inbox, lambda _: None, wait_s=0) == 1
    assert read(sqs, queue, inbox, lambda _: None, wait_s=0) == 1
    assert "is left in the queue" in capsys.readouterr().err
