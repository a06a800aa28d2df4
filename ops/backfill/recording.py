"""Puts each photo through the checker's own path, with the answer that its batch transform gave.

The `Checker` is the deployed one, with its policies and its table; only where photo and estimate come from differs:

    the photo under the key is still the listed one, and has an answer   its first bytes, and that answer
    anything else: no answer, nonsense, replaced, refused                the whole photo, and the endpoint

So a photo that the model refuses is recorded with the model's own reason, and one that changed since it was listed
is read by its version, as if it had just landed. The table makes all of it harmless to repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from chalicelib.aws.failures import temporary
from chalicelib.domain import Inspection, bin_id_of
from chalicelib.errors import PhotoRefused, TemporaryFailure
from ops.backfill.answers import answer_at, answers_about, keys_below
from ops.backfill.errors import NotReady, Outage
from ops.backfill.ledger import End
from ops.backfill.listing import kind_of
from training.parallel import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from chalicelib.bin_status import Bin, BinStatus
    from chalicelib.check import Checker
    from chalicelib.domain import BinImage, Outcome
    from chalicelib.evidence import CountEstimate
    from chalicelib.ports import Bins
    from chalicelib.ports_api import Page, Position
    from ops.backfill.ledger import Ledger
    from ops.backfill.requests import Place

BATCH, ENDPOINT, NOBODY = "batch", "endpoint", "nobody"
"""Whose answer a photo's end rests on; nobody is asked about what the checker refuses by key or size."""

_FIRST_BYTES: Final = 16
"""Enough to tell a JPEG from a PNG from neither."""

_CHANGED: Final = frozenset({"PreconditionFailed", "412", "NoSuchKey", "404", "InvalidRange", "416"})
_OUTAGE: Final = 50
"""So many failures in a row are no bad luck: the run ends, to be taken up again."""
_PAUSES: Final = (1.0, 4.0)
"""Seconds before a photo that met a temporary failure is tried again."""


class Photos(Protocol):
    """What is on file of a bin's photos; `chalicelib.ports_api.Directory` is one."""

    def photos(self, bin_id: str, limit: int, start: Position | None) -> Page[Outcome]:
        """Return a page of a bin's photos, newest first."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of a photo: its end, or the failure that kept it from one."""

    number: int
    end: End | None
    failure: str = ""


