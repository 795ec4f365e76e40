"""Object labels and signal states as Parquet tables: a row per frame and object or signal.

Every field of `core.clip.ObjectLabel` is a column of the same name; `occlusion` and `truncation`
are written too, for readers without our code. Proved in `tests/data/test_labels.py`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from rareworld.core.clip import ObjectLabel
from rareworld.data.tables import Column, read_table, write_table
from rareworld.errors import StoreError

_FIELDS = (
    Column("frame", "int32"),
    Column("time_s", "float64"),
    Column("object_id", "int64"),
    Column("class_id", "uint8"),
    Column("blueprint", "string"),
    Column("tight_box", "int32", 4),
    Column("loose_box", "float64", 4),
    Column("visible_px", "int64"),
    Column("total_px", "int64"),
    Column("inside_px", "int64"),
    Column("centre_camera_m", "float64", 3),
    Column("quat_camera", "float64", 4),
    Column("position_m", "float64", 3),
    Column("quat", "float64", 4),
    Column("size_m", "float64", 3),
    Column("corners_px", "float64", 24),
    Column("velocity_mps", "float64", 3),
    Column("lane", "string", gaps=True),
    Column("lane_offset_m", "float64", gaps=True),
    Column("lamps", "uint32"),
    Column("driver", "uint8"),
    Column("mask_rle", "string"),
)
_DERIVED = (Column("occlusion", "float64"), Column("truncation", "float64"))
_SIGNALS = (
    Column("frame", "int32"),
    Column("time_s", "float64"),
    Column("signal", "string"),
    Column("state", "uint8"),
)


def write_labels(path: Path, labels: Sequence[ObjectLabel]) -> None:
    """Write labels in the order given.

    Raises:
        StoreError: If the file cannot be written.
    """
    columns = (*_FIELDS, *_DERIVED)
    write_table(path, columns, {column.name: _column(column, labels) for column in columns})


def read_labels(path: Path) -> tuple[ObjectLabel, ...]:
    """Read labels in the order written.

    Raises:
        StoreError: If the table is missing or damaged.
    """
    table = read_table(path, _FIELDS)
    rows = zip(*(_python(column, table[column.name]) for column in _FIELDS), strict=True)
    names = [column.name for column in _FIELDS]
    return tuple(ObjectLabel(**dict(zip(names, row, strict=True))) for row in rows)


def write_signals(
    path: Path, signals: Sequence[str], states: UInt8[np.ndarray, "s t"], fps: float
) -> None:
    """Write the state of every signal in every frame, by frame and then by signal."""
    num_frames = int(states.shape[1])
    frames = np.repeat(np.arange(num_frames, dtype=np.int64), len(signals))
    values: dict[str, Any] = {
        "frame": frames,
        "time_s": frames / fps,
        "signal": list(signals) * num_frames,
        "state": states.T.reshape(-1),
    }
    write_table(path, _SIGNALS, values)


def read_signals(path: Path, signals: Sequence[str], num_frames: int) -> UInt8[np.ndarray, "s t"]:
    """Return the states of the named signals, shape (S, T).

    Raises:
        StoreError: If the table is damaged or holds other signals or frames.
    """
    table = read_table(path, _SIGNALS)
    if table["signal"] != list(signals) * num_frames:
        raise StoreError(
            f"{path}: must hold {num_frames} frames of signals {list(signals)}, "
            f"found {len(table['signal'])} other rows; make the folder again"
        )
    return table["state"].reshape(num_frames, len(signals)).T.copy()


def _column(column: Column, labels: Sequence[ObjectLabel]) -> Any:  # noqa: ANN401 - see tables
    values = [getattr(label, column.name) for label in labels]
    if column.is_list:
        return values
    return np.array(values, dtype=column.kind).reshape(-1, column.width)


def _python(column: Column, values: Any) -> list[Any]:  # noqa: ANN401 - see tables
    """Return a column as the Python values of the dataclass."""
    if column.is_list:
        return list(values)
    if column.name == "corners_px":
        return [tuple(tuple(corner) for corner in row) for row in values.reshape(-1, 8, 3).tolist()]
    return values.tolist() if column.width == 1 else list(map(tuple, values.tolist()))
