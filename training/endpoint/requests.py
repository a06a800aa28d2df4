"""Requests to AWS as plain dicts: pure functions of the config and of the packages that it names.

What is made is named after what it is: a model after its container, an endpoint configuration after everything in
it. The same name so means the same content, and a change is a new name beside the old one: going back is cheap.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from training.endpoint.config import Alarms, EndpointConfig, Metric, Mode, Scaling
from training.endpoint.package import Package
from training.watch.names import DRIFTED, NAMESPACE, dimensions

Request = dict[str, Any]

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
PREVIOUS: Final = "bincheck:previous-configuration"
"""Tag of the endpoint: the configuration that `rollback` goes back to."""

DIMENSION: Final = "sagemaker:variant:DesiredInstanceCount"
TRACKING: Final = "steady"
WAKING: Final = "wake"

CONTENT_TYPES: Final = ("image/jpeg", "image/png")

UNKNOWN_POLICY: Final = "arn:aws:autoscaling:region:account:scalingPolicy:known-once-the-policy-is-there"
"""Stands for the address of the waking policy until that has been made."""

_DIGITS: Final = 12
_AT_ONCE: Final = {
    "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
    "TerminationWaitInSeconds": 0,
}


@dataclass(frozen=True, slots=True)
class Desired:
    """What is to be there: the config and the models that it names."""

    config: EndpointConfig
    champion: Package
    challenger: Package | None = None

    @property
    def packages(self) -> tuple[Package, ...]:
        """Every model that has to be in the bucket and in the registry."""
        return (self.champion, self.challenger) if self.challenger else (self.champion,)


def is_ours(name: str, endpoint: str) -> bool:
    """Tell whether a model or an endpoint configuration was made here for this endpoint, by its name."""
    return re.fullmatch(rf"{re.escape(endpoint)}-[0-9a-f]{{{_DIGITS}}}", name) is not None


def data_address(config: EndpointConfig, package: Package) -> str:
    """Say where the model's archive lies: known before it is there, since its name is its content's."""
    return config.place("packages", package.archive.name)


def group_request(config: EndpointConfig) -> Request:
    """Build CreateModelPackageGroup."""
    return {
        "ModelPackageGroupName": config.endpoint.registry,
        "ModelPackageGroupDescription": "Counts the goods in photos of bins",
        "Tags": _tags(config),
    }


def version_request(config: EndpointConfig, package: Package, approval: str) -> Request:
    """Build CreateModelPackage: a version of the registry's group, with its metrics."""
    container = _container(config, package)
    return {
        "ModelPackageGroupName": config.endpoint.registry,
        "ModelPackageDescription": package.model,
        "ModelApprovalStatus": approval,
        "InferenceSpecification": {
            "Containers": [{name: container[name] for name in ("Image", "ModelDataUrl")}],
            "SupportedContentTypes": list(CONTENT_TYPES),
            "SupportedResponseMIMETypes": ["application/json"],
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "ContentDigest": f"sha256:{package.metrics_sha256}",
                    "S3Uri": config.place("metrics", package.metrics_name),
                }
            }
        },
        # Tags belong to the group; SageMaker takes none for a version of one.
    }


def model_request(config: EndpointConfig, package: Package) -> Request:
    """Build CreateModel: our image over the package, as the execution role."""
    content = {
        "PrimaryContainer": _container(config, package),
        "ExecutionRoleArn": config.aws.role_arn,
        # The server needs nobody; a serverless endpoint does not offer to keep it from them.
        "EnableNetworkIsolation": config.mode is not Mode.SERVERLESS,
    }
    return {"ModelName": _named(config, content), **content, "Tags": _tags(config)}


def configuration_request(desired: Desired) -> Request:
    """Build CreateEndpointConfig, in the config's mode."""
    config = desired.config
    content: Request = {"ProductionVariants": [_champion(desired)]}
    if config.aws.kms_key and config.mode is not Mode.SERVERLESS:
        content["KmsKeyId"] = config.aws.kms_key
    if config.mode is Mode.ASYNCHRONOUS:
        content["AsyncInferenceConfig"] = _asynchronous(config)
    if config.capture:
        content["DataCaptureConfig"] = _capture(config, config.capture.percentage)
    if config.shadow and desired.challenger:
        machines = {"InstanceType": config.machines.type, "InitialInstanceCount": config.shadow.count}
        # Its weight beside the champion's 1 is the share of requests that it gets a copy of.
        share = {"InitialVariantWeight": config.shadow.percentage / 100}
        content["ShadowProductionVariants"] = [_variant(CHALLENGER, config, desired.challenger) | machines | share]
    return {"EndpointConfigName": _named(config, content), **content, "Tags": _tags(config)}


def create_request(config: EndpointConfig, configuration: str) -> Request:
    """Build CreateEndpoint."""
    return {"EndpointName": config.endpoint.name, "EndpointConfigName": configuration, "Tags": _tags(config)}


