"""What would be asked of AWS for the endpoint, in every mode, and what is left to ask."""

from __future__ import annotations

import io
import json
import tarfile
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import training.endpoint
from training.archive import archived
from training.aws_requests import validate
from training.endpoint.config import EndpointConfig, Mode, parsed
from training.endpoint.package import Package, packed
from training.endpoint.plan import Call, Serving, State, Step, Version, plan
from training.endpoint.requests import (
    Desired,
    alarm_requests,
    configuration_request,
    is_ours,
    model_request,
    update_request,
)
from training.errors import EndpointStateError, InvalidRequestError, NotApprovedError, UnusableModelError
from training.watch.names import dimensions

EXAMPLE = tomllib.loads((Path(training.endpoint.__file__).parent / "endpoint.example.toml").read_text(encoding="utf-8"))
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TOPIC = "arn:aws:sns:us-east-1:111122223333:operations"
CHAMPION = Package(archived({"model.onnx": b"1"}), "bin-counter/1", b"{}")
CHALLENGER = Package(archived({"model.onnx": b"2"}), "bin-counter/2", b"{}")
REAL_TIME = {name: table for name, table in EXAMPLE.items() if name != "scaling"}
PLAIN = {name: table for name, table in REAL_TIME.items() if name != "capture"}
SLEEPING = {"min": 0, "max": 2, "metric": "backlog", "target": 5}

VARIANTS: dict[str, dict[str, Any]] = {
    "the example": EXAMPLE,
    "a fixed number": REAL_TIME,
    "with a key": EXAMPLE | {"aws": EXAMPLE["aws"] | {"kms_key": KEY}},
    "by invocations": REAL_TIME | {"scaling": {"min": 1, "max": 3, "metric": "invocations", "target": 900}},
    "with a challenger": EXAMPLE | {"shadow": {"package": "models/challenger", "percentage": 25}},
    "with a topic and silence": EXAMPLE | {"alarms": {"topic": TOPIC, "quiet_minutes": 30}},
    "with a watch": EXAMPLE | {"alarms": {"topic": TOPIC, "drift_hours": 24}},
    "with an environment": EXAMPLE | {"environment": {"BINCHECK_THREADS": "2"}},
    "serverless": PLAIN | {"endpoint": EXAMPLE["endpoint"] | {"mode": "serverless"}},
    "asynchronous": PLAIN | {"endpoint": EXAMPLE["endpoint"] | {"mode": "asynchronous"}, "scaling": SLEEPING},
    "asynchronous with topics": PLAIN
    | {
        "endpoint": EXAMPLE["endpoint"] | {"mode": "asynchronous"},
        "asynchronous": {"success_topic": TOPIC, "error_topic": TOPIC},
        "aws": EXAMPLE["aws"] | {"kms_key": KEY},
    },
}


def desired(tables: dict[str, Any] = EXAMPLE) -> Desired:
    config = parsed(tables)
    return Desired(config, CHAMPION, CHALLENGER if config.shadow else None)


def serving(config: EndpointConfig, configuration: str = "bin-counter-000000000000", **more: Any) -> Serving:
    machines = None if config.mode is Mode.SERVERLESS else config.machines.type
    return replace(Serving("arn", "InService", configuration, "", config.mode, machines), **more)


def operations(steps: tuple[Step, ...]) -> list[str]:
    return [step.operation for step in steps if isinstance(step, Call)]


@pytest.mark.parametrize("tables", VARIANTS.values(), ids=VARIANTS)
def test_aws_would_take_every_request_of_a_first_deployment(tables: dict[str, Any]) -> None:
    found = operations(plan(desired(tables), State()).steps)

    assert found[0] == "CreateModelPackageGroup"
    assert "CreateEndpoint" in found
    assert found.index("PutMetricAlarm") < found.index("CreateEndpoint")


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize("tables", VARIANTS.values(), ids=VARIANTS)
def test_aws_would_take_every_change(tables: dict[str, Any], guarded: bool) -> None:  # noqa: FBT001
    config = parsed(tables)

    assert "UpdateEndpoint" in operations(plan(desired(tables), State(serving=serving(config)), guarded=guarded).steps)


def test_a_request_that_aws_would_refuse_is_never_planned() -> None:
    tables = EXAMPLE | {"aws": EXAMPLE["aws"] | {"role_arn": "my-role-of-long-name"}}

    with pytest.raises(InvalidRequestError, match="CreateModel would be refused: ExecutionRoleArn"):
        plan(desired(tables), State())


