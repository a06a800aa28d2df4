from __future__ import annotations

from itertools import count

import pytest

from training.serving.steps import STEPS, Stopwatch, untimed


@pytest.fixture
def watch() -> Stopwatch:
    """A stopwatch whose clock moves on by one second each time it is looked at."""
    ticks = count()
    return Stopwatch(lambda: float(next(ticks)))


def test_a_step_that_comes_twice_is_added_up(watch: Stopwatch) -> None:
    for _ in range(2):
        with watch.timed("decode"):
            pass
    watch.add("decode", 0.5)
    assert watch.seconds == {"decode": 2.5}


def test_a_step_that_fails_has_taken_its_time(watch: Stopwatch) -> None:
    with pytest.raises(OSError, match="damaged"), watch.timed("decode"):
        raise OSError("damaged")
    assert watch.seconds == {"decode": 1.0}


def test_the_total_goes_from_the_start_to_now(watch: Stopwatch) -> None:
    with watch.timed("read"):
        pass
    assert watch.total() == 3.0


def test_nothing_is_timed_for_whoever_does_not_ask() -> None:
    for step in STEPS:
        with untimed(step):
            pass
