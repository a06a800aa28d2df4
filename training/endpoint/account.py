"""The endpoint as it is in the account: looked at, changed, asked, taken down. The only module here that speaks to AWS.

Clients are boto3's and come from a factory that is an argument. What AWS refuses becomes EndpointRefusedError, with
AWS's own words.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from training.endpoint.config import EndpointConfig, Mode
from training.endpoint.package import Package
from training.endpoint.plan import Call, Plan, Serving, State, Step, Upload, Version, uploads
from training.endpoint.requests import (
    PREVIOUS,
    UNKNOWN_POLICY,
    Desired,
    Request,
    alarm_prefix,
    configuration_request,
    is_ours,
    model_request,
    target,
    update_request,
)
from training.errors import EndpointRefusedError, EndpointStateError, RolloutFailedError, UnsafeBucketError
from training.private_bucket import PrivateBucket

Clients = Callable[[str], Any]
"""Makes the boto3 client of a service, for the account and region in question."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How one waits for AWS, and who is told meanwhile."""

    report: Callable[[str], None]
    sleep: Callable[[float], None]
    every: float = 15.0
    """Seconds between two looks."""


_VARIANTS: Final = ("ProductionVariants", "ShadowProductionVariants")
_CHANGING: Final = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
_ABSENT: Final = re.compile("could not find|does not exist|not found", re.IGNORECASE)
"""How SageMaker says that there is no such thing."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A model behind the endpoint."""

    name: str
    model: str
    """Its name and version, `bin-counter/3`, where the registry knows it."""
    version: str
    """Address of that version."""
    approval: str
    weight: float | None
    instances: int | None
    """None for a serverless endpoint."""
    desired_instances: int | None
    status: str
    """What is being done to it: `Baking` and the like."""


@dataclass(frozen=True, slots=True)
class Status:
    """What there is to know of the endpoint."""

    name: str
    status: str
    mode: str
    configuration: str
    previous: str
    """The configuration that `rollback` goes back to."""
    last_failure: str
    variants: tuple[Variant, ...]
    scaling: tuple[int, int] | None
    """The least and the most instances."""
    ringing: tuple[str, ...]

    @property
    def is_well(self) -> bool:
        """Tell whether it serves and no alarm rings."""
        return self.status == "InService" and not self.ringing


@dataclass(frozen=True, slots=True)
class Farewell:
    """What `destroy` deletes."""

    endpoint: str | None
    configurations: tuple[str, ...]
    models: tuple[str, ...]
    alarms: tuple[str, ...]
    scaled: bool

    def __bool__(self) -> bool:
        return bool(self.endpoint or self.configurations or self.models or self.alarms or self.scaled)


def look(clients: Clients, desired: Desired) -> State:
    """See what there is of what is wanted.

    Raises UnsafeBucketError where the bucket is missing or may be public, EndpointRefusedError.
    """
    config, sagemaker = desired.config, clients("sagemaker")
    with _refusals():
        bucket = _bucket(clients, config)
        _check(bucket)
        files = {upload.path for package in desired.packages for upload in uploads(config, package)}
        group = _described(sagemaker.describe_model_package_group, ModelPackageGroupName=config.endpoint.registry)
        models = {model_request(config, package)["ModelName"] for package in desired.packages}
        configuration = configuration_request(desired)["EndpointConfigName"]
        found_target, policies = _scaling(clients, config.endpoint.name)
        return State(
            files=frozenset(path for path in files if _is_there(bucket, path)),
            group=group is not None,
            versions=dict(_versions(sagemaker, config, desired.packages)) if group else {},
            models=frozenset(name for name in models if _described(sagemaker.describe_model, ModelName=name)),
            configurations=frozenset({configuration} if _made_of(sagemaker, configuration) else ()),
            serving=serving_of(sagemaker, config.endpoint.name),
            alarms=_alarms(clients, config.endpoint.name),
            target=found_target,
            policies=policies,
        )


def carry_out(clients: Clients, config: EndpointConfig, plan: Plan, watch: Watch) -> None:
    """Do what the plan says, one after the other, and wait where the endpoint changes.

    A run that was cut off is simply run again: what it did is found done. Raises EndpointRefusedError, and
    RolloutFailedError where the endpoint did not come up or went back.
    """
    answers: dict[str, str] = {}
    for step in plan.steps:
        watch.report(step.what)
        with _refusals():
            _do(clients, config, step, answers, watch)


