"""Claims about label tables."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rareworld.data.labels import read_labels, read_signals, write_labels, write_signals
from rareworld.errors import StoreError
from tests.data.data_samples import make_label


def test_every_field_of_a_label_survives(tmp_path: Path) -> None:
    labels = [make_label(frame, object_id) for frame in range(3) for object_id in (7, 2**32 - 1)]
    write_labels(tmp_path / "t.parquet", labels)
    assert read_labels(tmp_path / "t.parquet") == tuple(labels)


def test_no_labels_survive(tmp_path: Path) -> None:
    write_labels(tmp_path / "t.parquet", [])
    assert read_labels(tmp_path / "t.parquet") == ()


def test_a_stranger_finds_occlusion_and_truncation(tmp_path: Path) -> None:
    write_labels(tmp_path / "t.parquet", [make_label(0)])
    row = pq.read_table(tmp_path / "t.parquet").to_pylist()[0]
    assert row["occlusion"] == 1 - 160 / 180
    assert row["truncation"] == 1 - 180 / 200
    assert row["tight_box"] == [10, 24, 26, 34]


def test_signal_states_survive(tmp_path: Path) -> None:
    states = np.arange(12, dtype=np.uint8).reshape(3, 4) % 6
    path = tmp_path / "s.parquet"
    write_signals(path, ["a", "b", "c"], states, 10.0)
    np.testing.assert_array_equal(read_signals(path, ["a", "b", "c"], 4), states)
    assert pq.read_table(path).to_pylist()[4] == {
        "frame": 1, "time_s": 0.1, "signal": "b", "state": 5,
    }  # fmt: skip
    with pytest.raises(StoreError, match="must hold 5 frames"):
        read_signals(path, ["a", "b", "c"], 5)


def test_no_signals_survive(tmp_path: Path) -> None:
    write_signals(tmp_path / "s.parquet", [], np.zeros((0, 4), np.uint8), 10.0)
    assert read_signals(tmp_path / "s.parquet", [], 4).shape == (0, 4)
