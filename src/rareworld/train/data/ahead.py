"""Work done in threads a few items ahead of whoever uses it: decoding, reading.

Proved in `tests/train/data/test_ahead.py`.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
V = TypeVar("V")


def ahead(
    items: Iterable[T], work: Callable[[T], V], *, threads: int, depth: int
) -> Generator[tuple[T, Future[V]]]:
    """Yield every item with its result to come, in order, while those after it are worked on.

    Args:
        items: May be endless.
        work: Called in a thread; what it raises is raised by `Future.result`.
        threads: Calls at the same time.
        depth: Items worked on, or finished and waiting, besides the one yielded.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")
    all_yielded = False
    try:
        waiting: deque[tuple[T, Future[V]]] = deque()
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > depth:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
        all_yielded = True
    finally:
        pool.shutdown(cancel_futures=not all_yielded)