def serving_of(sagemaker: Any, name: str) -> Serving | None:
    """Look at the endpoint; None where there is none."""
    with _refusals():
        found = _described(sagemaker.describe_endpoint, EndpointName=name)
        if found is None:
            return None
        # One that is being made for the first time may not say yet.
        configuration = found.get("EndpointConfigName", "")
        made_of = _made_of(sagemaker, configuration)
    first = (made_of.get("ProductionVariants") or [{}])[0]
    return Serving(
        arn=found["EndpointArn"],
        status=found["EndpointStatus"],
        configuration=configuration,
        failure=found.get("FailureReason", ""),
        mode=_mode(made_of, first),
        instance_type=first.get("InstanceType"),
    )


def status_of(clients: Clients, config: EndpointConfig) -> Status:
    """See how the endpoint is; raises EndpointStateError where there is none."""
    sagemaker, name = clients("sagemaker"), config.endpoint.name
    serving = _existing(sagemaker, name)
    with _refusals():
        found = sagemaker.describe_endpoint(EndpointName=name)
        made_of = _made_of(sagemaker, serving.configuration)
        registered = _registered(sagemaker, config.endpoint.registry)
        described = {one["VariantName"]: one for kind in _VARIANTS for one in made_of.get(kind) or ()}
        found_target, _ = _scaling(clients, name)
        alarms = _alarms(clients, name)
        return Status(
            name=name,
            status=serving.status,
            mode=serving.mode,
            configuration=serving.configuration,
            previous=_previous(sagemaker, serving),
            last_failure=serving.failure,
            variants=tuple(
                _variant(sagemaker, one, described.get(one["VariantName"], {}), registered)
                for kind in _VARIANTS
                for one in found.get(kind) or ()
            ),
            scaling=(found_target["MinCapacity"], found_target["MaxCapacity"]) if found_target else None,
            ringing=tuple(sorted(name for name, one in alarms.items() if one.get("StateValue") == "ALARM")),
        )


def rollback_request(clients: Clients, config: EndpointConfig, to: str | None) -> Request:
    """Build the update that brings back what served before, or the configuration that is named.

    At once and watched by no alarm: those that ring, ring because of what is to be left.
    Raises EndpointStateError where there is nothing to go back to.
    """
    sagemaker, name = clients("sagemaker"), config.endpoint.name
    serving = _existing(sagemaker, name)
    with _refusals():
        back = to or _previous(sagemaker, serving)
        known = _configurations(sagemaker, name)
        made_of = _made_of(sagemaker, back)
    choice = f"--to takes one of {', '.join(known) or 'none'}"
    if not serving.is_steady:
        raise EndpointStateError(f"{name} is {serving.status}; wait until `deploy status` says InService")
    if not made_of:
        raise EndpointStateError(f"{name} has nothing to go back to{f' under {back}' if back else ''}; {choice}")
    if back == serving.configuration:
        raise EndpointStateError(f"{name} already serves {back}; {choice}")
    same_machines = made_of["ProductionVariants"][0].get("InstanceType") == serving.instance_type
    return update_request(config, back, guarded=False, keeps_count=same_machines)


def roll_back(clients: Clients, config: EndpointConfig, request: Request, watch: Watch) -> None:
    """Send what `rollback_request` built and wait.

    Scaling ends where it is in the way, which it is of another instance type; the next deployment brings it back.
    """
    sagemaker = clients("sagemaker")
    with _refusals():
        scaled, _ = _scaling(clients, config.endpoint.name)
        serving = _existing(sagemaker, config.endpoint.name)
        if scaled and _machines(sagemaker, request["EndpointConfigName"]) != serving.instance_type:
            watch.report("end scaling")
            _end_scaling(clients, config.endpoint.name)
        _update(clients, config.endpoint.name, request, watch)


def farewell(clients: Clients, config: EndpointConfig) -> Farewell:
    """Say what `destroy` would delete."""
    sagemaker, name = clients("sagemaker"), config.endpoint.name
    with _refusals():
        found_target, _ = _scaling(clients, name)
        models = _names(sagemaker, "list_models", "Models", "ModelName", name)
        return Farewell(
            endpoint=name if serving_of(sagemaker, name) else None,
            configurations=tuple(_configurations(sagemaker, name)),
            models=tuple(models),
            alarms=tuple(sorted(_alarms(clients, name))),
            scaled=found_target is not None,
        )


