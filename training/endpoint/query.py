"""Photos to the deployed endpoint, and its answers: at once, or through S3 where the endpoint is asynchronous."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from training.contenders import deployed
from training.endpoint.account import Clients, Watch
from training.endpoint.config import EndpointConfig, Mode
from training.errors import NoAnswerError
from training.private_bucket import PrivateBucket
from training.serving.images import BadImage, recognise

LARGEST: Final = {Mode.REAL_TIME: 6 * 1024**2, Mode.SERVERLESS: 4 * 1024**2, Mode.ASYNCHRONOUS: 1024**3}
"""Bytes of a request; source: SageMaker's InvokeEndpoint reference and its guide to each mode."""

Answer = dict[str, Any]


def ask(clients: Clients, config: EndpointConfig, photo: Path, watch: Watch, patience_seconds: float) -> Answer:
    """Send one photo and give the answer, as the endpoint's contract has it; raises NoAnswerError.

    An asynchronous endpoint is waited for; asleep, it needs minutes.
    """
    try:
        body = photo.read_bytes()
    except OSError as cause:
        raise NoAnswerError(f"{photo}: {cause.strerror}") from cause
    if len(body) > LARGEST[config.mode]:
        most = LARGEST[config.mode] // 1024**2
        raise NoAnswerError(f"{photo}: {len(body) / 1024**2:.1f} MB; a {config.mode} endpoint takes {most} MB")
    try:
        if config.mode is Mode.ASYNCHRONOUS:
            return _asynchronously(clients, config, body, watch, patience_seconds)
        return deployed(config.endpoint.name, clients("sagemaker-runtime")).answer(body)
    except NoAnswerError as cause:
        raise NoAnswerError(f"{photo}: {cause}") from cause


def probability(answer: Answer) -> float:
    """How sure the model is of its prediction."""
    likely: float = answer["probabilities"][answer["counts"].index(answer["prediction"])]
    return likely


def _asynchronously(clients: Clients, config: EndpointConfig, body: bytes, watch: Watch, patience: float) -> Answer:
    bucket = PrivateBucket(clients("s3"), config.aws.bucket, config.key_prefix, kms_key=config.aws.kms_key)
    path = f"questions/{hashlib.sha256(body).hexdigest()[:20]}"
    try:
        kind = f"image/{recognise(body).lower()}"
        bucket.put(path, body)
        accepted = clients("sagemaker-runtime").invoke_endpoint_async(
            EndpointName=config.endpoint.name, InputLocation=config.place(path), ContentType=kind
        )
        return _awaited(clients("s3"), accepted, watch, patience)
    except BadImage as bad:
        raise NoAnswerError(str(bad)) from bad
    except (BotoCoreError, ClientError) as cause:
        raise NoAnswerError(f"endpoint {config.endpoint.name} does not answer: {cause}") from cause


def _awaited(s3: Any, accepted: dict[str, Any], watch: Watch, patience: float) -> Answer:
    waited = 0.0
    while True:
        answer = _read(s3, accepted["OutputLocation"])
        if answer is not None:
            found: Answer = json.loads(answer)
            return found
        failure = _read(s3, accepted.get("FailureLocation", ""))
        if failure is not None:
            raise NoAnswerError(failure.decode(errors="replace")[:500])
        if waited >= patience:
            raise NoAnswerError(f"no answer within {patience:g} s; it will come to {accepted['OutputLocation']}")
        watch.sleep(watch.every)
        waited += watch.every


def _read(s3: Any, address: str) -> bytes | None:
    if not address:
        return None
    bucket, _, key = address.removeprefix("s3://").partition("/")
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return body