def test_the_same_content_has_the_same_name_and_another_another() -> None:
    first, again = (configuration_request(desired()) for _ in range(2))
    more = configuration_request(desired(EXAMPLE | {"capture": {"percentage": 11}}))
    config = parsed(EXAMPLE)

    assert first["EndpointConfigName"] == again["EndpointConfigName"] != more["EndpointConfigName"]
    assert model_request(config, CHAMPION)["ModelName"] != model_request(config, CHALLENGER)["ModelName"]
    assert is_ours(first["EndpointConfigName"], "bin-counter")
    assert not is_ours(first["EndpointConfigName"], "bin")
    assert not is_ours("bin-counter-of-somebody", "bin-counter")


def test_other_tags_are_no_change() -> None:
    tagged = EXAMPLE | {"tags": {"project": "other"}}

    assert (
        configuration_request(desired(tagged))["EndpointConfigName"]
        == configuration_request(desired())["EndpointConfigName"]
    )


def test_a_serverless_endpoint_has_neither_instances_nor_a_key_nor_isolation() -> None:
    config = desired(VARIANTS["serverless"])
    (variant,) = configuration_request(config)["ProductionVariants"]

    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert "InstanceType" not in variant
    assert not model_request(config.config, CHAMPION)["EnableNetworkIsolation"]
    assert update_request(config.config, "x", guarded=True, keeps_count=True).keys() == {
        "EndpointName",
        "EndpointConfigName",
    }


def test_a_challengers_weight_is_its_share_of_the_photos() -> None:
    request = configuration_request(desired(VARIANTS["with a challenger"]))

    assert request["ProductionVariants"][0]["InitialVariantWeight"] == 1.0
    assert request["ShadowProductionVariants"][0]["InitialVariantWeight"] == 0.25


@pytest.mark.parametrize(("count", "routing"), [(1, "ALL_AT_ONCE"), (2, "CANARY")])
def test_one_instance_has_no_canary_and_is_watched_all_the_same(count: int, routing: str) -> None:
    config = parsed(REAL_TIME | {"machines": {"count": count}})
    deployment = update_request(config, "x", guarded=True, keeps_count=True)["DeploymentConfig"]

    assert deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == routing
    assert deployment["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] == 600
    assert len(deployment["AutoRollbackConfiguration"]["Alarms"]) == 2


@pytest.mark.parametrize(("keeps_count", "routing"), [(True, "CANARY"), (False, "ALL_AT_ONCE")])
def test_a_canary_is_a_share_of_the_instances_that_there_will_be(keeps_count: bool, routing: str) -> None:  # noqa: FBT001
    config = parsed(EXAMPLE | {"machines": {"count": 1}})
    request = update_request(config, "x", guarded=True, keeps_count=keeps_count)

    routed = request["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert (routed["Type"], "RetainAllVariantProperties" in request) == (routing, keeps_count)


def test_latency_is_compared_in_the_metrics_microseconds() -> None:
    latency = next(one for one in alarm_requests(parsed(EXAMPLE)) if one["MetricName"] == "ModelLatency")

    assert latency["Threshold"] == 1_000_000.0


def test_drift_is_an_alarm_only_where_it_is_watched_and_ends_no_rollout() -> None:
    config = parsed(VARIANTS["with a watch"])
    drift = next(one for one in alarm_requests(config) if one["AlarmName"] == "bincheck/bin-counter/drift")
    update = update_request(config, "bin-counter-0123456789ab", guarded=True, keeps_count=True)

    assert (drift["Namespace"], drift["MetricName"], drift["Period"]) == ("Bincheck/Watch", "Drifted", 86_400)
    assert drift["Dimensions"] == dimensions("bin-counter", "champion")
    assert drift["AlarmActions"] == [TOPIC]
    assert "drift" not in json.dumps(update)
    assert "drift" not in json.dumps(alarm_requests(parsed(EXAMPLE)))


def test_an_alarm_on_drift_that_is_not_wanted_any_more_goes() -> None:
    watched, config = parsed(VARIANTS["with a watch"]), parsed(EXAMPLE)
    alarms = {one["AlarmName"]: one for one in alarm_requests(watched)}
    steps = plan(desired(), State(alarms=alarms, serving=serving(config))).steps

    (gone,) = [step.request for step in steps if isinstance(step, Call) and step.operation == "DeleteAlarms"]
    assert gone == {"AlarmNames": ["bincheck/bin-counter/drift"]}


def test_an_asynchronous_endpoint_has_no_alarm_on_a_metric_that_it_lacks() -> None:
    quiet = VARIANTS["asynchronous"] | {"alarms": {"quiet_minutes": 30}}

    assert "Invocations" not in {one["MetricName"] for one in alarm_requests(parsed(quiet))}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"status": "Updating"}, "is Updating; wait"),
        ({"status": "Failed", "failure": "The image cannot be pulled."}, "is Failed: The image cannot be pulled."),
        ({"status": "UpdateRollbackFailed"}, "`deploy destroy`, then deploy again"),
        ({"mode": Mode.SERVERLESS}, "is a serverless endpoint and cannot become real-time"),
    ],
)
def test_an_endpoint_that_cannot_be_changed_is_left_alone(changed: dict[str, Any], told: str) -> None:
    wanted = desired()

    with pytest.raises(EndpointStateError, match=told):
        plan(wanted, State(serving=serving(wanted.config, **changed)))


