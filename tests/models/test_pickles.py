"""Pickles are read as tensors or refused; nothing in them runs."""

import os
import pickle
import zipfile
from collections.abc import Callable
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


class Calls:
    """Is unpickled as a call, and then filled with a state if one is given."""

    def __init__(self, function: Callable[..., object], *arguments: object, state: object = None):
        self.parts = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> tuple[object, ...]:
        return self.parts


FLOAT32 = np.dtype("f4")
ALL_FLAGS = (3, "<", None, None, None, -1, -1, 63)
EMPTY = np.zeros(1).__reduce__()[0]
FROM_BUFFER = np.zeros(1).__reduce_ex__(5)[0]
HOSTILE = {
    "array over an address": Calls(np.ndarray, (1,), np.dtype("O"), bytes(8)),
    "array called": Calls(np.ndarray, (1,), FLOAT32, bytes(4)),
    "array of objects": np.array([None]),
    "objects by flags": Calls(
        EMPTY,
        *(np.ndarray, (0,), b"b"),
        state=(1, (1,), Calls(np.dtype, "O", False, True, state=ALL_FLAGS), False, bytes(8)),
    ),
    "array of fields": np.zeros(1, "f4,f4"),
    "array of arrays": Calls(np.dtype, "(2,)f4"),
    "array of text": np.array(["a"]),
    "endless shape": Calls(
        EMPTY, *(np.ndarray, (0,), b"b"), state=(1, (1 << 70,), FLOAT32, False, bytes(8))
    ),
    "type without order": Calls(np.dtype, "f4", state={}),
    "buffer of an array": Calls(FROM_BUFFER, np.zeros(8), FLOAT32, (8,), "C"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_only_arrays_of_numbers_are_made(tmp_path: Path, name: str) -> None:
    """The first would be an object at address 0: to look at it ends the process."""
    (tmp_path / "bad.ckpt").write_bytes(pickle.dumps(HOSTILE[name], protocol=4))
    with pytest.raises(FormatError, match=r"expected a pickle of numpy arrays"):
        numpy_pickle(tmp_path / "bad.ckpt")


def test_flags_of_a_type_are_not_taken(tmp_path: Path) -> None:
    """With them numpy takes the bytes of numbers for objects."""
    kind = Calls(np.dtype, "f4", False, True, state=ALL_FLAGS)
    array = Calls(EMPTY, np.ndarray, (0,), b"b", state=(1, (2,), kind, False, bytes(8)))
    (tmp_path / "x.ckpt").write_bytes(pickle.dumps(array))
    found = numpy_pickle(tmp_path / "x.ckpt")
    assert (found.dtype.flags, found.tolist()) == (0, [0.0, 0.0])


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_numpy_pickle_gives_its_arrays(tmp_path: Path, protocol: int) -> None:
    values = {
        "a": {"kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4)},
        "b": [np.array([1, 2], np.int64), 3],
        "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(3, dtype=">i2"),
    }
    file = tmp_path / "tree.ckpt"
    file.write_bytes(pickle.dumps(values, protocol=protocol))
    found = numpy_pickle(file)
    np.testing.assert_array_equal(found["a"]["kernel"], values["a"]["kernel"])
    np.testing.assert_array_equal(found["b"][0], values["b"][0])
    np.testing.assert_array_equal(found["f"], values["f"])
    np.testing.assert_array_equal(found["big"], [0, 1, 2])
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


def test_a_tensor_past_its_storage_is_named(script: Path, tmp_path: Path) -> None:
    """The tensor of 2 x 3 is said to be 2 x 9."""
    with zipfile.ZipFile(script) as old, zipfile.ZipFile(tmp_path / "wide.pt", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"K\x02K\x03t", b"K\x02K\x09t"))
    with pytest.raises(FormatError, match=r"RuntimeError: .*out of bounds.*download it again"):
        torchscript_tensors(tmp_path / "wide.pt")


def test_a_tree_without_end_is_named(tmp_path: Path) -> None:
    tree: dict[str, object] = {}
    tree["again"] = tree
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("net/data.pkl", pickle.dumps(tree, protocol=2))
    with pytest.raises(FormatError, match="RecursionError"):
        torchscript_tensors(tmp_path / "x.pt")


def test_damaged_compression_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", pickle.dumps(list(range(999)), protocol=2))
    content = (tmp_path / "x.pt").read_bytes()
    start = content.index(b"net/data.pkl") + len("net/data.pkl")
    (tmp_path / "x.pt").write_bytes(content[:start] + b"\xff" * 20 + content[start + 20 :])
    with pytest.raises(FormatError, match=r"\(error: Error -3"):
        torchscript_tensors(tmp_path / "x.pt")
