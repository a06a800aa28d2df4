"""What subscribers are told in docs/alerts.md is what they receive."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from chalicelib.notices import Notice, attributes_of, message_of
from tests.unit.test_notices import DIGESTS, alerts

FOLDER = Path(__file__).parents[2] / "docs"
PAGE = (FOLDER / "alerts.md").read_text(encoding="utf-8")
KINDS = ("alert", "digest", "photo_request")


def schema(kind: str) -> Draft202012Validator:
    facts = json.loads((FOLDER / f"alerts/{kind}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(facts)
    return Draft202012Validator(facts)


SCHEMAS = {kind: schema(kind) for kind in KINDS}


def sent(notice: Notice) -> Any:
    return json.loads(json.dumps(message_of(notice, "https://api")))


@given(alerts)
def test_every_alert_is_as_its_schema_says(notice: Notice) -> None:
    SCHEMAS["alert"].validate(sent(notice))


@pytest.mark.parametrize("digest", DIGESTS, ids=lambda digest: digest.scope)
def test_every_digest_is_as_its_schema_says(digest: Notice) -> None:
    SCHEMAS["digest"].validate(sent(digest))


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_are_as_their_schemas_say(kind: str) -> None:
    (example,) = re.findall(rf"```json {kind}\n(.*?)```", PAGE, re.DOTALL)

    SCHEMAS[kind].validate(json.loads(example))


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_lets_nothing_be_left_out_or_added(kind: str) -> None:
    (example,) = re.findall(rf"```json {kind}\n(.*?)```", PAGE, re.DOTALL)
    message = json.loads(example)

    assert not SCHEMAS[kind].is_valid(message | {"more": 1})
    for name in message:
        assert not SCHEMAS[kind].is_valid({key: value for key, value in message.items() if key != name}), name


@pytest.mark.parametrize("notice", DIGESTS, ids=lambda digest: digest.scope)
def test_the_attributes_are_those_of_the_table(notice: Notice) -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Filter policies")[2], re.MULTILINE))

    assert set(attributes_of(notice)) <= listed
