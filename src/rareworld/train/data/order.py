"""Which samples each optimizer step takes: a pure function of seed and step number.

Samples are drawn one after another. Each draw belongs to a source, so that over any stretch of
draws each source has had its share; a source hands out all its clips in one pass, each pass in an
order of its own. Drawn clips wait in the queue of their bucket; the queue that fills first is the
next step. Nothing is remembered between runs: epochs, mix and queues of step n follow from the
seed, so a run resumes from its step number alone.

The mix is a tree of two-way splits: the first d draws hold floor(d p + 1/2) of the left side. Built
as Huffman's tree, no source is ever more than 1.5 draws from its share, of two sources none more
than a half; shares of a forked side are at most 2/3 of their fork's (Huffman 1952), and errors of
1/2 add up as 1/2 (1 + 2/3 + ...). Permutations sort raw Philox words, whose values NumPy keeps.

Proved in `tests/train/data/test_order.py` against a plain queue.
"""

import hashlib
import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Int64

from rareworld.core.seed import Seed
from rareworld.errors import ConfigError
from rareworld.train.data.clips import Bucket

Clips = Mapping[tuple[int, Bucket], Mapping[str, Sequence[str]]]
"""Source and bucket, then clip, then its windows."""
CHUNK = 16_384
"""Draws worked out at once."""
ROWS = 4_096
"""Places of a source permuted at once, at least: a small source has many passes."""


@final
@dataclass(frozen=True)
class Pick:
    """A sample of a step."""

    window: str
    """Name of the window to read."""
    id: int
    """Place in the run's series of draws; all randomness of the sample follows from (seed, id)."""


@final
class Order:
    """The series of global batches of a run; each has samples of one bucket."""

    def __init__(
        self, clips: Clips, shares: Mapping[int, float], batch_size: int, seed: int
    ) -> None:
        """Take what there is to draw.

        Args:
            clips: Windows by clip, by source and bucket (`Cache.clips`). A draw takes one of a
                clip's windows; over as many passes as it has windows, each of them once.
            shares: Of each source, relative to the others'.
            batch_size: Samples of a step, over all GPUs.
            seed: Of the run.

        Raises:
            ConfigError: If a source has no clips or no share, or the batch is empty.
        """
        _check(clips, shares, batch_size)
        self.batch_size = batch_size
        self.buckets = tuple(sorted({bucket for _, bucket in clips}))
        self.fingerprint = _fingerprint(clips, shares, batch_size, seed)
        root = Seed(seed).child("order")
        self._mix = _tree(shares)
        self._sources = {
            source: _Source(_rows(clips, source, self.buckets), root.child(source))
            for source in sorted(shares)
        }
        self._rewind()

    def step(self, number: int) -> tuple[Pick, ...]:
        """Return the global batch of a step, counted from 0. Steps in turn are fastest."""
        if number < self._first:
            self._rewind()
        while number >= self._first + len(self._steps):
            self._extend()
        rows = self._steps[number - self._first]
        return tuple(
            Pick(self._sources[source].windows[clip][window], draw)
            for draw, source, clip, window, _ in rows.tolist()
        )

    def passes(self, number: int) -> dict[int, float]:
        """Return how often each source has been gone through when a step has been drawn."""
        draws = max(pick.id for pick in self.step(number)) + 1
        counts = _counts(self._mix, draws)
        return {
            source: counts[source] / len(each.windows) for source, each in self._sources.items()
        }

    def _rewind(self) -> None:
        self._first, self._drawn = 0, 0
        self._steps = np.empty((0, self.batch_size, 5), np.int64)
        self._queued = np.empty((0, 5), np.int64)

    def _extend(self) -> None:
        """Work out the next draws; steps that they complete take the place of those before."""
        self._first += len(self._steps)
        rows = np.concatenate([self._queued, self._draw(self._drawn, self._drawn + CHUNK)])
        self._drawn += CHUNK
        self._steps, self._queued = _batched(rows, self.batch_size)

    def _draw(self, start: int, stop: int) -> Int64[np.ndarray, "n 5"]:
        """Return draws as rows of draw, source, clip, window, bucket."""
        draws = np.arange(start, stop, dtype=np.int64)
        sources, places = _split(self._mix, draws)
        rows = np.empty((len(draws), 5), np.int64)
        rows[:, 0], rows[:, 1] = draws, sources
        for number, source in self._sources.items():
            ours = sources == number
            rows[ours, 2:] = source.draw(places[ours])
        return rows


def _check(clips: Clips, shares: Mapping[int, float], batch_size: int) -> None:
    filled = {source for (source, _), each in clips.items() if each}
    if not shares:
        raise ConfigError("data.sources: expected at least one, found none; name a dataset")
    empty = sorted(set(shares) - filled)
    if empty:
        raise ConfigError(
            f"data.sources.{empty[0]}: no clip of it can be trained on; see the cache's "
            "quarantine.json, lower held_out, or take the source out"
        )
    unshared = sorted(filled - set(shares))
    if unshared:
        raise ConfigError(f"data.sources: expected a share for source {unshared[0]}, found none")
    if batch_size < 1:
        raise ConfigError(f"data.batch_size: expected at least 1, found {batch_size}")


