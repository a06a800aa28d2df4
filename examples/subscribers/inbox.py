"""What was received and has not been worked off: in one file, so that neither a crash nor a repeat does harm.

Bincheck sends an alert at least once. It is written down here before its receipt is acknowledged, each `alert_id` once,
and worked off afterwards: whoever sends waits for a line in a database and not for what is done with an alert.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Inbox:
    """Alerts by id; several threads may use it."""

    def __init__(self, file: Path | str) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")  # what was acknowledged outlives a power cut
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS alerts (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE,"
            " message TEXT, done INTEGER NOT NULL DEFAULT 0)"
        )

    def take(self, alert_id: str, message: str) -> bool:
        """Write an alert down; tells whether it is new."""
        with self._lock:
            row = (alert_id, message)
            return self._db.execute("INSERT OR IGNORE INTO alerts (id, message) VALUES (?, ?)", row).rowcount == 1

    def waiting(self) -> list[tuple[str, str]]:
        """Return id and message of what has not been worked off, the oldest first."""
        with self._lock:
            return self._db.execute("SELECT id, message FROM alerts WHERE NOT done ORDER BY number").fetchall()

    def done(self, alert_id: str) -> None:
        """Take down that an alert was worked off; its id is kept, to know it when it comes again."""
        with self._lock:
            self._db.execute("UPDATE alerts SET done = 1, message = NULL WHERE id = ?", (alert_id,))

    def is_done(self, alert_id: str) -> bool:
        """Tell whether an alert was worked off."""
        with self._lock:
            found = self._db.execute("SELECT done FROM alerts WHERE id = ?", (alert_id,)).fetchone()
        return found is not None and bool(found[0])

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()
