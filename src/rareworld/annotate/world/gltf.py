"""Reads glTF 2.0 files (.glb, .gltf): the container, its buffers, arrays and pictures.

Format: Khronos glTF 2.0 specification (2021), chapters 3.6 and 4. A file from outside is data: the
files it names must lie in a folder the caller allows, nothing is fetched, and every length, offset
and index is checked before it is used. Proved in tests/annotate/world/test_gltf.py.
"""

import base64
import binascii
import json
import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, final
from urllib.parse import unquote

import numpy as np
from jaxtyping import Float64, Int64
from pydantic import ValidationError

from rareworld.annotate.world.gltf_schema import Accessor, BufferView, Document, Record
from rareworld.errors import FormatError

R = TypeVar("R", bound=Record)

MAX_BYTES = 256 * 1024 * 1024
"""Larger files are refused, and documents whose files are larger together."""
MAX_BUFFERS = 1024
"""More are refused."""
_JSON, _BINARY = 0x4E4F534A, 0x004E4942
_DTYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_PLAIN = "export it again without mesh compression (in Blender: untick Data > Compression)"
_COMPRESSED = {"KHR_draco_mesh_compression": _PLAIN, "EXT_meshopt_compression": _PLAIN}
_UNDERSTOOD = ("KHR_mesh_quantization", "KHR_texture_transform", "KHR_lights_punctual")
_UNDERSTOOD_FAMILY = "KHR_materials_"
_FOREIGN_COLOUR = "KHR_materials_pbrSpecularGlossiness"


def broken(path: Path, found: str, remedy: str = "export the model again") -> FormatError:
    """Return the error of a file with what was found and what to do."""
    return FormatError(f"{path}: {found}; {remedy}")


@final
@dataclass
class _Named:
    """What a document names, each read once; all together no larger than `MAX_BYTES`."""

    path: Path
    folder: Path
    held: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def read(self, uri: str) -> bytes:
        """Return the bytes of a name."""
        if uri not in self.held:
            data = _beside(self.path, self.folder, uri)
            total = sum(map(len, self.held.values())) + len(data)
            if total > MAX_BYTES:
                found = f"names more than {MAX_BYTES} bytes of buffers and pictures"
                raise broken(self.path, found, "simplify the model")
            self.held[uri] = data
        return self.held[uri]


@final
@dataclass(frozen=True)
class Gltf:
    """A document and its bytes."""

    path: Path
    document: Document
    buffers: tuple[bytes, ...]
    named: _Named

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files that the document names."""
        uris = [one.uri for one in (*self.document.buffers, *self.document.images)]
        own = {uri for uri in uris if uri is not None and not uri.startswith("data:")}
        return tuple(self.path.parent / unquote(uri) for uri in sorted(own))

    def at(self, records: Sequence[R], index: int, kind: str) -> R:
        """Return a record by number.

        Raises:
            FormatError: If there are fewer.
        """
        if index >= len(records):
            raise broken(self.path, f"names {kind} {index}, but has {len(records)}")
        return records[index]

    def _view(self, index: int) -> tuple[BufferView, bytes]:
        view = self.at(self.document.buffer_views, index, "buffer view")
        self.at(self.document.buffers, view.buffer, "buffer")
        data = self.buffers[view.buffer]
        end = view.byte_offset + view.byte_length
        if end > len(data):
            found = f"buffer view {index} ends at byte {end} of a buffer of {len(data)}"
            raise broken(self.path, found, "the file is damaged: copy or export it again")
        return view, data[view.byte_offset : end]

    def numbers(self, index: int) -> Float64[np.ndarray, "n k"]:
        """Return an array as floats; normalised integers become -1..1 or 0..1.

        Raises:
            FormatError: If it does not fit its slice, is sparse, or is not finite.
        """
        accessor, raw = self._raw(index)
        values = raw.astype(np.float64)
        if accessor.normalized and raw.dtype.kind in "iu":
            values = np.maximum(values / np.iinfo(raw.dtype).max, -1.0)
        if not np.isfinite(values).all():
            raise broken(self.path, f"accessor {index} holds numbers that are not finite")
        return values

    def integers(self, index: int) -> Int64[np.ndarray, "n"]:
        """Return an array of indices.

        Raises:
            FormatError: If it does not fit its slice or holds no single unsigned integers.
        """
        accessor, raw = self._raw(index)
        if accessor.type != "SCALAR" or raw.dtype.kind != "u":
            raise broken(self.path, f"accessor {index} must hold single unsigned integers")
        return raw[:, 0].astype(np.int64)

    def _raw(self, index: int) -> tuple[Accessor, np.ndarray]:
        """Return an accessor and its numbers as stored, (count, width)."""
        accessor = self.at(self.document.accessors, index, "accessor")
        if accessor.buffer_view is None or accessor.sparse is not None:
            found = f"accessor {index} is sparse or has no data of its own"
            raise broken(self.path, found, _PLAIN)
        view, data = self._view(accessor.buffer_view)
        dtype, width = np.dtype(_DTYPES[accessor.component_type]), _WIDTHS[accessor.type]
        item = dtype.itemsize * width
        stride = view.byte_stride or item
        needed = accessor.byte_offset + stride * (accessor.count - 1) + item
        if needed > len(data) or stride < item:
            found = f"accessor {index} needs {needed} bytes of a slice of {len(data)}"
            raise broken(self.path, found, "the file is damaged: copy or export it again")
        whole = np.frombuffer(data, np.uint8)
        rows = np.lib.stride_tricks.as_strided(
            whole[accessor.byte_offset :], (accessor.count, item), (stride, 1), writeable=False
        )
        return accessor, np.ascontiguousarray(rows).view(dtype)

    def picture(self, index: int) -> bytes:
        """Return an image as stored (PNG or JPEG).

        Raises:
            FormatError: If it is missing or lies outside the folder.
        """
        image = self.at(self.document.images, index, "image")
        if image.buffer_view is not None:
            return self._view(image.buffer_view)[1]
        if image.uri is None:
            raise broken(self.path, f"image {index} has neither a file nor data")
        return self.named.read(image.uri)


def read_gltf(path: Path, folder: Path) -> Gltf:
    """Read a file.

    Args:
        path: A .glb or .gltf file.
        folder: Where it, and every file it names, must lie.

    Raises:
        FormatError: Naming the file, what was found and the remedy.
    """
    data = _bytes_of(path, folder)
    text, binary = _chunks(path, data) if data[:4] == b"glTF" else (data, None)
    document = _document(path, text)
    named = _Named(path, folder)
    return Gltf(path, document, _buffers(path, document, named, binary), named)


def _buffers(
    path: Path, document: Document, named: _Named, binary: bytes | None
) -> tuple[bytes, ...]:
    """Return the bytes of all buffers; `binary` is that of the container."""
    if len(document.buffers) > MAX_BUFFERS:
        found = f"has {len(document.buffers)} buffers, the limit is {MAX_BUFFERS}"
        raise broken(path, found, "export it as one .glb file")
    buffers: list[bytes] = []
    for number, buffer in enumerate(document.buffers):
        if buffer.uri is not None:
            held: bytes | None = named.read(buffer.uri)
        else:
            held = binary if number == 0 else None
        if held is None or len(held) < buffer.byte_length:
            found = (
                f"buffer {number} should have {buffer.byte_length} bytes, found {len(held or b'')}"
            )
            raise broken(path, found, "the file is damaged: copy or export it again")
        buffers.append(held)
    return tuple(buffers)


def _bytes_of(path: Path, folder: Path) -> bytes:
    """Return a file's bytes if it lies in the folder, is a regular one and not too large."""
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()):
        raise broken(path, f"lies outside {folder}", "put it beside the manifest")
    try:
        info = real.stat()
        if not stat.S_ISREG(info.st_mode):
            raise broken(path, "is not a regular file", "name a file")
        size = info.st_size
        if size > MAX_BYTES:
            raise broken(path, f"has {size} bytes, the limit is {MAX_BYTES}", "simplify the model")
        return real.read_bytes()
    except OSError as error:
        raise broken(path, f"cannot be read ({error.strerror})", "check the name") from None


