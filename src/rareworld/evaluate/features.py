"""Features of a set: kept rows are taken, other clips are decoded and go through the network.

Hashing, probing and decoding happen in threads; the network runs in the caller's. A clip that
cannot be read, or whose features are no numbers, is set aside and named; one that is too short for
the protocol is left out and counted. Proved in `tests/evaluate/test_features.py`.
"""

import math
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from rareworld.data.atomic import sha256_file
from rareworld.errors import FormatError
from rareworld.evaluate.cache import FeatureCache
from rareworld.evaluate.frames import FrameChoice, Part, in_threads, parts_of
from rareworld.evaluate.sets import Clip, ClipSet
from rareworld.evaluate.tables import FeatureTable, RowFile
from rareworld.models.features import FeatureNet

Tell = Callable[[str, int, int], object]
"""Told what is done, how much of it, and of how much."""
BATCH_BYTES = 2**28
"""A call of the network gets no more pixels than this, give or take a clip."""
NOT_FINITE = "its features hold NaN or infinity; look at its pictures, or take the clip out"


@final
@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """A clip that could not be measured."""

    label: str
    """Its set."""
    clip: str
    error: str
    kind: str = "FormatError"
    """Class of the error."""


@final
@dataclass(frozen=True, kw_only=True)
class Features:
    """Features of a set, and what is missing from them."""

    table: FeatureTable
    short: tuple[str, ...] = ()
    """Clips with fewer frames than the protocol looks at."""
    quarantined: tuple[Quarantined, ...] = ()


@final
@dataclass(frozen=True, kw_only=True)
class Means:
    """What features are made with."""

    net: FeatureNet
    choice: FrameChoice
    device: torch.device
    batch_frames: int
    threads: int
    cache: Path | None = None

    def describe(self) -> dict[str, Any]:
        """Return all that decides features besides the video, as JSON types."""
        net = self.net
        return {
            "net": net.name,
            "preprocessing": net.preprocessing,
            "weights": net.weights.sha256,
            **self.choice.describe(),
        }


