"""What is asked of SageMaker and S3, in which order, and what becomes of their answers."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

import training.jobs
from training.archive import Archive
from training.errors import InvalidRequestError, JobRefusedError, NoModelError
from training.jobs.config import parsed
from training.jobs.requests import training_request, tuning_request
from training.jobs.run import Log, Training, Tuning, fetch_model, follow, source_address, status_of, stop, submit
from training.space import Space

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = parsed(tomllib.loads((Path(training.jobs.__file__).parent / "jobs.example.toml").read_text(encoding="utf-8")))
BUNDLE = Archive("0123.tar.gz", b"code")
NAME, TUNE = "bincheck-train-261122-120000", "bincheck-tune-261122-120000"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:111122223333:job/x"
REQUEST = training_request(CONFIG, NAME, source_address(CONFIG, BUNDLE), {"epochs": 20})
TUNE_REQUEST = tuning_request(
    CONFIG, TUNE, source_address(CONFIG, BUNDLE), {"epochs": 5}, Space.load("published").parameter_ranges()
)


class FakeS3:
    """Objects by bucket and key, and what was asked about their encryption."""

    def __init__(self, objects: dict[tuple[str, str], bytes] | None = None) -> None:
        self.objects = dict(objects or {})
        self.encryption: dict[str, str] = {}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
        return {"ContentLength": 1}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **encryption: str) -> None:  # noqa: N803
        self.objects[Bucket, Key] = Body
        self.encryption = encryption

    def download_fileobj(self, bucket: str, key: str, file: Any) -> None:
        file.write(self.objects[bucket, key])


def sagemaker() -> tuple[Any, Stubber]:
    """A client that answers from a list, which botocore holds against the service's description, and its list."""
    client = boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    stubber = Stubber(client)
    stubber.activate()
    return client, stubber


def training_answer(name: str = NAME, status: str = "Completed", **more: Any) -> dict[str, Any]:
    """What DescribeTrainingJob says."""
    return {
        "TrainingJobName": name,
        "TrainingJobArn": ARN,
        "TrainingJobStatus": status,
        "SecondaryStatus": status if status != "InProgress" else "Training",
        "ModelArtifacts": {"S3ModelArtifacts": f"{CONFIG.place('models')}{name}/output/model.tar.gz"},
        "AlgorithmSpecification": REQUEST["AlgorithmSpecification"],
        "ResourceConfig": REQUEST["ResourceConfig"],
        "StoppingCondition": REQUEST["StoppingCondition"],
        "CreationTime": NOON,
    } | more


def tuning_answer(status: str = "Completed") -> dict[str, Any]:
    """What DescribeHyperParameterTuningJob says."""
    return {
        "HyperParameterTuningJobName": TUNE,
        "HyperParameterTuningJobArn": ARN,
        "HyperParameterTuningJobConfig": TUNE_REQUEST["HyperParameterTuningJobConfig"],
        "TrainingJobDefinition": TUNE_REQUEST["TrainingJobDefinition"],
        "HyperParameterTuningJobStatus": status,
        "CreationTime": NOON,
        "TrainingJobStatusCounters": {},
        "ObjectiveStatusCounters": {},
    }


