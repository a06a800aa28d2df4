"""A backfill as a whole: its three stages, each of which may be stopped and run again, over one ledger.

Who asks and who prints is left to the caller: the command line and the local run share what stands here.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from ops.backfill import requests
from ops.backfill.counting import Watch, Work, count, model_behind, planned_jobs
from ops.backfill.deployed import Stage, recorder_for
from ops.backfill.errors import NotReady
from ops.backfill.listing import census, list_photos, photos_in
from ops.backfill.recording import Attempt, attempts, record
from ops.backfill.requests import Machines, Place, Request
from training.endpoint import per_million

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.backfill.ledger import Ledger, Source
    from ops.backfill.recording import Recorder
    from ops.stack import ClientFactory


@dataclass(frozen=True, slots=True)
class Plan:
    """What counting would do: its first request, how many jobs and photos there are, and the price."""

    first: Request | None
    jobs: int
    photos: int
    price: per_million.Option


@dataclass(frozen=True, slots=True)
class Backfill:
    """A backfill of one stage's bins, under a name of its own."""

    client: ClientFactory
    stage: Stage
    name: str
    ledger: Ledger
    machines: Machines = field(default_factory=Machines)
    model: str | None = None
    """The SageMaker model that counts; without it, the one that the stage's endpoint serves."""
    jobs_at_once: int = 2
    workers: int = 16

    def census(self, source: Source) -> Counter[str]:
        """Count what lies under a prefix by kind, writing nothing down."""
        photos = photos_in(self.client("s3"), source.bucket, source.prefix)
        return census(photos, source.prefix, self.stage.max_bytes)

    def list(self, source: Source, told: Callable[[int], None]) -> None:
        """Write the photos down."""
        list_photos(self.client("s3"), source, self.ledger, told)

    def plan(self) -> Plan:
        """Say what counting would do; every request is held against AWS's rules."""
        first, jobs, photos = None, 0, 0
        for job, number in planned_jobs(self._work(), self.ledger):
            first, jobs, photos = first or job.request, jobs + 1, photos + number
        effort = per_million.Work()
        price = per_million.batch(photos, effort, self.machines.type, jobs=jobs, instances=self.machines.count)
        return Plan(first, jobs, photos, price)

    def count(self, watch: Watch) -> None:
        """Have the photos counted."""
        count(self.client("s3"), self.client("sagemaker"), self._work(), self.ledger, watch)

    def recording_price(self) -> per_million.Option:
        """Price the recording of all that has not been recorded."""
        return per_million.recording(self.ledger.standing().left)

    def record(self, told: Callable[[Attempt], None]) -> int:
        """Record the photos; returns how many could not be."""
        return record(self.ledger, self._recorder(), self.workers, told)

    def preview(self, photos: int) -> Counter[str]:
        """Say how the next photos would end, writing nothing and asking no endpoint."""
        with closing(attempts(self.ledger, self._recorder().without_writing(), self.workers)) as some:
            return Counter(_told(attempt) for attempt in islice(some, photos))

    def _work(self) -> Work:
        source = self._source()
        model = self.model or model_behind(self.client("sagemaker"), self.stage.endpoint)
        place = Place(source.bucket, self.name)
        counter = requests.Counter(model, self.machines)
        return Work(place, source.prefix, counter, self.stage.max_bytes, self.jobs_at_once)

    def _recorder(self) -> Recorder:
        source = self._source()
        return recorder_for(self.client, self.stage, Place(source.bucket, self.name), source.prefix)

    def _source(self) -> Source:
        source = self.ledger.source
        if source is None:
            raise NotReady("nothing has been listed yet; begin with `list`")
        return source


def _told(attempt: Attempt) -> str:
    if attempt.end is None:
        return f"failed: {attempt.failure}"
    return attempt.end.verdict if attempt.end.reason is None else f"{attempt.end.verdict}: {attempt.end.reason}"
