"""`watch` and `baseline` as their user runs them: on a folder and a bucket, with CloudWatch, against moto."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import typer
from moto import mock_aws
from PIL import Image, ImageEnhance
from typer.testing import CliRunner

import training.endpoint
from local.capture import Capture, Exchange
from tests.serving_fixtures import drawn, encoded, package
from training.aws_requests import validate
from training.commands.baseline import baseline
from training.commands.watch import watch
from training.errors import NothingPublishedError, UnreadableCaptureError
from training.serving.model import CountModel
from training.watch.baseline import read
from training.watch.captured import Folder, Span
from training.watch.drift import Rule
from training.watch.metrics import metric_request
from training.watch.names import NAMESPACE, dimensions
from training.watch.report import Report, compare
from training.watch.review import Share, share_of
from training.watch.window import gathered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

pytestmark = pytest.mark.integration

POLICY = Path(training.endpoint.__file__).with_name("watch-policy.example.json")
BEGAN = datetime(2026, 11, 27, 3, tzinfo=UTC)
NORMAL, WINDOW, FEW = 400, 250, 20

app = typer.Typer()
app.command()(watch)
app.command()(baseline)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("model"))


def as_it_is(photo: Image.Image) -> Image.Image:
    return photo


def dark(photo: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(photo).enhance(0.5)


def traffic(folder: Path, model: Path, photos: range, altered: Callable[[Image.Image], Image.Image]) -> Path:
    """Capture what the model says of photos, one a minute, as the local endpoint does."""
    minutes = itertools.count()
    counter = CountModel.load(model)
    now = lambda: BEGAN + timedelta(minutes=next(minutes))  # noqa: E731
    keep = Capture(folder, "bin-counter", now=now, chance=lambda: 0.0)
    for seed in photos:
        body = encoded(altered(drawn(seed=seed)))
        keep(Exchange(body, "image/jpeg", json.dumps(counter.answer(body)).encode(), "application/json"))
    return folder


@pytest.fixture(scope="module")
def ours(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline of normal traffic, made by the command."""
    folder = tmp_path_factory.mktemp("normal")
    captured = traffic(folder / "captured", model, range(NORMAL), as_it_is)
    result = run("baseline", "--model", model, "--captured", captured, "--out", folder / "ours.json")
    assert result.exit_code == 0
    assert f"tiny/1, {NORMAL} captured photos, {BEGAN}" in result.output
    return folder / "ours.json"


