"""Feature files: ours and others' are read as data, and nothing in them is run."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rareworld.errors import FormatError
from rareworld.evaluate.distances import fit, frechet
from rareworld.evaluate.stored import Statistics, read_features, save_features
from rareworld.evaluate.tables import FeatureTable

ROWS = np.random.default_rng(0).normal(size=(20, 6)).astype("f4")
MEAN, COVARIANCE = ROWS.astype("f8").mean(0), np.cov(ROWS.astype("f8").T)


def test_ours_come_back_with_what_made_them(tmp_path: Path) -> None:
    table = FeatureTable.of(ROWS, [5] * 4, list("abcd"), ["x", "x", "y", "z"])
    save_features(tmp_path / "f.safetensors", table, {"net": "i3d", "frames": 16}, "i3d 5555")
    found = read_features(tmp_path / "f.safetensors")
    assert isinstance(found.content, FeatureTable)
    assert np.array_equal(found.content.rows, ROWS)
    assert found.content.counts.tolist() == [5] * 4
    assert (found.content.names, found.content.groups) == (tuple("abcd"), ("x", "x", "y", "z"))
    assert (found.what, found.weights) == ({"net": "i3d", "frames": 16}, "i3d 5555")


def _pickled(path: Path, value: object) -> None:
    path.write_bytes(pickle.dumps(value))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.npz", lambda path: np.savez(path, features=ROWS)),
        ("a.npz", lambda path: np.savez(path, feats=ROWS, counts=np.full(4, 5))),
        ("a.npy", lambda path: np.save(path, ROWS)),
        ("a.pt", lambda path: torch.save(torch.from_numpy(ROWS), path)),
        ("a.pkl", lambda path: _pickled(path, {"features": ROWS})),
    ],
)
def test_rows_of_others_are_read(name: str, write: Callable[[Path], Any], tmp_path: Path) -> None:
    write(tmp_path / name)
    found = read_features(tmp_path / name)
    assert isinstance(found.content, FeatureTable)
    assert np.array_equal(found.content.rows, ROWS)
    assert not found.what
    assert found.weights == "not told by the file"


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("clean_fid.npz", lambda path: np.savez(path, mu=MEAN, sigma=COVARIANCE)),
        ("fidelity.pt", lambda path: torch.save({"mu": MEAN, "sigma": COVARIANCE}, path)),
    ],
)
def test_statistics_of_others_give_the_distance_of_their_rows(
    name: str, write: Callable[[Path], Any], tmp_path: Path
) -> None:
    write(tmp_path / name)
    found = read_features(tmp_path / name).content
    assert isinstance(found, Statistics)
    other = FeatureTable.of(ROWS[:12] + 0.3)
    by_rows = frechet(fit(FeatureTable.of(ROWS), 1), fit(other, 1))
    assert frechet(found.gaussian(), fit(other, 1)) == pytest.approx(by_rows, rel=1e-6)


def test_stylegan_statistics_are_sums(tmp_path: Path) -> None:
    wide = ROWS.astype("f8")
    values = {"capture_all": False, "capture_mean_cov": True, "max_items": None, "num_items": 20,
              "num_features": 6, "all_features": None, "raw_mean": wide.sum(0),
              "raw_cov": wide.T @ wide}  # fmt: skip
    _pickled(tmp_path / "s.pkl", values)
    found = read_features(tmp_path / "s.pkl").content
    assert isinstance(found, Statistics)
    assert found.count == 20
    assert found.mean == pytest.approx(MEAN)
    assert found.covariance == pytest.approx(np.cov(wide.T, ddof=0))


class _Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("run-by-a-pickle"),))


def _bad_checksum(path: Path) -> None:
    save_features(path, FeatureTable.of(ROWS), {}, "")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


NAN = np.where(np.arange(6) == 2, np.nan, ROWS)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.npz", lambda p: np.savez(p, features=np.array([{}, {}])), "allow_pickle"),
        ("a.npz", lambda p: np.savez(p, other=ROWS), "found other"),
        ("a.npz", lambda p: np.savez(p, features=ROWS[0]), "matrix of floats"),
        ("a.npz", lambda p: np.savez(p, mu=MEAN[:3], sigma=COVARIANCE), "do not fit"),
        ("a.npz", lambda p: np.savez(p, mu=MEAN * np.nan, sigma=COVARIANCE), "NaN"),
        ("a.npz", lambda p: np.savez(p, features=NAN, names=[f"c{i}" for i in range(20)]), "'c0'"),
        ("a.npz", lambda p: p.write_bytes(b"PK"), "cannot be read"),
        ("a.pt", lambda p: torch.save(_Runs(), p), "cannot be read"),
        ("a.pkl", lambda p: _pickled(p, _Runs()), "pickle of numpy arrays"),
        ("a.safetensors", _bad_checksum, "checksum"),
        ("a.safetensors", lambda p: p.write_bytes(b"{}"), "cannot be read"),
        ("a.csv", lambda p: p.touch(), "expected one of"),
        ("gone.npz", lambda p: None, "no such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(
    name: str, write: Callable[[Path], Any], message: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name)
    with pytest.raises(FormatError, match=message):
        read_features(tmp_path / name)
    assert not (tmp_path / "run-by-a-pickle").exists()
