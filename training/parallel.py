"""Work in threads, with few items taken ahead, so that memory does not grow with their number."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_UNDER_WAY_PER_WORKER: Final = 4


def in_order(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Generator[Result, None, None]:
    """Do the work in threads and give the results in the items' order, with few items taken ahead.

    Ends, however it ends, only when no thread works any more; what had not begun then does not begin.
    """
    under_way: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            under_way.append(pool.submit(work, item))
            if len(under_way) == workers * _UNDER_WAY_PER_WORKER:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
