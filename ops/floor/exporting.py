"""Lists written out whole, page by page, in a form that a stopped export can be taken up from.

What is still to be read stands in a list of tasks. Beside a file that is being written lies another with the tasks that
were left after its last whole page, and the size that the file had then.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlencode

from ops.floor.api import named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ops.floor.api import Api

_PAGE = 1_000
_BINS_AT_ONCE = 200


class What(StrEnum):
    """The lists that can be exported."""

    BINS = "bins"
    INSPECTIONS = "inspections"
    REJECTIONS = "rejections"
    RESOLUTIONS = "resolutions"
    AUDIT = "audit"


class Format(StrEnum):
    """The forms that they can have, and their media types."""

    JSONL = "jsonl"
    CSV = "csv"

    @property
    def media_type(self) -> str:
        """Return what the API is asked for."""
        return {"jsonl": "application/x-ndjson", "csv": "text/csv"}[self.value]


@dataclass(frozen=True, slots=True)
class Task:
    """A page to read: of the list itself, or of bins, each of which has a list that is exported."""

    path: str
    is_of_bins: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported. `bin_id` is for a bin's photos; the times, RFC 3339, bound a list that has them."""

    what: What
    site: str | None = None
    bin_id: str | None = None
    since: str | None = None
    until: str | None = None

    def tasks(self) -> list[Task]:
        """Return where to begin.

        Raises:
            ValueError: the list can't be had so; the message says what is missing.
        """
        needs_site = self.what in {What.RESOLUTIONS, What.AUDIT} or (self.what is What.INSPECTIONS and not self.bin_id)
        if needs_site and not self.site:
            raise ValueError(f"{self.what} are of a site: give --site")
        times = {"from": self.since, "to": self.until}
        if self.what is What.INSPECTIONS and self.bin_id:
            return [Task(_first(_photos_of(self.bin_id)))]
        if self.what is What.INSPECTIONS:
            return [Task(_first("/v1/bins", _BINS_AT_ONCE, site=self.site), is_of_bins=True)]
        if self.what is What.RESOLUTIONS:
            return [Task(_first(named("/v1/sites/{}/resolutions", self.site or ""), **times))]
        if self.what is What.REJECTIONS:
            return [Task(_first("/v1/rejections"))]
        return [Task(_first(f"/v1/{self.what}", site=self.site, **times))]


@dataclass(frozen=True, slots=True)
class Progress:
    """What is left to be read, and how many bytes have been written of what was."""

    left: tuple[Task, ...]
    written: int = 0


def pages(api: Api, form: Format, progress: Progress) -> Iterator[tuple[bytes, Progress]]:
    """Yield what to write next and how far one is then, until nothing is left."""
    while progress.left:
        task, *rest = progress.left
        if task.is_of_bins:
            page = api.get(task.path)
            photos = [Task(_first(_photos_of(bin_["bin_id"]))) for bin_ in page["bins"]]
            more = [Task(_after(task.path, page["cursor"]), is_of_bins=True)] if page["cursor"] else []
            progress = Progress((*photos, *rest, *more), progress.written)
            yield b"", progress
            continue
        sheet = api.sheet(task.path, form.media_type)
        content = _without_head(sheet.content) if form is Format.CSV and progress.written else sheet.content
        following = [Task(sheet.following)] if sheet.following else []
        progress = Progress((*following, *rest), progress.written + len(content))
        yield content, progress


def to_stream(api: Api, form: Format, wanted: Wanted, stream: BinaryIO) -> None:
    """Write a list to a stream, which can't be taken up again."""
    for content, _ in pages(api, form, Progress(tuple(wanted.tasks()))):
        stream.write(content)
        stream.flush()


def to_file(api: Api, form: Format, wanted: Wanted, file: Path, told: Callable[[Progress], None]) -> None:
    """Write a list to a file, going on where an export of the same list to it was stopped.

    Raises:
        ValueError: a stopped export to this file is of another list.
    """
    part, note = file.with_name(f"{file.name}.part"), file.with_name(f"{file.name}.progress")
    progress = _noted(note, wanted, form) or Progress(tuple(wanted.tasks()))
    with part.open("r+b" if progress.written else "wb") as stream:
        stream.truncate(progress.written)
        stream.seek(progress.written)
        for content, reached in pages(api, form, progress):
            stream.write(content)
            stream.flush()
            _put_down(note, wanted, form, reached)
            told(reached)
    part.replace(file)
    note.unlink(missing_ok=True)


def _noted(note: Path, wanted: Wanted, form: Format) -> Progress | None:
    if not note.exists():
        return None
    noted = json.loads(note.read_text())
    if noted["wanted"] != {**asdict(wanted), "form": form}:
        raise ValueError(f"{note} is of another export: finish that one, or delete it")
    return Progress(tuple(Task(**task) for task in noted["left"]), noted["written"])


def _put_down(note: Path, wanted: Wanted, form: Format, reached: Progress) -> None:
    """Replace the note as a whole: one that is half written would lose what was done."""
    fresh = note.with_name(f"{note.name}.new")
    fresh.write_text(json.dumps({"wanted": {**asdict(wanted), "form": form}, **asdict(reached)}))
    fresh.replace(note)


def _photos_of(bin_id: str) -> str:
    return named("/v1/bins/{}/inspections", bin_id)


def _first(path: str, limit: int = _PAGE, /, **query: str | None) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode({**given, 'limit': str(limit)})}"


def _after(path: str, cursor: str) -> str:
    """Return the page of a list after the one at a path."""
    return f"{path.partition('&cursor=')[0]}&{urlencode({'cursor': cursor})}"


def _without_head(content: bytes) -> bytes:
    """Return a CSV without its first line: no column's name has a line break in it."""
    return content.partition(b"\n")[2]
