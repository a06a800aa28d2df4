"""Waiting for what other processes do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_SECONDS = 30.0


def eventually(happened: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so, and fail if it never is."""
    give_up_at = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < give_up_at, f"it did not happen within {seconds:.0f} s"
        time.sleep(0.05)
