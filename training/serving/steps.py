"""How long each step of an answer takes, so that logs and metrics show where the time goes."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

Step = Literal["read", "wait", "decode", "resize", "network", "reply"]
"""From the first byte of the request to the last of the reply; `wait` is for a thread, or for memory to decode in."""

STEPS: tuple[Step, ...] = get_args(Step)

Timed: TypeAlias = "Callable[[Step], AbstractContextManager[object]]"
"""Times a block as one of the steps."""


def untimed(_: Step) -> AbstractContextManager[object]:
    """Time nothing: for whoever does not ask."""
    return nullcontext()


class Stopwatch:
    """Seconds by step, of one request. Its steps follow each other, on whatever thread; none lies within another."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.started = clock()
        self.seconds: dict[Step, float] = {}

    @contextmanager
    def timed(self, step: Step) -> Iterator[None]:
        """Add the time of the block to a step, also where the block fails."""
        started = self.clock()
        try:
            yield
        finally:
            self.add(step, self.clock() - started)

    def add(self, step: Step, seconds: float) -> None:
        """Add to a step what was timed elsewhere."""
        self.seconds[step] = self.seconds.get(step, 0.0) + seconds

    def total(self) -> float:
        """Return the seconds since the request began."""
        return self.clock() - self.started
