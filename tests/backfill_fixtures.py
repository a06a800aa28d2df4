"""A backfill inside a test's process: moto's S3, a SageMaker that works jobs off at once, and photos to put there."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

from chalicelib.check import Checker
from chalicelib.ports_api import Page
from ops.backfill.counting import Watch, Work, count
from ops.backfill.ledger import Ledger, Source
from ops.backfill.listing import list_photos
from ops.backfill.recording import Recorder
from ops.backfill.requests import Counter, Machines, Place
from tests.examples import COUNTS, JPEG, NOON, POLICY, PRIOR, sure_of
from tests.fakes import FakeBins, FakeCounter, FakePolicies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from chalicelib.domain import BinImage, Outcome
    from chalicelib.ports import Bins, Images
    from chalicelib.ports_api import Position

BUCKET, PREFIX = "photos", "warehouse/"
PLACE = Place(BUCKET, "july")
MAX_BYTES = 1000
WORK = Work(PLACE, PREFIX, Counter("bin-counter", Machines()), MAX_BYTES, few=0)
"""With `few` at 0, so that a handful of photos behaves as half a million do."""
GOOD = JPEG + b"3"
REFUSED = JPEG + b"?"
"""A photo that the model refuses: no answer for it in a transform job."""
ANSWER = json.dumps(
    {"model": "bin-counter/3", "counts": COUNTS, "probabilities": sure_of(3).probabilities, "prior": PRIOR}
).encode()


@contextmanager
def s3_with(files: Mapping[str, bytes], *, versioned: bool = True) -> Iterator[Any]:
    """An S3 client of an account inside this process, with files in the bucket."""
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
        s3.create_bucket(Bucket=BUCKET)
        if versioned:
            s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        for key, body in files.items():
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        yield s3


@dataclass(slots=True)
class FakeSageMaker:
    """SageMaker's transform jobs, worked off when they are first looked at; remembers every request.

    A photo that holds REFUSED gets no answer whatever is tried, one among `slips` none from its first job.
    """

    s3: Any
    slips: set[str] = field(default_factory=set)
    status: str | None = None
    """What every job ends as, without an answer; None for its usual course."""
    looks_before_the_end: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    _ended: dict[str, dict[str, Any]] = field(default_factory=dict)
    _looks: int = 0

    def create_transform_job(self, **request: Any) -> dict[str, Any]:
        names = {known["TransformJobName"] for known in self.requests}
        assert request["TransformJobName"] not in names, "a job's name may be used once"
        self.requests.append(request)
        self._looks = 0
        return {"TransformJobArn": "arn:aws:sagemaker:us-east-1:111122223333:transform-job/x"}

    def describe_transform_job(self, TransformJobName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        found = [one for one in self.requests if one["TransformJobName"] == TransformJobName]
        if not found:
            message = f"Could not find requested job with name: {TransformJobName}"
            raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "DescribeTransformJob")
        if TransformJobName not in self._ended and self._looks < self.looks_before_the_end:
            self._looks += 1
            return {"TransformJobStatus": "InProgress"}
        if TransformJobName not in self._ended:
            self._ended[TransformJobName] = self._work_off(found[0])
        return self._ended[TransformJobName]

    def stop_transform_job(self, TransformJobName: str) -> None:  # noqa: N803
        self.stopped.append(TransformJobName)

    def manifests(self) -> list[list[str]]:
        """The keys that each job was given."""
        return [self._manifest(request) for request in self.requests]

    def _work_off(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.status:
            return {"TransformJobStatus": self.status, "FailureReason": "the image could not be pulled"}
        keys = self._manifest(request)
        below = request["TransformOutput"]["S3OutputPath"].removeprefix(f"s3://{BUCKET}/")
        done = [key for key in keys if self._is_answered(key)]
        for key in done:
            self.s3.put_object(Bucket=BUCKET, Key=f"{below}/{key}.out", Body=ANSWER)
        return {"TransformJobStatus": "Completed" if len(done) == len(keys) else "Failed", "FailureReason": "some"}

    def _is_answered(self, key: str) -> bool:
        if key in self.slips:
            self.slips.discard(key)
            return False
        return bool(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() != REFUSED)

    def _manifest(self, request: dict[str, Any]) -> list[str]:
        uri = request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        body = self.s3.get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
        beginning, *keys = json.loads(body)
        assert beginning == {"prefix": f"s3://{BUCKET}/"}
        return [str(key) for key in keys]


class FakeClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass(slots=True)
class OnFile:
    """What is on file of bins' photos, as the directory tells it."""

    outcomes: list[Outcome] = field(default_factory=list)

    def photos(self, bin_id: str, limit: int, start: Position | None) -> Page[Outcome]:
        first = int(start["at"]) if start else 0
        found = [outcome for outcome in self.outcomes if outcome.bin_id == bin_id]
        more = {"at": str(first + limit)} if first + limit < len(found) else None
        return Page(tuple(found[first : first + limit]), more)


def listed(s3: Any, ledger: Ledger, photos_per_job: int = 100) -> None:
    list_photos(s3, Source(BUCKET, PREFIX, photos_per_job), ledger, lambda _: None)


def counted(
    sagemaker: FakeSageMaker,
    ledger: Ledger,
    *,
    work: Work = WORK,
    patience: float = 10_000.0,
    sleep: Callable[[float], None] | None = None,
) -> list[str]:
    """Count to the end; returns what was reported."""
    clock, told = FakeClock(), list[str]()
    count(sagemaker.s3, sagemaker, work, ledger, Watch(told.append, sleep or clock.sleep, clock, patience=patience))
    return told


def recorder(
    s3: Any,
    bins: Bins | None = None,
    *,
    images: Images | None = None,
    counter: FakeCounter | None = None,
    on_file: OnFile | None = None,
    sleep: Callable[[float], None] = lambda _: None,
) -> Recorder:
    checker = Checker(
        images=images or Whole(s3),
        counter=counter or FakeCounter(sure_of(3)),
        bins=bins or FakeBins(),
        policies=FakePolicies(POLICY),
        prefix=PREFIX,
        clock=lambda: NOON,
    )
    return Recorder(s3, checker, on_file or OnFile(), PLACE, MAX_BYTES, sleep)


class Whole:
    """`ports.Images` that reads what was listed, whole, and remembers what was asked for."""

    def __init__(self, s3: Any) -> None:
        self.s3 = s3
        self.read_keys: list[str] = []

    def read(self, image: BinImage) -> bytes:
        self.read_keys.append(image.key)
        this_one = {"VersionId": image.version} if image.version else {}
        body: bytes = self.s3.get_object(Bucket=image.bucket, Key=image.key, **this_one)["Body"].read()
        return body


@contextmanager
def a_ledger(folder: Path) -> Iterator[Ledger]:
    with Ledger.of(folder / "ledger") as ledger:
        yield ledger
