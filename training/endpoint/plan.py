"""What is left to do: (what is wanted, what is there) -> calls, in their order. Pure; nothing here speaks to AWS.

A call is data: its service, its operation, its request. The same list is shown, validated, and carried out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from training.aws_requests import validate
from training.endpoint.config import EndpointConfig, Mode
from training.endpoint.package import Package
from training.endpoint.requests import (
    UNKNOWN_POLICY,
    WAKING,
    Desired,
    Request,
    alarm_prefix,
    alarm_requests,
    configuration_request,
    create_request,
    data_address,
    group_request,
    model_request,
    policy_requests,
    rollback_alarms,
    target,
    target_request,
    update_request,
    version_request,
    waking_alarm_request,
)
from training.errors import EndpointStateError, NotApprovedError

APPROVED = "Approved"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file for the bucket."""

    path: str
    """Below the endpoint's prefix."""
    body: bytes

    @property
    def what(self) -> str:
        """What a person is told."""
        return f"upload {self.path} ({len(self.body) / 1e6:.1f} MB)"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of AWS's API."""

    what: str
    service: str
    """As boto3 names it."""
    operation: str
    request: Request


Step = Upload | Call


@dataclass(frozen=True, slots=True)
class Version:
    """A model's version in the registry."""

    arn: str
    approval: str


@dataclass(frozen=True, slots=True)
class Serving:
    """The endpoint as it is."""

    arn: str
    status: str
    configuration: str
    failure: str
    mode: Mode
    instance_type: str | None

    @property
    def is_steady(self) -> bool:
        """Tell whether it serves and nothing is being changed."""
        return self.status == "InService"