def destroy(clients: Clients, config: EndpointConfig, gone: Farewell, watch: Watch) -> None:
    """Delete all of it: first what uses, then what is used. The registry and the bucket stay."""
    sagemaker = clients("sagemaker")
    with _refusals():
        if gone.scaled:
            _end_scaling(clients, config.endpoint.name)
        if gone.endpoint:
            watch.report(f"delete endpoint {gone.endpoint}")
            sagemaker.delete_endpoint(EndpointName=gone.endpoint)
            while _described(sagemaker.describe_endpoint, EndpointName=gone.endpoint):
                watch.sleep(watch.every)
        if gone.alarms:
            clients("cloudwatch").delete_alarms(AlarmNames=list(gone.alarms))
        for name in gone.configurations:
            sagemaker.delete_endpoint_config(EndpointConfigName=name)
        for name in gone.models:
            sagemaker.delete_model(ModelName=name)


def _do(clients: Clients, config: EndpointConfig, step: Step, answers: dict[str, str], watch: Watch) -> None:
    if isinstance(step, Upload):
        _bucket(clients, config).put(step.path, step.body)
    elif step.operation == "UpdateEndpoint":
        _update(clients, config.endpoint.name, step.request, watch)
    else:
        answer = _call(clients, step, answers)
        if "PolicyARN" in answer:
            answers[step.request["PolicyName"]] = answer["PolicyARN"]
        if step.operation == "CreateEndpoint":
            _wait(clients, step.request, watch)


def _call(clients: Clients, step: Call, answers: Mapping[str, str]) -> dict[str, Any]:
    request = dict(step.request)
    if request.get("AlarmActions") == [UNKNOWN_POLICY]:
        request["AlarmActions"] = [answers["wake"]]
    answer: dict[str, Any] = getattr(clients(step.service), xform_name(step.operation))(**request)
    return answer


def _update(clients: Clients, name: str, request: Request, watch: Watch) -> None:
    """Change the endpoint and wait; what it served until now is remembered as what one can go back to."""
    sagemaker = clients("sagemaker")
    serving = _existing(sagemaker, name)
    before = _previous(sagemaker, serving)
    # Beforehand: whoever is cut off while waiting can still go back.
    sagemaker.add_tags(ResourceArn=serving.arn, Tags=[{"Key": PREVIOUS, "Value": serving.configuration}])
    try:
        sagemaker.update_endpoint(**request)
        _wait(clients, request, watch)
    except (RolloutFailedError, ClientError):
        if before:
            sagemaker.add_tags(ResourceArn=serving.arn, Tags=[{"Key": PREVIOUS, "Value": before}])
        raise


def _wait(clients: Clients, request: Request, watch: Watch) -> None:
    name, wanted, last = request["EndpointName"], request["EndpointConfigName"], ""
    while True:
        found = clients("sagemaker").describe_endpoint(EndpointName=name)
        now = _phase(found)
        if now != last:
            watch.report(f"-- {name}: {now}")
        if found["EndpointStatus"] not in _CHANGING:
            break
        last = now
        watch.sleep(watch.every)
    if found["EndpointStatus"] != "InService":
        raise RolloutFailedError(
            f"{name} is {found['EndpointStatus']}: {found.get('FailureReason', 'no reason given')}"
        )
    if found["EndpointConfigName"] != wanted:
        reason = found.get("FailureReason", "no reason given")
        raise RolloutFailedError(f"{name} went back to {found['EndpointConfigName']}: {reason}")


def _phase(found: dict[str, Any]) -> str:
    variants = [one for kind in _VARIANTS for one in found.get(kind) or ()]
    doings = [f"{one['VariantName']} {_doing(one)}" for one in variants if _doing(one)]
    return ", ".join([found["EndpointStatus"], *doings])


def _doing(variant: dict[str, Any]) -> str:
    return " ".join(one["Status"] for one in variant.get("VariantStatus") or ())


def _existing(sagemaker: Any, name: str) -> Serving:
    serving = serving_of(sagemaker, name)
    if serving is None:
        raise EndpointStateError(f"there is no endpoint {name} in this account and region")
    return serving


def _made_of(sagemaker: Any, configuration: str) -> dict[str, Any]:
    """Describe a configuration; empty where there is none of that name."""
    if not configuration:
        return {}
    return _described(sagemaker.describe_endpoint_config, EndpointConfigName=configuration) or {}


def _machines(sagemaker: Any, configuration: str) -> str | None:
    (variant, *_) = _made_of(sagemaker, configuration)["ProductionVariants"]
    found: str | None = variant.get("InstanceType")
    return found


def _previous(sagemaker: Any, serving: Serving) -> str:
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=serving.arn)
    tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    return tags.get(PREVIOUS, "")


def _mode(made_of: dict[str, Any], variant: dict[str, Any]) -> Mode:
    if "ServerlessConfig" in variant:
        return Mode.SERVERLESS
    return Mode.ASYNCHRONOUS if made_of.get("AsyncInferenceConfig") else Mode.REAL_TIME