def update_request(config: EndpointConfig, configuration: str, *, guarded: bool, keeps_count: bool) -> Request:
    """Build UpdateEndpoint: to another configuration.

    Args:
        config: how.
        configuration: the name of the other one.
        guarded: step by step, and back by itself should an alarm ring; else at once. A serverless endpoint knows no
            steps, SageMaker always replaces it at once.
        keeps_count: the instances stay as many as scaling has made them.

    """
    request: Request = {"EndpointName": config.endpoint.name, "EndpointConfigName": configuration}
    if config.mode is Mode.SERVERLESS:
        return request
    # Scaled out for the day's photos, it stays so; else the new instances were the initial few. An asynchronous
    # endpoint may be at zero: there the new version has to start, or nothing would have been tried.
    keeps = keeps_count and config.scaling is not None and config.mode is Mode.REAL_TIME
    if keeps:
        request["RetainAllVariantProperties"] = True
        request["ExcludeRetainedVariantProperties"] = [
            {"VariantPropertyType": "DesiredWeight"},
            {"VariantPropertyType": "DataCaptureConfig"},
        ]
    least = config.scaling.min if config.scaling and keeps else config.machines.count
    request["DeploymentConfig"] = {"BlueGreenUpdatePolicy": _rollout(config, least) if guarded else _AT_ONCE}
    if guarded:
        alarms = [{"AlarmName": name} for name in rollback_alarms(config)]
        request["DeploymentConfig"]["AutoRollbackConfiguration"] = {"Alarms": alarms}
    return request


def alarm_prefix(endpoint: str) -> str:
    """Say what the names of the endpoint's alarms begin with."""
    return f"bincheck/{endpoint}/"


def rollback_alarms(config: EndpointConfig) -> tuple[str, ...]:
    """Name the alarms that end a rollout."""
    prefix = alarm_prefix(config.endpoint.name)
    return (f"{prefix}errors", f"{prefix}latency")


def alarm_requests(config: EndpointConfig) -> list[Request]:
    """Build PutMetricAlarm for each alarm, except the one that wakes an endpoint from zero."""
    alarms, (errors, latency) = config.alarms, rollback_alarms(config)
    requests = [
        _alarm(config, errors, "Invocation5XXErrors", "The endpoint fails on photos. Its log says why.")
        | {"Statistic": "Sum", "Threshold": float(alarms.errors_per_minute)},
        _alarm(config, latency, "ModelLatency", "Photos take too long. Look at load and instances.")
        # The metric counts in microseconds.
        | {"ExtendedStatistic": "p95", "Threshold": alarms.latency_ms * 1000},
    ]
    # SageMaker counts no invocations of an asynchronous endpoint.
    if alarms.quiet_minutes and config.mode is not Mode.ASYNCHRONOUS:
        requests.append(_quiet_alarm(config, alarms))
    if alarms.drift_hours:
        requests.append(_drift_alarm(config, alarms))
    return requests


