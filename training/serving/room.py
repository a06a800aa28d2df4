"""Memory that threads share: each takes what its photo needs, and waits while that much is not free.

Counts what it is told, it allocates nothing. May not know what the memory is for.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager, nullcontext
from threading import Condition
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Hold: TypeAlias = Callable[[int], AbstractContextManager[object]]


def freely(_: int) -> AbstractContextManager[object]:
    """Hold any amount at once: for whoever has memory to spare, such as training."""
    return nullcontext()


class Room:
    """So many bytes, given out in the order in which they are asked for: small photos cannot starve a large one."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._changed = Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        """Wait for `amount` bytes and keep them until the block ends.

        Raises:
            ValueError: the room never has that many.

        """
        if amount > self.size:
            raise ValueError(f"{amount} bytes are asked of a room of {self.size}")
        self._take(amount)
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()

    def _take(self, amount: int) -> None:
        mine = object()
        with self._changed:
            self._queue.append(mine)
            self._changed.wait_for(lambda: self._queue[0] is mine and amount <= self._free)
            self._queue.popleft()
            self._free -= amount
            self._changed.notify_all()  # the next in the queue may fit beside this one
