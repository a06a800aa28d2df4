"""The alerter is killed at each of its calls, for real, and offered the same change again: one alert, under one id.

The stream of the emulator does the offering in `test_permissions`, where calls are refused; here the process dies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.bins import plain
from local.emulator import REGION
from local.stack import subscribe
from local.tally import received_by

if TYPE_CHECKING:
    from local.emulator import Emulator

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[2]
CHANGE = (PROJECT / "tests" / "events" / "stream_bin_became_mismatch.json").read_text()
CALLS = ["BatchGetItem", "TransactWriteItems", "Publish", "UpdateItem"]
"""What one alert costs, in this order."""

TWICE = {("Publish", "after"), ("UpdateItem", "before")}
"""Dying here, the alert is out and nobody knows: it is sent once more, and receivers drop the repeat."""


@dataclass(frozen=True)
class Account:
    emulator: Emulator
    table: str
    topic: str
    queue: str

    def offer(self, *dying: str) -> int:
        """Offer the change to a new process; returns how that ended."""
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.emulator.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "POWERTOOLS_METRICS_NAMESPACE": "Bincheck",
            "BINCHECK_TABLE": self.table,
            "BINCHECK_ALERTS_TOPIC": self.topic,
            "BINCHECK_API_URL": "https://api.example.org/api",
        }
        command = [sys.executable, "-m", "tests.doomed_alerter", *dying]
        ended = subprocess.run(
            command, input=CHANGE, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
        )
        return ended.returncode

    @property
    def received(self) -> list[str]:
        """The ids of what a subscriber has received since one looked last, repeats and all."""
        return [message["alert_id"] for message in received_by(self.emulator.client("sqs"), self.queue)]

    def items(self, kind: str) -> list[dict[str, Any]]:
        found = self.emulator.client("dynamodb").scan(TableName=self.table, ConsistentRead=True)["Items"]
        return [item for item in map(plain, found) if item["type"] == kind]


@pytest.fixture
def account(emulator: Emulator, table: str) -> Account:
    topic = emulator.client("sns").create_topic(Name=f"{table}-alerts")["TopicArn"]
    return Account(emulator, table, topic, subscribe(emulator, topic))


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_any_call_and_offered_again_an_alert_arrives_once_for_who_drops_repeats(
    account: Account, call: str, moment: str
) -> None:
    assert account.offer(call, moment) == -signal.SIGKILL
    assert account.offer() == 0
    received = account.received
    assert len(set(received)) == 1
    assert len(received) == (2 if (call, moment) in TWICE else 1)
    (alert,), (window,) = account.items("ALERT"), account.items("GATE")
    assert (alert["dispatch"], alert["is_sent"]) == ("alone", True)
    assert window["counts"] == {"mismatch": 1}


def test_an_alert_that_is_marked_as_sent_is_not_sent_again(account: Account) -> None:
    assert account.offer() == 0
    assert len(account.received) == 1
    assert account.offer() == 0
    assert account.received == []