def test_what_was_rejected_is_not_served() -> None:
    versions = {CHAMPION.digest: Version("arn:1", "Rejected")}

    with pytest.raises(NotApprovedError, match="bin-counter/1 was rejected"):
        plan(desired(), State(group=True, versions=versions))


def test_a_challenger_that_becomes_the_champion_has_to_be_approved_first() -> None:
    wanted = Desired(parsed(EXAMPLE), CHALLENGER)
    found = plan(wanted, State(group=True, versions={CHALLENGER.digest: Version("arn:2", "PendingManualApproval")}))

    assert "--model-package-arn arn:2 --model-approval-status Approved" in found.held
    assert operations(found.steps) == []


def test_a_change_while_an_alarm_rings_is_warned_of() -> None:
    wanted = desired()
    ringing = {"bincheck/bin-counter/errors": {"StateValue": "ALARM"}}
    state = State(serving=serving(wanted.config), alarms=ringing)

    assert "--all-at-once" in plan(wanted, state).note
    assert plan(wanted, state, guarded=False).note == ""


def test_a_package_is_the_same_for_the_same_content(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text('{"name": "bin-counter", "version": "3"}', encoding="utf-8")
        (tmp_path / name / "model.onnx").write_bytes(b"network")
    (tmp_path / "b" / "notes.txt").write_text("not part of it", encoding="utf-8")

    assert packed(tmp_path / "a") == packed(tmp_path / "b")
    assert packed(tmp_path / "a").model == "bin-counter/3"


def test_a_package_has_the_weights_of_every_network_and_says_what_each_was_made_from(tmp_path: Path) -> None:
    networks = [{"weights": f"weights-{number}.pt", "git_commit": f"commit {number}"} for number in (1, 2)]
    files = {"model.json": json.dumps({"name": "bin-counter", "version": "4", "networks": networks}), "model.onnx": ""}
    for name, content in (files | {"weights-1.pt": "", "weights-2.pt": "", "weights-2.plain": ""}).items():
        (tmp_path / name).write_text(content, encoding="utf-8")

    package = packed(tmp_path)

    with tarfile.open(fileobj=io.BytesIO(package.archive.body)) as archive:
        assert archive.getnames() == ["model.json", "model.onnx", "weights-1.pt", "weights-2.pt"]
    assert json.loads(package.metrics)["git_commits"] == ["commit 1", "commit 2"]


def test_a_folder_without_a_model_is_no_package(tmp_path: Path) -> None:
    with pytest.raises(UnusableModelError, match=r"model\.onnx, model\.json missing"):
        packed(tmp_path)


@pytest.mark.parametrize(
    ("name", "is_taken"), [("goods \U0001f4e6", True), ("a\x00b", False)], ids=["a pair in Java", "a control character"]
)
def test_patterns_in_javas_way_are_understood(name: str, *, is_taken: bool) -> None:
    request = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": name,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    if is_taken:
        validate("DeregisterScalableTarget", request, "application-autoscaling")
    else:
        with pytest.raises(InvalidRequestError, match="ResourceId"):
            validate("DeregisterScalableTarget", request, "application-autoscaling")