class FixedImages:
    """`ports.Images` that holds one photo, or its beginning."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, _image: BinImage) -> bytes:
        """Return it."""
        return self._body


class FixedCounter:
    """`ports.Counter` that knows one answer."""

    def __init__(self, estimate: CountEstimate) -> None:
        self._estimate = estimate

    def count(self, _body: bytes, _media_type: str) -> CountEstimate:
        """Return it."""
        return self._estimate


class UnaskedCounter:
    """`ports.Counter` of a dry run: asks nobody."""

    def count(self, _body: bytes, _media_type: str) -> CountEstimate:
        """Refuse, in words that say what a real run would do."""
        raise PhotoRefused("endpoint_would_be_asked", "the batch transform gave no answer")


class UnwrittenBins:
    """`ports.Bins` of a dry run: reads what is on file and writes nothing."""

    def __init__(self, bins: Bins) -> None:
        self._bins = bins

    def get(self, bin_id: str) -> Bin:
        """Read the bin."""
        return self._bins.get(bin_id)

    def record(self, _outcome: Outcome, _before: BinStatus, _after: BinStatus) -> bool:
        """Write nothing."""
        return True

    def record_stray(self, _outcome: Outcome) -> bool:
        """Write nothing."""
        return True


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records photos; threads share it."""

    s3: Any
    checker: Checker
    on_file: Photos
    place: Place
    max_bytes: int
    sleep: Callable[[float], None]

    def without_writing(self) -> Recorder:
        """Return one that decides and writes nothing, and does not ask the endpoint."""
        checker = replace(self.checker, bins=UnwrittenBins(self.checker.bins), counter=UnaskedCounter())
        return replace(self, checker=checker)

    def record_bin(self, photos: Sequence[tuple[int, BinImage]], answers: dict[str, str]) -> list[Attempt]:
        """Record the photos of one bin, newest first: those behind it add evidence and no longer change what is shown.

        One thread does all of them. Photos of one bin side by side would only keep each other from being written.
        """
        newest_first = sorted(photos, key=lambda photo: photo[1].order, reverse=True)
        return [self._attempt(number, self._as_known(image), answers.get(image.key)) for number, image in newest_first]

    def _attempt(self, number: int, image: BinImage, answer: str | None) -> Attempt:
        failure = ""
        for pause in (*_PAUSES, None):
            try:
                return Attempt(number, self._record(image, answer))
            except TemporaryFailure as trouble:
                failure = str(trouble)
            if pause is not None:
                self.sleep(pause)
        return Attempt(number, None, failure)

    def _record(self, image: BinImage, answer: str | None) -> End:
        checker, way = self._checker_for(image, answer)
        outcome, is_new = checker.check(image)
        if isinstance(outcome, Inspection):
            return End(outcome.judgement.verdict.value, None, way, is_new)
        return End("rejected", outcome.reason, way, is_new)

    def _checker_for(self, image: BinImage, answer: str | None) -> tuple[Checker, str]:
        if kind_of(image, self.checker.prefix, self.max_bytes) != "photo":
            return self.checker, NOBODY
        estimate = answer_at(self.s3, self.place.bucket, answer) if answer else None
        beginning = self._beginning(image) if estimate else None
        if estimate is None or beginning is None:
            return self.checker, ENDPOINT
        return replace(self.checker, images=FixedImages(beginning), counter=FixedCounter(estimate)), BATCH

    def _beginning(self, image: BinImage) -> bytes | None:
        """Return the photo's first bytes if what lies under its key is still what was listed and counted."""
        with temporary(f"reading s3://{image.bucket}/{image.key}"):
            try:
                reply = self.s3.get_object(
                    Bucket=image.bucket, Key=image.key, IfMatch=image.etag, Range=f"bytes=0-{_FIRST_BYTES - 1}"
                )
            except ClientError as error:
                if error.response["Error"]["Code"] in _CHANGED:
                    return None
                raise
            body: bytes = reply["Body"].read()
        return body

    def _as_known(self, image: BinImage) -> BinImage:
        """Return the photo under the name by which it is on file, where its bucket keeps no versions.

        Without a version a photo's id rests on S3's sequencer, which an event tells and a listing does not.
        """
        if image.version is not None:
            return image
        try:
            bin_id = bin_id_of(image.key, self.checker.prefix)
        except PhotoRefused:
            return image
        recorded = (outcome.image for outcome in self._on_file(bin_id))
        return next((one for one in recorded if (one.key, one.etag) == (image.key, image.etag)), image)

    def _on_file(self, bin_id: str) -> Iterator[Outcome]:
        start: Position | None = None
        while True:
            page = self.on_file.photos(bin_id, 100, start)
            yield from page.entries
            start = page.following
            if start is None:
                return


def record(ledger: Ledger, recorder: Recorder, workers: int, told: Callable[[Attempt], None]) -> int:
    """Record every photo that has not ended, of the parts that have been counted; returns how many failed.

    Raises:
        NotReady: not every part has been counted. Those that have are recorded before.
        Outage: nothing can be recorded any more.

    """
    failed = in_a_row = 0
    for attempt in attempts(ledger, recorder, workers):
        if attempt.end is None:
            failed, in_a_row = failed + 1, in_a_row + 1
        else:
            ledger.note_end(attempt.number, attempt.end)
            in_a_row = 0
        told(attempt)
        if in_a_row == _OUTAGE:
            raise Outage(f"{in_a_row} photos in a row: {attempt.failure}; what was recorded stays, `record` goes on")
    if waiting := ledger.parts(uncounted=True):
        raise NotReady(f"{len(waiting)} parts have not been counted yet; run `count`, then `record` again")
    return failed


def attempts(ledger: Ledger, recorder: Recorder, workers: int) -> Generator[Attempt, None, None]:
    """Check every photo that has not ended, of the parts that have been counted, many bins at a time."""
    uncounted = set(ledger.parts(uncounted=True))
    for part in ledger.parts():
        photos = [] if part in uncounted else ledger.photos_of(part)
        if photos:
            yield from _attempts_of(part, photos, recorder, workers)


def _attempts_of(part: int, photos: list[tuple[int, BinImage]], recorder: Recorder, workers: int) -> Iterator[Attempt]:
    place, prefix = recorder.place, recorder.checker.prefix
    below = place.answers(part)
    answers = answers_about(
        [image.key for _, image in photos], prefix, keys_below(recorder.s3, place.bucket, below), below
    )
    # The photos of a bin follow each other: keys are in order, and all of a bin's begin with its name and a slash.
    bins = [list(group) for _, group in groupby(photos, key=lambda photo: _folder(photo[1].key, prefix))]
    for done in in_order(lambda one: recorder.record_bin(one, answers), bins, workers):
        yield from done


def _folder(key: str, prefix: str) -> str:
    return key.removeprefix(prefix).partition("/")[0]
