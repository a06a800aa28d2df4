"""The endpoint's config file: what it says, what it refuses, what it costs, and the policies that go with it."""

from __future__ import annotations

import json
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

import training.endpoint
from training.endpoint.config import load, parsed
from training.endpoint.costs import hold_to_budget, price
from training.errors import TooExpensiveError, UnusableConfigError

HERE = Path(training.endpoint.__file__).parent
EXAMPLE = HERE / "endpoint.example.toml"
PLAIN = {name: table for name, table in tomllib.loads(EXAMPLE.read_text(encoding="utf-8")).items() if name != "scaling"}
BACKLOG = {"min": 0, "max": 2, "metric": "backlog", "target": 5}
NO_CAPTURE = {name: table for name, table in PLAIN.items() if name != "capture"}


def tables(base: dict[str, Any] = PLAIN, **sections: dict[str, Any]) -> dict[str, Any]:
    """The example's tables, without scaling, with some values replaced."""
    return base | {name: base.get(name, {}) | values for name, values in sections.items()}


def test_the_example_is_a_config() -> None:
    config = load(EXAMPLE)

    assert config.scaling is not None
    assert (config.mode, config.machines.type, config.scaling.max) == ("real-time", "ml.c5.large", 4)
    assert config.place("packages", "x") == "s3://example-bincheck-models/bincheck/endpoint/packages/x"


def test_the_checker_asks_the_endpoint_of_the_example() -> None:
    template = (HERE.parents[1] / ".chalice" / "resources.yaml").read_text(encoding="utf-8")

    assert f"Default: {load(EXAMPLE).endpoint.name}\n" in template


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"aws": {"bukket": "x"}}, "aws: unknown bukket; there are region"),
        ({"endpoint": {"mode": "batch"}}, "endpoint.mode: one of real-time, serverless, asynchronous"),
        ({"endpoint": {"name": "Bins"}}, "endpoint.name: lower-case"),
        ({"endpoint": {"name": "b" * 51}}, "endpoint.name: lower-case"),
        ({"endpoint": {"approval": "Yes"}}, "endpoint.approval: one of Approved"),
        ({"machines": {"type": "ml.x9.large"}}, r"nothing is known of ml\.x9\.large; give its usd_per_hour"),
        ({"machines": {"count": 0}}, "machines.count"),
        ({"scaling": BACKLOG}, "scaling.metric: invocations or concurrency for a real-time endpoint"),
        ({"scaling": BACKLOG | {"metric": "concurrency"}}, "choose serverless or asynchronous"),
        ({"scaling": BACKLOG | {"metric": "concurrency", "min": 3}}, "scaling: min is at least 0, max at least min"),
        ({"rollout": {"canary_percent": 51}}, "rollout.canary_percent: from 1 to 50"),
        ({"rollout": {"bake_minutes": 40}}, "rollout.max_minutes: at least twice"),
        ({"endpoint": {"mode": "serverless"}}, "capture: only a real-time endpoint"),
        ({"endpoint": {"mode": "serverless"}, "serverless": {"memory_mb": 1000}}, "serverless.memory_mb: one of 1024"),
        ({"endpoint": {"mode": "serverless"}, "scaling": BACKLOG}, "scaling: a serverless endpoint scales by itself"),
        ({"shadow": {"package": "x", "percentage": 0}}, "shadow: percentage from 1 to 100"),
        ({"alarms": {"latency_ms": 0}}, "alarms: limits start above 0"),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(sections: dict[str, dict[str, Any]], told: str) -> None:
    with pytest.raises(UnusableConfigError, match=told):
        parsed(tables(**sections))


def test_a_challenger_needs_captured_answers() -> None:
    with pytest.raises(UnusableConfigError, match="shadow: without"):
        parsed(tables(NO_CAPTURE, shadow={"package": "models/challenger"}))


def test_an_unknown_section_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "endpoint.toml"
    file.write_text(EXAMPLE.read_text(encoding="utf-8") + "\n[magic]\n", encoding="utf-8")

    with pytest.raises(UnusableConfigError, match=r"endpoint\.toml: unknown magic; there are alarms"):
        load(file)


def test_instances_cost_their_hours_and_the_bound_is_the_most_of_them() -> None:
    found = price(load(EXAMPLE))

    assert found.bound == pytest.approx(4 * 730 * 0.102)
    assert found.estimate == pytest.approx(2 * 730 * 0.102 + 6.0 * 0.016)


def test_a_challengers_instances_cost_as_well() -> None:
    config = parsed(tables(shadow={"package": "x", "count": 1}))

    assert price(config).bound == pytest.approx(3 * 730 * 0.102)


def test_serverless_costs_what_photos_take() -> None:
    config = parsed(tables(NO_CAPTURE, endpoint={"mode": "serverless"}, serverless={"memory_mb": 2048}))
    found = price(config)

    assert found.estimate == pytest.approx(100_000 * 0.1 * 2 * 0.00002 + 6.0 * 0.016)
    assert found.bound == pytest.approx(5 * 730 * 3600 * 2 * 0.00002)


