"""The config file of SageMaker jobs: what it says, what it refuses, and the policy that goes with it."""

from __future__ import annotations

import json
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

import training.jobs
from training.errors import BadKnobsError, UnusableConfigError
from training.jobs.config import TORCH, Instance, known_instances, load, parsed
from training.jobs.requests import training_request

JOBS = Path(training.jobs.__file__).parent
PROJECT = JOBS.parents[1]
EXAMPLE = JOBS / "jobs.example.toml"


def tables(**sections: dict[str, Any]) -> dict[str, Any]:
    """The example's tables with some values replaced."""
    example = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    return example | {name: example.get(name, {}) | values for name, values in sections.items()}


def test_the_example_is_a_config() -> None:
    config = load(EXAMPLE)

    assert config.machines.type == "ml.g5.2xlarge"
    assert config.hyperparameters == {"epochs": 20}
    assert config.place("models") == "s3://example-bincheck-training/bincheck/models/"


def test_whole_numbers_stand_for_hours_and_dollars_too() -> None:
    assert parsed(tables(machines={"max_runtime_hours": 2})).machines.max_runtime_hours == 2.0


@pytest.mark.parametrize(
    ("instance_type", "image"),
    [
        ("ml.g5.2xlarge", "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-cu133-amzn2023-sagemaker"),
        ("ml.m5.xlarge", "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-cpu-amzn2023-sagemaker"),
    ],
)
def test_the_image_is_awss_for_gpus_or_for_cpus(instance_type: str, image: str) -> None:
    assert parsed(tables(machines={"type": instance_type})).image_uri == image


def test_an_image_of_your_own_takes_its_place() -> None:
    assert parsed(tables() | {"image": "mine:1"}).image_uri == "mine:1"


def test_the_image_carries_the_torch_that_the_project_is_pinned_to() -> None:
    assert f"\ntorch=={TORCH}." in (PROJECT / "requirements" / "training.txt").read_text(encoding="utf-8")


def test_your_price_replaces_the_one_that_came_along() -> None:
    own = {"ml.g5.2xlarge": {"usd_per_hour": 1.9, "gpus": 1, "local_disk": True}}

    assert parsed(tables() | {"instances": own}).instance == Instance(1.9, 1, local_disk=True)


@pytest.mark.parametrize(("count", "instance_type", "processes"), [(1, "ml.g5.12xlarge", 4), (2, "ml.m5.xlarge", 2)])
def test_every_gpu_has_a_process_and_so_has_an_instance_without(count: int, instance_type: str, processes: int) -> None:
    assert parsed(tables(machines={"count": count, "type": instance_type})).processes == processes


@pytest.mark.parametrize(
    ("section", "values", "told"),
    [
        ("aws", {"bukket": "x"}, "aws: unknown bukket; there are region"),
        ("aws", {"region": 1}, "aws.region: 1 is not what belongs there"),
        ("aws", {"region": "ap-northeast-3"}, "image: AWS's images for ap-northeast-3"),
        ("data", {"photos": "s3://bucket"}, "data.photos: s3://…/…/"),
        ("data", {"photos": "s3://bucket/photos"}, "data.photos: s3://…/…/"),
        ("data", {"backbone": "s3://bucket/weights/"}, "data: backbone needs backbone_source"),
        ("data", {"feedback": ["s3://bucket/feedback"]}, "data.feedback: s3://…/…/"),
        ("data", {"feedback": "s3://bucket/feedback/"}, "data.feedback: 's3://bucket/feedback/' is not what belongs"),
        ("data", {"teachers": ["models/bin-counter"]}, "data.teachers: s3://…/…/"),
        ("data", {"feedback": [f"s3://bucket/{n}/" for n in range(20)]}, "data: more than 20 places"),
        ("machines", {"type": "ml.x9.large"}, r"nothing is known of ml\.x9\.large; describe it under"),
        ("machines", {"type": "ml.p3.2xlarge"}, "CUDA 13 does not run on the GPUs of ml.p3.2xlarge"),
        ("machines", {"count": 0}, "count and volume_gb start at 1"),
        ("machines", {"spot": "yes"}, "machines.spot: 'yes'"),
        ("machines", {"max_runtime_hours": 0}, "machines.max_runtime_hours: must be above 0"),
        ("machines", {"max_wait_hours": 1}, "machines.max_wait_hours: includes the runtime"),
        ("cost", {"spot_share": 0}, "cost.spot_share"),
        ("cost", {"expected_hours": 3}, "cost.expected_hours"),
        ("tuning", {"parallel": 13}, "tuning.parallel"),
        ("tuning", {"warm_start": [1]}, "tuning.warm_start"),
        ("network", {"subnets": ["subnet-1"]}, "network: needs both or neither"),
        ("tags", {"project": 1}, "tags.project"),
        ("instances", {"ml.g6.xlarge": {"gpus": 1}}, "instances.ml.g6.xlarge: local_disk, usd_per_hour missing"),
    ],
)
def test_what_does_not_belong_is_refused_with_its_place(section: str, values: dict[str, Any], told: str) -> None:
    with pytest.raises(UnusableConfigError, match=told):
        parsed(tables(**{section: values}))


