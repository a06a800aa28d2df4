"""Sends jobs to SageMaker, watches them and fetches what they leave. The only module here that speaks to AWS.

Clients are boto3's and come in as arguments. What AWS refuses becomes JobRefusedError, with AWS's own words.
"""

import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from training.archive import Archive
from training.aws_requests import validate
from training.errors import JobRefusedError, NoModelError
from training.jobs.config import JobsConfig
from training.jobs.findings import Trial, finding_of, knobs_of, space_of
from training.jobs.requests import Request
from training.space import Space
from training.tune_report import State, write_report

LOG_GROUP: Final = "/aws/sagemaker/TrainingJobs"

_ENDED: Final = frozenset({"Completed", "Failed", "Stopped"})
_LEAVES_A_MODEL: Final = frozenset({"Completed", "Stopped"})
"""A job that failed has an address for its model too, with nothing there."""

_UNKNOWN: Final = frozenset({"ValidationException", "ResourceNotFound"})
"""How SageMaker says that it knows no job of this name; the API's page says the second, the service the first."""

_LATE: Final = timedelta(minutes=1)
"""Log lines of several instances do not arrive in order of time."""


@dataclass(frozen=True, slots=True)
class Training:
    """What is known of a training job."""

    name: str
    status: str
    detail: str
    """The secondary status: downloading, training, interrupted, and so on."""
    failure: str
    metrics: Mapping[str, float]
    """The last value of each."""
    billed_seconds: int | None
    model: str | None
    """S3 address of the run that it left."""

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more will happen."""
        return self.status in _ENDED


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is known of a tuning job."""

    name: str
    status: str
    failure: str
    photos: str
    """S3 address of what it learns from."""
    space: Space
    fixed: Mapping[str, Any]
    """The knobs that all its trainings share, where they differ from the defaults."""
    trials: tuple[Trial, ...]
    """The best first, those without a figure last."""

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more will happen."""
        return self.status in _ENDED

    @property
    def best(self) -> Trial | None:
        """The completed trial with the lowest objective, if there is one yet."""
        return next((trial for trial in self.trials if trial.state == State.COMPLETE), None)


def source_address(config: JobsConfig, bundle: Archive) -> str:
    """Say where a bundle goes: known before it is there, since its name is its content's."""
    return config.place("source") + bundle.name


def submit(s3: Any, sagemaker: Any, config: JobsConfig, bundle: Archive, request: Request) -> None:
    """Upload the bundle, unless it is there, and start the job; nothing happens where the request breaks rules.

    Raises InvalidRequestError, and JobRefusedError among others where a job of this name exists.
    """
    operation = operation_of(request)
    validate(operation, request)
    create = {
        "CreateTrainingJob": sagemaker.create_training_job,
        "CreateHyperParameterTuningJob": sagemaker.create_hyper_parameter_tuning_job,
    }[operation]
    with _refusals():
        _upload(s3, config, bundle)
        create(**request)


def operation_of(request: Request) -> str:
    """Tell which operation of the API the request is for."""
    return "CreateTrainingJob" if "TrainingJobName" in request else "CreateHyperParameterTuningJob"


def status_of(sagemaker: Any, name: str) -> Training | Tuning:
    """Look up a training or a tuning job by its name; raises JobRefusedError where there is neither."""
    with _refusals():
        training = _described(sagemaker.describe_training_job, TrainingJobName=name)
        if training:
            return _training(training)
        tuning = _described(sagemaker.describe_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)
        if tuning:
            return _tuning(tuning, _summaries(sagemaker, name))
    raise JobRefusedError(f"{name}: SageMaker has no training or tuning job of this name in this region")


def stop(sagemaker: Any, name: str) -> None:
    """Ask a job to stop; what it has learnt so far is kept. Returns before it has stopped."""
    job = status_of(sagemaker, name)
    with _refusals():
        if isinstance(job, Training):
            sagemaker.stop_training_job(TrainingJobName=name)
        else:
            sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


@dataclass(slots=True)
class Log:
    """Reads a training's log lines, each once; a tuning job has none of its own, its trainings have."""

    logs: Any
    name: str
    _since: int = 0
    _seen: set[str] = field(default_factory=set)

    def news(self) -> Iterator[str]:
        """Give the lines that came since the last call."""
        latest = self._since
        for event in self._events():
            latest = max(latest, event["timestamp"])
            if event["eventId"] not in self._seen:
                self._seen.add(event["eventId"])
                yield event["message"].rstrip()
        self._since = max(latest - round(_LATE.total_seconds() * 1000), 0)

    def _events(self) -> Iterator[dict[str, Any]]:
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=LOG_GROUP, logStreamNamePrefix=f"{self.name}/", startTime=self._since
        )
        with _refusals():
            try:
                for page in pages:
                    yield from page["events"]
            except ClientError as refusal:
                if refusal.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                # The group is made by the account's first job, when that starts to speak.


