"""Folders of torch.distributed.checkpoint, read without a process group and without trust.

`.metadata` is a pickle that PyTorch's own reader opens without restriction; here an unpickler
admits the classes of a checkpoint index only, and of the data files tensors only are read
(`weights_only`). Byte entries (`_extra_state` and the like) are never opened.
Proved against `torch.distributed.checkpoint.save` in
`tests/models/cosmos_predict/weights/test_dcp.py`.
"""

import io
import math
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import final

import torch
from torch import Tensor
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorStorageMetadata,
)

from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.weights.containers import DAMAGE

METADATA = ".metadata"

_CLASSES = {
    "torch.distributed.checkpoint.metadata": {
        "Metadata",
        "MetadataIndex",
        "TensorStorageMetadata",
        "BytesStorageMetadata",
        "ChunkStorageMetadata",
        "TensorProperties",
        "StorageMeta",
        "_MEM_FORMAT_ENCODING",
    },
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo"},
    "torch": {"Size"},
    "torch.serialization": {"_get_layout"},
    "pathlib": {"Path", "PosixPath", "PurePosixPath"},
    "pathlib._local": {"Path", "PosixPath", "PurePosixPath"},
    "collections": {"OrderedDict"},
}
"""What a checkpoint's index is made of."""


def read_dcp(folder: Path, opened: Callable[[str], bool]) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint folder.

    Args:
        folder: Holds `.metadata` and the `.distcp` files it names.
        opened: Says by name whether a tensor's values are wanted; others come on the meta device.

    Raises:
        FormatError: If the index or a data file is missing, cut short or of another kind.
    """
    metadata = _read_metadata(folder / METADATA)
    try:
        return _tensors(folder, metadata, opened)
    except DAMAGE as error:
        raise FormatError(
            f"{folder / METADATA}: expected sizes, types and places of tensors, found damage "
            f"({type(error).__name__}: {error}); copy it again"
        ) from None


def _tensors(folder: Path, metadata: Metadata, opened: Callable[[str], bool]) -> dict[str, Tensor]:
    out: dict[str, Tensor] = {}
    for name, entry in metadata.state_dict_metadata.items():
        if isinstance(entry, TensorStorageMetadata):
            device = "cpu" if opened(name) else "meta"
            if device == "cpu":
                _check_sizes(name, entry, metadata, folder)
            out[name] = torch.empty(entry.size, dtype=entry.properties.dtype, device=device)
            if device == "cpu":
                out[name] = _filled(out[name], name, entry, metadata, folder)
    if not out:
        raise FormatError(f"{folder}: expected tensors, found none in {METADATA}")
    return out


def _check_sizes(name: str, entry: TensorStorageMetadata, metadata: Metadata, folder: Path) -> None:
    """Refuse a tensor larger than its chunks, before memory is taken for it."""
    whole = math.prod(entry.size)
    parts = sum(math.prod(chunk.sizes) for chunk in entry.chunks)
    places = [_place(name, chunk, metadata, folder) for chunk in entry.chunks]
    stored = sum(place.length for place in places)
    if whole != parts or whole * entry.properties.dtype.itemsize > stored:
        raise FormatError(
            f"{folder / METADATA}: expected {name} of {list(entry.size)} to lie in its chunks, "
            f"found {parts} values in {stored} bytes; copy the folder again"
        )


def _filled(
    target: Tensor, name: str, entry: TensorStorageMetadata, metadata: Metadata, folder: Path
) -> Tensor:
    """Return a tensor put together from its chunks; a single chunk is taken as it is."""
    if len(entry.chunks) == 1:
        return _chunk(name, entry.chunks[0], metadata, folder)
    for chunk in entry.chunks:
        window = tuple(
            slice(start, start + size)
            for start, size in zip(chunk.offsets, chunk.sizes, strict=True)
        )
        target[window] = _chunk(name, chunk, metadata, folder)
    return target


def _chunk(name: str, chunk: ChunkStorageMetadata, metadata: Metadata, folder: Path) -> Tensor:
    """Read one chunk of a tensor."""
    place = _place(name, chunk, metadata, folder)
    file = folder / place.relative_path
    content = _bytes_of(file, place)
    try:
        tensor = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, *DAMAGE) as error:
        raise FormatError(
            f"{file}: expected {name}, found damage ({error}); copy it again"
        ) from None
    if not isinstance(tensor, Tensor) or tensor.shape != chunk.sizes:
        raise FormatError(f"{file}: expected {name} as {list(chunk.sizes)}; copy the folder again")
    return tensor


def _place(
    name: str, chunk: ChunkStorageMetadata, metadata: Metadata, folder: Path
) -> _StorageInfo:
    """Return where a chunk lies: a file of this folder, and bytes that it has."""
    place = metadata.storage_data.get(MetadataIndex(name, chunk.offsets))
    if place is None or Path(place.relative_path).name != place.relative_path:
        raise FormatError(
            f"{folder}: expected {METADATA} to place {name}, found nothing; copy it again"
        )
    _check_there(folder / place.relative_path, place)
    return place


def _check_there(file: Path, place: _StorageInfo) -> None:
    """Refuse a place outside a file, before memory is taken for what lies there."""
    try:
        size = file.stat().st_size
    except OSError as error:
        raise _unreadable(file, error) from None
    if place.offset < 0 or place.length < 0:
        raise FormatError(
            f"{file}: expected a part of the checkpoint from byte {place.offset}, {place.length} "
            f"bytes long, as {METADATA} says; that is damaged: copy the folder again"
        )
    if place.offset + place.length > size:
        raise FormatError(
            f"{file}: expected {place.offset + place.length} bytes, found {size}; it is cut "
            "short: copy it again"
        )


def _bytes_of(file: Path, place: _StorageInfo) -> bytes:
    try:
        with file.open("rb") as stream:
            stream.seek(place.offset)
            return stream.read(place.length)
    except OSError as error:
        raise _unreadable(file, error) from None


def _unreadable(file: Path, error: OSError) -> FormatError:
    return FormatError(
        f"{file}: expected a part of the checkpoint, cannot be read ({error.strerror}); copy "
        "the whole folder, with every .distcp file"
    )


def _read_metadata(path: Path) -> Metadata:
    try:
        content = path.read_bytes()
        _check_memo(content)
        loaded = _IndexUnpickler(io.BytesIO(content)).load()
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except (OSError, pickle.UnpicklingError, *DAMAGE) as error:
        raise FormatError(
            f"{path}: expected the index of a distributed checkpoint, found damage ({error}); "
            "copy it again"
        ) from None
    if not isinstance(loaded, Metadata):
        raise FormatError(f"{path}: expected an index, found {type(loaded).__name__}")
    return loaded


def _check_memo(content: bytes) -> None:
    """Refuse a pickle that numbers more objects than it has bytes: memory is taken by number."""
    for code, value, _ in pickletools.genops(content):
        if code.name.endswith("PUT") and isinstance(value, int) and value > len(content):
            raise FormatError(f"expected an index, found damage (object number {value})")


@final
class _IndexUnpickler(pickle.Unpickler):
    """Unpickles the index of a checkpoint and nothing else."""

    def find_class(self, module: str, name: str) -> object:
        """Return a class of the list, or a number type."""
        if module == "torch" and isinstance(torch.__dict__.get(name), torch.dtype):
            return torch.__dict__[name]
        if name not in _CLASSES.get(module, ()):
            raise FormatError(
                f"expected the index of a distributed checkpoint, found {module}.{name} in its "
                "pickle; it could run code, so it was not opened"
            )
        return super().find_class(module, name)
