"""What became of each bin, in one SQLite file of the data folder, so that a fetch goes on where it was killed.

Kept on disk and read in pages: memory does not grow with the number of bins. What a kill takes from the journal (at
most one batch) is found again as files in the folder. Touches no photo. One thread uses it.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from training.errors import FolderInUseError, UnwritableFolderError
from training.fetch.folder import OWN

_BATCH: Final = 200
_PAGE: Final = 200


class State(StrEnum):
    """How far a bin has come."""

    COMPLETE = "complete"
    BROKEN = "broken"
    """Set aside: its files are missing or unusable in the source."""
    UNREAD = "unread"
    """Set aside for now: the network failed, the next run tries again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a bin; `note` is its line of the manifest if it is complete, else the reason why not."""

    image_id: str
    state: State
    note: str


class Journal:
    """Outcomes by id, beside the ids that are wanted this time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._unsaved = 0
        self._db.execute("CREATE TABLE IF NOT EXISTS bins (id TEXT PRIMARY KEY, state TEXT, note TEXT) WITHOUT ROWID")
        self._db.execute("CREATE TEMP TABLE wanted (id TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.execute(
            "CREATE TEMP VIEW outstanding AS SELECT id FROM wanted"
            " WHERE NOT EXISTS (SELECT 1 FROM bins WHERE bins.id = wanted.id AND state != 'unread')"
        )
        self._db.commit()

    @classmethod
    @contextmanager
    def of(cls, folder: Path) -> Iterator[Self]:
        """Open the folder's journal, or begin one, for this process alone; saved however the block ends.

        Raises FolderInUseError while another process has it open.
        """
        path = folder / OWN / "journal.sqlite"
        connection = sqlite3.connect(path, timeout=0)
        try:
            # The lock goes with the process, so a killed run leaves none.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            journal = cls(connection)
            yield journal
        except sqlite3.OperationalError as cause:
            if "locked" in str(cause):
                raise FolderInUseError(f"{folder}: another process is filling this folder") from cause
            raise UnwritableFolderError(f"{path}: {cause}") from cause
        except sqlite3.DatabaseError as cause:
            raise UnwritableFolderError(f"{path}: {cause}; delete it, and the folder is checked anew") from cause
        finally:
            connection.commit()
            connection.close()

    @classmethod
    @contextmanager
    def glimpsed(cls, folder: Path) -> Iterator[Self]:
        """Open the folder's journal, or an empty one in memory, for a caller that will leave no trace."""
        if (folder / OWN / "journal.sqlite").exists():
            with cls.of(folder) as journal:
                yield journal
        else:
            with closing(sqlite3.connect(":memory:")) as connection:
                yield cls(connection)

    def want(self, ids: Iterable[str]) -> int:
        """Take down which bins are wanted, each once, and count them."""
        self._db.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((image_id,) for image_id in ids))
        self._db.commit()
        return self._number("SELECT count(*) FROM wanted")

    def outstanding(self) -> Iterator[str]:
        """Go through the wanted bins without a final outcome, by id; outcomes may be recorded meanwhile."""
        query = "SELECT id FROM outstanding WHERE id > ? ORDER BY id LIMIT ?"
        return (image_id for (image_id,) in self._paged(query))

    def outstanding_count(self) -> int:
        """Count the wanted bins without a final outcome."""
        return self._number("SELECT count(*) FROM outstanding")

    def complete_count(self) -> int:
        """Count the wanted bins that are complete."""
        return self._number("SELECT count(*) FROM wanted NATURAL JOIN bins WHERE state = 'complete'")

    def record(self, outcome: Outcome) -> None:
        """Take down what became of a bin; saved in batches."""
        row = (outcome.image_id, outcome.state, outcome.note)
        self._db.execute("INSERT OR REPLACE INTO bins VALUES (?, ?, ?)", row)
        self._unsaved += 1
        if self._unsaved == _BATCH:
            self._db.commit()
            self._unsaved = 0

    def forget_lost(self, is_there: Callable[[str, int], bool]) -> None:
        """Drop the complete bins whose files are gone; `is_there` is asked with id and bytes of the photo."""
        photos = (json.loads(line) for line in self.complete())
        lost = [(photo["id"],) for photo in photos if not is_there(photo["id"], photo["bytes"])]
        self._db.executemany("DELETE FROM bins WHERE id = ?", lost)
        self._db.commit()

    def forget_set_aside(self, discard: Callable[[str], None]) -> None:
        """Drop the wanted bins that were set aside; `discard` is called with each id before."""
        for image_id, _ in self._paged(
            "SELECT id, note FROM bins WHERE id > ? AND id IN wanted AND state != 'complete' ORDER BY id LIMIT ?"
        ):
            discard(image_id)
        self._db.execute("DELETE FROM bins WHERE id IN wanted AND state != 'complete'")
        self._db.commit()

    def complete(self) -> Iterator[str]:
        """Go through the manifest lines of the folder's complete bins, by id."""
        query = "SELECT id, note FROM bins WHERE id > ? AND state = 'complete' ORDER BY id LIMIT ?"
        return (line for _, line in self._paged(query))

    def set_aside(self) -> Iterator[tuple[str, str]]:
        """Go through id and reason of the folder's bins that were set aside, by id."""
        query = "SELECT id, note FROM bins WHERE id > ? AND state != 'complete' ORDER BY id LIMIT ?"
        return ((image_id, reason) for image_id, reason in self._paged(query))

    def reasons(self) -> dict[str, int]:
        """Count why wanted bins were set aside, by the reason up to its colon, the most frequent first."""
        rows = self._db.execute(
            "SELECT CASE instr(note, ':') WHEN 0 THEN note ELSE substr(note, 1, instr(note, ':') - 1) END AS kind,"
            " count(*) FROM bins WHERE id IN wanted AND state != 'complete' GROUP BY kind ORDER BY count(*) DESC, kind"
        )
        return dict(rows.fetchall())

    def _paged(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Run a query for ids beyond the last one seen until nothing comes: no cursor stays open over a change."""
        after = ""
        while rows := self._db.execute(query, (after, _PAGE)).fetchall():
            yield from rows
            after = rows[-1][0]

    def _number(self, query: str) -> int:
        (number,) = self._db.execute(query).fetchone()
        return int(number)
