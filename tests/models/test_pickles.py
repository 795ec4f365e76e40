"""Pickles are read as tensors or refused; nothing in them runs."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.scripts import save_script
from rareworld.errors import FormatError
from rareworld.models.pickles import numpy_pickle, torchscript_tensors


class Unit(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(6.0).reshape(2, 3))
        self.register_buffer("small", torch.ones(3, dtype=torch.float16))
        self.stride = [1, 2]

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(Unit(), nn.BatchNorm1d(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return save_script(Net(), tmp_path / "net.pt")


def test_torchscript_gives_its_tensors_by_name(script: Path) -> None:
    found, expected = torchscript_tensors(script), Net().state_dict()
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        torch.testing.assert_close(found[name], value, rtol=0, atol=0)


class Evil:
    """Would make a folder if it were unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_code_in_a_torchscript_archive_does_not_run(script: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pt"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("net/data.pkl", pickle.dumps({"x": Evil(tmp_path / "made")}, protocol=2))
    with pytest.raises(FormatError, match=r"posix\.mkdir, which weights do not need"):
        torchscript_tensors(bad)
    assert not (tmp_path / "made").exists()


def test_code_in_a_numpy_pickle_does_not_run(tmp_path: Path) -> None:
    bad = tmp_path / "bad.ckpt"
    bad.write_bytes(pickle.dumps({"x": [np.zeros(2), Evil(tmp_path / "made")]}))
    with pytest.raises(FormatError, match=r"posix\.mkdir, which weights do not need"):
        numpy_pickle(bad)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_numpy_pickle_gives_its_arrays(tmp_path: Path, protocol: int) -> None:
    values = {
        "a": {"kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4)},
        "b": [np.array([1, 2], np.int64), 3],
        "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    }
    file = tmp_path / "tree.ckpt"
    file.write_bytes(pickle.dumps(values, protocol=protocol))
    found = numpy_pickle(file)
    np.testing.assert_array_equal(found["a"]["kernel"], values["a"]["kernel"])
    np.testing.assert_array_equal(found["b"][0], values["b"][0])
    np.testing.assert_array_equal(found["f"], values["f"])
    assert found["b"][1] == 3


@pytest.mark.parametrize("keep", [0, 10, 2000])
def test_truncated_files_are_named(script: Path, tmp_path: Path, keep: int) -> None:
    cut = tmp_path / "cut.pt"
    cut.write_bytes(script.read_bytes()[:keep])
    with pytest.raises(FormatError, match=r"expected a TorchScript archive.*download it again"):
        torchscript_tensors(cut)
    whole = pickle.dumps({"x": np.zeros(1000)})
    cut.write_bytes(whole[:keep])
    with pytest.raises(FormatError, match=r"expected a pickle of numpy arrays.*download it again"):
        numpy_pickle(cut)


def test_an_archive_without_tensors_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(FormatError, match=r"holds no data\.pkl"):
        torchscript_tensors(tmp_path / "x.pt")
