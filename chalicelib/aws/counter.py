"""The model behind a SageMaker endpoint."""

from __future__ import annotations

import json
import math
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws.failures import code_of, temporary
from chalicelib.domain import Reason
from chalicelib.errors import PhotoRefused, TemporaryFailure
from chalicelib.evidence import CountEstimate

_BUSY = {408, 429}
_TOO_LARGE = "413"
"""The service's answer to a large body names no error type, so botocore takes the HTTP status for the code."""
_SUM_TOLERANCE = 1e-3


class SageMakerCounter:
    """`ports.Counter` over a `sagemaker-runtime` client."""

    def __init__(self, runtime: Any, endpoint: str) -> None:
        self._runtime = runtime
        self._endpoint = endpoint

    def count(self, body: bytes, media_type: str) -> CountEstimate:
        """Ask the endpoint; the model server's 4xx refuses the photo, all other trouble may heal."""
        with temporary(f"asking endpoint {self._endpoint}"):
            try:
                reply = self._runtime.invoke_endpoint(
                    EndpointName=self._endpoint, ContentType=media_type, Accept="application/json", Body=body
                )
            except ClientError as error:
                refusal = _refusal(error)
                if refusal is None:
                    raise
                raise refusal from error
            answer = reply["Body"].read()
        return estimate_in(answer)


def estimate_in(answer: bytes) -> CountEstimate:
    """Return the estimate in an endpoint's answer.

    Raises:
        TemporaryFailure: the answer is not what the contract says; another version may be on its way.

    """
    try:
        fields = json.loads(answer)
        estimate = CountEstimate(
            model=str(fields["model"]),
            counts=tuple(str(label) for label in fields["counts"]),
            probabilities=tuple(float(p) for p in fields["probabilities"]),
            prior=tuple(float(p) for p in fields["prior"]),
        )
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise TemporaryFailure(f"the endpoint's answer is not what was agreed: {what}") from error
    closed_counts = tuple(str(number) for number in range(len(estimate.counts) - 1))
    is_in_order = len(closed_counts) > 0 and estimate.counts == (*closed_counts, f"{len(closed_counts)}+")
    if not (
        is_in_order
        and _is_distribution(estimate.probabilities, estimate)
        and _is_distribution(estimate.prior, estimate)
    ):
        raise TemporaryFailure("the endpoint's answer holds no distribution over 0, 1, 2, ... and an open class")
    return estimate


def _is_distribution(values: tuple[float, ...], estimate: CountEstimate) -> bool:
    fits = len(values) == len(estimate.counts) and all(0.0 <= value <= 1.0 for value in values)
    return fits and math.isclose(sum(values), 1.0, abs_tol=_SUM_TOLERANCE)


def _refusal(error: ClientError) -> PhotoRefused | None:
    """Return why the endpoint refused the photo, or None where the photo is not to blame."""
    if code_of(error) == _TOO_LARGE:
        return PhotoRefused(Reason.TOO_LARGE, "the endpoint takes no file of this size")
    if code_of(error) != "ModelError":
        return None
    status = int(error.response.get("OriginalStatusCode", 500))
    if status in _BUSY or not 400 <= status < 500:
        return None
    message = error.response.get("OriginalMessage", "")
    try:
        fields = json.loads(message)
        return PhotoRefused(str(fields["reason"]), str(fields["error"]))
    except (ValueError, KeyError, TypeError):
        return PhotoRefused("refused_by_model", message or f"the model server answered {status}")
