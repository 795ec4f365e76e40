"""Upstream's `t5_xxl/NAME.pickle`: a list with one float16 array (tokens, 1024), trimmed.

Pickles run code when they are read, so ours are read by an unpickler that admits NumPy arrays and
nothing else. Written files need NumPy 1.26 or newer to be read.

Source: cosmos-predict2 `scripts/get_t5_embeddings.py` (what a pickle holds) and NumPy's
`__reduce__` (which names it refers to). Proved in `tests/models/text/test_upstream.py`.
"""

import io
import pickle  # only for ArrayUnpickler and for writing plain arrays
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.data.atomic import scratch_folder
from rareworld.errors import ConfigError, FormatError
from rareworld.models.text.cache import pad, trim
from rareworld.models.text.encoder import MAX_TOKENS

PICKLE_FOLDER = "t5_xxl"
"""Folder beside `videos` and `metas` where upstream's trainer looks."""

_MAX_BYTES = 16 * MAX_TOKENS * 1024 * 4
"""Far above any real file (float32 with 1024 channels has 2 MB)."""

_BROKEN = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError, AttributeError,
    ImportError, OverflowError, MemoryError,
)  # fmt: skip
"""What Python's unpickler raises on damaged bytes."""


@final
class _Refused(pickle.UnpicklingError):
    """A pickle asked for something that is not an array."""


def _admitted() -> dict[tuple[str, str], Any]:
    """Return what a pickle may name; made anew for each, since pickles may write to functions."""

    def reconstruct(kind: type, shape: tuple[int, ...], code: bytes) -> np.ndarray:
        if kind is not np.ndarray or shape != (0,) or code != b"b":
            raise _Refused(f"expected an empty array to fill, found {kind!r} of shape {shape!r}")
        return np.ndarray.__new__(np.ndarray, (0,), "b")

    def scalar(dtype: np.dtype[Any], content: bytes) -> np.generic:
        return np.frombuffer(content, dtype, count=1)[0]

    def frombuffer(
        content: bytes | bytearray, dtype: np.dtype[Any], shape: tuple[int, ...], order: str
    ) -> np.ndarray:
        return np.frombuffer(content, dtype).reshape(shape, order="F" if order == "F" else "C")

    out: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }
    functions: dict[tuple[str, str], Callable[..., Any]] = {
        ("multiarray", "_reconstruct"): reconstruct,
        ("multiarray", "scalar"): scalar,
        ("numeric", "_frombuffer"): frombuffer,
    }
    for core in ("numpy.core", "numpy._core"):  # before and since NumPy 2
        out |= {(f"{core}.{module}", name): f for (module, name), f in functions.items()}
    return out


@final
class ArrayUnpickler(pickle.Unpickler):
    """Reads lists, numbers, texts and NumPy arrays; refuses every other name unseen."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self._names = _admitted()

    def find_class(self, module: str, name: str) -> object:
        """Return what a name stands for.

        Raises:
            UnpicklingError: Naming what the pickle asked for, if it is not part of an array.
        """
        if (module, name) not in self._names:
            raise _Refused(f"it refers to {module}.{name}, which is not a NumPy array")
        return self._names[module, name]


def read_pickle(path: Path) -> Float[Tensor, "n c"]:
    """Read the context of one clip, trimmed as it is on disk.

    Raises:
        FormatError: If the file is missing, damaged, holds anything but arrays, or other arrays
            than one of 1 to 512 rows. Nothing the file names is run.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FormatError(f"{path}: expected at most {_MAX_BYTES} bytes; not a text context")
        loaded = ArrayUnpickler(path.read_bytes()).load()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except _Refused as error:
        raise FormatError(f"{path}: refused, {error}; do not open it with other tools") from None
    except _BROKEN as error:
        raise FormatError(f"{path}: damaged pickle ({error}); make it again") from None
    return _context(path, loaded)


def _context(path: Path, loaded: object) -> Float[Tensor, "n c"]:
    array = loaded[0] if isinstance(loaded, list) and len(loaded) == 1 else None
    if (
        not isinstance(array, np.ndarray)
        or array.dtype.newbyteorder("=") not in (np.float16, np.float32)
        or array.ndim != 2
        or not 1 <= len(array) <= MAX_TOKENS
    ):
        raise FormatError(
            f"{path}: expected a list with one float16 array (1 to {MAX_TOKENS}, channels), "
            f"found {_describe(loaded)}; make it again with: rareworld embed"
        )
    if not np.isfinite(array).all():
        raise FormatError(f"{path}: holds NaN or infinity; make it again with: rareworld embed")
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=True))


def _describe(loaded: object) -> str:
    """Return what was found, in words."""
    if isinstance(loaded, np.ndarray):
        return f"{loaded.dtype} array of shape {loaded.shape}"
    if isinstance(loaded, list):
        return f"list of {len(loaded)}: " + ", ".join(_describe(item) for item in loaded[:2])
    return type(loaded).__name__


def pickle_bytes(context: Float[Tensor, "n c"]) -> bytes:
    """Return the file of one context: zero rows at the end dropped, values as float16.

    bfloat16 survives exactly between 6.2e-5 and 65,504 in magnitude; smaller values move by at most
    3.0e-8. float32 keeps 11 bits.

    Raises:
        FormatError: If a value is beyond float16.
    """
    array = trim(context).to("cpu", torch.float16)
    if not bool(torch.isfinite(array).all()):
        raise FormatError(
            "the context holds values beyond float16 (65,504), which upstream's files cannot keep; "
            "keep the safetensors cache instead (--no-pickles)"
        )
    return pickle.dumps([array.numpy()], protocol=4)


def write_pickles(folder: Path, contexts: Iterable[tuple[str, Float[Tensor, "_ _"]]]) -> int:
    """Write upstream's file of every clip, each atomically; return how many had to change.

    Files are made in a folder beside and moved in: sweeping after killed writers, as single
    atomic files do, would list the folder for every one of its perhaps 100,000 files.

    Raises:
        FormatError: If a context has values beyond float16.
        StoreError: If a file cannot be written.
    """
    with scratch_folder(folder) as scratch:
        folder.mkdir(exist_ok=True)
        return sum(
            _put(scratch / "new.pickle", folder / f"{clip}.pickle", pickle_bytes(context))
            for clip, context in contexts
        )


def _put(temporary: Path, path: Path, content: bytes) -> bool:
    """Make a file of the content; return whether there was no such file."""
    if path.is_file() and path.read_bytes() == content:
        return False
    temporary.write_bytes(content)  # not flushed: after a power cut the next run sees and mends it
    temporary.replace(path)
    return True


@final
@dataclass(frozen=True)
class PickleFolder:
    """Contexts in upstream's layout, read like a cache of ours."""

    folder: Path

    @property
    def names(self) -> tuple[str, ...]:
        """Clips that have a context, sorted."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.pickle")))

    def context(self, name: str) -> Float[Tensor, "512 c"]:
        """Return a clip's context with zero rows past its end.

        Raises:
            ConfigError: If there is no such clip.
            FormatError: If its file cannot be read.
        """
        path = self.folder / f"{name}.pickle"
        if not path.is_file():
            raise ConfigError(f"{path}: is missing; make it with: rareworld embed")
        return pad(read_pickle(path))
