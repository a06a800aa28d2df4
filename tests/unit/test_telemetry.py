from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import telemetry
from chalicelib.digest import Dispatch, Ruling
from chalicelib.domain import Reason, Verdict
from chalicelib.errors import TemporaryFailure
from tests.examples import call_of, image_of, inspection_of, rejection_of, seconds_later, stray_alert, sure_of
from tests.fakes import BEFORE, FakeCounter, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.conftest import Logged


@pytest.fixture
def metrics() -> Iterator[None]:
    """Begin and end with nothing measured."""
    telemetry.metrics.clear_metrics()
    yield
    telemetry.metrics.clear_metrics()


def measured(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Every metric line so far, put together: values by name, and what they are told apart by."""
    if telemetry.metrics.metric_set:
        telemetry.metrics.flush_metrics()
    merged: dict[str, Any] = {}
    for line in capsys.readouterr().out.splitlines():
        fields = json.loads(line)
        assert fields.pop("_aws")["CloudWatchMetrics"][0]["Namespace"] == "Bincheck"
        merged |= fields
    return merged


def test_a_photos_log_lines_bear_its_id_and_key(logged: Logged) -> None:
    image = image_of()
    telemetry.correlate(image)
    telemetry.tell_failure(TemporaryFailure("endpoint throttled"))
    (line,) = logged.lines()
    assert (line["correlation_id"], line["key"]) == (image.image_id, image.key)
    assert "endpoint throttled" in line["failure"]
    assert line["service"] == "bincheck"


@pytest.mark.usefixtures("logged", "metrics")
def test_an_inspection_is_counted_by_verdict_with_the_photos_age(capsys: pytest.CaptureFixture[str]) -> None:
    inspection = inspection_of(image_of(), Verdict.MISMATCH, at=seconds_later(1.5))
    telemetry.tell_outcome(inspection, is_new=True)
    told = measured(capsys)
    assert (told["Photos"], told["PhotoAge"]) == ([1.0], [1500.0])
    assert (told["Verdicts"], told["verdict"]) == ([1.0], "mismatch")


@pytest.mark.usefixtures("logged", "metrics")
def test_a_rejection_is_counted_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.tell_outcome(rejection_of(image_of(), Reason.GONE), is_new=True)
    told = measured(capsys)
    assert (told["Photos"], told["Rejections"], told["reason"]) == ([1.0], [1.0], "gone")
    assert "Verdicts" not in told


@pytest.mark.usefixtures("metrics")
def test_a_photo_that_had_been_recorded_is_not_counted_again(
    capsys: pytest.CaptureFixture[str], logged: Logged
) -> None:
    telemetry.tell_outcome(inspection_of(image_of()), is_new=False)
    assert measured(capsys) == {}
    assert logged.lines()[0]["message"] == "photo had been recorded before"


@pytest.mark.usefixtures("logged", "metrics")
def test_a_camera_whose_clock_runs_ahead_makes_no_negative_age(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.tell_outcome(inspection_of(image_of(uploaded_at=seconds_later(60))), is_new=True)
    assert measured(capsys)["PhotoAge"] == [0.0]


@pytest.mark.usefixtures("metrics")
@pytest.mark.parametrize(
    ("dispatch", "name"),
    [(Dispatch.ALONE, "AlertsSent"), (Dispatch.DIGEST, "Digests"), (Dispatch.SILENT, "AlertsSilenced")],
)
def test_an_alert_is_counted_by_verdict_and_by_how_it_left(
    capsys: pytest.CaptureFixture[str], logged: Logged, dispatch: Dispatch, name: str
) -> None:
    telemetry.tell_alert(stray_alert(), Ruling(dispatch))
    told = measured(capsys)
    assert (told["Alerts"], told["verdict"]) == ([1.0], "rejected")
    assert {kind for kind in ("AlertsSent", "Digests", "AlertsSilenced") if kind in told} == {name}
    assert logged.lines()[0]["alert_id"] == "s1"


@pytest.mark.usefixtures("metrics")
def test_a_call_for_another_photo_is_counted_and_is_no_alert(
    capsys: pytest.CaptureFixture[str], logged: Logged
) -> None:
    telemetry.tell_alert(call_of(1), Ruling(Dispatch.ALONE))
    told = measured(capsys)
    assert told["PhotoRequests"] == [1.0]
    assert {"Alerts", "AlertsSent"}.isdisjoint(told)
    assert logged.lines()[0]["bin_id"] == "A-1"


@pytest.mark.usefixtures("metrics")
@pytest.mark.parametrize("plans", [[None], [BEFORE]], ids=["an answer", "a failure"])
def test_the_endpoints_time_is_measured_however_the_call_ends(
    capsys: pytest.CaptureFixture[str], plans: list[str | None]
) -> None:
    ticks = iter([10.0, 10.25])
    timed = telemetry.TimedCounter(FakeCounter(sure_of(3), Trouble(plans)), lambda: next(ticks))
    try:
        assert timed.count(b"", "image/jpeg") == sure_of(3)
    except TemporaryFailure:
        assert plans == [BEFORE]
    assert measured(capsys)["EndpointLatency"] == [250.0]
