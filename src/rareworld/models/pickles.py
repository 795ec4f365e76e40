"""Tensors out of pickled files as data: TorchScript archives and numpy pickles.

A TorchScript archive is a program with its tensors: `torch.jit.load` would build and could run it.
A numpy pickle can name any function. Here both go through unpicklers that know the few names such
files need and refuse every other, so that reading a file runs nothing of it.

    tensors = torchscript_tensors(path)      # "layers.conv.weight" -> Tensor
    tree = numpy_pickle(path)                # dicts of arrays

Format: TorchScript serialization (a zip with `data.pkl` and `data/N`), pickle protocol 2 and later.
Proved in `tests/models/test_pickles.py`.
"""

import pickle
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, cast, final

import numpy as np
import torch
from torch import Tensor

from rareworld.errors import FormatError

_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
}
_LISTS = ("build_intlist", "build_tensorlist", "build_doublelist", "build_boollist")
_ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")


def torchscript_tensors(path: Path) -> dict[str, Tensor]:
    """Return every tensor of a TorchScript archive by its dotted name, on the CPU.

    Raises:
        FormatError: If it is no such archive, is damaged, or names what it should not need.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            root = _root_of(archive)
            with archive.open(f"{root}/data.pkl") as stream:
                tree = _ScriptUnpickler(stream, archive, root).load()
        return dict(_named(tree, ""))
    except (zipfile.BadZipFile, ValueError, *_DAMAGE) as error:
        raise _unreadable(path, "a TorchScript archive", error) from None


def numpy_pickle(path: Path) -> Any:  # noqa: ANN401 - a pickle holds any tree
    """Return the tree of dicts, lists, numbers and arrays of a pickle.

    Raises:
        FormatError: If it is no pickle, is damaged, or names anything but arrays.
    """
    try:
        with path.open("rb") as stream:
            return _ArrayUnpickler(stream).load()
    except (ValueError, *_DAMAGE) as error:
        raise _unreadable(path, "a pickle of numpy arrays", error) from None


_DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    OSError,
    AttributeError,
    TypeError,
    LookupError,
    RuntimeError,
    OverflowError,
    zlib.error,
)
"""What a truncated or foreign pickle ends in; torch and endless nesting in a RuntimeError."""


def _unreadable(path: Path, expected: str, error: Exception) -> FormatError:
    reason = " ".join(str(error).split())[:200]
    return FormatError(
        f"{path}: expected {expected}, cannot be read as one ({type(error).__name__}: {reason}); "
        "it is damaged or of another format: download it again"
    )


def _root_of(archive: zipfile.ZipFile) -> str:
    roots = [name.removesuffix("/data.pkl") for name in archive.namelist()]
    found = [root for root in roots if f"{root}/data.pkl" in archive.NameToInfo]
    if len(found) != 1:
        raise ValueError("holds no data.pkl")
    return found[0]


class _Node:
    """A module or other object of the archive: only its attributes are kept."""


@final
class _ScriptUnpickler(pickle.Unpickler):
    """Builds inert nodes and tensors; nothing of the archive's code is touched."""

    def __init__(self, stream: Any, archive: zipfile.ZipFile, root: str) -> None:  # noqa: ANN401 - any binary stream
        super().__init__(stream)
        self._archive, self._root = archive, root
        self._stored: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str, /) -> Any:  # noqa: ANN401 - as the base class
        """Return what stands for a global of the archive."""
        if module == "__torch__" or module.startswith("__torch__."):
            return _Node
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        known: dict[tuple[str, str], Any] = {
            ("torch._utils", "_rebuild_tensor_v2"): _view,
            ("collections", "OrderedDict"): OrderedDict,
            **{("torch.jit._pickle", word): list for word in _LISTS},
        }
        return _known(known, module, name)

    def persistent_load(self, pid: Any, /) -> Tensor:  # noqa: ANN401 - as the base class
        """Return a storage: ("storage", type, key, device, values)."""
        kind, dtype, key, _, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype):
            raise pickle.UnpicklingError(f"expected a storage, found {kind!r}")
        if key not in self._stored:
            content = bytearray(self._archive.read(f"{self._root}/data/{key}"))
            self._stored[key] = torch.frombuffer(content, dtype=dtype, count=int(count))
        return self._stored[key]


