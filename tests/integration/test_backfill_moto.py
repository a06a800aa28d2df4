"""Counting against moto's control plane: it takes the requests and remembers them, and counts nothing itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from ops.backfill.counting import Watch, count, model_behind
from tests.backfill_fixtures import ANSWER, BUCKET, GOOD, PREFIX, WORK, FakeClock, a_ledger, listed, s3_with

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

FILES = {f"{PREFIX}A-{number}/1.jpg": GOOD for number in range(3)}


def sagemaker() -> Any:
    return boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


def test_a_part_is_counted_by_a_job_that_the_control_plane_knows(tmp_path: Path) -> None:
    clock, told = FakeClock(), list[str]()
    with s3_with(FILES) as s3, a_ledger(tmp_path) as ledger:

        def answered(seconds: float) -> None:
            clock.sleep(seconds)
            for key in FILES:
                s3.put_object(Bucket=BUCKET, Key=f"{WORK.place.answers(0)}{key}.out", Body=ANSWER)

        listed(s3, ledger)
        count(s3, sagemaker(), WORK, ledger, Watch(told.append, answered, clock))
        (name,) = ledger.jobs_of(0)
        described = sagemaker().describe_transform_job(TransformJobName=name)
        manifest = s3.get_object(Bucket=BUCKET, Key=WORK.place.manifest(name))["Body"].read()
        assert ledger.standing().answered == len(FILES)
    assert described["MaxPayloadInMB"] == 6
    assert described["BatchStrategy"] == "SingleRecord"
    assert described["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"] == "ManifestFile"
    assert json.loads(manifest) == [{"prefix": f"s3://{BUCKET}/"}, *sorted(FILES)]
    assert told[-1] == f"{name}: Completed, 3 of 3 photos have an answer"


def test_the_model_is_found_behind_its_endpoint() -> None:
    with s3_with({}):
        client = sagemaker()
        client.create_model(
            ModelName="bin-counter-1",
            PrimaryContainer={"Image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/bincheck-serving:1"},
            ExecutionRoleArn="arn:aws:iam::111122223333:role/bincheck-endpoint",
        )
        variant = {"VariantName": "champion", "ModelName": "bin-counter-1", "InstanceType": "ml.c5.large"}
        variants = [{**variant, "InitialInstanceCount": 1, "InitialVariantWeight": 1.0}]
        client.create_endpoint_config(EndpointConfigName="bin-counter-2", ProductionVariants=variants)
        client.create_endpoint(EndpointName="bin-counter", EndpointConfigName="bin-counter-2")
        assert model_behind(client, "bin-counter") == "bin-counter-1"
