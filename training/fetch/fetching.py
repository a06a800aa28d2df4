"""The loop of a fetch: what is wanted and not there yet is read by many threads, checked, and put in place.

Bins are worked on in id order with a bounded number under way, so neither memory nor open connections grow with the
number of bins. Only the calling thread writes to the journal.
"""

import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.errors import BrokenRecordError, UnusableSourceError, UnwritableFolderError
from training.fetch.checks import manifest_line
from training.fetch.choice import Selection, chosen, place
from training.fetch.folder import OWN, DataFolder
from training.fetch.journal import Journal, Outcome, State
from training.fetch.sources import FolderSource, MissingObjectError, Source, UnreadObjectError
from training.parallel import in_order
from training.progress import Progress, silent
from training.records import truth_of

MANIFEST: Final = "manifest.jsonl"
SET_ASIDE_LIST: Final = "set-aside.jsonl"

_OUTAGE: Final = 50
"""So many bins in a row that the network kept back are no bad luck: the run ends, to be taken up again."""
_SIZES_LOOKED_UP: Final = 100


@dataclass(frozen=True, slots=True)
class Summary:
    """What a fetch did. `wanted` = `fetched` + `already_there` + the set-aside ones, earlier ones included."""

    wanted: int
    fetched: int
    already_there: int
    set_aside: dict[str, int]
    """How many of the wanted bins, by reason."""
    bytes_fetched: int

    @property
    def share_set_aside(self) -> float:
        """The part of the wanted bins that the folder does without."""
        return sum(self.set_aside.values()) / self.wanted if self.wanted else 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a fetch would do."""

    wanted: int
    outstanding: int
    objects: int
    about_bytes: int


@dataclass(frozen=True, slots=True)
class _Attempt:
    outcome: Outcome
    bytes_fetched: int = 0


def fetch(  # noqa: PLR0913 - what, where to, which, and how
    source: Source,
    out: Path,
    selection: Selection,
    *,
    workers: int,
    retry_set_aside: bool = False,
    progress: Progress = silent,
) -> Summary:
    """Bring the selected bins into `out`, which then holds them, `manifest.jsonl` and `set-aside.jsonl`.

    A bin that is complete in `out` is not read again, so a killed fetch that is run again ends in the same folder. The
    two lists describe the whole folder; while a fetch is under way or unfinished, there are none.

    Raises UnusableSourceError, UnwritableFolderError, FolderInUseError; what was done until then is kept.
    """
    folder = DataFolder(out)
    folder.prepare()
    with Journal.of(out) as journal:
        journal.forget_lost(folder.holds)
        wanted = journal.want(_chosen(selection, source, workers))
        if retry_set_aside:
            journal.forget_set_aside(folder.forget_set_aside)
        before = journal.complete_count()
        _drop_lists(out)
        worker = _Worker(source, FolderSource(out), folder)
        fetched, found, bytes_fetched = _work_through(journal, worker, workers, progress)
        _write_lists(out, journal)
        return Summary(wanted, fetched, before + found, journal.reasons(), bytes_fetched)


def estimate(source: Source, out: Path, selection: Selection, *, workers: int) -> Estimate:
    """Tell what `fetch` would do, leaving no trace: the bytes are extrapolated from the sizes of a hundred bins."""
    with Journal.glimpsed(out) as journal:
        wanted = journal.want(_chosen(selection, source, workers))
        outstanding = journal.outstanding_count()
        some = heapq.nsmallest(_SIZES_LOOKED_UP, journal.outstanding(), key=lambda image_id: place(image_id, 0))
    sizes = list(in_order(source.size, some, workers))
    about_bytes = round(sum(sizes) / len(sizes) * outstanding) if sizes else 0
    return Estimate(wanted, outstanding, 2 * outstanding, about_bytes)


def _chosen(selection: Selection, source: Source, workers: int) -> Iterable[str]:
    def count_of(image_id: str) -> tuple[str, int | None]:
        try:
            return image_id, truth_of(source.metadata(image_id)).count
        except (MissingObjectError, BrokenRecordError):
            return image_id, None

    return chosen(selection, source.ids, lambda ids: in_order(count_of, ids, workers))


def _work_through(journal: Journal, worker: "_Worker", workers: int, progress: Progress) -> tuple[int, int, int]:
    """Obtain what is outstanding; counts the bins fetched, those found complete, and the bytes fetched."""
    fetched = found = bytes_fetched = 0
    attempts = in_order(worker.obtain, journal.outstanding(), workers)
    with closing(attempts), progress(journal.outstanding_count(), "fetching") as done:
        for attempt in _until_outage(attempts):
            journal.record(attempt.outcome)
            complete = attempt.outcome.state is State.COMPLETE
            fetched += complete and attempt.bytes_fetched > 0
            found += complete and attempt.bytes_fetched == 0
            bytes_fetched += attempt.bytes_fetched
            done()
    return fetched, found, bytes_fetched


def _until_outage(attempts: Iterable[_Attempt]) -> Iterator[_Attempt]:
    """Pass the attempts on until nothing comes out of the source any more, which raises UnusableSourceError."""
    unread_in_a_row = 0
    for attempt in attempts:
        yield attempt
        unread_in_a_row = unread_in_a_row + 1 if attempt.outcome.state is State.UNREAD else 0
        if unread_in_a_row == _OUTAGE:
            raise UnusableSourceError(
                f"{_OUTAGE} bins in a row were {attempt.outcome.note}; what has arrived is kept, and the same command"
                " goes on from there"
            )


@dataclass(frozen=True, slots=True)
class _Worker:
    """Obtains one bin at a time; threads share it."""

    source: Source
    have: Source
    folder: DataFolder

    def obtain(self, image_id: str) -> _Attempt:
        """Find the bin complete in the folder, or read it and keep it or set it aside."""
        return self._found(image_id) or self._read(image_id)

    def _found(self, image_id: str) -> _Attempt | None:
        """Look for what a killed run has put in place without taking it down."""
        try:
            line = manifest_line(image_id, self.have.photo(image_id), self.have.metadata(image_id))
        except (MissingObjectError, BrokenRecordError):
            return None
        return _Attempt(Outcome(image_id, State.COMPLETE, line))

    def _read(self, image_id: str) -> _Attempt:
        try:
            photo, metadata = _or_none(self.source.photo, image_id), _or_none(self.source.metadata, image_id)
        except UnreadObjectError as cause:
            return _Attempt(Outcome(image_id, State.UNREAD, f"not read: {cause}"))
        if photo is None or metadata is None:
            return self._set_aside(image_id, photo, metadata, _what_is_missing(photo, metadata))
        try:
            line = manifest_line(image_id, photo, metadata)
        except BrokenRecordError as cause:
            return self._set_aside(image_id, photo, metadata, str(cause))
        self.folder.keep(image_id, photo, metadata)
        return _Attempt(Outcome(image_id, State.COMPLETE, line), len(photo) + len(metadata))

    def _set_aside(self, image_id: str, photo: bytes | None, metadata: bytes | None, reason: str) -> _Attempt:
        self.folder.set_aside(image_id, photo, metadata)
        return _Attempt(Outcome(image_id, State.BROKEN, reason), len(photo or b"") + len(metadata or b""))


def _or_none(read: Callable[[str], bytes], image_id: str) -> bytes | None:
    try:
        return read(image_id)
    except MissingObjectError:
        return None


def _what_is_missing(photo: bytes | None, metadata: bytes | None) -> str:
    names = [name for name, body in (("photo", photo), ("metadata", metadata)) if body is None]
    return f"{' and '.join(names)} missing"


def _write_lists(out: Path, journal: Journal) -> None:
    set_aside = (json.dumps({"id": image_id, "reason": reason}) for image_id, reason in journal.set_aside())
    _write_lines(out, SET_ASIDE_LIST, set_aside)
    _write_lines(out, MANIFEST, journal.complete())


def _write_lines(out: Path, name: str, lines: Iterable[str]) -> None:
    part = out / OWN / name
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
        part.replace(out / name)
    except OSError as cause:
        raise UnwritableFolderError(f"{out / name}: {cause.strerror}") from cause


def _drop_lists(out: Path) -> None:
    for name in (MANIFEST, SET_ASIDE_LIST):
        (out / name).unlink(missing_ok=True)