@final
class Hashes:
    """Hashes of videos, each made once in a run."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """Return the SHA-256 of a video.

        Raises:
            FormatError: If it cannot be read.
        """
        if path not in self._known:
            try:
                self._known[path] = sha256_file(path)
            except OSError as error:
                raise FormatError(
                    f"{path}: cannot be read ({error.strerror}); check the path and the disk"
                ) from None
        return self._known[path]


@final
@dataclass(frozen=True, kw_only=True)
class _Job:
    """A piece of a clip to decode."""

    clip: Clip
    part: Part
    of: int
    """Pieces of the clip."""


@final
@dataclass(frozen=True, kw_only=True)
class _Decoded:
    """A piece as it came out."""

    job: _Job
    frames: UInt8[np.ndarray, "t h w 3"] | FormatError


def extract(clips: ClipSet, means: Means, hashes: Hashes, tell: Tell) -> Features:
    """Return the features of a set of videos.

    Raises:
        StoreError: If the cache cannot be written.
    """
    with _store(means) as store:
        work = _Work(means, clips, store, hashes, tell)
        work.run()
        with RowFile(means.cache) as rows:
            for clip in work.kept():
                rows.append(work.stored(clip))
            table = rows.table(
                [clip.name for clip in work.kept()], [clip.group for clip in work.kept()]
            )
    return Features(table=table, short=tuple(work.short), quarantined=tuple(work.bad.values()))


@contextmanager
def _store(means: Means) -> Iterator[FeatureCache]:
    """Open the cache, or one for this run alone."""
    if means.cache is not None:
        yield FeatureCache(means.cache, means.describe())
        return
    with tempfile.TemporaryDirectory(prefix="rareworld-features-") as folder:
        yield FeatureCache(Path(folder), means.describe())


@final
class _Work:
    """One set on its way through the network."""

    def __init__(
        self, means: Means, clips: ClipSet, store: FeatureCache, hashes: Hashes, tell: Tell
    ) -> None:
        self._means, self._set, self._store, self._hashes = means, clips, store, hashes
        self._tell = partial(tell, f"{clips.label}: {means.net.name}")
        self._waiting: dict[tuple[int, ...], list[_Decoded]] = defaultdict(list)
        self._rows: dict[str, list[Float32[np.ndarray, "n d"]]] = defaultdict(list)
        self._ended = 0
        self.short: list[str] = []
        self.bad: dict[str, Quarantined] = {}

    def run(self) -> None:
        """Bring every clip to an end: in the store, too short, or set aside."""
        self._tell(0, len(self._set.clips))
        for future in in_threads(_decode, self._jobs(), self._means.threads):
            decoded = future.result()
            if isinstance(decoded.frames, FormatError):
                self._refuse(decoded.job.clip, decoded.frames)
            else:
                self._take(decoded, decoded.frames.shape[1:])
        for shape in list(self._waiting):
            self._flush(shape)

    def kept(self) -> list[Clip]:
        """Return the clips that have features."""
        short = set(self.short)
        return [c for c in self._set.clips if c.name not in self.bad and c.name not in short]

    def stored(self, clip: Clip) -> Float32[np.ndarray, "n d"]:
        """Return a clip's rows.

        Raises:
            FormatError: If they were damaged since they were made.
        """
        video = self._hashes.of(clip.path)
        rows = self._store.read(video)
        if rows is None:
            raise FormatError(
                f"{self._store.path(video)}: was whole and is damaged now; check the disk and "
                "run the same command again"
            )
        return rows

    def _jobs(self) -> Iterator[_Job]:
        """Yield what is to be decoded, clip by clip; clips that end without it end here."""
        looked = in_threads(self._look, self._set.clips, self._means.threads)
        for clip, future in zip(self._set.clips, looked, strict=True):
            parts = future.result()
            if isinstance(parts, FormatError):
                self._refuse(clip, parts)
            elif parts is None:
                self._end()
            elif not parts:
                self.short.append(clip.name)
                self._end()
            else:
                yield from (_Job(clip=clip, part=part, of=len(parts)) for part in parts)

    def _look(self, clip: Clip) -> tuple[Part, ...] | FormatError | None:
        """Return what is to be decoded of a clip; None if its features are there."""
        try:
            video = self._hashes.of(clip.path)
            if self._store.read(video) is not None:
                return None
            return parts_of(clip.path, self._means.choice, video)
        except FormatError as error:
            return error

    def _take(self, decoded: _Decoded, shape: tuple[int, ...]) -> None:
        """Put frames with others of their size, and look at them once there are enough."""
        waiting = self._waiting[shape]
        waiting.append(decoded)
        frames = sum(len(item.job.part.times) for item in waiting)
        if frames >= self._means.batch_frames or frames * math.prod(shape) >= BATCH_BYTES:
            self._flush(shape)

    def _flush(self, shape: tuple[int, ...]) -> None:
        """Look at all frames of one size that wait."""
        waiting = self._waiting.pop(shape)
        pictures = self._means.choice.frames == 1
        frames = [item.frames for item in waiting if not isinstance(item.frames, FormatError)]
        clips = np.concatenate(frames)[:, None] if pictures else np.stack(frames)
        rows = self._means.net.features(torch.from_numpy(clips).to(self._means.device))
        ends = np.cumsum([len(item) if pictures else 1 for item in frames])[:-1]
        for item, own in zip(waiting, np.split(rows.cpu().numpy(), ends), strict=True):
            self._arrived(item.job, own)

    def _arrived(self, job: _Job, rows: Float32[np.ndarray, "n d"]) -> None:
        """Keep a clip's rows once all are there."""
        name = job.clip.name
        self._rows[name].append(rows)
        if len(self._rows[name]) < job.of or name in self.bad:
            return
        whole = np.concatenate(self._rows.pop(name))
        if np.isfinite(whole).all():
            self._store.write(self._hashes.of(job.clip.path), whole)
            self._end()
        else:
            self._refuse(job.clip, FormatError(f"{job.clip.path}: {NOT_FINITE}"))

    def _refuse(self, clip: Clip, error: FormatError) -> None:
        """Set a clip aside."""
        if clip.name not in self.bad:
            self.bad[clip.name] = Quarantined(
                label=self._set.label, clip=clip.name, error=str(error), kind=type(error).__name__
            )
            self._end()

    def _end(self) -> None:
        self._ended += 1
        self._tell(self._ended, len(self._set.clips))


def _decode(job: _Job) -> _Decoded:
    try:
        return _Decoded(job=job, frames=job.part.read())
    except FormatError as error:
        return _Decoded(job=job, frames=error)