def test_an_asynchronous_endpoint_that_sleeps_costs_its_hours_of_work() -> None:
    config = parsed(tables(NO_CAPTURE, endpoint={"mode": "asynchronous"}, scaling=BACKLOG))
    found = price(config)

    assert found.estimate == pytest.approx(100_000 * 0.1 / 3600 * 0.102 + 6.0 * 0.016)
    assert found.bound == pytest.approx(2 * 730 * 0.102)


def test_the_budget_holds_the_bound() -> None:
    with pytest.raises(TooExpensiveError, match="max_usd_per_month is 200 USD"):
        hold_to_budget(price(load(EXAMPLE)), 200)


def test_your_price_replaces_the_one_that_came_along() -> None:
    config = parsed(tables() | {"instances": {"ml.c5.large": {"usd_per_hour": 1.0}}})

    assert price(config).bound == pytest.approx(2 * 730)


@pytest.mark.parametrize(
    ("policy", "action", "resource"),
    [
        ("role", "s3:GetObject", "arn:aws:s3:::{bucket}/{prefix}packages/0123.tar.gz"),
        ("role", "s3:PutObject", "arn:aws:s3:::{bucket}/{prefix}captured/bin-counter/champion/1.jsonl"),
        ("role", "s3:GetObject", "arn:aws:s3:::{bucket}/{prefix}questions/0123"),
        ("role", "s3:PutObject", "arn:aws:s3:::{bucket}/{prefix}answers/1.out"),
        (
            "role",
            "cloudwatch:DescribeAlarms",
            "arn:aws:cloudwatch:us-east-1:111122223333:alarm:bincheck/bin-counter/errors",
        ),
        ("role", "ecr:BatchGetImage", "arn:aws:ecr:us-east-1:111122223333:repository/bincheck-serving"),
        ("deployer", "s3:PutObject", "arn:aws:s3:::{bucket}/{prefix}packages/0123.tar.gz"),
        ("deployer", "iam:PassRole", "{role}"),
        ("watch", "s3:GetObject", "arn:aws:s3:::{bucket}/{prefix}captured/bin-counter/champion/1.jsonl"),
        ("watch", "s3:ListBucket", "arn:aws:s3:::{bucket}"),
        ("watch", "cloudwatch:PutMetricData", "*"),
        ("deployer", "sagemaker:CreateModel", "arn:aws:sagemaker:us-east-1:111122223333:model/bin-counter-0123"),
    ],
)
def test_the_policies_allow_what_is_needed(policy: str, action: str, resource: str) -> None:
    config = load(EXAMPLE)
    wanted = resource.format(bucket=config.aws.bucket, prefix=config.key_prefix, role=config.aws.role_arn)

    assert any(_allows(statement, action, wanted) for statement in _statements(policy))


@pytest.mark.parametrize(
    ("policy", "action", "resource"),
    [
        ("role", "s3:PutObject", "arn:aws:s3:::example-bincheck-models/bincheck/endpoint/packages/0123.tar.gz"),
        ("role", "s3:DeleteObject", "arn:aws:s3:::example-bincheck-models/bincheck/endpoint/captured/1"),
        ("role", "sagemaker:CreateModel", "arn:aws:sagemaker:us-east-1:111122223333:model/bin-counter-0123"),
        (
            "deployer",
            "sagemaker:UpdateModelPackage",
            "arn:aws:sagemaker:us-east-1:111122223333:model-package/bin-counter/1",
        ),
        ("deployer", "sagemaker:DeleteEndpoint", "arn:aws:sagemaker:us-east-1:111122223333:endpoint/another"),
        ("deployer", "iam:PassRole", "arn:aws:iam::111122223333:role/administrator"),
        ("watch", "s3:GetObject", "arn:aws:s3:::example-bincheck-models/bincheck/endpoint/packages/0123.tar.gz"),
        ("watch", "s3:PutObject", "arn:aws:s3:::example-bincheck-models/bincheck/endpoint/captured/1.jsonl"),
    ],
)
def test_the_policies_allow_no_more(policy: str, action: str, resource: str) -> None:
    assert not any(_allows(statement, action, resource) for statement in _statements(policy))


@pytest.mark.parametrize("policy", ["role", "deployer", "watch"])
def test_no_action_of_a_policy_is_a_pattern(policy: str) -> None:
    assert not [action for statement in _statements(policy) for action in _listed(statement["Action"]) if "*" in action]


def _statements(policy: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((HERE / f"{policy}-policy.example.json").read_text(encoding="utf-8"))[
        "Statement"
    ]
    return found


def _allows(statement: dict[str, Any], action: str, resource: str) -> bool:
    return action in _listed(statement["Action"]) and any(
        fnmatchcase(resource, pattern) for pattern in _listed(statement["Resource"])
    )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
