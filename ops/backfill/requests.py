"""What SageMaker is asked for: one batch transform job for each part of the photos. Pure.

A job is named by what it does: the same photos, counted by the same model on the same machines after the same number
of attempts, are the same job, whoever asks and from wherever. Requests are plain dicts, to be printed, compared and
held against botocore's description of SageMaker.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ops.backfill.errors import BackfillError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.domain import BinImage

Request = dict[str, Any]

MAX_PAYLOAD_MB: Final = 6
"""The endpoint's own limit."""

_MAX_IN_FLIGHT_MB: Final = 100
"""MaxConcurrentTransforms x MaxPayloadInMB may not exceed it, as CreateTransformJob's reference says."""

_NAME: Final = re.compile("[a-z0-9](-*[a-z0-9]){0,39}")
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Machines:
    """What one job runs on, and how many photos are under way on one instance."""

    type: str = "ml.c6i.large"
    count: int = 1
    concurrency: int = 4
    """Two for each processor: while one photo is computed, the next one comes in."""
    kms_key: str | None = None

    def __post_init__(self) -> None:
        most = _MAX_IN_FLIGHT_MB // MAX_PAYLOAD_MB
        if not 1 <= self.concurrency <= most:
            raise BackfillError(f"from 1 to {most} photos can be under way on an instance: {MAX_PAYLOAD_MB} MB each")


@dataclass(frozen=True, slots=True)
class Counter:
    """What counts: a SageMaker model by its name, and the machines that it runs on."""

    model: str
    machines: Machines


@dataclass(frozen=True, slots=True)
class Place:
    """Where in S3 a backfill keeps what SageMaker reads and writes: next to the photos, announced to nobody."""

    bucket: str
    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BackfillError(f"{self.name!r} names no backfill: lower-case letters, digits and dashes, 40 at most")

    def manifest(self, job: str) -> str:
        """Return the key of a job's list of photos."""
        return f"backfill/{self.name}/manifests/{job}.json"

    def answers(self, part: int) -> str:
        """Return the prefix of the answers about a part's photos, whichever job gave them."""
        return f"backfill/{self.name}/answers/{part:05d}/"


@dataclass(frozen=True, slots=True)
class Job:
    """A job to be created, and the list of photos that it reads."""

    name: str
    request: Request
    manifest: bytes


def job_of(place: Place, part: int, photos: Sequence[BinImage], counter: Counter, ordinal: int) -> Job:
    """Return the job that counts these photos of a part; `ordinal` is how many of the part's jobs came before."""
    manifest = manifest_of(place.bucket, photos)
    content = _request(place, part, counter)
    written = json.dumps([content, ordinal], sort_keys=True).encode() + manifest
    name = f"{place.name}-{part:05d}-{hashlib.sha256(written).hexdigest()[:_DIGITS]}"
    content["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{place.bucket}/{place.manifest(name)}"
    return Job(name, {"TransformJobName": name, **content}, manifest)


def manifest_of(bucket: str, photos: Sequence[BinImage]) -> bytes:
    """Return SageMaker's list of objects: what their addresses begin with, then the rest of each.

    The beginning is the bucket alone, so that each answer lies under the photo's whole key and no two photos of the
    same name share one.
    """
    return json.dumps([{"prefix": f"s3://{bucket}/"}, *(image.key for image in photos)]).encode()


def _request(place: Place, part: int, counter: Counter) -> Request:
    machines, key = counter.machines, counter.machines.kms_key
    return {
        "ModelName": counter.model,
        "MaxConcurrentTransforms": machines.concurrency,
        "MaxPayloadInMB": MAX_PAYLOAD_MB,
        # One photo, one request, one answer.
        "BatchStrategy": "SingleRecord",
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 3},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": ""}},
            # One for the whole job. The model server looks at the file itself, so a PNG is welcome too.
            "ContentType": "image/jpeg",
            "CompressionType": "None",
            "SplitType": "None",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{place.bucket}/{place.answers(part).rstrip('/')}",
            "Accept": "application/json",
            "AssembleWith": "None",
            **({"KmsKeyId": key} if key else {}),
        },
        "TransformResources": {
            "InstanceType": machines.type,
            "InstanceCount": machines.count,
            **({"VolumeKmsKeyId": key} if key else {}),
        },
        "Tags": [{"Key": "bincheck:backfill", "Value": place.name}],
    }


def shown(request: Mapping[str, Any]) -> str:
    """Return a request as a person reads it."""
    return json.dumps(request, indent=1)
