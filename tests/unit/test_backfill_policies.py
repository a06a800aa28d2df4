"""The example policies allow what a backfill does, and no more."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[2] / "ops" / "backfill"
BUCKET = "arn:aws:s3:::bincheck-prod-photos-example"
SAGEMAKER = "arn:aws:sagemaker:eu-central-1:111122223333"
TABLE = "arn:aws:dynamodb:eu-central-1:111122223333:table/bincheck-prod-Bins-example"


@pytest.mark.parametrize(
    ("policy", "action", "resource"),
    [
        ("operator", "s3:ListBucketVersions", BUCKET),
        ("operator", "s3:GetObjectVersion", f"{BUCKET}/archive/A-17/1.jpg"),
        ("operator", "s3:GetObject", f"{BUCKET}/backfill/july/answers/00000/archive/A-17/1.jpg.out"),
        ("operator", "s3:PutObject", f"{BUCKET}/backfill/july/manifests/july-00000-1.json"),
        ("operator", "sagemaker:CreateTransformJob", f"{SAGEMAKER}:transform-job/july-00000-1"),
        ("operator", "sagemaker:StopTransformJob", f"{SAGEMAKER}:transform-job/july-00000-1"),
        ("operator", "sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/bin-counter"),
        ("operator", "dynamodb:PutItem", TABLE),
        ("operator", "dynamodb:Query", f"{TABLE}/index/by-time"),
        ("role", "s3:GetObject", f"{BUCKET}/archive/A-17/1.jpg"),
        ("role", "s3:GetObject", f"{BUCKET}/backfill/july/manifests/july-00000-1.json"),
        ("role", "s3:PutObject", f"{BUCKET}/backfill/july/answers/00000/archive/A-17/1.jpg.out"),
    ],
)
def test_the_policies_allow_what_is_needed(policy: str, action: str, resource: str) -> None:
    assert any(_allows(statement, action, resource) for statement in _statements(policy))


@pytest.mark.parametrize(
    ("policy", "action", "resource"),
    [
        ("operator", "s3:PutObject", f"{BUCKET}/archive/A-17/1.jpg"),
        ("operator", "s3:DeleteObject", f"{BUCKET}/archive/A-17/1.jpg"),
        ("operator", "dynamodb:DeleteItem", TABLE),
        ("operator", "sns:Publish", "arn:aws:sns:eu-central-1:111122223333:alerts"),
        ("operator", "sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/another"),
        ("role", "s3:PutObject", f"{BUCKET}/archive/A-17/1.jpg"),
        ("role", "s3:PutObject", f"{BUCKET}/backfill/july/manifests/july-00000-1.json"),
        ("role", "s3:GetObject", f"{BUCKET}/incoming/A-17/1.jpg"),
    ],
)
def test_the_policies_allow_no_more(policy: str, action: str, resource: str) -> None:
    assert not any(_allows(statement, action, resource) for statement in _statements(policy))


@pytest.mark.parametrize("policy", ["operator", "role"])
def test_no_action_is_a_pattern(policy: str) -> None:
    assert not [action for statement in _statements(policy) for action in _listed(statement["Action"]) if "*" in action]


def _statements(policy: str) -> list[dict[str, Any]]:
    text = (HERE / f"{policy}-policy.example.json").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)["Statement"]
    return found


def _allows(statement: dict[str, Any], action: str, resource: str) -> bool:
    is_named = action in _listed(statement["Action"])
    return is_named and any(fnmatchcase(resource, pattern) for pattern in _listed(statement["Resource"]))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
