"""Memory is given out up to its bound and no further, to everybody in their turn."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.waiting import eventually
from training.serving.room import Room, freely

SIZE = 100


class Held:
    """Adds up what is held at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def add(self, amount: int) -> None:
        with self._lock:
            self._now += amount
            self.most = max(self.most, self._now)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, SIZE), min_size=1, max_size=40))
def test_however_many_ask_no_more_than_the_room_is_held_and_all_get_theirs(amounts: list[int]) -> None:
    room, held = Room(SIZE), Held()

    def take(amount: int) -> int:
        with room.hold(amount):
            held.add(amount)
            held.add(-amount)
        return amount

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(take, amounts)) == amounts
    assert held.most <= SIZE
    with room.hold(SIZE):
        pass  # all of it has come back


def test_small_ones_do_not_starve_a_large_one() -> None:
    room, order = Room(SIZE), list[str]()

    def take(amount: int, name: str) -> None:
        with room.hold(amount):
            order.append(name)

    with ThreadPoolExecutor(2) as threads, room.hold(50):
        threads.submit(take, 60, "large")
        eventually(lambda: len(room._queue) == 1)
        threads.submit(take, 10, "small")
        eventually(lambda: len(room._queue) == 2)
        assert order == []
    assert order == ["large", "small"]


def test_what_fails_gives_its_memory_back() -> None:
    room = Room(SIZE)
    with pytest.raises(OSError, match="damaged"), room.hold(SIZE):
        raise OSError("damaged")
    with room.hold(SIZE):
        pass


def test_more_than_there_ever_is_is_a_mistake_and_no_endless_wait() -> None:
    with pytest.raises(ValueError, match="101"), Room(SIZE).hold(SIZE + 1):
        pass


def test_training_waits_for_nothing() -> None:
    with freely(10**12), freely(10**12):
        pass
