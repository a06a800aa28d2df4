"""A report as CloudWatch metrics, for graphs and for the alarm `bincheck/NAME/drift`.

    Bincheck/Watch  EndpointName, VariantName             Photos, Drifted, MixChanged
                    EndpointName, VariantName, Measure    PSI

`Drifted` is how many measures have drifted that no other mix of counts explains. Where there were too few photos to
tell, it is not sent: nobody knows that it is 0.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from training.aws_requests import validate
from training.errors import NothingPublishedError
from training.watch.drift import State, Verdict
from training.watch.names import DRIFTED, NAMESPACE, dimensions
from training.watch.report import Report

_UNKNOWN: Final = frozenset({Verdict.TOO_FEW})


def metric_request(report: Report, endpoint: str, variant: str, at: datetime) -> dict[str, Any]:
    """Build PutMetricData."""
    of_variant = dimensions(endpoint, variant)

    def datum(name: str, value: float, unit: str, more: Iterable[dict[str, str]] = ()) -> dict[str, Any]:
        named = {"MetricName": name, "Dimensions": [*of_variant, *more]}
        return named | {"Timestamp": at, "Value": float(value), "Unit": unit}

    states = [one.state for one in report.findings.values()]
    data = [datum("Photos", len(report.window), "Count")]
    if report.verdict not in _UNKNOWN:
        data.append(datum(DRIFTED, states.count(State.DRIFTED), "Count"))
        data.append(datum("MixChanged", float(State.MIX in states), "Count"))
    if len(report.window):
        data += [
            datum("PSI", one.psi, "None", [{"Name": "Measure", "Value": name}]) for name, one in report.findings.items()
        ]
    return {"Namespace": NAMESPACE, "MetricData": data}


def publish(cloudwatch: Any, report: Report, at: datetime) -> tuple[str, str]:
    """Send a report's metrics; returns the endpoint and variant whose they are.

    Raises NothingPublishedError where the photos went to several, or CloudWatch takes nothing; InvalidRequestError.
    """
    whose = whose_metrics(report)
    request = metric_request(report, *whose, at)
    validate("PutMetricData", request, "cloudwatch")
    try:
        cloudwatch.put_metric_data(**request)
    except (ClientError, BotoCoreError) as cause:
        raise NothingPublishedError(f"CloudWatch took no metric: {cause}") from cause
    return whose


def whose_metrics(report: Report) -> tuple[str, str]:
    """Tell whose photos they were: one endpoint's and one variant's, or NothingPublishedError is raised."""
    named = sorted(report.window.sources)
    if len(named) != 1 or "" in named[0]:
        found = ", ".join("/".join(one) for one in named) or "none"
        raise NothingPublishedError(
            f"photos of one endpoint and variant are wanted, here are those of {found}: name CAPTURED/ENDPOINT/VARIANT"
        )
    return named[0]
