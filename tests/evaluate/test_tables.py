"""Tables of features: clips and rows belong together, on disk as in memory."""

from pathlib import Path

import numpy as np
import pytest

from rareworld.errors import ConfigError, FormatError
from rareworld.evaluate.tables import CHUNK, FeatureTable, RowFile


def test_rows_count_as_their_clips_do() -> None:
    table = FeatureTable.of(np.zeros((6, 2)), counts=[1, 3, 2])
    assert table.row_weights(np.array([2.0, 0.0, 1.0])).tolist() == [2, 0, 0, 0, 1, 1]
    assert (table.num_clips, table.num_rows, table.width) == (3, 6, 2)


def test_counts_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ConfigError, match="add up to 5"):
        FeatureTable.of(np.zeros((6, 2)), counts=[2, 3])
    with pytest.raises(ConfigError, match="3 clips of 2 rows"):
        FeatureTable.of(np.zeros((2, 2)), names=["a", "b", "c"])


def test_chunks_hold_every_row_once_in_order() -> None:
    table = FeatureTable.of(np.arange(2 * CHUNK + 3, dtype="f4")[:, None])
    parts = list(table.chunks())
    assert [len(part) for part in parts] == [CHUNK, CHUNK, 3]
    assert np.array_equal(np.concatenate(parts)[:, 0], np.arange(2 * CHUNK + 3))
    odd = np.arange(1, 2 * CHUNK, 2)
    assert np.array_equal(np.concatenate(list(table.chunks(odd)))[:, 0], odd)


def test_a_row_that_is_no_number_names_its_clip() -> None:
    rows = np.zeros((5, 2))
    rows[3, 1] = np.inf
    table = FeatureTable.of(rows, counts=[2, 1, 2], names=["a", "b", "c"])
    with pytest.raises(FormatError, match="clip 'c'"):
        table.require_finite("real")


def test_rows_on_disk_are_the_rows_given_and_leave_no_file(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    parts = [draw.normal(size=(n, 3)).astype("f4") for n in (2, 4, 1)]
    with RowFile(tmp_path) as file:
        for part in parts:
            file.append(part)
        table = file.table(["a", "b", "c"], ["g", "g", "h"])
    assert np.array_equal(table.rows, np.concatenate(parts))
    assert table.counts.tolist() == [2, 4, 1]
    assert list(tmp_path.iterdir()) == []
    assert np.array_equal(table.rows[-1], parts[-1][0])  # still readable: the table holds the file


def test_no_rows_make_an_empty_table() -> None:
    with RowFile() as file:
        assert file.table([], []).num_clips == 0
