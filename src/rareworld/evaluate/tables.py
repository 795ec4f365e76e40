"""Rows of features, with the clip each came from; in memory or mapped from disk.

Rows of one clip stand together: frames of a clip are not independent, so all that is drawn at
random below draws clips. Proved in `tests/evaluate/test_tables.py`.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, final

import numpy as np
from jaxtyping import Float, Float32, Int64

from rareworld.errors import ConfigError, FormatError

CHUNK = 4096
"""Rows that are brought to float64 at a time."""


@final
@dataclass(frozen=True, kw_only=True)
class FeatureTable:
    """Features of a set of clips."""

    rows: Float32[np.ndarray, "n d"]
    counts: Int64[np.ndarray, " clips"]
    """Rows of each clip, which stand one after another."""
    names: tuple[str, ...]
    """Of each clip."""
    groups: tuple[str, ...]
    """Recording of each clip; its own name where none is known."""

    @classmethod
    def of(
        cls,
        rows: Float[np.ndarray, "n d"],
        counts: Sequence[int] | None = None,
        names: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
    ) -> "FeatureTable":
        """Return a table of rows in memory; each row is a clip unless `counts` says otherwise.

        Raises:
            ConfigError: If the counts do not add up to the rows.
        """
        made = np.asarray(counts if counts is not None else np.ones(len(rows)), np.int64)
        called = tuple(names) if names is not None else tuple(str(i) for i in range(len(made)))
        if made.sum() != len(rows) or len(called) != len(made):
            raise ConfigError(
                f"expected {len(called)} clips of {len(rows)} rows in all, "
                f"found counts of {len(made)} clips that add up to {int(made.sum())}"
            )
        return cls(
            rows=np.asarray(rows, np.float32),
            counts=made,
            names=called,
            groups=tuple(groups) if groups is not None else called,
        )

    @property
    def num_clips(self) -> int:
        """Clips in the set."""
        return len(self.names)

    @property
    def num_rows(self) -> int:
        """Rows of all clips."""
        return len(self.rows)

    @property
    def width(self) -> int:
        """Values of a row."""
        return self.rows.shape[1]

    def row_weights(self, clips: Float[np.ndarray, " clips"]) -> Float[np.ndarray, " n"]:
        """Return how often each row counts when each clip counts as told."""
        return np.repeat(clips, self.counts)

    def chunks(
        self, index: Int64[np.ndarray, " k"] | None = None
    ) -> Iterator[Float[np.ndarray, "c d"]]:
        """Yield rows as float64, a few thousand at a time."""
        total = self.num_rows if index is None else len(index)
        for start in range(0, total, CHUNK):
            part = slice(start, start + CHUNK)
            yield self.rows[part if index is None else index[part]].astype(np.float64)

    def require_finite(self, what: str) -> None:
        """Check that all features are numbers.

        Raises:
            FormatError: Naming the first clip with one that is not.
        """
        ends = np.cumsum(self.counts)
        start = 0
        for rows in self.chunks():
            bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
            if len(bad):
                clip = int(np.searchsorted(ends, start + bad[0], side="right"))
                raise FormatError(
                    f"{what}: features of clip {self.names[clip]!r} hold NaN or infinity; "
                    "make them again, or take the clip out"
                )
            start += len(rows)


@final
class RowFile:
    """Collects rows on disk and gives them back mapped: memory stays flat in the number of clips.

        with RowFile(folder) as file:
            file.append(rows)
            table = file.table(["a"], ["a"])

    The file has no name: it is gone when nobody uses it, whatever ends the process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - see __exit__
        self._counts: list[int] = []
        self._width = 0

    def __enter__(self) -> "RowFile":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()  # a table that maps it keeps it

    def append(self, rows: Float32[np.ndarray, "n d"]) -> None:
        """Add the rows of one clip."""
        self._width = rows.shape[1]
        self._counts.append(len(rows))
        self._file.write(np.ascontiguousarray(rows).tobytes())

    def table(self, names: Sequence[str], groups: Sequence[str]) -> FeatureTable:
        """Return what was collected, with the names of the clips in the same order."""
        self._file.flush()
        total = sum(self._counts)
        shape = (total, self._width)
        rows = np.memmap(self._file, np.float32, "r", shape=shape) if total else np.empty(shape)
        return FeatureTable.of(rows, self._counts, names, groups)
