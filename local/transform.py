"""Stands in for SageMaker's control plane, as far as a backfill calls it: transform jobs, and which model serves.

Mounted by `local.sagemaker`. A job reads its manifest and photos from the local S3 and posts each photo to the model
server that stands behind the endpoint, so many at a time as it says; what is answered with 200 goes to
`<S3OutputPath>/<key>.out`. As in SageMaker a photo that is refused has no answer and makes the whole job `Failed`,
which keeps the others' answers. Answers are laid down under what follows the manifest's prefix. There is one model,
named after the endpoint. Jobs are forgotten when the process ends.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from local.sagemaker import Container

_JSON: Final = "application/x-amz-json-1.1"
_ARN: Final = "arn:aws:sagemaker:eu-central-1:000000000000"
_RETRIED: Final = frozenset({0, 429, 502, 503})


class Refused(Exception):  # noqa: N818 - an answer to the caller
    """What the service answers to a call that it does not take; the code is one of botocore's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Job:
    """A transform job: its request, and how it stands."""

    request: dict[str, Any]
    created: float
    status: str = "InProgress"
    reason: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)


class Control:
    """Transform jobs, and the one endpoint with its one model."""

    def __init__(self, endpoint: str, container: Container, s3: Any) -> None:
        self._endpoint = endpoint
        self._container = container
        self._s3 = s3
        self._jobs: dict[str, Job] = {}
        self._calls: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "CreateTransformJob": self._create,
            "DescribeTransformJob": self._describe,
            "StopTransformJob": self._stop,
            "DescribeEndpoint": self._describe_endpoint,
            "DescribeEndpointConfig": self._describe_configuration,
        }

    async def answer(self, request: Request) -> Response:
        """Answer a call in the JSON protocol of AWS."""
        operation = request.headers.get("x-amz-target", "").removeprefix("SageMaker.")
        body = json.loads(await request.body() or b"{}")
        call = self._calls.get(operation, _unknown)
        try:
            reply = await run_in_threadpool(call, body)
        except Refused as refusal:
            return JSONResponse({"__type": refusal.code, "message": str(refusal)}, HTTPStatus.BAD_REQUEST)
        return Response(json.dumps(reply), media_type=_JSON)

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["TransformJobName"]
        if name in self._jobs:
            raise Refused("ResourceInUse", f"Job name must be unique within an AWS account and region: {name}")
        if request["ModelName"] != self._endpoint:
            raise Refused("ValidationException", f'Could not find model "{request["ModelName"]}".')
        job = self._jobs[name] = Job(request, datetime.now(UTC).timestamp())
        threading.Thread(target=self._run, args=(job,), daemon=True).start()
        return {"TransformJobArn": f"{_ARN}:transform-job/{name}"}

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self._job(request["TransformJobName"])
        return {
            **job.request,
            "TransformJobArn": f"{_ARN}:transform-job/{request['TransformJobName']}",
            "TransformJobStatus": job.status,
            "CreationTime": job.created,
            **({"FailureReason": job.reason} if job.reason else {}),
        }

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self._job(request["TransformJobName"])
        if job.status == "InProgress":
            job.status = "Stopping"
            job.stopped.set()
        return {}

    def _job(self, name: str) -> Job:
        if name not in self._jobs:
            raise Refused("ValidationException", f"Could not find requested job with name: {name}")
        return self._jobs[name]

    def _describe_endpoint(self, request: dict[str, Any]) -> dict[str, Any]:
        self._check(request["EndpointName"], "endpoint")
        now = datetime.now(UTC).timestamp()
        return {
            "EndpointName": self._endpoint,
            "EndpointArn": f"{_ARN}:endpoint/{self._endpoint}",
            "EndpointConfigName": self._endpoint,
            "EndpointStatus": "InService",
            "CreationTime": now,
            "LastModifiedTime": now,
        }

    def _describe_configuration(self, request: dict[str, Any]) -> dict[str, Any]:
        self._check(request["EndpointConfigName"], "endpoint configuration")
        return {
            "EndpointConfigName": self._endpoint,
            "EndpointConfigArn": f"{_ARN}:endpoint-config/{self._endpoint}",
            "ProductionVariants": [{"VariantName": "champion", "ModelName": self._endpoint}],
            "CreationTime": datetime.now(UTC).timestamp(),
        }

    def _check(self, name: str, what: str) -> None:
        if name != self._endpoint:
            raise Refused("ValidationException", f'Could not find {what} "{name}".')

    def _run(self, job: Job) -> None:
        """Work a job off, however it ends."""
        try:
            failed = self._transform(job)
        except (BotoCoreError, ClientError, ValueError) as error:
            job.status, job.reason = "Failed", f"ClientError: {error}"
            return
        if job.stopped.is_set():
            job.status = "Stopped"
        elif failed:
            job.status, job.reason = (
                "Failed",
                f"ClientError: {failed} objects failed. See job logs for more information",
            )
        else:
            job.status = "Completed"

    def _transform(self, job: Job) -> int:
        """Count every photo of the manifest; returns how many got no answer."""
        bucket, key = _place(job.request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
        beginning, *rests = json.loads(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        source = _place(beginning["prefix"])
        at_once = job.request.get("MaxConcurrentTransforms", 1) * job.request["TransformResources"]["InstanceCount"]
        with ThreadPoolExecutor(at_once) as pool:
            return sum(not is_done for is_done in pool.map(lambda rest: self._count(job, source, rest), rests))

    def _count(self, job: Job, source: tuple[str, str], rest: str) -> bool:
        if job.stopped.is_set():
            return False
        bucket, prefix = source
        request = job.request
        try:
            photo = self._s3.get_object(Bucket=bucket, Key=f"{prefix}{rest}")["Body"].read()
        except ClientError:
            return False
        answer = self._ask(photo, request)
        if answer is None:
            return False
        target, below = _place(request["TransformOutput"]["S3OutputPath"])
        self._s3.put_object(Bucket=target, Key=f"{below}/{rest}.out", Body=answer)
        return True

    def _ask(self, photo: bytes, request: dict[str, Any]) -> bytes | None:
        """Return the container's answer, or None where it has none after the retries that the job allows."""
        headers = {"Content-Type": request["TransformInput"]["ContentType"], "Accept": "application/json"}
        for _ in range(1 + request.get("ModelClientConfig", {}).get("InvocationsMaxRetries", 0)):
            reply = self._container(photo, headers)
            if reply.status == HTTPStatus.OK:
                return reply.body
            if reply.status not in _RETRIED:
                return None
        return None


def _unknown(_: dict[str, Any]) -> dict[str, Any]:
    raise Refused("UnknownOperationException", "the local SageMaker does not know this call")


def _place(address: str) -> tuple[str, str]:
    """Return bucket and key of an `s3://` address."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key
