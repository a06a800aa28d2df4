"""Has SageMaker Batch Transform count the photos: creates jobs, a few at a time, and waits for them.

SageMaker calls a job failed if a single photo of it got no answer, and keeps the answers about all others. So it is
the answers that are counted here, not the jobs: a photo without one gets another job, and what a second job gives no
answer for either is left to the endpoint, which says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from ops.backfill.answers import answers_about, keys_below
from ops.backfill.errors import JobFailed, NotReady
from ops.backfill.listing import kind_of
from ops.backfill.requests import Counter, Job, Place, job_of
from training.aws_requests import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.domain import BinImage
    from ops.backfill.ledger import Ledger

_UNDER_WAY: Final = frozenset({"InProgress", "Stopping"})
_LEFT_TO_ENDPOINT: Final = 0.01
"""So small a share of a part is not worth another job, which takes minutes to start."""
_JOBS_AT_MOST: Final = 3
"""For one part, in one run."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How one waits for jobs, and who hears of them. Times are in seconds."""

    report: Callable[[str], None]
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    every: float = 15.0
    patience: float = 3 * 3600.0
    """A job that takes longer is stopped: SageMaker itself knows no limit."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be counted, by what."""

    place: Place
    prefix: str
    counter: Counter
    max_bytes: int
    jobs_at_once: int = 2
    few: int = 20
    """So many photos without an answer are left to the endpoint, even if they are all of a part."""


@dataclass(slots=True)
class _Part:
    """A part under way: its photos worth counting, and the job that runs."""

    number: int
    photos: list[BinImage]
    answered: int = 0
    job: str = ""
    jobs: int = 0
    """How many this run has begun."""
    is_ours: bool = False
    """Whether this run began the job or has seen it at work: then its end is news."""
    since: float = 0.0


