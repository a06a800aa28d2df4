"""The stand-in for transform jobs speaks SageMaker's protocol, and treats refused photos as its reference says."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.sagemaker import ContainerReply, Faults, Runtime
from local.transform import Control
from ops.backfill.counting import model_behind
from ops.backfill.requests import Counter, Machines, Place, job_of
from tests.backfill_fixtures import ANSWER, GOOD, REFUSED
from tests.examples import image_of
from tests.serving_processes import running
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.integration

PLACE = Place("photos", "test")
PHOTOS = [image_of(f"w/A-{number}/1.jpg") for number in range(3)]


class Store:
    """Objects by key; just what a job asks of S3."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        assert Bucket == "photos"
        if Key not in self.files:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "gone"}}, "GetObject")
        return {"Body": io.BytesIO(self.files[Key])}

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        assert Bucket == "photos"
        self.files[Key] = Body


def model(body: bytes, headers: Mapping[str, str]) -> ContainerReply:
    assert headers["Content-Type"] == "image/jpeg"
    return ContainerReply(422, b"{}") if body == REFUSED else ContainerReply(200, ANSWER)


@contextmanager
def sagemaker(store: Store) -> Iterator[Any]:
    control = Control("bin-counter", model, store)
    with running(Runtime("bin-counter", model, Faults(), control=control).app()) as address:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        yield boto3.client("sagemaker", endpoint_url=address, region_name="us-east-1", **keys)


def begun(client: Any, store: Store, model_name: str = "bin-counter") -> str:
    job = job_of(PLACE, 0, PHOTOS, Counter(model_name, Machines()), 0)
    store.files[PLACE.manifest(job.name)] = job.manifest
    client.create_transform_job(**job.request)
    return job.name


def ended(client: Any, name: str) -> dict[str, Any]:
    def described() -> dict[str, Any]:
        found: dict[str, Any] = client.describe_transform_job(TransformJobName=name)
        return found

    eventually(lambda: described()["TransformJobStatus"] not in {"InProgress", "Stopping"})
    return described()


def test_every_photo_has_an_answer_and_the_job_is_completed() -> None:
    store = Store({image.key: GOOD for image in PHOTOS})
    with sagemaker(store) as client:
        described = ended(client, begun(client, store))
    assert described["TransformJobStatus"] == "Completed"
    assert [json.loads(store.files[f"{PLACE.answers(0)}{image.key}.out"]) for image in PHOTOS] == [
        json.loads(ANSWER)
    ] * 3


def test_a_photo_that_is_refused_or_gone_fails_the_job_and_costs_no_other_its_answer() -> None:
    store = Store({PHOTOS[0].key: REFUSED, PHOTOS[2].key: GOOD})
    with sagemaker(store) as client:
        described = ended(client, begun(client, store))
    assert described["TransformJobStatus"] == "Failed"
    assert "2 objects" in described["FailureReason"]
    assert [key for key in store.files if key.endswith(".out")] == [f"{PLACE.answers(0)}{PHOTOS[2].key}.out"]


def test_a_job_without_its_manifest_fails() -> None:
    store = Store({})
    with sagemaker(store) as client:
        job = job_of(PLACE, 0, PHOTOS, Counter("bin-counter", Machines()), 0)
        client.create_transform_job(**job.request)
        assert ended(client, job.name)["TransformJobStatus"] == "Failed"


def test_a_jobs_name_may_be_used_once() -> None:
    store = Store({image.key: GOOD for image in PHOTOS})
    with sagemaker(store) as client:
        begun(client, store)
        with pytest.raises(client.exceptions.ResourceInUse):
            begun(client, store)


def test_a_job_that_does_not_exist_and_a_model_that_does_not_are_told() -> None:
    store = Store({})
    with sagemaker(store) as client:
        with pytest.raises(ClientError, match="Could not find requested job"):
            client.describe_transform_job(TransformJobName="none")
        with pytest.raises(ClientError, match="Could not find model"):
            begun(client, store, "another")


def test_the_model_is_found_behind_the_endpoint() -> None:
    with sagemaker(Store({})) as client:
        assert model_behind(client, "bin-counter") == "bin-counter"