def trial_answer(number: int, status: str, loss: float | None, **tuned: str) -> dict[str, Any]:
    """One entry of ListTrainingJobsForHyperParameterTuningJob."""
    figure = {"FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "val_all_loss", "Value": loss}}
    return {
        "TrainingJobName": f"{TUNE}-{number:03}",
        "TrainingJobArn": ARN,
        "CreationTime": NOON,
        "TrainingJobStatus": status,
        "TunedHyperParameters": {"batch-size": "64", **tuned},
    } | (figure if loss is not None else {})


def expect_tuning(stubber: Stubber, *trials: dict[str, Any], status: str = "Completed") -> None:
    stubber.add_client_error("describe_training_job", "ValidationException", "Requested resource not found.")
    stubber.add_response("describe_hyper_parameter_tuning_job", tuning_answer(status))
    stubber.add_response("list_training_jobs_for_hyper_parameter_tuning_job", {"TrainingJobSummaries": list(trials)})


def archive_of(**files: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name.replace("_", "."))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()


def model_key(name: str) -> tuple[str, str]:
    return CONFIG.aws.bucket, f"bincheck/models/{name}/output/model.tar.gz"


@pytest.mark.parametrize(
    ("request_", "operation", "answer"),
    [
        (REQUEST, "create_training_job", {"TrainingJobArn": ARN}),
        (TUNE_REQUEST, "create_hyper_parameter_tuning_job", {"HyperParameterTuningJobArn": ARN}),
    ],
    ids=["train", "tune"],
)
def test_the_bundle_is_uploaded_encrypted_and_then_the_job_is_created(
    request_: dict[str, Any], operation: str, answer: dict[str, str]
) -> None:
    client, stubber = sagemaker()
    stubber.add_response(operation, answer, request_)
    s3 = FakeS3()

    submit(s3, client, CONFIG, BUNDLE, request_)

    stubber.assert_no_pending_responses()
    assert s3.objects == {(CONFIG.aws.bucket, "bincheck/source/0123.tar.gz"): b"code"}
    assert s3.encryption == {"ServerSideEncryption": "AES256"}


def test_a_bundle_that_is_there_is_not_uploaded_again() -> None:
    client, stubber = sagemaker()
    stubber.add_response("create_training_job", {"TrainingJobArn": ARN}, REQUEST)
    s3 = FakeS3({(CONFIG.aws.bucket, "bincheck/source/0123.tar.gz"): b"the same code, compressed elsewhere"})

    submit(s3, client, CONFIG, BUNDLE, REQUEST)

    assert s3.encryption == {}


def test_nothing_is_uploaded_for_a_request_that_sagemaker_would_refuse() -> None:
    s3, (client, _) = FakeS3(), sagemaker()

    with pytest.raises(InvalidRequestError):
        submit(s3, client, CONFIG, BUNDLE, REQUEST | {"TrainingJobName": "no_underscores"})
    assert s3.objects == {}


def test_a_name_that_is_taken_is_said_to_be() -> None:
    client, stubber = sagemaker()
    stubber.add_client_error("create_training_job", "ResourceInUse", "Job name must be unique")

    with pytest.raises(JobRefusedError, match=r"a job of this name exists already.*must be unique"):
        submit(FakeS3(), client, CONFIG, BUNDLE, REQUEST)


def test_another_refusal_is_told_in_awss_words() -> None:
    client, stubber = sagemaker()
    stubber.add_client_error("create_training_job", "ResourceLimitExceeded", "quota 'ml.g5.2xlarge for spot' is 0")

    with pytest.raises(JobRefusedError, match=r"quota 'ml\.g5\.2xlarge for spot' is 0"):
        submit(FakeS3(), client, CONFIG, BUNDLE, REQUEST)


def test_a_trainings_status_holds_its_last_figures() -> None:
    client, stubber = sagemaker()
    metrics = [{"MetricName": "val_all_loss", "Value": 1.25, "Timestamp": NOON}]
    answer = training_answer(FinalMetricDataList=metrics, BillableTimeInSeconds=321)
    stubber.add_response("describe_training_job", answer, {"TrainingJobName": NAME})

    job = status_of(client, NAME)

    assert isinstance(job, Training)
    assert job.has_ended
    assert job.metrics == {"val_all_loss": 1.25}
    assert job.billed_seconds == 321


def test_a_tunings_status_holds_its_trainings_with_the_best_first() -> None:
    client, stubber = sagemaker()
    expect_tuning(
        stubber,
        trial_answer(1, "Completed", 1.5),
        trial_answer(2, "InProgress", None),
        trial_answer(3, "Stopped", 1.2),
        trial_answer(4, "Completed", 1.4, **{"learning-rate": "0.001"}),
        status="InProgress",
    )

    job = status_of(client, TUNE)

    assert isinstance(job, Tuning)
    assert [trial.objective for trial in job.trials] == [1.2, 1.4, 1.5, None]
    assert job.best is not None, "a training that was cut short says less"
    assert job.best.knobs == {"batch_size": 64, "learning_rate": 0.001}


def test_a_name_that_nobody_knows_is_said_to_be() -> None:
    client, stubber = sagemaker()
    stubber.add_client_error("describe_training_job", "ValidationException", "Requested resource not found.")
    stubber.add_client_error("describe_hyper_parameter_tuning_job", "ResourceNotFound", "not found")

    with pytest.raises(JobRefusedError, match="no training or tuning job of this name"):
        status_of(client, "nobody")


def test_stopping_asks_for_the_right_kind_of_job() -> None:
    client, stubber = sagemaker()
    stubber.add_response("describe_training_job", training_answer(status="InProgress"))
    stubber.add_response("stop_training_job", {}, {"TrainingJobName": NAME})
    expect_tuning(stubber, status="InProgress")
    stubber.add_response("stop_hyper_parameter_tuning_job", {}, {"HyperParameterTuningJobName": TUNE})

    stop(client, NAME)
    stop(client, TUNE)

    stubber.assert_no_pending_responses()


class FakeLogs:
    """A log that grows: what has been added before is all there is to read."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []

    def add(self, at: int, message: str) -> None:
        self.events.append({"eventId": f"{at}-{message}", "timestamp": at, "message": message})

    def get_paginator(self, _operation: str) -> FakeLogs:
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked.append(asked)
        return [{"events": [event]} for event in self.events if event["timestamp"] >= asked["startTime"]]


def test_a_log_gives_each_line_once_and_late_ones_too() -> None:
    logs = FakeLogs()
    log = Log(logs, NAME)
    logs.add(100_000, "first\n")
    before = list(log.news())
    logs.add(99_000, "late, of another instance")
    logs.add(200_000, "second")

    assert before == ["first"]
    assert list(log.news()) == ["late, of another instance", "second"]
    assert list(log.news()) == []
    assert logs.asked[-1]["logStreamNamePrefix"] == f"{NAME}/"


def test_before_the_accounts_first_job_speaks_there_is_no_log() -> None:
    class NoGroup(FakeLogs):
        def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "FilterLogEvents")
            yield  # AWS is asked when the first page is

    assert list(Log(NoGroup(), NAME).news()) == []


def test_following_tells_lines_and_changes_until_the_end() -> None:
    client, stubber = sagemaker()
    for status in ("InProgress", "InProgress", "Completed"):
        stubber.add_response("describe_training_job", training_answer(status=status))
    logs, told, slept = FakeLogs(), [], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        logs.add(len(slept), f"epoch={len(slept)}")

    job = follow(client, logs, NAME, report=told.append, sleep=sleep, every=5)

    assert job.has_ended
    assert slept == [5, 5]
    assert told == [
        f"-- {NAME}: InProgress, Training",
        "epoch=1",
        "epoch=2",
        f"-- {NAME}: Completed, Completed",
    ]


def test_the_run_that_a_training_left_is_unpacked(tmp_path: Path) -> None:
    client, stubber = sagemaker()
    stubber.add_response("describe_training_job", training_answer())

    fetch_model(client, FakeS3({model_key(NAME): archive_of(run_json="{}")}), NAME, tmp_path / "run")

    assert (tmp_path / "run" / "run.json").read_text(encoding="utf-8") == "{}"


def test_of_a_tuning_job_the_best_run_comes_with_a_report(tmp_path: Path) -> None:
    client, stubber = sagemaker()
    best, other = f"{TUNE}-002", f"{TUNE}-001"
    expect_tuning(
        stubber,
        trial_answer(1, "Stopped", 1.6, **{"learning-rate": "0.05"}),
        trial_answer(2, "Completed", 1.4, **{"learning-rate": "0.001"}),
    )
    stubber.add_response("describe_training_job", training_answer(best), {"TrainingJobName": best})
    for name, epochs in ((best, 5), (other, 2)):
        metrics = [{"MetricName": "epoch", "Value": float(epochs), "Timestamp": NOON}]
        answer = training_answer(name, FinalMetricDataList=metrics)
        stubber.add_response("describe_training_job", answer, {"TrainingJobName": name})

    fetch_model(client, FakeS3({model_key(best): archive_of(best_pt="weights")}), TUNE, tmp_path)

    assert (tmp_path / "best.pt").read_text(encoding="utf-8") == "weights"
    assert json.loads((tmp_path / "best.json").read_text(encoding="utf-8"))["knobs"] == {
        "learning_rate": 0.001,
        "batch_size": 64,
    }
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["state"], row["epochs"], row["val_all_loss"]) for row in rows] == [
        ("complete", "5", "1.4"),
        ("pruned", "2", "1.6"),
    ]


def test_a_training_that_has_not_ended_has_no_model_yet(tmp_path: Path) -> None:
    client, stubber = sagemaker()
    stubber.add_response("describe_training_job", training_answer(status="InProgress"))

    with pytest.raises(NoModelError, match="is InProgress"):
        fetch_model(client, FakeS3(), NAME, tmp_path / "run")


def test_a_training_that_failed_says_why(tmp_path: Path) -> None:
    client, stubber = sagemaker()
    answer = training_answer(status="Failed", FailureReason="AlgorithmError: out of memory")
    stubber.add_response("describe_training_job", answer)

    with pytest.raises(NoModelError, match="out of memory"):
        fetch_model(client, FakeS3(), NAME, tmp_path / "run")


def test_a_tuning_job_without_a_completed_training_has_no_model(tmp_path: Path) -> None:
    client, stubber = sagemaker()
    expect_tuning(stubber, trial_answer(1, "Stopped", 1.6), status="InProgress")

    with pytest.raises(NoModelError, match="no training of it has completed"):
        fetch_model(client, FakeS3(), TUNE, tmp_path / "run")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")

    with pytest.raises(NoModelError, match="is not empty"):
        fetch_model(sagemaker()[0], FakeS3(), NAME, tmp_path)
