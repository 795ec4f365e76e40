"""Tensors out of files, safely and without copies: `.pt`, safetensors, sharded safetensors.

Files of others are data: `.pt` is unpickled with `weights_only=True` and mapped into memory, so
that 14 billion parameters need their own size once and unused pages are never read.
Proved in `tests/models/cosmos_predict/weights/test_containers.py`.
"""

import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from rareworld.errors import FormatError

Tensors = dict[str, Tensor]

_WRAPPERS = ("model", "state_dict")
"""Keys under which some tools put the state."""


DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What PyTorch's and Python's parsers raise on damaged bytes, pickle's own errors aside."""


def read_pt(path: Path) -> Tensors:
    """Return the tensors of a `.pt` file, mapped into memory.

    Raises:
        FormatError: If it is no PyTorch file, is cut short, or wants to run code.
    """
    if not _is_zip(path):
        raise FormatError(
            f"{path}: expected a PyTorch file (a zip archive), found {_first_bytes(path)}; it is "
            "cut short, of another kind, or a Git LFS pointer: fetch it again"
        )
    try:
        loaded = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise FormatError(
            f"{path}: expected tensors only, found a pickle that asks for other objects "
            f"({_reason(error)}); it could run code, so it was not opened: ask for a file with "
            "tensors only"
        ) from None
    except DAMAGE as error:
        raise FormatError(
            f"{path}: expected a PyTorch file, found a zip archive that is damaged or of another "
            f"kind ({_reason(error)}); fetch it again"
        ) from None
    return _tensors_of(path, loaded)


def read_safetensors(path: Path) -> tuple[Tensors, dict[str, str]]:
    """Return the tensors of a safetensors file, mapped into memory, and its header's notes.

    Raises:
        FormatError: If it is missing, cut short or of another kind.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = cast(dict[str, str], file.metadata() or {})
            return {key: file.get_tensor(key) for key in file.keys()}, header  # noqa: SIM118 - no dict
    except (SafetensorError, OSError) as error:
        raise FormatError(
            f"{path}: expected a complete safetensors file, found {_first_bytes(path)} "
            f"({_reason(error)}); it is cut short or of another kind: fetch it again"
        ) from None


def read_shards(index: Path) -> tuple[Tensors, dict[str, str]]:
    """Return the tensors of sharded safetensors by their index file.

    Raises:
        FormatError: If the index is broken, or a shard or a tensor in it is missing.
    """
    where = read_json(index).get("weight_map")
    if not isinstance(where, dict) or not where:
        raise FormatError(f"{index}: expected a weight_map, found none; fetch the folder again")
    places = cast(dict[str, str], where)
    names = sorted(set(places.values()))
    absent = [name for name in names if not _inside(index, name).exists()]
    if absent:
        raise FormatError(
            f"{index}: expected {len(names)} shards, found {len(names) - len(absent)}: "
            f"{', '.join(absent[:10])} missing; fetch the rest"
        )
    out: Tensors = {}
    header: dict[str, str] = {}
    for name in names:
        tensors, notes = read_safetensors(index.parent / name)
        out |= tensors
        header |= notes
    if out.keys() != places.keys():
        odd = sorted(out.keys() ^ places.keys())
        raise FormatError(
            f"{index}: expected the shards to hold the tensors of the index, found {len(odd)} on "
            f"one side only ({', '.join(odd[:10])}); fetch the folder again"
        )
    return out, header


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's mapping.

    Raises:
        FormatError: If it cannot be read or is no mapping.
    """
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: expected JSON, cannot be read ({_reason(error)})") from None
    if not isinstance(loaded, dict):
        raise FormatError(f"{path}: expected keys and values, found {type(loaded).__name__}")
    return cast(dict[str, Any], loaded)


def _inside(index: Path, name: str) -> Path:
    """Return a shard's path, refusing names that lead out of the folder."""
    if Path(name).name != name:
        raise FormatError(f"{index}: expected file names beside it, found {name!r}")
    return index.parent / name


def _tensors_of(path: Path, loaded: object) -> Tensors:
    """Return the tensors of a loaded state, leaving a wrapper and foreign values out."""
    if not isinstance(loaded, dict):
        raise FormatError(f"{path}: expected named tensors, found {type(loaded).__name__}")
    state = cast(dict[str, Any], loaded)
    for name in _WRAPPERS:
        if isinstance(state.get(name), dict):
            state = cast(dict[str, Any], state[name])
    out = {str(key): value for key, value in state.items() if isinstance(value, Tensor)}
    if not out:
        raise FormatError(
            f"{path}: expected named tensors, found the keys {', '.join(map(str, state))[:200]}"
        )
    return out


def _is_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return False


def _first_bytes(path: Path) -> str:
    """Describe what a file begins with."""
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
    except OSError as error:
        return f"nothing readable ({error.strerror})"
    return f"{path.stat().st_size} bytes beginning {start!r}"


def _reason(error: Exception) -> str:
    """Return an error's first sentence."""
    return " ".join(str(error).split())[:160] or type(error).__name__
