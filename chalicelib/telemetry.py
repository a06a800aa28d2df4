"""What the functions tell of themselves: structured logs, traces, metrics. Nothing here alters an outcome.

Metrics: Photos, Verdicts by verdict, Rejections by reason, EndpointLatency and PhotoAge (upload to verdict) in
milliseconds, Alerts by verdict, of these AlertsSent by themselves and AlertsSilenced, Digests, PhotoRequests, and Files
(of consignments) by ending. What had been recorded before is not counted again. Powertools takes their namespace from
POWERTOOLS_METRICS_NAMESPACE, so that each stack has its own.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics, Tracer, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from chalicelib.digest import Dispatch
from chalicelib.domain import Inspection
from chalicelib.photo_call import PhotoCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.digest import Ruling
    from chalicelib.domain import BinImage, Outcome
    from chalicelib.evidence import CountEstimate
    from chalicelib.photo_call import Raised
    from chalicelib.ports import Counter
    from chalicelib.receive import Ending

_SERVICE = "bincheck"

logger = Logger(service=_SERVICE)
tracer = Tracer(service=_SERVICE)
metrics = Metrics(service=_SERVICE)


@contextmanager
def metrics_told() -> Iterator[None]:
    """Write out what the block measured, if anything, also when it fails."""
    try:
        yield
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()


def correlate(image: BinImage) -> None:
    """Put the image's id on every log line that follows; it is the id under which the photo is recorded."""
    logger.set_correlation_id(image.image_id)
    logger.append_keys(key=image.key)


def tell_outcome(outcome: Outcome, *, is_new: bool) -> None:
    """Log how a photo ended and count it."""
    if not is_new:
        logger.info("photo had been recorded before")
        return
    age = (outcome.at - outcome.image.uploaded_at).total_seconds() * 1000
    metrics.add_metric(name="Photos", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="PhotoAge", unit=MetricUnit.Milliseconds, value=max(0.0, age))
    if isinstance(outcome, Inspection):
        verdict = outcome.judgement.verdict
        logger.info("photo inspected", bin_id=outcome.bin_id, verdict=verdict, predicted=outcome.estimate.prediction)
        _count("Verdicts", "verdict", verdict)
    else:
        logger.warning("photo rejected", bin_id=outcome.bin_id, reason=outcome.reason, explanation=outcome.message)
        _count("Rejections", "reason", outcome.reason)


def tell_file(ending: Ending) -> None:
    """Log what became of a consignment's file and count it."""
    tell = logger.warning if ending.calls_for_somebody else logger.info
    tell("consignment's file received", ending=ending)
    _count("Files", "ending", ending)


def tell_failure(failure: Exception) -> None:
    """Log why a photo, or a consignment's file, has to be tried again."""
    logger.warning("photo not checked yet", failure=repr(failure))


def tell_message_kept(failure: Exception) -> None:
    """Log why a message stays in the inbox."""
    logger.warning("message stays in the inbox", failure=repr(failure))


def tell_alert(alert: Raised, ruling: Ruling) -> None:
    """Log how an alert left, or that it stays silent, and count it; a call for another photo likewise."""
    if isinstance(alert, PhotoCall):
        logger.info("photo requested", alert_id=alert.alert_id, bin_id=alert.bin_id)
        metrics.add_metric(name="PhotoRequests", unit=MetricUnit.Count, value=1)
        return
    logger.info(
        "alert",
        alert_id=alert.alert_id,
        bin_id=alert.bin_id,
        verdict=alert.verdict,
        dispatch=ruling.dispatch,
        digest_id=ruling.digest.digest_id if ruling.digest else None,
    )
    metrics.add_metric(name=_DISPATCHES[ruling.dispatch], unit=MetricUnit.Count, value=1)
    _count("Alerts", "verdict", alert.verdict)


_DISPATCHES = {Dispatch.ALONE: "AlertsSent", Dispatch.DIGEST: "Digests", Dispatch.SILENT: "AlertsSilenced"}


class TimedCounter:
    """A counter that measures how long another one takes; `timer` is in seconds."""

    def __init__(self, counter: Counter, timer: Callable[[], float]) -> None:
        self._counter = counter
        self._timer = timer

    def count(self, body: bytes, media_type: str) -> CountEstimate:
        """Count, and keep the time, also of a refusal or failure."""
        started = self._timer()
        try:
            return self._counter.count(body, media_type)
        finally:
            milliseconds = (self._timer() - started) * 1000
            metrics.add_metric(name="EndpointLatency", unit=MetricUnit.Milliseconds, value=milliseconds)


def _count(name: str, dimension: str, value: str) -> None:
    default = {"service": _SERVICE}
    with single_metric(name=name, unit=MetricUnit.Count, value=1, default_dimensions=default) as metric:
        metric.add_dimension(name=dimension, value=value)
