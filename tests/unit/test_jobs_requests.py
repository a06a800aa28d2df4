"""Requests to SageMaker in every variant, held against botocore's description of the service; and their price."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import training.jobs
from training.aws_requests import validate
from training.errors import InvalidRequestError, TooExpensiveError
from training.jobs.config import JobsConfig, parsed
from training.jobs.costs import hold_to_budget, price
from training.jobs.requests import job_name, metric_definitions, training_request, tuning_request
from training.jobs.run import operation_of
from training.space import Space

EXAMPLE = (Path(training.jobs.__file__).parent / "jobs.example.toml").read_text(encoding="utf-8")
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SOURCE = "s3://example-bincheck-training/bincheck/source/0123.tar.gz"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "as the example": {},
    "on demand": {"machines": {"spot": False}},
    "on CPUs": {"machines": {"type": "ml.m5.xlarge"}},
    "several GPUs": {"machines": {"type": "ml.g5.12xlarge"}},
    "several instances": {"machines": {"count": 2}},
    "with a key": {"aws": {"kms_key": KEY}},
    "with a key and a volume": {"aws": {"kms_key": KEY}, "machines": {"type": "ml.m5.xlarge"}},
    "in a VPC": {"network": {"subnets": ["subnet-0123456789abcdef0"], "security_groups": ["sg-0123456789abcdef0"]}},
    "with a backbone": {
        "data": {"backbone": "s3://example-bincheck-training/bincheck/backbone/", "backbone_source": "mine, MIT"}
    },
    "with feedback and teachers": {
        "data": {"feedback": ["s3://bucket/feedback/10/", "s3://bucket/feedback/11/"], "teachers": ["s3://bucket/m/"]}
    },
    "warmly started": {"tuning": {"warm_start": ["bincheck-tune-261121-120000"]}},
    "in a wide space": {"tuning": {"space": "wide"}},
}


def a_config(**sections: dict[str, Any]) -> JobsConfig:
    example = tomllib.loads(EXAMPLE)
    return parsed(example | {name: example.get(name, {}) | values for name, values in sections.items()})


def a_training(config: JobsConfig, **knobs: Any) -> dict[str, Any]:
    return training_request(config, job_name("train", "bincheck", NOON), SOURCE, knobs)


def a_tuning(config: JobsConfig, **knobs: Any) -> dict[str, Any]:
    ranges = Space.load(config.tuning.space).parameter_ranges()
    return tuning_request(config, job_name("tune", "bincheck", NOON), SOURCE, knobs, ranges)


@pytest.mark.parametrize("sections", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("build", [a_training, a_tuning])
def test_sagemaker_would_take_it(build: Any, sections: dict[str, dict[str, Any]]) -> None:
    request = build(a_config(**sections), epochs=20, loss="ordinal")

    validate(operation_of(request), request)


def test_a_name_says_what_the_job_is_and_when_it_was_started() -> None:
    assert job_name("train", "bincheck", NOON) == "bincheck-train-261122-120000"


def test_the_toolkit_is_told_what_to_run_and_then_the_knobs_as_options() -> None:
    hyperparameters = a_training(a_config(), learning_rate=0.001, loss="ordinal")["HyperParameters"]

    assert {name: json.loads(value) for name, value in hyperparameters.items()} == {
        "sagemaker_program": "entry.py",
        "sagemaker_submit_directory": SOURCE,
        "sagemaker_region": "us-east-1",
        "sagemaker_container_log_level": 20,
        "learning-rate": 0.001,
        "loss": "ordinal",
    }


@pytest.mark.parametrize(
    ("machines", "orders"),
    [({"count": 2}, {"sagemaker_torch_distributed_enabled": "true"}), ({"count": 1}, {})],
)
def test_torchrun_starts_only_where_several_processes_train(machines: dict[str, Any], orders: dict[str, str]) -> None:
    hyperparameters = a_training(a_config(machines=machines))["HyperParameters"]

    assert {name: value for name, value in hyperparameters.items() if "distributed" in name} == orders


def test_spot_waits_for_capacity_and_on_demand_does_not() -> None:
    spot, on_demand = (a_training(a_config(machines={"spot": spot})) for spot in (True, False))

    assert spot["EnableManagedSpotTraining"]
    assert spot["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 21600}
    assert not on_demand["EnableManagedSpotTraining"]
    assert on_demand["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}


def test_checkpoints_go_to_a_place_of_the_jobs_own_that_no_other_name_begins_with() -> None:
    request = a_training(a_config())

    assert request["CheckpointConfig"]["S3Uri"].endswith(f"/checkpoints/{request['TrainingJobName']}/")


def test_every_instance_gets_all_photos() -> None:
    (channel,) = a_training(a_config(machines={"count": 3}))["InputDataConfig"]

    assert channel["ChannelName"] == "training"
    assert channel["DataSource"]["S3DataSource"]["S3DataDistributionType"] == "FullyReplicated"


def test_a_backbone_of_ones_own_comes_over_a_channel_of_its_own_and_is_named_for_the_model_card() -> None:
    request = a_training(a_config(**VARIANTS["with a backbone"]))

    assert [channel["ChannelName"] for channel in request["InputDataConfig"]] == ["training", "backbone"]
    assert json.loads(request["HyperParameters"]["backbone-source"]) == "mine, MIT"


def test_feedback_and_teachers_come_over_channels_of_their_own_and_the_photos_stay_the_first() -> None:
    request = a_training(a_config(**VARIANTS["with feedback and teachers"]))

    assert {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in request["InputDataConfig"][1:]
    } == {
        "feedback_1": "s3://bucket/feedback/10/",
        "feedback_2": "s3://bucket/feedback/11/",
        "teacher_1": "s3://bucket/m/",
    }
    assert request["InputDataConfig"][0]["ChannelName"] == "training"


@pytest.mark.parametrize("count", [1, 2])
def test_what_instances_tell_each_other_is_encrypted(count: int) -> None:
    assert a_training(a_config(machines={"count": count}))["EnableInterContainerTrafficEncryption"] == (count > 1)


def test_the_key_encrypts_what_is_written_and_the_volume_where_there_is_one() -> None:
    on_volume = a_training(a_config(aws={"kms_key": KEY}, machines={"type": "ml.m5.xlarge"}))
    on_own_disk = a_training(a_config(aws={"kms_key": KEY}, machines={"type": "ml.g5.xlarge"}))

    assert on_volume["OutputDataConfig"]["KmsKeyId"] == on_volume["ResourceConfig"]["VolumeKmsKeyId"] == KEY
    assert on_own_disk["OutputDataConfig"]["KmsKeyId"] == KEY
    assert "VolumeKmsKeyId" not in on_own_disk["ResourceConfig"]


def test_tuning_makes_the_loss_over_all_counts_small() -> None:
    config = a_tuning(a_config())["HyperParameterTuningJobConfig"]
    objective = config["HyperParameterTuningJobObjective"]

    assert objective == {"Type": "Minimize", "MetricName": "val_all_loss"}
    assert objective["MetricName"] in {one["Name"] for one in metric_definitions()}
    assert config["TrainingJobEarlyStoppingType"] == "Auto"


def test_a_knob_that_is_tuned_is_not_fixed_as_well() -> None:
    fixed = a_tuning(a_config(), learning_rate=0.001, epochs=7)["TrainingJobDefinition"]["StaticHyperParameters"]

    assert "learning-rate" not in fixed
    assert fixed["epochs"] == "7"


def test_a_warm_start_names_the_jobs_before() -> None:
    request = a_tuning(a_config(**VARIANTS["warmly started"]))

    assert request["WarmStartConfig"]["ParentHyperParameterTuningJobs"] == [
        {"HyperParameterTuningJobName": "bincheck-tune-261121-120000"}
    ]
    assert "WarmStartConfig" not in a_tuning(a_config())


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"TrainingJobName": "has_underscore"}, "TrainingJobName: 'has_underscore' does not fit"),
        ({"TrainingJobName": "x" * 64}, "TrainingJobName: .* has 64 characters, at most 63"),
        ({"RoleArn": "bincheck-training"}, "RoleArn|length"),
        ({"RoleArn": "arn:aws:iam::1:role/bincheck"}, "RoleArn: .* does not fit"),
        ({"ResourceConfig": {"InstanceType": "ml.g5.huge", "InstanceCount": 1}}, "InstanceType: 'ml.g5.huge' is none"),
        ({"RetryStrategy": {"MaximumRetryAttempts": 31}}, "MaximumRetryAttempts: 31 is above 30"),
        ({"Tags": [{"Key": "a", "Value": "<"}]}, r"Tags\[0\].Value: '<' does not fit"),
        ({"Tags": [{"Key": str(number), "Value": ""} for number in range(51)]}, "Tags: 51 entries, at most 50"),
        ({"HyperParameters": {"name": "x" * 2501}}, "HyperParameters.name: .* at most 2500"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": "long"}}, "Invalid type for parameter StoppingCondition"),
        ({"Colour": "red"}, "Unknown parameter in input"),
    ],
)
def test_what_sagemaker_would_refuse_is_refused_before_it_is_sent(broken: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        validate("CreateTrainingJob", a_training(a_config()) | broken)


def test_a_tuning_jobs_name_has_to_be_short() -> None:
    request = a_tuning(a_config()) | {"HyperParameterTuningJobName": job_name("tune", "a-label-that-is-long", NOON)}

    with pytest.raises(InvalidRequestError, match="at most 32"):
        validate("CreateHyperParameterTuningJob", request)


def test_the_price_has_a_bound_that_holds_without_spot_and_an_estimate() -> None:
    config = a_config(machines={"count": 2}, cost={"expected_hours": 0.5, "spot_share": 0.5})

    cost = price(config, trainings=3)

    assert cost.bound == pytest.approx(3 * 2 * 2.0 * 1.515)
    assert cost.estimate == pytest.approx(3 * 2 * 0.5 * 1.515 * 0.5)
    assert f"about {cost.estimate:.2f} USD, at most {cost.bound:.2f} USD: 3 trainings x 2 x" in str(cost)


def test_on_demand_pays_the_full_price() -> None:
    assert price(a_config(machines={"spot": False})).spot_share == 1.0


def test_without_an_expectation_the_estimate_is_the_whole_runtime() -> None:
    config = a_config(machines={"spot": False})
    config = parsed(tomllib.loads(EXAMPLE) | {"cost": {"max_usd": 1.0}, "machines": {"type": config.machines.type}})

    assert price(config).expected_hours == config.machines.max_runtime_hours


@pytest.mark.parametrize("max_usd", [3.0, 3.02])
def test_a_job_that_could_cost_more_than_the_budget_does_not_start(max_usd: float) -> None:
    with pytest.raises(TooExpensiveError, match=f"cost.max_usd is {max_usd:g} USD"):
        hold_to_budget(price(a_config()), max_usd)


def test_a_job_within_the_budget_may_start() -> None:
    hold_to_budget(price(a_config()), 3.03)