def test_without_a_budget_there_is_no_config() -> None:
    with pytest.raises(UnusableConfigError, match="cost: max_usd missing"):
        parsed(tables() | {"cost": {}})


def test_an_unknown_section_is_refused() -> None:
    with pytest.raises(UnusableConfigError, match="unknown machine"):
        parsed(tables(machine={}))


def test_a_section_has_to_be_a_table() -> None:
    with pytest.raises(UnusableConfigError, match="aws: must be a table"):
        parsed(tables() | {"aws": "us-east-1"})


def test_hyperparameters_are_knobs() -> None:
    with pytest.raises(BadKnobsError, match="epoch"):
        parsed(tables(hyperparameters={"epoch": 20}))


def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "jobs.toml"
    file.write_text("[aws", encoding="utf-8")

    with pytest.raises(UnusableConfigError, match=str(file)):
        load(file)


def test_the_trouble_with_a_file_names_it(tmp_path: Path) -> None:
    file = tmp_path / "jobs.toml"
    file.write_text("[aws]\n", encoding="utf-8")

    with pytest.raises(UnusableConfigError, match=rf"{file}: aws: bucket, region, role_arn missing"):
        load(file)


def test_every_known_instance_type_costs_something() -> None:
    assert all(instance.usd_per_hour > 0 for instance in known_instances().values())


def policy(name: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads((JOBS / name).read_text(encoding="utf-8"))["Statement"]
    return statements


def allowed(action: str, address: str) -> bool:
    """Whether the example role may do this to what lies at the S3 address."""
    arn = f"arn:aws:s3:::{address.removeprefix('s3://')}file"
    return any(
        action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
        and any(fnmatchcase(arn, resource) for resource in one["Resource"])
        for one in policy("role-policy.example.json")
        if isinstance(one["Resource"], list)
    )


def test_the_example_role_may_do_what_the_example_job_does_and_no_more() -> None:
    place = "s3://example-bincheck-training/bincheck"
    config = parsed(
        tables(
            data={
                "backbone": f"{place}/backbone/",
                "backbone_source": "mine, MIT",
                "feedback": [f"{place}/feedback/2026-11/"],
                "teachers": [f"{place}/teachers/bin-counter/"],
            }
        )
    )
    request = training_request(config, "job", config.place("source"), {})
    inputs = [one["DataSource"]["S3DataSource"]["S3Uri"] for one in request["InputDataConfig"]]
    checkpoints, models = request["CheckpointConfig"]["S3Uri"], request["OutputDataConfig"]["S3OutputPath"]

    assert len(inputs) == 4
    assert all(allowed("s3:GetObject", one) for one in (*inputs, config.place("source"), checkpoints))
    assert all(allowed("s3:PutObject", one) for one in (checkpoints, models))
    assert not any(allowed("s3:PutObject", one) for one in (*inputs, config.place("source")))
    assert not allowed("s3:GetObject", "s3://another-bucket/")


def test_the_example_role_is_open_only_where_aws_knows_no_resource() -> None:
    unlimited = {one["Sid"] for one in policy("role-policy.example.json") if one["Resource"] == "*"}

    assert unlimited == {"LogInToTheRegistry", "WriteMetrics", "OnlyForAVpc"}
    assert all("*" not in action for one in policy("role-policy.example.json") for action in one["Action"])


def test_only_sagemaker_of_the_same_account_becomes_the_role() -> None:
    (statement,) = policy("role-trust.example.json")

    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] in load(EXAMPLE).aws.role_arn
