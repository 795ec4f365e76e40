"""Compile numeric functions to machine code and keep the result on disk.

Kernels release the interpreter lock, so that plain Python threads run them side by side; no
thread ever writes what another reads, hence the same bytes with any number of threads.
"""

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import numba
from numba.core.caching import FunctionCache

# without numba's run time kernels cannot allocate, and arrays taken out of a tuple cost no atomic
# reference counts: those made shading ten times slower
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}


def _sources_digest() -> str:
    """Return a digest of every file of this room."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@final
class _Cache(FunctionCache):
    """Numba's cache, whose keys also change when a helper in another file does.

    Numba looks at the kernel's own file only and would run stale code after an upgrade.
    """

    digest = _sources_digest()

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:  # noqa: ANN401 - numba's own
        return (*super()._index_key(sig, codegen), self.digest)


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that Python calls; its machine code is cached.

    Numba keeps the cache in NUMBA_CACHE_DIR, next to the source or in the user's cache folder,
    whichever can be written; where none can, it is compiled anew in each process.
    """
    plain = inspect.unwrap(function)
    compiled: Any = numba.njit(**_OPTIONS)(plain)
    try:
        compiled._cache = _Cache(plain)  # noqa: SLF001 - numba has no public way to choose a cache
    except RuntimeError:
        # raised when no cache folder can be written
        return compiled
    return compiled


def helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that only kernels call; it is pasted into each of them.

    Calls with many arguments cost more than the work of a pixel, so helpers are always inlined.
    """
    return numba.njit(forceinline=True, **_OPTIONS)(inspect.unwrap(function))
