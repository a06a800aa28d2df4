"""What the functions log, for the tests that read it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class Logged(io.StringIO):
    """Takes the functions' log lines."""

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def logged() -> Iterator[Logged]:
    """What the functions log from here on."""
    from chalicelib import telemetry  # noqa: PLC0415 - the training environment, which collects this too, lacks it

    handler = telemetry.logger.registered_handler
    stream = Logged()
    usual = handler.setStream(stream)  # type: ignore[attr-defined]
    yield stream
    handler.setStream(usual)  # type: ignore[attr-defined]
    telemetry.logger.set_correlation_id(None)
    telemetry.logger.remove_keys(["key"])
