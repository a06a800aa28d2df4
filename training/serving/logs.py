"""Log lines as JSON objects, one a line, so that CloudWatch can query them by field."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final, TextIO

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "color_message"}


class JsonLines(logging.Formatter):
    """Writes time, level, logger, message, the `extra` that a record carries, and its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one JSON object without line breaks; fields that are None are left out."""
        fields: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _STANDARD and value is not None},
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


def json_lines(stream: TextIO) -> logging.Handler:
    """Return a handler that writes such lines to `stream`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    return handler
