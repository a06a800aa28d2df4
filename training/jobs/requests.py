"""Requests to SageMaker as plain dicts: pure functions of the config, the name, the bundle and the knobs.

Script mode without the sagemaker SDK: AWS's training toolkit, which the image starts, takes its orders from
hyperparameters named `sagemaker_…`; see sagemaker_training/params.py and sagemaker_pytorch_container/training.py
(sagemaker-training 5.1.4, sagemaker-pytorch-training 3.0.0).
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from training.jobs.config import JobsConfig
from training.jobs.source import ENTRY
from training.tune_report import OBJECTIVE

Request = dict[str, Any]

_FIGURES: Final = ("accuracy", "loss", "rmse", "all_accuracy", "all_loss")
METRICS: Final = (
    "train_loss",
    *(f"{photos}_{figure}" for photos in ("val", "drawn_val") for figure in _FIGURES),
)
"""The figures of a metric line that SageMaker collects, beside the epoch that they are of."""

RETRIES: Final = 2
"""After an error inside SageMaker; our own errors are not tried again."""


def job_name(kind: str, label: str, now: datetime) -> str:
    """Name a job so that people can read it and no second one has it: `bincheck-train-261122-151733`.

    A tuning job's name may have 32 characters, its trainings' names start with it.
    """
    return f"{label}-{kind}-{now:%y%m%d-%H%M%S}"


def training_request(config: JobsConfig, name: str, source: str, knobs: Mapping[str, Any]) -> Request:
    """Build the request of CreateTrainingJob.

    Args:
        config: where and on what.
        name: the job's.
        source: S3 address of the bundle.
        knobs: those that differ from their defaults.

    """
    return {
        "TrainingJobName": name,
        "HyperParameters": _orders(config, source) | _hyperparameters(knobs),
        **_definition(config, name),
        "Tags": _tags(config),
    }


def tuning_request(
    config: JobsConfig, name: str, source: str, knobs: Mapping[str, Any], ranges: Mapping[str, list[dict[str, Any]]]
) -> Request:
    """Build the request of CreateHyperParameterTuningJob.

    Like training_request; `ranges` are the API's ParameterRanges. A knob that is tuned cannot be fixed as well, so
    its entry in `knobs` is left out.
    """
    tuned = {one["Name"] for kind in ranges.values() for one in kind}
    fixed = {option: value for option, value in _hyperparameters(knobs).items() if option not in tuned}
    request: Request = {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": OBJECTIVE},
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": config.tuning.trainings,
                "MaxParallelTrainingJobs": config.tuning.parallel,
            },
            "ParameterRanges": dict(ranges),
            "TrainingJobEarlyStoppingType": "Auto",
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": _orders(config, source) | fixed,
            **_definition(config, name),
        },
        "Tags": _tags(config),
    }
    if config.tuning.warm_start:
        request["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": [
                {"HyperParameterTuningJobName": parent} for parent in config.tuning.warm_start
            ],
            "WarmStartType": "IdenticalDataAndAlgorithm",
        }
    return request


def metric_definitions() -> list[dict[str, str]]:
    """Tell SageMaker how to read metric lines.

    Every figure but the first of a line follows a blank, which tells `val_loss` from `drawn_val_loss`.
    """
    figures = [{"Name": name, "Regex": f"[ ]{name}=([0-9.]+)"} for name in METRICS]
    return [{"Name": "epoch", "Regex": "epoch=([0-9]+)"}, *figures]


def _definition(config: JobsConfig, name: str) -> Request:
    """Build what a training job and a tuning job's definition of its trainings have in common."""
    machines = config.machines
    definition: Request = {
        "AlgorithmSpecification": {
            "TrainingImage": config.image_uri,
            # Photos are many small files, each read once: downloading them first, in parallel, beats opening them
            # one by one over the network (FastFile).
            "TrainingInputMode": "File",
            "MetricDefinitions": metric_definitions(),
        },
        "RoleArn": config.aws.role_arn,
        "InputDataConfig": [_channel(name, address) for name, address in config.data.addresses().items()],
        "OutputDataConfig": {"S3OutputPath": config.place("models"), **_key("KmsKeyId", config)},
        "ResourceConfig": {
            "InstanceType": machines.type,
            "InstanceCount": machines.count,
            "VolumeSizeInGB": machines.volume_gb,
            # SageMaker refuses a key for an instance's own disk.
            **({} if config.instance.local_disk else _key("VolumeKmsKeyId", config)),
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": _seconds(machines.max_runtime_hours)},
        "CheckpointConfig": {"S3Uri": config.place("checkpoints", name)},
        "RetryStrategy": {"MaximumRetryAttempts": RETRIES},
        "EnableManagedSpotTraining": machines.spot,
        # The toolkit fetches the bundle from S3 and installs its requirements: both need the network.
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": machines.count > 1,
    }
    if machines.spot:
        definition["StoppingCondition"]["MaxWaitTimeInSeconds"] = _seconds(machines.max_wait_hours)
    if config.network.subnets:
        definition["VpcConfig"] = {
            "Subnets": list(config.network.subnets),
            "SecurityGroupIds": list(config.network.security_groups),
        }
    return definition


def _orders(config: JobsConfig, source: str) -> dict[str, str]:
    """Build the hyperparameters that are no knobs: those for the toolkit, and what `train` is told of its backbone."""
    orders: dict[str, Any] = {
        "sagemaker_program": ENTRY,
        "sagemaker_submit_directory": source,
        "sagemaker_region": config.aws.region,
        "sagemaker_container_log_level": 20,
    }
    if config.processes > 1:
        orders["sagemaker_torch_distributed_enabled"] = True  # it starts torchrun, a process for each GPU
    if config.data.backbone_source:
        orders["backbone-source"] = config.data.backbone_source
    return _encoded(orders)


def _hyperparameters(knobs: Mapping[str, Any]) -> dict[str, str]:
    return _encoded({name.replace("_", "-"): value for name, value in knobs.items()})


def _encoded(values: Mapping[str, Any]) -> dict[str, str]:
    """Write values as the toolkit reads them: hyperparameters are texts, and it decodes each as JSON."""
    return {name: json.dumps(value) for name, value in values.items()}


def _channel(name: str, address: str) -> Request:
    # Every instance gets all photos: all of them have to split them alike.
    source = {"S3DataType": "S3Prefix", "S3Uri": address, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def _key(parameter: str, config: JobsConfig) -> dict[str, str]:
    return {parameter: config.aws.kms_key} if config.aws.kms_key else {}


def _tags(config: JobsConfig) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in config.tags.items()]


def _seconds(hours: float) -> int:
    return round(hours * 3600)