def _fingerprint(clips: Clips, shares: Mapping[int, float], batch_size: int, seed: int) -> str:
    """Return a hash of all that the order follows from."""
    groups = [
        [source, str(bucket), sorted((clip, list(names)) for clip, names in each.items())]
        for (source, bucket), each in sorted(clips.items())
    ]
    text = json.dumps([batch_size, seed, sorted(shares.items()), groups])
    return hashlib.sha256(text.encode()).hexdigest()


# --- one source --------------------------------------------------------------------------------


@final
@dataclass(frozen=True, order=True)
class _Row:
    """A clip: name, windows, number of its bucket."""

    clip: str
    windows: tuple[str, ...]
    bucket: int


def _rows(clips: Clips, source: int, buckets: Sequence[Bucket]) -> list[_Row]:
    return sorted(
        _Row(clip, tuple(windows), buckets.index(bucket))
        for (number, bucket), each in clips.items()
        if number == source
        for clip, windows in each.items()
    )


@final
class _Source:
    """The endless series of a source's clips, pass after pass."""

    def __init__(self, rows: Sequence[_Row], seed: Seed) -> None:
        self.windows = [row.windows for row in rows]
        self._seed = seed
        self._buckets = np.array([row.bucket for row in rows])
        self._counts = np.array([len(row.windows) for row in rows])
        self._starts = _raw(seed.child("window"), len(rows)) % self._counts.astype(np.uint64)
        self._passes = max(1, ROWS // len(rows))
        self._known: dict[int, np.ndarray] = {}

    def draw(self, places: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n 3"]:
        """Return clip, window and bucket of places one after another."""
        clips = self._clips(places)
        passes = places // len(self.windows)
        windows = (self._starts[clips].astype(np.int64) + passes) % self._counts[clips]
        return np.stack([clips, windows, self._buckets[clips]], axis=1)

    def _clips(self, places: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
        if not len(places):
            return places
        size = self._passes * len(self.windows)
        first, last = int(places[0]) // size, int(places[-1]) // size
        self._known = {block: self._block(block) for block in range(first, last + 1)}
        return np.concatenate([*self._known.values()])[places - first * size]

    def _block(self, number: int) -> Int64[np.ndarray, "n"]:
        """Return the clips of some passes, one after another."""
        if number in self._known:
            return self._known[number]
        raw = _raw(self._seed.child("pass", number), self._passes * len(self.windows))
        return np.argsort(raw.reshape(self._passes, -1), axis=1, kind="stable").reshape(-1)


def _raw(seed: Seed, count: int) -> np.ndarray:
    """Return 64-bit words whose values do not depend on NumPy's version."""
    return np.asarray(seed.generator().bit_generator.random_raw(count), np.uint64)


# --- the mix of sources ------------------------------------------------------------------------


@final
@dataclass(frozen=True)
class _Fork:
    """Draws split between two sides."""

    left: "_Fork | int"
    right: "_Fork | int"
    share: float
    """Of the left side."""

    def lefts(self, draws: np.ndarray) -> np.ndarray:
        """Return how many of the first draws go left."""
        return np.floor(draws * self.share + 0.5).astype(np.int64)


def _tree(shares: Mapping[int, float]) -> _Fork | int:
    """Join the two smallest sides until one is left."""
    heap: list[tuple[float, int, _Fork | int]] = [
        (share, source, source) for source, share in shares.items()
    ]
    heapq.heapify(heap)
    while len(heap) > 1:
        small, first, one = heapq.heappop(heap)
        large, second, other = heapq.heappop(heap)
        total = small + large
        # the first source stands left, so that it is drawn first where shares are equal
        if first < second:
            fork = _Fork(one, other, small / total)
        else:
            fork = _Fork(other, one, large / total)
        heapq.heappush(heap, (total, min(first, second), fork))
    return heap[0][2]


def _split(
    side: _Fork | int, draws: Int64[np.ndarray, "n"]
) -> tuple[Int64[np.ndarray, "n"], Int64[np.ndarray, "n"]]:
    """Return the source of each draw, and the draw's place in the source's own series."""
    if isinstance(side, int):
        return np.full_like(draws, side), draws
    before = side.lefts(draws)
    left = side.lefts(draws + 1) > before
    sources, places = np.empty_like(draws), np.empty_like(draws)
    sources[left], places[left] = _split(side.left, before[left])
    sources[~left], places[~left] = _split(side.right, (draws - before)[~left])
    return sources, places


def _counts(side: _Fork | int, draws: int) -> dict[int, int]:
    """Return how many of the first draws each source has."""
    if isinstance(side, int):
        return {side: draws}
    left = int(side.lefts(np.array([draws]))[0])
    return _counts(side.left, left) | _counts(side.right, draws - left)


# --- the queues of buckets ---------------------------------------------------------------------


def _batched(
    rows: Int64[np.ndarray, "n 5"], size: int
) -> tuple[Int64[np.ndarray, "steps size 5"], Int64[np.ndarray, "m 5"]]:
    """Return full batches in the order they fill, and the draws still queued."""
    full: list[Int64[np.ndarray, "_ _ 5"]] = []
    left: list[Int64[np.ndarray, "_ 5"]] = []
    for bucket in np.unique(rows[:, 4]):
        ours = rows[rows[:, 4] == bucket]
        end = len(ours) // size * size
        full.append(ours[:end].reshape(-1, size, 5))
        left.append(ours[end:])
    batches, queued = np.concatenate(full), np.concatenate(left)
    return batches[np.argsort(batches[:, -1, 0])], queued[np.argsort(queued[:, 0])]
