"""Typed tables in Parquet: the only door to pyarrow.

A table is a tuple of `Column`s; values are NumPy arrays (n,) or (n, width), or lists for text and
for columns with gaps (None). Floats survive bit for bit and the same table gives the same bytes.
Proved in `tests/data/test_tables.py`.
"""

# pyarrow ships no type information.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeStubs=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rareworld.data.atomic import atomic_file
from rareworld.errors import StoreError

Kind = Literal["bool", "uint8", "uint32", "int32", "int64", "float64", "string"]

_TYPES = {
    "bool": pa.bool_(), "uint8": pa.uint8(), "uint32": pa.uint32(), "int32": pa.int32(),
    "int64": pa.int64(), "float64": pa.float64(), "string": pa.string(),
}  # fmt: skip


@final
@dataclass(frozen=True)
class Column:
    """Name and type of a column; `width` > 1 holds a vector in every row."""

    name: str
    kind: Kind
    width: int = 1
    gaps: bool = False
    """Whether a row may hold nothing."""

    @property
    def is_list(self) -> bool:
        """Whether values are read and given as a list instead of an array."""
        return self.gaps or self.kind == "string"


def write_table(path: Path, columns: Sequence[Column], values: Mapping[str, Any]) -> None:
    """Write a table atomically.

    Raises:
        StoreError: If the file cannot be written.
    """
    arrays = [_to_arrow(column, values[column.name]) for column in columns]
    table = pa.table(arrays, names=[column.name for column in columns])
    with atomic_file(path) as temporary, temporary.open("wb") as sink:
        pq.write_table(table, sink, compression="zstd")


def read_table(path: Path, columns: Sequence[Column]) -> dict[str, Any]:
    """Read the named columns: arrays, or lists for text and columns with gaps.

    Raises:
        StoreError: If the file is missing, damaged or lacks a column.
    """
    try:
        with path.open("rb") as source:
            # Arrow's threads outlive a read and now and then abort the interpreter as it exits
            # (apache/arrow#34314); a table of ours is too small to need them.
            table = pq.ParquetFile(source, pre_buffer=False).read(use_threads=False)
    except FileNotFoundError:
        raise StoreError(f"{path}: is missing; the folder is incomplete, make it again") from None
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: damaged, not a Parquet table ({error}); make it again") from None
    missing = [column.name for column in columns if column.name not in table.column_names]
    if missing:
        raise StoreError(f"{path}: column {missing[0]!r} is missing; make the folder again")
    return {column.name: _from_arrow(path, column, table[column.name]) for column in columns}


def _to_arrow(column: Column, values: Any) -> pa.Array:  # noqa: ANN401 - arrays and lists of any type
    kind = _TYPES[column.kind]
    if column.is_list:
        return pa.array(values, type=kind)
    flat = np.ascontiguousarray(values, dtype=column.kind)
    array = pa.array(flat.reshape(-1), type=kind)
    return array if column.width == 1 else pa.FixedSizeListArray.from_arrays(array, column.width)


def _from_arrow(path: Path, column: Column, chunks: pa.ChunkedArray) -> Any:  # noqa: ANN401 - as above
    array = chunks.combine_chunks()
    kind = _TYPES[column.kind]
    wanted = kind if column.width == 1 else pa.list_(kind, column.width)
    if array.type != wanted or (array.null_count and not column.gaps):
        raise StoreError(
            f"{path}: column {column.name!r} must hold {wanted} without gaps, found {array.type} "
            f"with {array.null_count}; make the folder again"
        )
    if column.is_list:
        return array.to_pylist()
    flat = array if column.width == 1 else array.flatten()
    values = flat.to_numpy(zero_copy_only=False)
    return values.reshape(-1, column.width) if column.width > 1 else values
