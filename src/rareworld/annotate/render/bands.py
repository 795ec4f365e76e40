"""Share work between threads in pieces that never overlap."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar, final

import numpy as np
from jaxtyping import Int32

_PIECES_PER_THREAD = 4

_Item = TypeVar("_Item")


@final
class Bands:
    """A few threads; which thread does which piece does not show in the result."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="render")
        self._pieces = 1 if threads == 1 else threads * _PIECES_PER_THREAD

    def over_rows(self, height: int, work: Callable[[tuple[int, int]], None]) -> None:
        """Call `work` with (first, end) rows that together make up the image."""
        edges = [height * k // self._pieces for k in range(self._pieces + 1)]
        self._run(work, list(pairwise(edges)))

    def over_tiles(
        self, tiles: Int32[np.ndarray, "n 2"], work: Callable[[Int32[np.ndarray, "m 2"]], None]
    ) -> None:
        """Call `work` with shares of a list of tiles."""
        pieces = [tiles[k :: self._pieces] for k in range(self._pieces)]
        self._run(work, [np.ascontiguousarray(piece) for piece in pieces if len(piece)])

    def over_items(self, items: list[_Item], work: Callable[[_Item], None]) -> None:
        """Call `work` with each item."""
        self._run(work, items)

    def _run(self, work: Callable[[_Item], None], items: list[_Item]) -> None:
        for done in [self._pool.submit(work, item) for item in items]:
            done.result()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()