def follow(  # noqa: PLR0913 - two clients and two ways out
    sagemaker: Any,
    logs: Any,
    name: str,
    *,
    report: Callable[[str], None],
    sleep: Callable[[float], None],
    every: float = 20.0,
) -> Training | Tuning:
    """Report a job's log lines and changes of status until it has ended, and return how it did."""
    log, last = Log(logs, name), ""
    while True:
        job = status_of(sagemaker, name)
        for line in log.news():  # after the status: what it says was written before it ended
            report(line)
        now = _phase(job)
        if now != last:
            report(f"-- {name}: {now}")
        if job.has_ended:
            return job
        last = now
        sleep(every)


def fetch_model(sagemaker: Any, s3: Any, name: str, out: Path) -> Training:
    """Fetch the run that a training left, or the best one of a tuning job, into a new folder.

    A tuning job's report (`table.csv`, `plot.png`, `best.json`) joins it. Raises NoModelError where there is none yet.
    """
    if out.exists() and any(out.iterdir()):
        raise NoModelError(f"{out} is not empty")
    job = status_of(sagemaker, name)
    if isinstance(job, Training):
        return _fetched(s3, job, out)
    if job.best is None:
        raise NoModelError(f"{name} is {job.status} and no training of it has completed")
    fetched = _fetched(s3, _training_of(sagemaker, job.best), out)
    _report(sagemaker, job, out)
    return fetched


def _report(sagemaker: Any, job: Tuning, out: Path) -> None:
    epochs = {trial.name: int(_training_of(sagemaker, trial).metrics.get("epoch", 0)) for trial in job.trials}
    write_report(out, finding_of(job.space, job.fixed, job.trials, epochs, {"photos": job.photos}))


def _training_of(sagemaker: Any, trial: Trial) -> Training:
    with _refusals():
        return _training(sagemaker.describe_training_job(TrainingJobName=trial.name))


def _upload(s3: Any, config: JobsConfig, bundle: Archive) -> None:
    bucket, key = _parts(source_address(config, bundle))
    if not _described(s3.head_object, Bucket=bucket, Key=key):
        encryption = {"ServerSideEncryption": "AES256"}
        if config.aws.kms_key:
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": config.aws.kms_key}
        s3.put_object(Bucket=bucket, Key=key, Body=bundle.body, **encryption)


def _described(look: Callable[..., dict[str, Any]], **what: str) -> dict[str, Any] | None:
    try:
        return look(**what)
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] in _UNKNOWN | {"404", "NoSuchKey"}:
            return None
        raise


def _training(described: dict[str, Any]) -> Training:
    return Training(
        name=described["TrainingJobName"],
        status=described["TrainingJobStatus"],
        detail=described.get("SecondaryStatus", ""),
        failure=described.get("FailureReason", ""),
        metrics={one["MetricName"]: one["Value"] for one in described.get("FinalMetricDataList", [])},
        billed_seconds=described.get("BillableTimeInSeconds"),
        model=described.get("ModelArtifacts", {}).get("S3ModelArtifacts"),
    )


def _tuning(described: dict[str, Any], summaries: list[dict[str, Any]]) -> Tuning:
    name, trials = described["HyperParameterTuningJobName"], map(_trial, summaries)
    definition = described["TrainingJobDefinition"]
    return Tuning(
        name=name,
        status=described["HyperParameterTuningJobStatus"],
        failure=described.get("FailureReason", ""),
        photos=definition["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"],
        space=space_of(name, described["HyperParameterTuningJobConfig"]["ParameterRanges"]),
        fixed=knobs_of(definition["StaticHyperParameters"]),
        trials=tuple(sorted(trials, key=lambda trial: (trial.objective is None, trial.objective or 0.0, trial.name))),
    )


def _trial(summary: dict[str, Any]) -> Trial:
    return Trial(
        name=summary["TrainingJobName"],
        status=summary["TrainingJobStatus"],
        objective=summary.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value"),
        knobs=knobs_of(summary["TunedHyperParameters"]),
    )


def _summaries(sagemaker: Any, name: str) -> list[dict[str, Any]]:
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=name
    )
    return [summary for page in pages for summary in page["TrainingJobSummaries"]]


def _phase(job: Training | Tuning) -> str:
    if isinstance(job, Training):
        return f"{job.status}, {job.detail}"
    ended = sum(trial.status in _ENDED for trial in job.trials)
    best = f", best {job.best.objective:.4f}" if job.best else ""
    return f"{job.status}, {ended} of {len(job.trials)} trainings ended{best}"


def _fetched(s3: Any, training: Training, out: Path) -> Training:
    if training.status not in _LEAVES_A_MODEL or not training.model:
        raise NoModelError(f"{training.name} is {training.status} and has left no model. {training.failure}".rstrip())
    bucket, key = _parts(training.model)
    with tempfile.TemporaryFile() as archive:
        with _refusals():
            s3.download_fileobj(bucket, key, archive)
        archive.seek(0)
        with tarfile.open(fileobj=archive) as members:
            members.extractall(out, filter="data")
    return training


def _parts(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.netloc, parts.path.removeprefix("/")


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what AWS refuses, or cannot be reached for, into a sentence."""
    try:
        yield
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] == "ResourceInUse":
            raise JobRefusedError(f"a job of this name exists already: {refusal}") from refusal
        raise JobRefusedError(str(refusal)) from refusal
    except BotoCoreError as failure:
        raise JobRefusedError(str(failure)) from failure