def _beside(path: Path, folder: Path, uri: str) -> bytes:
    """Return the bytes a document names: within its text, or a file in the folder."""
    if uri.startswith("data:"):
        head, _, body = uri.partition(",")
        if not head.endswith(";base64"):
            raise broken(path, f"has data that is not base64 ({head[:40]!r})")
        try:
            return base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise broken(path, f"has damaged base64 data ({error})") from None
    name = unquote(uri)
    if ":" in name or "\\" in name or "\0" in name or name.startswith("/"):
        raise broken(path, f"names {uri!r}", "only files beside the manifest may be named")
    return _bytes_of(path.parent / name, folder)


def _chunks(path: Path, data: bytes) -> tuple[bytes, bytes | None]:
    """Return text and binary part of a .glb container."""
    if len(data) < 20:
        raise broken(path, f"ends after {len(data)} bytes", "the file is damaged: copy it again")
    _, version, length = struct.unpack_from("<III", data)
    if version != 2:
        raise broken(path, f"is a GLB of version {version}", "export it as glTF 2.0")
    if length > len(data):
        found = f"should have {length} bytes, found {len(data)}"
        raise broken(path, found, "the file is cut off: copy it again")
    found_chunks: dict[int, bytes] = {}
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack_from("<II", data, at)
        if at + 8 + size > length:
            raise broken(path, f"has a chunk that ends behind the file (byte {at})")
        found_chunks.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size
    if _JSON not in found_chunks:
        raise broken(path, "has no JSON chunk")
    return found_chunks[_JSON], found_chunks.get(_BINARY)


def _document(path: Path, text: bytes) -> Document:
    """Return the parsed document, of a version and with extensions we can read."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise broken(path, f"is neither GLB nor glTF text ({error})") from None
    try:
        document = Document.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "(top level)"
        raise broken(path, f"{place}: {first['msg']}, found {first['input']!r:.80}") from None
    if not document.asset.version.startswith("2."):
        raise broken(path, f"is glTF {document.asset.version}", "export it as glTF 2.0")
    for name in document.extensions_required:
        family = name.startswith(_UNDERSTOOD_FAMILY) and name != _FOREIGN_COLOUR
        if name not in _UNDERSTOOD and not family:
            remedy = _COMPRESSED.get(name, "export it again without this extension")
            raise broken(path, f"needs the extension {name}, which is not supported", remedy)
    return document
