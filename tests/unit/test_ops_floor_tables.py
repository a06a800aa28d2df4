"""What the commands print of answers that the other tests do not have; markup in names and notes stays text."""

from __future__ import annotations

import pytest
from rich.console import Console

from ops.floor import tables
from ops.floor.errors import refusal

ALERT = {
    "kind": "alert",
    "at": "2026-05-04T12:07:00.000Z",
    "bin_id": "A-17",
    "verdict": "mismatch",
    "direction": "short",
    "severity": "high",
    "reason": None,
    "predicted": "1",
    "expected": 3,
}
DIGEST = {"kind": "digest", "at": ALERT["at"], "alerts": 23, "consignment_id": None, "site": "FRA1"}
REQUEST = {
    "kind": "photo_request",
    "verdict": "photo_request",
    "at": ALERT["at"],
    "bin_id": "A-17",
    "expected": 3,
    "by": "ann",
    "note": "[bold]a box stands in the light",
}


def printed(text: object) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        console.print(text)
    return capture.get()


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (ALERT, ["2026-05-04 12:07Z", "high", "A-17", "mismatch short: 1 counted, 3 expected"]),
        (DIGEST, ["digest", "23 alerts of FRA1"]),
        (DIGEST | {"site": None}, ["23 alerts of no site"]),
        (REQUEST, ["photo", "A-17", "ann", "[bold]a box stands in the light"]),
    ],
)
def test_each_message_of_the_topic_is_told_in_a_line(message: dict[str, object], words: list[str]) -> None:
    text = printed(tables.alert(message))
    assert all(word in text for word in words)
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ({"detail": "no bin A is on file"}, "no bin A is on file (404)"),
        ({"message": "an older answer"}, "an older answer (404)"),
        (None, "the API refuses this, and does not say why (404)"),
        (["what"], "the API refuses this, and does not say why (404)"),
        (
            {
                "detail": "strung together",
                "errors": [
                    {"line": 17, "field": None, "message": "no number"},
                    {"line": None, "field": "bins.3.quantity", "message": "too few"},
                    {"line": None, "field": None, "message": "all of it"},
                ],
                "errors_left_out": 1200,
            },
            "what has to change (404)\n  line 17: no number\n  bins.3.quantity: too few\n  all of it\n  and 1,200 more",
        ),
    ],
)
def test_a_refusal_is_told_with_all_its_places(problem: object, told: str) -> None:
    assert str(refusal(404, problem)).endswith(told)
