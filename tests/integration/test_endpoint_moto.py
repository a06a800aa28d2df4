"""The endpoint's whole life, as the command line leads it, against moto's control plane.

moto takes requests and remembers them; nothing is served, and everything is ready at once. What it lacks stands at
the end. The one call among them that a life needs, UpdateEndpoint, is answered here, from the same memory.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from moto import mock_aws
from moto.sagemaker.models import sagemaker_backends
from typer.testing import CliRunner

import training.endpoint
from training.commands.deploy import deploy
from training.errors import EndpointRefusedError, EndpointStateError, RolloutFailedError, TooExpensiveError
from training.private_bucket import PrivateBucket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

CONFIG = """
[aws]
region = "us-east-1"
role_arn = "arn:aws:iam::111122223333:role/bincheck-endpoint"
bucket = "models-of-a-test"
[endpoint]
image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/bincheck-serving:1"
package = "{package}"
{endpoint}
[cost]
max_usd_per_month = 1000
[tags]
project = "bincheck"
"""

SCALED = """
[scaling]
min = 2
max = 4
metric = "concurrency"
target = 4
"""
ASYNCHRONOUS = """
[scaling]
min = 0
max = 2
metric = "backlog"
target = 5
"""


class Updates:
    """Answers UpdateEndpoint, which moto does not know, and remembers what was asked, of whatever service."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.failure: str | None = None
        self.actions: set[str] = set()

    def note(self, model: Any, **_: Any) -> None:
        service = {"monitoring": "cloudwatch"}.get(
            model.service_model.endpoint_prefix, model.service_model.service_name
        )
        self.actions.add(f"{service}:{model.name}")

    def answer(self, params: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        request = json.loads(params["body"])
        self.requests.append(request)
        backend = sagemaker_backends["123456789012"]["us-east-1"]
        endpoint = backend.endpoints[request["EndpointName"]]
        if self.failure:
            endpoint.failure_reason = self.failure
        else:
            endpoint.endpoint_config_name = request["EndpointConfigName"]
        return AWSResponse("https://x", 200, {}, None), {"EndpointArn": endpoint.arn}


@pytest.fixture(autouse=True)
def updates(monkeypatch: pytest.MonkeyPatch) -> Iterator[Updates]:
    """An account inside this process, with a private bucket in it."""
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    answering = Updates()
    with mock_aws():
        boto3.setup_default_session()
        boto3.DEFAULT_SESSION.events.register("before-call.sagemaker.UpdateEndpoint", answering.answer)
        boto3.DEFAULT_SESSION.events.register("before-call", answering.note)
        PrivateBucket(client("s3"), "models-of-a-test", "").protect()
        # moto holds a refusal against everybody, whatever its condition says.
        client("s3").delete_bucket_policy(Bucket="models-of-a-test")
        yield answering
        boto3.setup_default_session()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a model and a config file."""
    a_model(tmp_path / "first", "1")
    configured(tmp_path)
    return tmp_path


def a_model(folder: Path, version: str) -> Path:
    folder.mkdir()
    (folder / "model.onnx").write_bytes(f"network {version}".encode())
    facts = {"name": "bin-counter", "version": version, "metrics": {"real-test": {"seed": {"accuracy": 0.5}}}}
    (folder / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def configured(place: Path, more: str = SCALED, *, package: str = "first", endpoint: str = "") -> None:
    text = CONFIG.format(package=place / package, endpoint=endpoint) + more
    (place / "endpoint.toml").write_text(text, encoding="utf-8")


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


def outcome(place: Path, *arguments: str, answer: str | None = None) -> Result:
    """What the command does; what it raises is raised here too."""
    environment = {"COLUMNS": "300", "TERM": "dumb"}
    config = ["--config", str(place / "endpoint.toml")]
    result = CliRunner().invoke(deploy, [*config, *arguments], input=answer, env=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def told(place: Path, *arguments: str, answer: str | None = None) -> str:
    result = outcome(place, *arguments, answer=answer)
    assert result.exit_code == 0, result.output
    return result.output


def serving() -> dict[str, Any]:
    found: dict[str, Any] = client("sagemaker").describe_endpoint(EndpointName="bin-counter")
    return found


def names(operation: str, entries: str, field: str) -> list[str]:
    return [one[field] for one in getattr(client("sagemaker"), operation)()[entries]]


def versions() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("sagemaker").list_model_packages(ModelPackageGroupName="bin-counter")[
        "ModelPackageSummaryList"
    ]
    return found


def configurations() -> list[str]:
    return names("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName")


def alarms() -> list[str]:
    return [one["AlarmName"] for one in client("cloudwatch").describe_alarms()["MetricAlarms"]]


def keys() -> list[str]:
    listed = client("s3").list_objects_v2(Bucket="models-of-a-test")
    return [one["Key"] for one in listed.get("Contents", ())]


def test_a_deployment_makes_everything_and_a_second_one_changes_nothing(place: Path, updates: Updates) -> None:
    first = told(place, "--yes")
    was = (serving()["LastModifiedTime"], configurations(), keys(), alarms())
    second = told(place, "--yes")

    assert "create endpoint bin-counter" in first
    assert "is as its config says; nothing to do" in second
    assert was == (serving()["LastModifiedTime"], configurations(), keys(), alarms())
    assert updates.requests == []
    assert client("s3").head_object(Bucket="models-of-a-test", Key=was[2][0])["ServerSideEncryption"] == "AES256"


def test_the_registry_holds_the_model_with_its_metrics(place: Path) -> None:
    told(place, "--yes")
    (summary,) = versions()
    version = client("sagemaker").describe_model_package(ModelPackageName=summary["ModelPackageArn"])
    address = version["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    metrics = client("s3").get_object(Bucket="models-of-a-test", Key=address.split("/", 3)[3])["Body"].read()

    assert version["ModelApprovalStatus"] == "Approved"
    assert version["ModelPackageDescription"] == "bin-counter/1"
    assert json.loads(metrics)["metrics"]["real-test"]["seed"]["accuracy"] == 0.5


def test_instances_scale_between_the_limits(place: Path) -> None:
    told(place, "--yes")
    scaling = client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]

    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 4)
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 4.0


def test_another_target_changes_the_policy_alone(place: Path, updates: Updates) -> None:
    told(place, "--yes")
    configured(place, SCALED.replace("target = 4", "target = 8"))

    assert "- scale by the policy steady\nabout" in told(place, "--yes")
    assert updates.requests == []
    assert "nothing to do" in told(place, "--yes")


def test_another_least_changes_no_model_and_no_instance(place: Path, updates: Updates) -> None:
    told(place, "--yes")
    configured(place, SCALED.replace("min = 2", "min = 3"))

    assert "- scale from 3 to 4 instances\nabout" in told(place, "--yes")
    assert updates.requests == []


def test_scaling_ends_when_the_config_no_longer_has_it(place: Path) -> None:
    told(place, "--yes")
    configured(place, "[machines]\ncount = 2\n")

    assert "- end scaling" in told(place, "--yes")
    assert (
        client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        == []
    )
    assert "nothing to do" in told(place, "--yes")


def test_a_changed_model_rolls_through_a_canary_that_alarms_watch(place: Path, updates: Updates) -> None:
    told(place, "--yes")
    before = serving()["EndpointConfigName"]
    a_model(place / "second", "2")
    configured(place, package="second")
    told(place, "--yes")

    (request,) = updates.requests
    deployment = request["DeploymentConfig"]
    assert serving()["EndpointConfigName"] == request["EndpointConfigName"] != before
    assert deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    assert {one["AlarmName"] for one in deployment["AutoRollbackConfiguration"]["Alarms"]} <= set(alarms())
    assert request["RetainAllVariantProperties"]
    assert "nothing to do" in told(place, "--yes")


def test_another_instance_type_ends_scaling_first_and_brings_it_back(place: Path, updates: Updates) -> None:
    told(place, "--yes")
    configured(place, SCALED + '[machines]\ntype = "ml.c5.xlarge"\n')
    said = told(place, "--yes")

    assert said.index("end scaling") < said.index("change endpoint") < said.index("scale from 2 to 4")
    assert "RetainAllVariantProperties" not in updates.requests[0]
    assert "nothing to do" in told(place, "--yes")


def test_the_way_back_to_other_machines_ends_scaling_and_a_deployment_brings_it_back(place: Path) -> None:
    told(place, "--yes")
    configured(place, SCALED + '[machines]\ntype = "ml.c5.xlarge"\n')
    told(place, "--yes")

    assert "end scaling" in told(place, "rollback", "--yes")
    configured(place)
    assert "- scale from 2 to 4 instances\n- scale by the policy steady\nabout" in told(place, "--yes")


def test_a_rollout_that_went_back_is_told_with_its_reason(place: Path, updates: Updates) -> None:
    told(place, "--yes")
    before = serving()["EndpointConfigName"]
    a_model(place / "second", "2")
    configured(place, package="second")
    updates.failure = "One or more configured alarm(s) in alarm state: [bincheck/bin-counter/errors]"

    with pytest.raises(RolloutFailedError, match=rf"went back to {before}: One or more configured alarm"):
        told(place, "--yes")
    assert "last failure: One or more configured alarm" in told(place, "status")


def test_rollback_brings_back_what_served_before_and_again_what_came_after(place: Path, updates: Updates) -> None:
    told(place, "--yes")
    first = serving()["EndpointConfigName"]
    a_model(place / "second", "2")
    configured(place, package="second")
    told(place, "--yes")
    second = serving()["EndpointConfigName"]

    assert f"serves {first}" in told(place, "rollback", "--yes")
    assert f"serves {second}" in told(place, "rollback", "--yes")
    assert f"serves {first}" in told(place, "rollback", "--to", first, "--yes")
    assert "AutoRollbackConfiguration" not in updates.requests[-1]["DeploymentConfig"]


def test_there_is_nothing_to_go_back_to_after_the_first_deployment(place: Path) -> None:
    told(place, "--yes")

    with pytest.raises(EndpointStateError, match="nothing to go back to; --to takes one of bin-counter-"):
        told(place, "rollback", "--yes")


def test_status_tells_what_serves(place: Path) -> None:
    told(place, "--yes")
    now = json.loads(told(place, "status", "--json"))

    assert (now["status"], now["mode"], now["scaling"]) == ("InService", "real-time", [2, 4])
    (variant,) = now["variants"]
    assert (variant["name"], variant["model"], variant["approval"]) == ("champion", "bin-counter/1", "Approved")
    assert (variant["weight"], variant["instances"]) == (1.0, 1)
    assert "bin-counter/1" in told(place, "status")


def test_a_ringing_alarm_is_told_and_fails_the_status(place: Path) -> None:
    told(place, "--yes")
    client("cloudwatch").set_alarm_state(AlarmName="bincheck/bin-counter/errors", StateValue="ALARM", StateReason="x")
    result = outcome(place, "status")

    assert result.exit_code == 1
    assert "alarms: bincheck/bin-counter/errors" in result.output
    a_model(place / "second", "2")
    configured(place, package="second")
    assert "rings already" in told(place, "--dry-run")


def test_a_model_that_waits_for_approval_is_registered_and_not_served(place: Path) -> None:
    configured(place, endpoint='approval = "PendingManualApproval"')
    said = told(place, "--yes")
    arn = versions()[0]["ModelPackageArn"]

    assert "waits for approval" in said
    assert client("sagemaker").list_endpoints()["Endpoints"] == []
    assert f"--model-package-arn {arn}" in told(place, "--yes")
    client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert "create endpoint bin-counter" in told(place, "--yes")


def test_a_challenger_is_registered_and_stands_beside_the_champion(place: Path) -> None:
    a_model(place / "challenger", "2")
    shadow = f'[capture]\npercentage = 20\n[shadow]\npackage = "{place / "challenger"}"\npercentage = 50\n'
    configured(place, SCALED + shadow)
    said = told(place, "--yes")

    assert "register bin-counter/2, PendingManualApproval" in said
    assert "a challenger beside it on 50 %" in said
    assert len(names("list_models", "Models", "ModelName")) == 2


def test_an_asynchronous_endpoint_sleeps_at_zero_and_is_woken(place: Path) -> None:
    configured(place, ASYNCHRONOUS, endpoint='mode = "asynchronous"')
    told(place, "--yes")
    policies = client("application-autoscaling").describe_scaling_policies(ServiceNamespace="sagemaker")
    addresses = {one["PolicyName"]: one["PolicyARN"] for one in policies["ScalingPolicies"]}
    (waking,) = client("cloudwatch").describe_alarms(AlarmNames=["bincheck/bin-counter/wake"])["MetricAlarms"]

    assert addresses.keys() == {"steady", "wake"}
    assert waking["AlarmActions"] == [addresses["wake"]]
    assert "nothing to do" in told(place, "--yes")
    configured(place, ASYNCHRONOUS.replace("min = 0", "min = 1"), endpoint='mode = "asynchronous"')
    assert "delete the policy wake" in told(place, "--yes")
    assert "bincheck/bin-counter/wake" not in alarms()


def test_a_serverless_endpoint_is_made_and_stays_serverless(place: Path) -> None:
    configured(place, "[serverless]\nmemory_mb = 3072\n", endpoint='mode = "serverless"')
    told(place, "--yes")

    assert "nothing to do" in told(place, "--yes")
    assert json.loads(told(place, "status", "--json"))["mode"] == "serverless"
    configured(place)
    with pytest.raises(EndpointStateError, match="is a serverless endpoint and cannot become real-time"):
        told(place, "--yes")


def test_destroy_leaves_the_registry_and_the_bucket(place: Path) -> None:
    told(place, "--yes")
    kept = keys()
    said = told(place, "destroy", "--yes")

    assert "delete endpoint bin-counter" in said
    assert [configurations(), alarms(), names("list_models", "Models", "ModelName")] == [[], [], []]
    assert client("sagemaker").list_endpoints()["Endpoints"] == []
    assert keys() == kept
    assert len(versions()) == 1
    assert "there is nothing of bin-counter" in told(place, "destroy", "--yes")


def test_another_endpoints_things_are_left_alone(place: Path) -> None:
    told(place, "--yes")
    configured(place, endpoint='name = "bin"')
    told(place, "--yes")
    told(place, "destroy", "--yes")

    assert serving()["EndpointStatus"] == "InService"
    configured(place)
    assert "nothing to do" in told(place, "--yes")


@pytest.mark.parametrize("command", [[], ["destroy"], ["rollback"]])
def test_who_says_no_changes_nothing(place: Path, command: list[str], updates: Updates) -> None:
    if command:
        told(place, "--yes")
        a_model(place / "second", "2")
        configured(place, package="second")
        told(place, "--yes")
    was = (configurations(), len(updates.requests))

    assert outcome(place, *command, answer="n\n").exit_code == 3
    assert was == (configurations(), len(updates.requests))


def test_a_dry_run_prints_the_requests_and_sends_none(place: Path) -> None:
    said = told(place, "--dry-run")

    assert '"ExecutionRoleArn": "arn:aws:iam::111122223333:role/bincheck-endpoint"' in said
    assert "USD a month" in said
    assert keys() == []


def test_what_could_cost_more_than_the_budget_is_not_even_asked_about(place: Path) -> None:
    config = place / "endpoint.toml"
    poor = config.read_text(encoding="utf-8").replace("max_usd_per_month = 1000", "max_usd_per_month = 100")
    config.write_text(poor, encoding="utf-8")

    with pytest.raises(TooExpensiveError, match="max_usd_per_month is 100 USD"):
        told(place, "--yes")
    assert keys() == []


def test_a_refusal_is_told_in_awss_words(place: Path, updates: Updates) -> None:
    told(place, "--yes")
    client("sagemaker").delete_model(ModelName=names("list_models", "Models", "ModelName")[0])
    client("s3").delete_object(Bucket="models-of-a-test", Key=keys()[0])
    boto3.DEFAULT_SESSION.events.register("before-call.sagemaker.CreateModel", refuse)

    with pytest.raises(EndpointRefusedError, match="no permission"):
        told(place, "--yes")
    assert updates.requests == []


def refuse(**_: Any) -> tuple[AWSResponse, dict[str, Any]]:
    error = {"Code": "AccessDeniedException", "Message": "no permission"}
    return AWSResponse("https://x", 400, {}, None), {"Error": error, "ResponseMetadata": {}}


def test_the_deployers_policy_allows_what_a_deployment_asks_for(place: Path, updates: Updates) -> None:
    updates.actions.clear()
    configured(place, ASYNCHRONOUS, endpoint='mode = "asynchronous"')
    told(place, "--yes")
    a_model(place / "second", "2")
    configured(place, ASYNCHRONOUS.replace("min = 0", "min = 1"), package="second", endpoint='mode = "asynchronous"')
    for command in (["--yes"], ["status"], ["rollback", "--yes"], ["destroy", "--yes"]):
        told(place, *command)
    policy = json.loads((Path(training.endpoint.__file__).parent / "deployer-policy.example.json").read_text())
    allowed = {one for statement in policy["Statement"] for one in _listed(statement["Action"])}

    asked = {action for action in updates.actions if not action.startswith("s3:")}
    assert len(asked) > 20
    assert asked <= allowed


def _listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def test_what_moto_lacks_is_known(place: Path) -> None:
    told(place, "--yes")
    boto3.setup_default_session()
    found = serving()

    with pytest.raises(NotImplementedError):
        client("sagemaker").update_endpoint(EndpointName="bin-counter", EndpointConfigName=found["EndpointConfigName"])
    assert "ShadowProductionVariants" not in found