@dataclass(frozen=True, slots=True)
class State:
    """What there is of what is wanted."""

    files: frozenset[str] = frozenset()
    """Of the wanted ones, by their path below the endpoint's prefix."""
    group: bool = False
    versions: Mapping[str, Version] = field(default_factory=dict)
    """Of the wanted models in the wanted image, by their digest."""
    models: frozenset[str] = frozenset()
    configurations: frozenset[str] = frozenset()
    serving: Serving | None = None
    alarms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """All that bear the endpoint's prefix, by name."""
    target: Mapping[str, Any] | None = None
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def ringing(self, config: EndpointConfig) -> list[str]:
        """Name the alarms that would end a rollout as soon as it began."""
        return [name for name in rollback_alarms(config) if self.alarms.get(name, {}).get("StateValue") == "ALARM"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, and why no more than that."""

    steps: tuple[Step, ...]
    held: str = ""
    """What somebody else has to do before a model can be served; empty where nothing is waited for."""
    note: str = ""


def plan(desired: Desired, state: State, *, guarded: bool = True) -> Plan:
    """Say what is left to do; nothing where all is as wanted.

    Raises NotApprovedError where the registry's version was rejected, EndpointStateError where the endpoint cannot be
    changed now or ever, and InvalidRequestError where AWS would refuse a request for its form.
    """
    held = _held(desired, state)
    steps = list(_registered(desired, state))
    if not held:
        steps += _served(desired, state, guarded=guarded)
        steps += _scaled(desired.config, state)
    for step in steps:
        if isinstance(step, Call):
            validate(step.operation, step.request, step.service)
    return Plan(tuple(steps), held, "" if held else _note(desired, state, guarded=guarded))


def changes_machines(config: EndpointConfig, serving: Serving | None) -> bool:
    """Tell whether an update would move to another instance type, which scaling stands in the way of."""
    return serving is not None and serving.instance_type not in {None, config.machines.type}


def uploads(config: EndpointConfig, package: Package) -> tuple[Upload, Upload]:
    """Name the files of a model: its archive and its metrics."""
    below = config.place("")
    archive = data_address(config, package).removeprefix(below)
    return Upload(archive, package.archive.body), Upload(f"metrics/{package.metrics_name}", package.metrics)


def shown(step: Step) -> str:
    """Write a step as a dry run prints it."""
    if isinstance(step, Upload):
        return f"# {step.what}"
    return f"# {step.what}\n{step.service} {step.operation} {json.dumps(step.request, indent=1)}"


def _held(desired: Desired, state: State) -> str:
    for package in desired.packages:
        version = state.versions.get(package.digest)
        if version is not None and version.approval == "Rejected":
            raise NotApprovedError(f"{package.model} was rejected ({version.arn}); nothing serves it")
    champion = state.versions.get(desired.champion.digest)
    if (champion.approval if champion else desired.config.endpoint.approval) == APPROVED:
        return ""
    arn = champion.arn if champion else "ARN"
    return (
        f"{desired.champion.model} waits for approval; then deploy again. To approve it: aws sagemaker "
        f"update-model-package --model-package-arn {arn} --model-approval-status {APPROVED}"
    )


def _note(desired: Desired, state: State, *, guarded: bool) -> str:
    ringing = state.ringing(desired.config)
    if ringing and guarded and desired.config.mode is not Mode.SERVERLESS:
        return (
            f"{', '.join(ringing)} rings already: SageMaker would take that for the change's fault and go back. "
            "--all-at-once changes without a canary and without going back"
        )
    return ""


def _registered(desired: Desired, state: State) -> Iterator[Step]:
    config = desired.config
    for package in desired.packages:
        for upload in uploads(config, package):
            if upload.path not in state.files:
                yield upload
    if not state.group:
        registry = config.endpoint.registry
        yield Call(
            f"create the registry's group {registry}", *_sagemaker("CreateModelPackageGroup", group_request(config))
        )
    for package in desired.packages:
        if package.digest not in state.versions:
            # Whether a challenger is good enough is what its shadow is to show.
            approval = config.endpoint.approval if package is desired.champion else "PendingManualApproval"
            request = version_request(config, package, approval)
            yield Call(f"register {package.model}, {approval}", *_sagemaker("CreateModelPackage", request))


def _served(desired: Desired, state: State, *, guarded: bool) -> Iterator[Step]:
    config = desired.config
    for package in desired.packages:
        request = model_request(config, package)
        if request["ModelName"] not in state.models:
            what = f"create model {request['ModelName']}: {package.model}"
            yield Call(what, *_sagemaker("CreateModel", request))
    configuration = configuration_request(desired)
    name = configuration["EndpointConfigName"]
    if name not in state.configurations:
        what = f"create endpoint configuration {name}: {_told(config)}"
        yield Call(what, *_sagemaker("CreateEndpointConfig", configuration))
    # Before the endpoint: a rollout names its alarms.
    for alarm in alarm_requests(config):
        yield from _alarm(alarm, state)
    yield from _endpoint(desired, state, name, guarded=guarded)


def _endpoint(desired: Desired, state: State, configuration: str, *, guarded: bool) -> Iterator[Step]:
    config, serving = desired.config, state.serving
    if serving is None:
        what = f"create endpoint {config.endpoint.name} with {configuration}"
        yield Call(what, *_sagemaker("CreateEndpoint", create_request(config, configuration)))
        return
    _require_changeable(config, serving)
    if serving.configuration == configuration:
        return
    other_machines = changes_machines(config, serving)
    if other_machines and state.target:
        yield from _unscaled(config, state)
    request = update_request(config, configuration, guarded=guarded, keeps_count=not other_machines)
    what = f"change endpoint {config.endpoint.name} from {serving.configuration} to {configuration}, {_how(request)}"
    yield Call(what, *_sagemaker("UpdateEndpoint", request))


def _require_changeable(config: EndpointConfig, serving: Serving) -> None:
    name = config.endpoint.name
    if serving.status in {"Failed", "OutOfService", "UpdateRollbackFailed"}:
        raise EndpointStateError(f"{name} is {serving.status}: {serving.failure} `deploy destroy`, then deploy again")
    if not serving.is_steady:
        raise EndpointStateError(f"{name} is {serving.status}; wait until `deploy status` says InService")
    if serving.mode is not config.mode:
        raise EndpointStateError(
            f"{name} is a {serving.mode} endpoint and cannot become {config.mode}: deploy under another name, or "
            "destroy it first"
        )


def _scaled(config: EndpointConfig, state: State) -> Iterator[Step]:
    # A change of machines has just ended scaling.
    is_ended = changes_machines(config, state.serving)
    found, policies = (None, {}) if is_ended else (state.target, dict(state.policies))
    wanted = [] if config.scaling is None else policy_requests(config, config.scaling)
    if config.scaling is None and found:
        yield from _unscaled(config, state)
        policies = {}
    elif config.scaling is not None:
        registered = target_request(config, config.scaling)
        if not _holds(found, registered):
            what = f"scale from {config.scaling.min} to {config.scaling.max} instances"
            yield Call(what, "application-autoscaling", "RegisterScalableTarget", registered)
    for policy in wanted:
        if not _holds(policies.get(policy["PolicyName"]), policy):
            what = f"scale by the policy {policy['PolicyName']}"
            yield Call(what, "application-autoscaling", "PutScalingPolicy", policy)
    for name in sorted(policies.keys() - {policy["PolicyName"] for policy in wanted}):
        yield _without_policy(config, name)
    if config.scales_to_zero:
        address = policies.get(WAKING, {}).get("PolicyARN", UNKNOWN_POLICY)
        yield from _alarm(waking_alarm_request(config, address), state)
    yield from _surplus_alarms(config, state)


def _surplus_alarms(config: EndpointConfig, state: State) -> Iterator[Step]:
    wanted = {request["AlarmName"] for request in alarm_requests(config)}
    if config.scales_to_zero:
        wanted.add(f"{alarm_prefix(config.endpoint.name)}{WAKING}")
    surplus = sorted(state.alarms.keys() - wanted)
    if surplus:
        yield Call(f"delete alarms {', '.join(surplus)}", "cloudwatch", "DeleteAlarms", {"AlarmNames": surplus})


def _alarm(request: Request, state: State) -> Iterator[Step]:
    found = state.alarms.get(request["AlarmName"])
    if not _holds(found, {name: value for name, value in request.items() if name != "Tags"}):
        what = f"{'change' if found else 'create'} alarm {request['AlarmName']}"
        yield Call(what, "cloudwatch", "PutMetricAlarm", request)


def _unscaled(config: EndpointConfig, state: State) -> Iterator[Step]:
    for name in sorted(state.policies):
        yield _without_policy(config, name)
    yield Call("end scaling", "application-autoscaling", "DeregisterScalableTarget", target(config.endpoint.name))


def _without_policy(config: EndpointConfig, name: str) -> Call:
    request = {**target(config.endpoint.name), "PolicyName": name}
    return Call(f"delete the policy {name}", "application-autoscaling", "DeleteScalingPolicy", request)


def _holds(found: Any, wanted: Any) -> bool:
    """Tell whether all that is wanted is found; AWS adds fields of its own, and leaves out empty lists."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_holds(found.get(name), value) for name, value in wanted.items())
    return bool(found == wanted or (wanted == [] and found is None))


def _sagemaker(operation: str, request: Request) -> tuple[str, str, Request]:
    return "sagemaker", operation, request


def _told(config: EndpointConfig) -> str:
    if config.mode is Mode.SERVERLESS:
        serverless = config.serverless
        told = f"serverless, {serverless.memory_mb} MB, {serverless.max_concurrency} at once"
    else:
        told = f"{config.mode}, {config.machines.type}"
    if config.capture:
        told += f", {config.capture.percentage} % captured"
    if config.shadow:
        told += f", a challenger beside it on {config.shadow.percentage} %"
    return told


def _how(request: Request) -> str:
    deployment = request.get("DeploymentConfig", {})
    routing = deployment.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE"})
    back = ", back if an alarm rings" if "AutoRollbackConfiguration" in deployment else ""
    if routing["Type"] == "CANARY":
        return f"{routing['CanarySize']['Value']} % first{back}"
    return f"all at once{back}"
