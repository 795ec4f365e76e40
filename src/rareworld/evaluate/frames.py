"""Frames of clips, decoded in threads ahead of the network that looks at them.

Work is cut into parts of few frames, so memory does not grow with a clip's length, and only a few
parts are decoded ahead, so it does not grow with the number of clips either. Frames are taken by
their times (`data.footage`): of a video with a fixed rate, the frames as they are, one by one.
Proved in `tests/evaluate/test_frames.py`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeVar, final

import numpy as np
from jaxtyping import UInt8

from rareworld.core.seed import Seed
from rareworld.data.footage import frames_at, probe_footage
from rareworld.evaluate.config import PicturesConfig

T = TypeVar("T")
V = TypeVar("V")

PART = 32
"""Most frames decoded at a time of clips that are looked at picture by picture."""


@final
@dataclass(frozen=True, kw_only=True)
class FrameChoice:
    """Which frames of a clip are looked at."""

    frames: int
    """Consecutive frames; 1: pictures, see below."""
    random_start: bool = False
    """Begin anywhere instead of at the first frame."""
    pictures: PicturesConfig = field(default_factory=PicturesConfig)
    seed: int = 0

    def indices(self, length: int, video: str) -> tuple[int, ...]:
        """Return the frames of a clip of some length; none if it is too short.

        What is drawn follows from the seed and the video's own hash.
        """
        draw = Seed(self.seed).child("frames", video)
        if self.frames == 1:
            return self._pictures(length, draw)
        last = length - self.frames
        if last < 0:
            return ()
        start = int(draw.generator().integers(last + 1)) if self.random_start else 0
        return tuple(range(start, start + self.frames))

    def _pictures(self, length: int, draw: Seed) -> tuple[int, ...]:
        count = self.pictures.count
        if count is None:
            return tuple(range(0, length, self.pictures.every))
        chosen = draw.generator().choice(length, min(count, length), replace=False)
        return tuple(sorted(int(index) for index in chosen))

    def describe(self) -> dict[str, object]:
        """Return what decides the frames, as JSON types."""
        out: dict[str, object] = {"frames": self.frames}
        if self.frames == 1:
            out |= self.pictures.model_dump()
        else:
            out["start"] = "random" if self.random_start else "first"
        drawn = self.random_start if self.frames > 1 else self.pictures.count is not None
        return out | ({"seed": self.seed} if drawn else {})

    def words(self) -> str:
        """Return the same for people."""
        if self.frames > 1:
            start = "from a random place" if self.random_start else "from the first"
            return f"{self.frames} consecutive frames {start}"
        if self.pictures.count is not None:
            return f"{self.pictures.count} random frames of each clip"
        return "every frame" if self.pictures.every == 1 else f"every {self.pictures.every}th frame"


@final
@dataclass(frozen=True, kw_only=True)
class Part:
    """Some frames of a video."""

    path: Path
    times: tuple[Fraction, ...]
    """Seconds from the first frame."""

    def read(self) -> UInt8[np.ndarray, "t h w 3"]:
        """Decode the frames.

        Raises:
            FormatError: If the video is damaged.
        """
        return np.stack(list(frames_at(self.path, self.times)))


def parts_of(path: Path, choice: FrameChoice, video: str) -> tuple[Part, ...]:
    """Return what of a video is decoded, piece by piece; nothing if it is too short.

    Raises:
        FormatError: If the video cannot be read.
    """
    info = probe_footage(path)
    times = [index / info.rate for index in choice.indices(info.num_frames, video)]
    size = PART if choice.frames == 1 else len(times)
    return tuple(
        Part(path=path, times=tuple(times[start : start + size]))
        for start in range(0, len(times), max(size, 1))
    )


def in_threads(work: Callable[[T], V], items: Iterable[T], threads: int) -> Iterator[Future[V]]:
    """Yield the results to come of some work, in order, while a few after them are worked on.

    What the work raises is raised by `Future.result`.
    """
    ahead: deque[Future[V]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        try:
            for item in items:
                ahead.append(pool.submit(work, item))
                if len(ahead) > threads + 1:
                    yield ahead.popleft()
            while ahead:
                yield ahead.popleft()
        finally:
            for future in ahead:
                future.cancel()