@final
class _ArrayUnpickler(pickle.Unpickler):
    """Builds arrays of numbers, refuses every other object.

    Neither numpy's array nor its type is handed out: called, or filled with a state of the file's
    choice, they make arrays of objects at addresses of the file's choice.
    """

    def find_class(self, module: str, name: str, /) -> Any:  # noqa: ANN401 - as the base class
        """Return what stands for numpy's array, its type, or a function that makes one."""
        known: dict[tuple[str, str], Any] = {
            ("numpy", "ndarray"): _NDARRAY,
            ("numpy", "dtype"): _Kind,
            ("_codecs", "encode"): _bytes_of,
            ("numpy._core.numeric", "_frombuffer"): _from_buffer,
            **{(place, "_reconstruct"): _empty for place in _ARRAYS},
        }
        return _known(known, module, name)


_NDARRAY = object()
"""Stands for the class, which pickles name and need not call."""


@final
class _Kind:
    """A type of numbers as pickles build one: by its code, then by the order of its bytes."""

    def __init__(self, code: Any, *_: object) -> None:  # noqa: ANN401 - what a file tells
        self.dtype = np.dtype(code)
        if self.dtype.kind not in "biuf":
            raise pickle.UnpicklingError(f"expected numbers, found an array of {self.dtype}")

    def __setstate__(self, state: tuple[Any, ...], /) -> None:
        """Take the order alone: numbers have none of the rest, and its flags make objects."""
        self.dtype = self.dtype.newbyteorder(state[1])


@final
class _Array(np.ndarray):
    """An empty array that the pickle then fills."""

    def __setstate__(self, state: tuple[Any, ...], /) -> None:
        """Take (version, shape, kind, whether in Fortran's order, content)."""
        version, shape, kind, fortran, content = state
        super().__setstate__((version, shape, kind.dtype, fortran, content))


def _known(known: Mapping[tuple[str, str], Any], module: str, name: str) -> Any:  # noqa: ANN401 - what find_class returns
    if (module, name) not in known:
        raise pickle.UnpicklingError(f"it names {module}.{name}, which weights do not need")
    return known[module, name]


def _view(
    storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> Tensor:
    """Return a tensor of a storage; `as_strided` refuses what lies outside of it."""
    return torch.as_strided(storage, size, stride, offset).clone()


def _empty(kind: object, *_: object) -> _Array:
    """Return the array that the pickle then fills."""
    if kind is not _NDARRAY:
        raise pickle.UnpicklingError(f"expected an array, found {kind!r}")
    return _Array(0, np.uint8)


def _from_buffer(
    content: object, kind: _Kind, shape: tuple[int, ...], order: Literal["C", "F"]
) -> np.ndarray:
    """Return the array of a buffer: how protocol 5 writes them."""
    if not isinstance(content, (bytes, bytearray)):  # an array could be freed under this one
        raise pickle.UnpicklingError(f"expected bytes, found {type(content).__name__}")
    return np.frombuffer(content, kind.dtype).reshape(shape, order=order)


def _bytes_of(text: str, _: str) -> bytes:
    """Return bytes that protocol 2 wrote as text."""
    return text.encode("latin1")


def _named(tree: object, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Yield tensors of a node with dotted names, in the archive's order."""
    for name, value in _attributes(tree):
        if isinstance(value, Tensor):
            yield prefix + name, value
        else:
            yield from _named(value, f"{prefix}{name}.")


def _attributes(tree: object) -> list[tuple[str, object]]:
    """Return what a node, a mapping or a sequence holds, with names."""
    if isinstance(tree, _Node):
        return list(vars(tree).items())
    if isinstance(tree, Mapping):
        return [(str(name), value) for name, value in cast(Mapping[Any, object], tree).items()]
    if isinstance(tree, (list, tuple)):
        return [(str(place), value) for place, value in enumerate(cast(list[object], tree))]
    return []
