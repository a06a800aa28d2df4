"""What a backfill knows, in one SQLite file: its photos, the jobs that count them, and how each photo ended.

Written by one process and one thread. A photo is one version of one object, in the order of keys; so many in a row
make a part, which one job counts and which is held in memory at a time: half a million photos take no more than one
part. A kill takes at most the last unsaved batch; what was in it is found again, in S3 or in the table.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from chalicelib.domain import BinImage
from chalicelib.items import moment, timestamp
from ops.backfill.errors import BackfillError, InUse, OtherBackfill

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_SAVED_EVERY: Final = 100
"""Ends of photos that a kill may take."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS photos (
    number INTEGER PRIMARY KEY, part INTEGER NOT NULL, key TEXT NOT NULL UNIQUE, version TEXT, etag TEXT NOT NULL,
    size INTEGER NOT NULL, uploaded_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_part ON photos (part);
CREATE TABLE IF NOT EXISTS jobs (name TEXT PRIMARY KEY, part INTEGER NOT NULL, ordinal INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS counted (part INTEGER PRIMARY KEY, photos INTEGER NOT NULL, answered INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ends (
    number INTEGER PRIMARY KEY, verdict TEXT NOT NULL, reason TEXT, way TEXT NOT NULL, is_new INTEGER NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the photos lie, and how many of them one job counts."""

    bucket: str
    prefix: str
    photos_per_job: int


@dataclass(frozen=True, slots=True)
class End:
    """How a photo ended: its verdict, and a reason where it was rejected.

    `way` says whose answer it rests on; `is_new` is False where the photo had been recorded before.
    """

    verdict: str
    reason: str | None
    way: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a backfill is, in photos."""

    photos: int
    is_listed: bool
    jobs: int
    parts: int
    parts_counted: int
    answered: int
    ends: Counter[str]
    """Photos by verdict, rejected ones with their reason."""
    ways: Counter[str]
    known_before: int

    @property
    def recorded(self) -> int:
        """Photos that have ended."""
        return self.ends.total()

    @property
    def left(self) -> int:
        """Photos that have not."""
        return self.photos - self.recorded


class Ledger:
    """The record of one backfill."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._unsaved = 0
        self._db.executescript(_TABLES)

    @classmethod
    @contextmanager
    def of(cls, folder: Path) -> Iterator[Self]:
        """Open a folder's ledger, or begin one, for this process alone; saved however the block ends.

        Raises:
            InUse: another process has it open.
            BackfillError: the file can't be read or written.

        """
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(folder / "backfill.sqlite", timeout=0)
        try:
            # The lock goes with the process, so a killed run leaves none.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            ledger = cls(connection)
            yield ledger
            connection.commit()
        except sqlite3.OperationalError as cause:
            if "locked" in str(cause):
                raise InUse(f"{folder}: another process works on this backfill") from cause
            raise BackfillError(f"{folder}: {cause}") from cause
        except BaseException:
            connection.commit()
            raise
        finally:
            connection.close()

    # Listing ---------------------------------------------------------------------------------------------------

    @property
    def source(self) -> Source | None:
        """Where the photos lie; None before the first listing."""
        facts = dict(self._db.execute("SELECT name, value FROM facts"))
        if "bucket" not in facts:
            return None
        return Source(facts["bucket"], facts["prefix"], int(facts["photos_per_job"]))

    def begin(self, source: Source) -> None:
        """Say what is listed; saying it again changes nothing.

        Raises:
            OtherBackfill: the folder holds photos of another place, or in parts of another size.

        """
        if self.source not in (None, source):
            raise OtherBackfill(f"this folder holds the backfill of {self.source}; give the new one another name")
        facts = {"bucket": source.bucket, "prefix": source.prefix, "photos_per_job": str(source.photos_per_job)}
        self._db.executemany("INSERT OR IGNORE INTO facts VALUES (?, ?)", facts.items())
        self._db.commit()

    @property
    def last_key(self) -> str | None:
        """The key after which a listing goes on."""
        found: str | None = self._db.execute("SELECT max(key) FROM photos").fetchone()[0]
        return found

    @property
    def is_listed(self) -> bool:
        """Whether the listing has come to its end."""
        return self._db.execute("SELECT 1 FROM facts WHERE name = 'listed'").fetchone() is not None

    def add(self, images: Iterable[BinImage]) -> None:
        """Add photos behind those that are there; all of them, or none."""
        source = self._known_source()
        first = self._number_of("SELECT count(*) FROM photos")
        rows = (
            (number, number // source.photos_per_job, *_row(image)) for number, image in enumerate(images, start=first)
        )
        with self._db:
            self._db.executemany("INSERT INTO photos VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def finish_listing(self) -> None:
        """Say that there are no more photos."""
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO facts VALUES ('listed', 'yes')")

    # Parts -----------------------------------------------------------------------------------------------------

    def parts(self, *, uncounted: bool = False) -> list[int]:
        """Return the numbers of the parts, all or only those that no job has counted to its end."""
        chosen = "WHERE part NOT IN (SELECT part FROM counted)" if uncounted else ""
        return [part for (part,) in self._db.execute(f"SELECT DISTINCT part FROM photos {chosen} ORDER BY part")]  # noqa: S608

    def photos_of(self, part: int) -> list[tuple[int, BinImage]]:
        """Return the photos of a part that have not ended, by number, in the order of their keys."""
        bucket = self._known_source().bucket
        rows = self._db.execute(
            "SELECT number, key, version, etag, size, uploaded_at FROM photos"
            " WHERE part = ? AND number NOT IN (SELECT number FROM ends) ORDER BY number",
            (part,),
        )
        return [(number, _image(bucket, fields)) for number, *fields in rows]

    # Counting --------------------------------------------------------------------------------------------------

    def jobs_of(self, part: int) -> list[str]:
        """Return the names of a part's jobs, oldest first."""
        rows = self._db.execute("SELECT name FROM jobs WHERE part = ? ORDER BY ordinal", (part,))
        return [name for (name,) in rows]

    def note_job(self, part: int, name: str) -> None:
        """Remember a job, before it is created."""
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO jobs VALUES (?, ?, ?)", (name, part, len(self.jobs_of(part))))

    def note_counted(self, part: int, *, photos: int, answered: int) -> None:
        """Say that a part needs no more jobs: so many of so many photos have an answer."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO counted VALUES (?, ?, ?)", (part, photos, answered))

    # Recording -------------------------------------------------------------------------------------------------

    def note_end(self, number: int, end: End) -> None:
        """Say how a photo ended; saved with the next batch."""
        row = (number, end.verdict, end.reason, end.way, int(end.is_new))
        self._db.execute("INSERT OR REPLACE INTO ends VALUES (?, ?, ?, ?, ?)", row)
        self._unsaved += 1
        if self._unsaved == _SAVED_EVERY:
            self._db.commit()
            self._unsaved = 0

    def standing(self) -> Standing:
        """Return how far the backfill is."""
        ended = "CASE WHEN reason IS NULL THEN verdict ELSE verdict || ': ' || reason END"
        return Standing(
            photos=self._number_of("SELECT count(*) FROM photos"),
            is_listed=self.is_listed,
            jobs=self._number_of("SELECT count(*) FROM jobs"),
            parts=len(self.parts()),
            parts_counted=self._number_of("SELECT count(*) FROM counted"),
            answered=self._number_of("SELECT coalesce(sum(answered), 0) FROM counted"),
            ends=self._counts(ended),
            ways=self._counts("way"),
            known_before=self._number_of("SELECT count(*) FROM ends WHERE NOT is_new"),
        )

    def _known_source(self) -> Source:
        if self.source is None:
            raise BackfillError("nothing has been listed here")
        return self.source

    def _counts(self, expression: str) -> Counter[str]:
        return Counter(dict(self._db.execute(f"SELECT {expression}, count(*) FROM ends GROUP BY 1 ORDER BY 2 DESC")))  # noqa: S608

    def _number_of(self, query: str) -> int:
        number: int = self._db.execute(query).fetchone()[0]
        return number


def _row(image: BinImage) -> tuple[Any, ...]:
    return (image.key, image.version, image.etag, image.size, timestamp(image.uploaded_at))


def _image(bucket: str, fields: Sequence[Any]) -> BinImage:
    key, version, etag, size, uploaded_at = fields
    return BinImage(bucket, key, version, etag, "", size, moment(uploaded_at))