def model_behind(sagemaker: Any, endpoint: str) -> str:
    """Return the SageMaker model that an endpoint serves, so that a backfill counts as live photos are counted.

    Raises:
        NotReady: there is no such endpoint.

    """
    try:
        configuration = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        variants = sagemaker.describe_endpoint_config(EndpointConfigName=configuration)["ProductionVariants"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        raise NotReady(f"there is no endpoint {endpoint} to take the model from; name one with --model") from error
    model: str = variants[0]["ModelName"]
    return model


def planned_jobs(work: Work, ledger: Ledger) -> Iterator[tuple[Job, int]]:
    """Return the next job of every part that has not been counted, and its photos: validated and not created."""
    for part in ledger.parts(uncounted=True):
        photos = _countable(work, ledger, part)
        if photos:
            job = job_of(work.place, part, photos, work.counter, len(ledger.jobs_of(part)))
            validate("CreateTransformJob", job.request)
            yield job, len(photos)


def count(s3: Any, sagemaker: Any, work: Work, ledger: Ledger, watch: Watch) -> None:
    """Count every part that has not been counted yet; may be stopped and run again at any time.

    Raises:
        NotReady: the photos have not all been listed.
        JobFailed: a job gave no answer at all, ran too long or was stopped. Other jobs go on; a later run finds them.

    """
    if not ledger.is_listed:
        raise NotReady("the photos are not all listed yet; `list` goes on where it was stopped")
    counting = _Counting(s3, sagemaker, work, ledger, watch)
    waiting = ledger.parts(uncounted=True)
    under_way: list[_Part] = []
    while waiting or under_way:
        while waiting and len(under_way) < work.jobs_at_once:
            under_way.append(counting.begin(waiting.pop(0)))
        under_way = [part for part in under_way if not counting.is_done(part)]
        if under_way:
            watch.sleep(watch.every)


class _Counting:
    """Brings one part after the other to its end."""

    def __init__(self, s3: Any, sagemaker: Any, work: Work, ledger: Ledger, watch: Watch) -> None:
        self._s3 = s3
        self._sagemaker = sagemaker
        self._work = work
        self._ledger = ledger
        self._watch = watch

    def begin(self, number: int) -> _Part:
        """Take a part up where an earlier run left it: its last job may still run."""
        part = _Part(number, _countable(self._work, self._ledger, number), since=self._watch.clock())
        jobs = self._ledger.jobs_of(number)
        part.job = jobs[-1] if jobs else ""
        return part

    def is_done(self, part: _Part) -> bool:
        """Look at a part, do the next thing for it, and say whether there is none."""
        described = self._described(part.job) if part.job else None
        if described and described["TransformJobStatus"] in _UNDER_WAY:
            part.is_ours = True
            self._stop_if_late(part)
            return False
        missing = self._missing(part)
        before, part.answered = part.answered, len(part.photos) - len(missing)
        if described and part.is_ours:
            self._hear(part, described)
        if self._is_enough(part, progressed=part.answered > before):
            self._ledger.note_counted(part.number, photos=len(part.photos), answered=part.answered)
            return True
        self._create(part, missing)
        return False

    def _hear(self, part: _Part, described: dict[str, Any]) -> None:
        status, reason = described["TransformJobStatus"], described.get("FailureReason", "no reason given")
        self._watch.report(f"{part.job}: {status}, {part.answered} of {len(part.photos)} photos have an answer")
        if status == "Stopped":
            raise JobFailed(f"{part.job} was stopped; run `count` again to go on")
        if part.answered == 0 and len(part.photos) > self._work.few:
            raise JobFailed(f"{part.job} gave no answer at all: {reason}")

    def _is_enough(self, part: _Part, *, progressed: bool) -> bool:
        """Say whether no further job is worth while: nothing is missing, or little, or another would not help."""
        missing = len(part.photos) - part.answered
        if part.jobs == 0:
            return missing == 0
        is_little = missing <= max(self._work.few, _LEFT_TO_ENDPOINT * len(part.photos))
        was_in_vain = not progressed and len(self._ledger.jobs_of(part.number)) > 1
        return is_little or was_in_vain or part.jobs >= _JOBS_AT_MOST

    def _create(self, part: _Part, missing: list[BinImage]) -> None:
        work = self._work
        ordinal = len(self._ledger.jobs_of(part.number))
        job = job_of(work.place, part.number, missing, work.counter, ordinal)
        validate("CreateTransformJob", job.request)
        # Remembered beforehand: whoever is cut off now finds the job by its name.
        self._ledger.note_job(part.number, job.name)
        if self._described(job.name) is None:
            manifest = work.place.manifest(job.name)
            self._s3.put_object(Bucket=work.place.bucket, Key=manifest, Body=job.manifest)
            self._sagemaker.create_transform_job(**job.request)
            self._watch.report(f"{job.name}: counts {len(missing)} photos")
        part.job, part.since, part.is_ours = job.name, self._watch.clock(), True
        part.jobs += 1

    def _missing(self, part: _Part) -> list[BinImage]:
        below = self._work.place.answers(part.number)
        found = keys_below(self._s3, self._work.place.bucket, below)
        answered = answers_about([image.key for image in part.photos], self._work.prefix, found, below)
        return [image for image in part.photos if image.key not in answered]

    def _stop_if_late(self, part: _Part) -> None:
        if self._watch.clock() - part.since > self._watch.patience:
            self._sagemaker.stop_transform_job(TransformJobName=part.job)
            raise JobFailed(f"{part.job} ran for more than {self._watch.patience / 3600:g} h and was stopped")

    def _described(self, job: str) -> dict[str, Any] | None:
        try:
            described: dict[str, Any] = self._sagemaker.describe_transform_job(TransformJobName=job)
        except ClientError as error:
            if _is_absent(error):
                return None
            raise
        return described


def _countable(work: Work, ledger: Ledger, part: int) -> list[BinImage]:
    photos = (image for _, image in ledger.photos_of(part))
    return [image for image in photos if kind_of(image, work.prefix, work.max_bytes) == "photo"]


def _is_absent(error: ClientError) -> bool:
    """Tell SageMaker's "no such job" from other errors; it has no code of its own."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"].lower()
    return code == "ResourceNotFound" or (code == "ValidationException" and "could not find" in message)
