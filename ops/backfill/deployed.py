"""What a backfill takes over from the stage it works for: bucket, table, endpoint, and how its checker judges."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from chalicelib.aws.bins import DynamoBins
from chalicelib.aws.counter import SageMakerCounter
from chalicelib.aws.directory import DynamoDirectory
from chalicelib.aws.images import S3Images
from chalicelib.check import Checker
from chalicelib.wiring import Settings, now, policies_in
from ops.backfill.recording import Recorder
from ops.stack import outputs_of

if TYPE_CHECKING:
    from ops.backfill.requests import Place
    from ops.stack import ClientFactory

_CHECKER = "OnInbox"
"""The function that checks photos as they land, by its name in the template."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployed stage, as far as a backfill needs it."""

    bucket: str
    settings: Settings

    @property
    def endpoint(self) -> str:
        """The name of the endpoint that counts live photos."""
        return self.settings.text("ENDPOINT")

    @property
    def max_bytes(self) -> int:
        """The largest photo that the checker reads."""
        return int(self.settings.text("MAX_PHOTO_BYTES"))


def stage_of(client: ClientFactory, stack_name: str) -> Stage:
    """Look at a deployed stage; the settings are those that its own function runs with.

    Raises:
        NotDeployed: there is no such stack.

    """
    cloudformation = client("cloudformation")
    outputs = outputs_of(cloudformation, stack_name)
    found = cloudformation.describe_stack_resource(StackName=stack_name, LogicalResourceId=_CHECKER)
    function = found["StackResourceDetail"]["PhysicalResourceId"]
    environment = client("lambda").get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    return Stage(outputs["BucketName"], Settings(environment))


def recorder_for(client: ClientFactory, stage: Stage, place: Place, prefix: str) -> Recorder:
    """Return what records photos under a prefix into the stage's table, as its checker would."""
    s3, dynamodb, table = client("s3"), client("dynamodb"), stage.settings.text("TABLE")
    checker = Checker(
        images=S3Images(s3, stage.max_bytes),
        counter=SageMakerCounter(client("sagemaker-runtime"), stage.endpoint),
        bins=DynamoBins(dynamodb, table),
        policies=policies_in(dynamodb, table),
        prefix=prefix,
        clock=now,
    )
    directory = DynamoDirectory(dynamodb, table, time.sleep)
    return Recorder(s3, checker, directory, place, stage.max_bytes, time.sleep)


def patient(workers: int) -> Any:
    """Return how boto3 shall connect for so many workers: a connection for each, and patience with throttling."""
    return Config(
        max_pool_connections=max(10, workers),
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 8},
    )