def _variant(
    sagemaker: Any, found: dict[str, Any], made_of: dict[str, Any], registered: list[dict[str, Any]]
) -> Variant:
    name = made_of.get("ModelName")
    model = (_described(sagemaker.describe_model, ModelName=name) if name else None) or {}
    container = model.get("PrimaryContainer", {})
    version = next((one for one in registered if _is_of(one, container)), {})
    return Variant(
        name=found["VariantName"],
        model=version.get("ModelPackageDescription", "unknown"),
        version=version.get("ModelPackageArn", ""),
        approval=version.get("ModelApprovalStatus", ""),
        weight=found.get("CurrentWeight"),
        instances=found.get("CurrentInstanceCount"),
        desired_instances=found.get("DesiredInstanceCount"),
        status=_doing(found),
    )


def _is_of(version: dict[str, Any], container: dict[str, Any]) -> bool:
    """Tell whether a version of the registry is what a container runs: its image and, by its address, its archive."""
    (registered, *_) = version["InferenceSpecification"]["Containers"]
    return all(registered.get(name) == container.get(name) for name in ("Image", "ModelDataUrl"))


def _versions(sagemaker: Any, config: EndpointConfig, packages: tuple[Package, ...]) -> Iterator[tuple[str, Version]]:
    for version in _registered(sagemaker, config.endpoint.registry):
        for package in packages:
            if _is_of(version, model_request(config, package)["PrimaryContainer"]):
                yield package.digest, Version(version["ModelPackageArn"], version["ModelApprovalStatus"])


def _registered(sagemaker: Any, group: str) -> list[dict[str, Any]]:
    """Describe the versions of the registry's group, oldest first: of two alike the later one counts."""
    if not _described(sagemaker.describe_model_package_group, ModelPackageGroupName=group):
        return []
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Ascending"
    )
    found = [summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"]]
    return [sagemaker.describe_model_package(ModelPackageName=arn) for arn in found]


def _scaling(clients: Clients, endpoint: str) -> tuple[dict[str, Any] | None, dict[str, dict[str, Any]]]:
    scaling, what = clients("application-autoscaling"), target(endpoint)
    targets = scaling.describe_scalable_targets(
        ServiceNamespace=what["ServiceNamespace"],
        ResourceIds=[what["ResourceId"]],
        ScalableDimension=what["ScalableDimension"],
    )["ScalableTargets"]
    policies = scaling.describe_scaling_policies(**what)["ScalingPolicies"]
    return (targets[0] if targets else None), {one["PolicyName"]: one for one in policies}


def _end_scaling(clients: Clients, endpoint: str) -> None:
    scaling, what = clients("application-autoscaling"), target(endpoint)
    for policy in scaling.describe_scaling_policies(**what)["ScalingPolicies"]:
        scaling.delete_scaling_policy(**what, PolicyName=policy["PolicyName"])
    scaling.deregister_scalable_target(**what)


def _alarms(clients: Clients, endpoint: str) -> dict[str, dict[str, Any]]:
    pages = clients("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=alarm_prefix(endpoint))
    return {alarm["AlarmName"]: alarm for page in pages for alarm in page.get("MetricAlarms", ())}


def _configurations(sagemaker: Any, endpoint: str) -> list[str]:
    return _names(sagemaker, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", endpoint)


def _names(sagemaker: Any, operation: str, entries: str, field: str, endpoint: str) -> list[str]:
    pages = sagemaker.get_paginator(operation).paginate(NameContains=endpoint)
    return [one[field] for page in pages for one in page[entries] if is_ours(one[field], endpoint)]


def _bucket(clients: Clients, config: EndpointConfig) -> PrivateBucket:
    return PrivateBucket(clients("s3"), config.aws.bucket, config.key_prefix, kms_key=config.aws.kms_key)


def _check(bucket: PrivateBucket) -> None:
    try:
        bucket.check()
    except UnsafeBucketError as fault:
        raise UnsafeBucketError(f"{fault} (as an option of `python -m training upload`)") from None


def _is_there(bucket: PrivateBucket, path: str) -> bool:
    try:
        bucket.checksum(path)
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] in {"404", "NoSuchKey"}:
            return False
        raise
    return True


def _described(ask: Callable[..., dict[str, Any]], **what: str) -> dict[str, Any] | None:
    try:
        return ask(**what)
    except ClientError as refusal:
        if _ABSENT.search(refusal.response["Error"].get("Message", "")):
            return None
        raise


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what AWS refuses, or cannot be reached for, into a sentence."""
    try:
        yield
    except (ClientError, BotoCoreError) as failure:
        raise EndpointRefusedError(str(failure)) from failure
