"""Claims about tables."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.data.tables import Column, read_table, write_table
from rareworld.errors import StoreError

COLUMNS = (
    Column("a", "float64"), Column("v", "float64", 3), Column("n", "uint32"), Column("t", "string"),
    Column("g", "float64", gaps=True), Column("b", "bool"),
)  # fmt: skip


def values(floats: list[float]) -> dict[str, object]:
    n = len(floats)
    return {
        "a": np.array(floats), "v": np.outer(floats, [1.0, 0.5, -1.0]).reshape(n, 3),
        "n": np.arange(n, dtype=np.uint32) + 4_000_000_000, "t": [f"é{i}" for i in range(n)],
        "g": [None if i % 2 else value for i, value in enumerate(floats)],
        "b": np.arange(n) % 2 == 0,
    }  # fmt: skip


@given(floats=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5))
def test_values_come_back_bit_for_bit(tmp_path_factory, floats: list[float]) -> None:
    path = tmp_path_factory.mktemp("t") / "a.parquet"
    given_values = values(floats)
    write_table(path, COLUMNS, given_values)
    back = read_table(path, COLUMNS)
    for column in COLUMNS:
        if column.is_list:
            assert back[column.name] == given_values[column.name]
        else:
            expected = np.asarray(given_values[column.name])
            assert back[column.name].dtype == expected.dtype
            assert back[column.name].tobytes() == expected.tobytes()


def test_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_table(tmp_path / name, COLUMNS, values([1.0, 2.0]))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_damage_names_file_and_column(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with pytest.raises(StoreError, match=r"a.parquet: is missing"):
        read_table(path, COLUMNS)
    write_table(path, COLUMNS, values([1.0]))
    with pytest.raises(StoreError, match="column 'q' is missing"):
        read_table(path, (Column("q", "int32"),))
    with pytest.raises(StoreError, match="column 'a' must hold int32 without gaps, found double"):
        read_table(path, (Column("a", "int32"),))
    write_table(path, COLUMNS, values([1.0, 2.0]))
    with pytest.raises(StoreError, match="column 'g' must hold double without gaps"):
        read_table(path, (Column("g", "float64"),))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StoreError, match=r"a.parquet: damaged, not a Parquet table"):
        read_table(path, COLUMNS)