def waking_alarm_request(config: EndpointConfig, policy: str) -> Request:
    """Build PutMetricAlarm for what starts the first instance: photos wait and there is none."""
    return {
        "AlarmName": f"{alarm_prefix(config.endpoint.name)}{WAKING}",
        "AlarmDescription": "Photos wait and no instance runs: starts one. Red is its work, nothing is wrong.",
        "Namespace": "AWS/SageMaker",
        "MetricName": "HasBacklogWithoutCapacity",
        "Dimensions": [{"Name": "EndpointName", "Value": config.endpoint.name}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing",
        "AlarmActions": [policy],
        "Tags": _tags(config),
    }


def target(endpoint: str) -> Request:
    """Say in Application Auto Scaling's words what is scaled: the champion's instances."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{CHAMPION}",
        "ScalableDimension": DIMENSION,
    }


def target_request(config: EndpointConfig, scaling: Scaling) -> Request:
    """Build RegisterScalableTarget."""
    return {**target(config.endpoint.name), "MinCapacity": scaling.min, "MaxCapacity": scaling.max}


def policy_requests(config: EndpointConfig, scaling: Scaling) -> list[Request]:
    """Build PutScalingPolicy: one that holds the metric steady and, where zero is the least, one that wakes."""
    steady: Request = {
        **target(config.endpoint.name),
        "PolicyName": TRACKING,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": scaling.target,
            **_scaling_metric(config, Metric(scaling.metric)),
            "ScaleInCooldown": scaling.scale_in_seconds,
            "ScaleOutCooldown": scaling.scale_out_seconds,
            "DisableScaleIn": not scaling.scale_in,
        },
    }
    waking: Request = {
        **target(config.endpoint.name),
        "PolicyName": WAKING,
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Maximum",
            "Cooldown": scaling.scale_in_seconds,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        },
    }
    return [steady, waking] if config.scales_to_zero else [steady]


def _container(config: EndpointConfig, package: Package) -> Request:
    container: Request = {"Image": config.endpoint.image, "ModelDataUrl": data_address(config, package)}
    return container | ({"Environment": dict(config.environment)} if config.environment else {})


def _champion(desired: Desired) -> Request:
    config = desired.config
    variant = _variant(CHAMPION, config, desired.champion) | {"InitialVariantWeight": 1.0}
    if config.mode is Mode.SERVERLESS:
        serverless = config.serverless
        limits = {"MemorySizeInMB": serverless.memory_mb, "MaxConcurrency": serverless.max_concurrency}
        return variant | {"ServerlessConfig": limits}
    return variant | {
        "InstanceType": config.machines.type,
        # Not scaling's least, which may change without a new configuration.
        "InitialInstanceCount": config.machines.count,
        # A photo that decodes slowly holds up those behind it: choose the instance that has the fewest.
        **({"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}} if _is_real_time(config) else {}),
    }


def _is_real_time(config: EndpointConfig) -> bool:
    return config.mode is Mode.REAL_TIME


def _variant(name: str, config: EndpointConfig, package: Package) -> Request:
    return {"VariantName": name, "ModelName": model_request(config, package)["ModelName"]}


def _asynchronous(config: EndpointConfig) -> Request:
    asynchronous = config.asynchronous
    topics = {"SuccessTopic": asynchronous.success_topic, "ErrorTopic": asynchronous.error_topic}
    told = {name: topic for name, topic in topics.items() if topic}
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": asynchronous.max_concurrent},
        "OutputConfig": {
            "S3OutputPath": config.place("answers"),
            "S3FailurePath": config.place("failures"),
            **({"KmsKeyId": config.aws.kms_key} if config.aws.kms_key else {}),
            **({"NotificationConfig": told} if told else {}),
        },
    }


def _capture(config: EndpointConfig, percentage: int) -> Request:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": percentage,
        "DestinationS3Uri": config.place("captured"),
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        # Replies stay readable; photos, of no type named here, are written in base 64.
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
        **({"KmsKeyId": config.aws.kms_key} if config.aws.kms_key else {}),
    }


def _rollout(config: EndpointConfig, least: int) -> Request:
    """Build the steps of a change to so many instances, or more."""
    rollout, bake = config.rollout, config.rollout.bake_minutes * 60
    # A canary is half of the instances at most: of one there is no half, and all photos move at once.
    routing: Request = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    if least > 1:
        size = {"Type": "CAPACITY_PERCENT", "Value": rollout.canary_percent}
        routing = {"Type": "CANARY", "WaitIntervalInSeconds": bake, "CanarySize": size}
    return {
        "TrafficRoutingConfiguration": routing,
        "TerminationWaitInSeconds": bake,
        "MaximumExecutionTimeoutInSeconds": rollout.max_minutes * 60,
    }


def _alarm(config: EndpointConfig, name: str, metric: str, description: str) -> Request:
    return {
        "AlarmName": name,
        "AlarmDescription": description,
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        "Dimensions": [
            {"Name": "EndpointName", "Value": config.endpoint.name},
            {"Name": "VariantName", "Value": CHAMPION},
        ],
        "Period": 60,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [config.alarms.topic] if config.alarms.topic else [],
        "OKActions": [config.alarms.topic] if config.alarms.topic else [],
        "Tags": _tags(config),
    }


def _quiet_alarm(config: EndpointConfig, alarms: Alarms) -> Request:
    name = f"{alarm_prefix(config.endpoint.name)}quiet"
    return _alarm(config, name, "Invocations", "No photo has come. Look at what sends them.") | {
        "Statistic": "Sum",
        "Threshold": 0.0,
        "ComparisonOperator": "LessThanOrEqualToThreshold",
        "EvaluationPeriods": alarms.quiet_minutes,
        "DatapointsToAlarm": alarms.quiet_minutes,
        "TreatMissingData": "breaching",
    }


def _drift_alarm(config: EndpointConfig, alarms: Alarms) -> Request:
    """Build the alarm on what `watch --publish` sends; no rollout looks at it: drift is no change's fault."""
    name = f"{alarm_prefix(config.endpoint.name)}drift"
    return _alarm(config, name, DRIFTED, "Photos or answers are not what the model knows. See docs/watch.md.") | {
        "Namespace": NAMESPACE,
        "Dimensions": dimensions(config.endpoint.name, CHAMPION),
        "Statistic": "Maximum",
        "Threshold": 1.0,
        "Period": alarms.drift_hours * 3600,
        # A run that is a little late leaves a period without a figure: one of two is enough.
        "EvaluationPeriods": 2,
        "DatapointsToAlarm": 1,
        # A watch that nobody runs any more shows as "insufficient data", not as well.
        "TreatMissingData": "missing",
    }


def _scaling_metric(config: EndpointConfig, metric: Metric) -> Request:
    predefined = {
        Metric.INVOCATIONS: "SageMakerVariantInvocationsPerInstance",
        Metric.CONCURRENCY: "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    }
    if metric in predefined:
        return {"PredefinedMetricSpecification": {"PredefinedMetricType": predefined[metric]}}
    return {
        "CustomizedMetricSpecification": {
            "Namespace": "AWS/SageMaker",
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Dimensions": [{"Name": "EndpointName", "Value": config.endpoint.name}],
            "Statistic": "Average",
        }
    }


def _named(config: EndpointConfig, content: Mapping[str, Any]) -> str:
    written = json.dumps(content, sort_keys=True).encode()
    return f"{config.endpoint.name}-{hashlib.sha256(written).hexdigest()[:_DIGITS]}"


def _tags(config: EndpointConfig) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in config.tags.items()]
