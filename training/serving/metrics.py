"""What the server counts, in the text format that Prometheus reads.

SageMaker routes only /ping and /invocations to a container: /metrics is for running it elsewhere, and for measuring.
Knows numbers and reasons, never a photo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from training.serving.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from training.serving.steps import Step

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)
"""From a step of a small photo to the longest that SageMaker waits; finest where an answer usually lies."""


class Metrics:
    """Counters and histograms of one server; each server has its own, none is shared by the process."""

    def __init__(self, in_flight: Callable[[], float], queued: Callable[[], float]) -> None:
        """Both gauges are asked only when somebody reads the metrics."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "bincheck_requests", "Invocations answered.", ("status", "reason"), registry=self._registry
        )
        self._seconds = Histogram(
            "bincheck_request_seconds",
            "From the first byte of an invocation to the last of its reply.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        steps = Histogram(
            "bincheck_step_seconds", "The same by step.", ("step",), buckets=_SECONDS, registry=self._registry
        )
        self._steps = {step: steps.labels(step) for step in STEPS}
        self._bytes = Counter("bincheck_photo_bytes", "Bytes of photos taken in.", registry=self._registry)
        self._ready = Gauge(
            "bincheck_model_ready",
            "1 once the model has answered its warm-up photo.",
            ("model",),
            registry=self._registry,
        )
        for name, text, ask in (
            ("bincheck_in_flight", "Photos from their first byte to their answer, the queue included.", in_flight),
            ("bincheck_queued", "Photos that wait for a thread.", queued),
        ):
            Gauge(name, text, registry=self._registry).set_function(ask)
        ProcessCollector(registry=self._registry)

    def ready(self, model: str) -> None:
        """Note the name of the model that answers from now on."""
        self._ready.labels(model).set(1)

    def answered(self, status: int, reason: str | None, size: int, seconds: Mapping[Step, float], total: float) -> None:
        """Count one invocation: its status, why it was refused, the photo's bytes, seconds by step and in all."""
        self._requests.labels(str(status), reason or "").inc()
        self._seconds.observe(total)
        self._bytes.inc(size)
        for step, spent in seconds.items():
            self._steps[step].observe(spent)

    def text(self) -> bytes:
        """Return all of it as CONTENT_TYPE says."""
        return generate_latest(self._registry)