@pytest.fixture(scope="module")
def places(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stretches of traffic that the baseline has not seen."""
    folder = tmp_path_factory.mktemp("traffic")
    others = range(1000, 1000 + WINDOW)
    return {
        "undisturbed": traffic(folder / "undisturbed", model, others, as_it_is),
        "dark": traffic(folder / "dark", model, others, dark),
        "few": traffic(folder / "few", model, range(2000, 2000 + FEW), as_it_is),
    }


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "200", "TERM": "dumb"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def watched(model: Path, ours: Path, captured: object, *more: object) -> Result:
    return run("watch", "--captured", captured, "--model", model, "--baseline", ours, *more)


def facts(result: Result) -> dict[str, Any]:
    return json.loads(result.stdout)


def report_of(model: Path, ours: Path, captured: Path) -> Report:
    known = read(model, ours)
    return compare(known, gathered(Folder(captured), Span(), known.model, known.size), Rule())


def test_undisturbed_traffic_is_found_steady(model: Path, ours: Path, places: dict[str, Path]) -> None:
    result = watched(model, ours, places["undisturbed"], "--json")
    found = facts(result)

    assert (result.exit_code, found["verdict"], found["drifted"]) == (0, "steady", [])
    assert found["photos"] == WINDOW
    assert found["sources"] == ["bin-counter/AllTraffic"]
    assert {one["state"] for one in found["measures"].values()} == {"steady"}


def test_photos_that_went_dark_are_found_and_told_from_a_change_of_the_mix(
    model: Path, ours: Path, places: dict[str, Path]
) -> None:
    result = watched(model, ours, places["dark"], "--json")
    found = facts(result)

    assert (result.exit_code, found["verdict"]) == (1, "photos")
    assert "brightness" in found["drifted"]
    before, now = found["measures"]["brightness"]["median"]
    assert now == pytest.approx(before / 2, rel=0.1)
    assert found["measures"]["width"]["state"] == "steady"
    assert "lamps" in found["advice"]


def test_too_few_photos_tell_nothing_and_it_says_so(model: Path, ours: Path, places: dict[str, Path]) -> None:
    result = watched(model, ours, places["few"])

    assert result.exit_code == 0
    assert "too few photos to tell. Nothing is known" in result.stdout
    assert facts(watched(model, ours, places["few"], "--json"))["verdict"] == "too_few"


def test_a_span_takes_what_lies_in_it(model: Path, ours: Path, places: dict[str, Path]) -> None:
    span = ("--since", "2026-11-27T04:00:00Z", "--until", "2026-11-27T04:30:00Z")
    found = facts(watched(model, ours, places["undisturbed"], *span, "--json"))

    assert found["photos"] == 30
    assert (found["first"], found["last"]) == ("2026-11-27T04:00:00+00:00", "2026-11-27T04:29:00+00:00")


def test_no_photo_at_all_is_too_few(model: Path, ours: Path, places: dict[str, Path], tmp_path: Path) -> None:
    found = watched(model, ours, places["few"], "--since", "2027-01-01", "--out", tmp_path / "out", "--publish")

    assert found.exit_code == 0
    assert "No photo that this model answered" in found.stdout
    assert "nothing published" in found.stdout
    assert not list((tmp_path / "out").glob("*.png"))


def test_a_report_shows_each_measure_and_no_photo(
    model: Path, ours: Path, places: dict[str, Path], tmp_path: Path
) -> None:
    result = watched(model, ours, places["dark"], "--out", tmp_path)
    text = (tmp_path / "watch.md").read_text(encoding="utf-8")

    assert "watch.md and its HTML written" in result.stdout
    assert text.startswith("# tiny/1: the photos have drifted")
    assert "| brightness |" in text
    assert {file.name for file in tmp_path.iterdir()} == {"watch.md", "watch.html", "watch.json", "measures.png"}
    assert json.loads((tmp_path / "watch.json").read_text())["verdict"] == "photos"
    with Image.open(tmp_path / "measures.png") as picture:
        assert picture.size[0] > 500


def test_a_wrong_folder_is_no_steady_traffic(model: Path, ours: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableCaptureError, match="no such folder"):
        watched(model, ours, tmp_path / "nowhere")


@pytest.mark.parametrize("arguments", [(), ("--data", "."), ("--captured", "x")])
def test_a_baseline_is_made_of_one_thing_and_has_a_place(model: Path, arguments: tuple[str, ...]) -> None:
    both = ("--captured", "x") if "--data" in arguments else ()

    assert run("baseline", "--model", model, *arguments, *both).exit_code == 2


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account inside this process."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.setup_default_session()
        yield
        boto3.setup_default_session()


@pytest.mark.usefixtures("account")
def test_a_bucket_is_read_as_a_folder_is(model: Path, ours: Path, places: dict[str, Path]) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="models")
    for file in places["dark"].rglob("*.jsonl"):
        s3.upload_file(str(file), "models", f"b/endpoint/captured/{file.relative_to(places['dark']).as_posix()}")
    from_bucket = facts(watched(model, ours, "s3://models/b/endpoint/captured", "--json"))

    assert from_bucket == facts(watched(model, ours, places["dark"], "--json"))
    with pytest.raises(UnreadableCaptureError, match="NoSuchBucket"):
        watched(model, ours, "s3://no-such-bucket-here/captured")


@pytest.mark.usefixtures("account")
def test_figures_reach_cloudwatch_under_endpoint_and_variant(model: Path, ours: Path, places: dict[str, Path]) -> None:
    assert "published for bin-counter/AllTraffic" in watched(model, ours, places["dark"], "--publish").stdout
    found = boto3.client("cloudwatch").list_metrics(Namespace=NAMESPACE)["Metrics"]
    of_variant = dimensions("bin-counter", "AllTraffic")

    names = {one["MetricName"] for one in found if one["Dimensions"] == of_variant}
    assert names == {"Photos", "Drifted", "MixChanged"}
    assert {one["Dimensions"][-1]["Value"] for one in found if one["MetricName"] == "PSI"} >= {"brightness", "entropy"}


@pytest.mark.parametrize(("place", "drifted"), [("undisturbed", 0.0), ("dark", None), ("few", "unknown")])
def test_the_alarms_figure_is_sent_only_where_it_is_known(
    model: Path, ours: Path, places: dict[str, Path], place: str, drifted: float | str | None
) -> None:
    request = metric_request(report_of(model, ours, places[place]), "bin-counter", "champion", BEGAN)
    validate("PutMetricData", request, "cloudwatch")
    values = {one["MetricName"]: one["Value"] for one in request["MetricData"]}

    if drifted == "unknown":
        assert "Drifted" not in values
    elif drifted is None:
        assert values["Drifted"] >= 1
    else:
        assert values["Drifted"] == drifted


@pytest.mark.usefixtures("account")
def test_the_watchs_policy_allows_what_it_asks_for_and_nothing_else(
    model: Path, ours: Path, places: dict[str, Path]
) -> None:
    asked: set[str] = set()
    boto3.client("s3").create_bucket(Bucket="models")
    for file in places["few"].rglob("*.jsonl"):
        boto3.client("s3").upload_file(str(file), "models", file.relative_to(places["few"]).as_posix())
    boto3.DEFAULT_SESSION.events.register("before-call", lambda model, **_: asked.add(model.name))
    watched(model, ours, "s3://models", "--publish", "--stack", "bincheck-dev")
    statements = json.loads(POLICY.read_text(encoding="utf-8"))["Statement"]

    # ListBucket is the permission that listing with ListObjectsV2 needs.
    needed = {"ListObjectsV2": "s3:ListBucket", "GetObject": "s3:GetObject"}
    called = {needed.get(name, f"cloudwatch:{name}") for name in asked}
    assert called == {one["Action"] for one in statements} - {"kms:Decrypt"}


@pytest.mark.usefixtures("account")
def test_photos_of_several_variants_are_not_published_under_one(
    model: Path, ours: Path, places: dict[str, Path], tmp_path: Path
) -> None:
    for name in ("undisturbed", "dark"):
        file = next(places[name].rglob("*.jsonl"))
        there = tmp_path / "bin-counter" / name / "2026/11/27/03"
        there.mkdir(parents=True)
        (there / file.name).write_bytes(file.read_bytes())

    with pytest.raises(NothingPublishedError, match="bin-counter/dark, bin-counter/undisturbed"):
        watched(model, ours, tmp_path, "--publish")


def put_verdicts(at: datetime, **verdicts: int) -> None:
    data = [
        {
            "MetricName": "Verdicts",
            "Dimensions": [{"Name": "service", "Value": "bincheck"}, {"Name": "verdict", "Value": verdict}],
            "Timestamp": at,
            "Value": float(number),
            "Unit": "Count",
        }
        for verdict, number in verdicts.items()
    ]
    boto3.client("cloudwatch").put_metric_data(Namespace="Bincheck/bincheck-dev", MetricData=data)


@pytest.mark.usefixtures("account")
def test_the_share_of_review_comes_from_the_apps_own_metrics() -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    put_verdicts(now - timedelta(hours=30), match=90, mismatch=2, review=8, unexpected=50)
    put_verdicts(now - timedelta(hours=2), match=70, mismatch=5, review=25, unexpected=50)

    share = share_of(boto3.client("cloudwatch"), "bincheck-dev", now - timedelta(days=1), now, now)
    assert share == Share(review=25, judged=100, review_before=8, judged_before=100)
    assert share.standard_errors == pytest.approx(0.17 / (2 * 0.165 * 0.835 / 100) ** 0.5)


@pytest.mark.usefixtures("account")
def test_the_report_carries_the_share_where_a_stack_is_named(model: Path, ours: Path, places: dict[str, Path]) -> None:
    put_verdicts(BEGAN + timedelta(minutes=5), match=30, review=10)
    result = watched(model, ours, places["few"], "--stack", "bincheck-dev", "--since", "2026-11-27T03:00:00Z")

    assert "10 of 40 judged photos went to review (25.0%); as long a stretch before, none was judged." in result.stdout
