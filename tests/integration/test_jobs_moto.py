"""The whole sequence of SageMaker jobs, as the command line runs it, against moto's control plane.

moto takes requests and remembers them; nothing trains, and every job is completed at once. What it lacks is listed
at the end: those calls are tested against botocore's description of their answers only (test_jobs_run.py).
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

import training.jobs
from training.commands.jobs import jobs
from training.errors import JobRefusedError, NoModelError, TooExpensiveError
from training.jobs.config import load
from training.jobs.run import LOG_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(training.jobs.__file__).parent / "jobs.example.toml"
BUCKET = load(EXAMPLE).aws.bucket


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account inside this process, with the example's bucket in it."""
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client("s3").create_bucket(Bucket=BUCKET)
        yield


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


def asked(*arguments: str, answer: str | None = None) -> str:
    """What the command prints; what it raises is raised here too."""
    environment = {"COLUMNS": "300", "TERM": "dumb"}
    outcome = CliRunner().invoke(jobs, [*arguments, "--config", str(EXAMPLE)], input=answer, env=environment)
    if outcome.exception and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def started(*arguments: str) -> str:
    """Start a job and give its name."""
    found = re.search(r"^(\S+) has started$", asked(*arguments, "--yes"), re.MULTILINE)
    assert found
    return found[1]


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as files:
        entry = tarfile.TarInfo("run.json")
        entry.size = 2
        files.addfile(entry, io.BytesIO(b"{}"))
    return buffer.getvalue()


def test_check_needs_no_account_and_sends_nothing() -> None:
    said = asked("check")

    assert "CreateTrainingJob: valid; about" in said
    assert "CreateHyperParameterTuningJob: valid; about" in said
    assert "Contents" not in client("s3").list_objects_v2(Bucket=BUCKET)


def test_a_training_goes_from_its_bundle_to_its_model(tmp_path: Path) -> None:
    name = started("train", "--set", "learning-rate=0.001", "--label", "night")
    described = client("sagemaker").describe_training_job(TrainingJobName=name)
    source = json.loads(described["HyperParameters"]["sagemaker_submit_directory"])
    client("s3").put_object(Bucket=BUCKET, Key=f"bincheck/models/{name}/output/model.tar.gz", Body=archive())

    assert name.startswith("night-train-")
    assert described["HyperParameters"]["learning-rate"] == "0.001"
    assert described["HyperParameters"]["epochs"] == "20"
    with tarfile.open(
        fileobj=client("s3").get_object(Bucket=BUCKET, Key=source.split("/", 3)[3])["Body"], mode="r|gz"
    ) as b:
        assert "entry.py" in b.getnames()
    assert f"{name}: Completed" in asked("status", name)
    assert f"{name} is in" in asked("fetch-model", name, "--out", str(tmp_path / "run"))
    assert (tmp_path / "run" / "run.json").exists()


def test_best_json_gives_the_knobs(tmp_path: Path) -> None:
    best = tmp_path / "best.json"
    best.write_text('{"knobs": {"learning_rate": 0.002, "loss": "ordinal"}, "value": 1.2}', encoding="utf-8")

    name = started("train", "--best", str(best), "--set", "loss=cross-entropy")

    hyperparameters = client("sagemaker").describe_training_job(TrainingJobName=name)["HyperParameters"]
    assert hyperparameters["learning-rate"] == "0.002"
    assert hyperparameters["loss"] == '"cross-entropy"'


def test_a_tuning_job_is_created_with_its_space() -> None:
    name = started("tune", "--set", "epochs=5")

    described = client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    ranges = described["HyperParameterTuningJobConfig"]["ParameterRanges"]
    assert [one["Name"] for one in ranges["ContinuousParameterRanges"]] == ["learning-rate"]
    assert described["TrainingJobDefinition"]["StaticHyperParameters"]["epochs"] == "5"


@pytest.mark.parametrize("command", ["train", "tune"])
def test_a_dry_run_prints_the_request_and_the_price_and_starts_nothing(command: str) -> None:
    said = asked(command, "--dry-run")

    request = json.loads(said[: said.rindex("}") + 1])
    assert request["Tags"] == [{"Key": "project", "Value": "bincheck"}]
    assert "USD, at most" in said
    assert "Contents" not in client("s3").list_objects_v2(Bucket=BUCKET)


def test_who_says_no_starts_nothing() -> None:
    said = asked("train", answer="n\n")

    assert "about 0.61 USD, at most 3.03 USD" in said
    assert "has started" not in said
    assert client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []


def test_what_could_cost_more_than_the_budget_is_not_even_asked_about(tmp_path: Path) -> None:
    poor = tmp_path / "jobs.toml"
    poor.write_text(EXAMPLE.read_text(encoding="utf-8").replace("max_usd = 40", "max_usd = 1"), encoding="utf-8")
    outcome = CliRunner().invoke(jobs, ["train", "--yes", "--config", str(poor)])

    assert isinstance(outcome.exception, TooExpensiveError)
    assert client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []


def test_a_log_is_printed() -> None:
    name = started("train")
    logs, stream = client("logs"), {"logGroupName": LOG_GROUP, "logStreamName": f"{name}/algo-1-1700000000"}
    logs.create_log_group(logGroupName=LOG_GROUP)
    logs.create_log_stream(**stream)
    created = client("sagemaker").describe_training_job(TrainingJobName=name)["CreationTime"]
    line = {"timestamp": round(created.timestamp() * 1000), "message": "epoch=1 train_loss=1.5"}
    logs.put_log_events(**stream, logEvents=[line])

    assert asked("logs", name) == "epoch=1 train_loss=1.5\n"
    assert asked("logs", name, "--follow").startswith("epoch=1 train_loss=1.5\n")


def test_a_job_that_nobody_knows_is_said_to_be_unknown() -> None:
    with pytest.raises(JobRefusedError, match="no training or tuning job"):
        asked("status", "nobody")


def test_a_model_is_not_fetched_over_another(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")

    with pytest.raises(NoModelError, match="is not empty"):
        asked("fetch-model", started("train"), "--out", str(tmp_path))


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("stop_training_job", {"TrainingJobName": "any"}),
        ("stop_hyper_parameter_tuning_job", {"HyperParameterTuningJobName": "any"}),
        ("list_training_jobs_for_hyper_parameter_tuning_job", {"HyperParameterTuningJobName": "any"}),
    ],
)
def test_what_moto_lacks_is_known(call: str, arguments: dict[str, str]) -> None:
    with pytest.raises(NotImplementedError):
        getattr(client("sagemaker"), call)(**arguments)
