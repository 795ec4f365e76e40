"""Folders of torch.distributed.checkpoint, read without a process group and without trust.

`.metadata` is a pickle that PyTorch's own reader opens without restriction; here an unpickler
admits the classes of a checkpoint index only, and of the data files tensors only are read
(`weights_only`). Byte entries (`_extra_state` and the like) are never opened.
Proved against `torch.distributed.checkpoint.save` in
`tests/models/cosmos_predict/weights/test_dcp.py`.
"""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import final

import torch
from torch import Tensor
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorStorageMetadata,
)

from rareworld.errors import FormatError

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
    out: dict[str, Tensor] = {}
    for name, entry in metadata.state_dict_metadata.items():
        if isinstance(entry, TensorStorageMetadata):
            device = "cpu" if opened(name) else "meta"
            out[name] = torch.empty(entry.size, dtype=entry.properties.dtype, device=device)
            if device == "cpu":
                out[name] = _filled(out[name], name, entry, metadata, folder)
    if not out:
        raise FormatError(f"{folder}: expected tensors, found none in {METADATA}")
    return out


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
    place = metadata.storage_data.get(MetadataIndex(name, chunk.offsets))
    if place is None or Path(place.relative_path).name != place.relative_path:
        raise FormatError(
            f"{folder}: expected {METADATA} to place {name}, found nothing; copy it again"
        )
    file = folder / place.relative_path
    content = _bytes_of(file, place.offset, place.length)
    try:
        tensor = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise FormatError(
            f"{file}: expected {name}, found damage ({error}); copy it again"
        ) from None
    if not isinstance(tensor, Tensor) or tensor.shape != chunk.sizes:
        raise FormatError(f"{file}: expected {name} as {list(chunk.sizes)}; copy the folder again")
    return tensor


def _bytes_of(file: Path, offset: int, length: int) -> bytes:
    try:
        with file.open("rb") as stream:
            stream.seek(offset)
            content = stream.read(length)
    except OSError as error:
        raise FormatError(
            f"{file}: expected a part of the checkpoint, cannot be read ({error.strerror}); copy "
            "the whole folder, with every .distcp file"
        ) from None
    if len(content) != length:
        raise FormatError(
            f"{file}: expected {offset + length} bytes, found {file.stat().st_size}; it is cut "
            "short: copy it again"
        )
    return content


def _read_metadata(path: Path) -> Metadata:
    try:
        with path.open("rb") as stream:
            loaded = _IndexUnpickler(stream).load()
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except (
        OSError,
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
    ) as error:
        raise FormatError(
            f"{path}: expected the index of a distributed checkpoint, found damage ({error}); "
            "copy it again"
        ) from None
    if not isinstance(loaded, Metadata):
        raise FormatError(f"{path}: expected an index, found {type(loaded).__name__}")
    return loaded


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
