"""Compile numeric functions to machine code and keep the result on disk.

Kernels release the interpreter lock, so that plain Python threads run them side by side; no
thread ever writes what another reads, hence the same bytes with any number of threads.
"""

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, final

import numba
from numba.core.caching import FunctionCache
from numba.core.registry import CPUDispatcher

# without numba's run time kernels cannot allocate, and arrays taken out of a tuple cost no atomic
# reference counts: those made shading ten times slower
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}

# what only compiled code calls needs no way in from Python: unpacking the hundreds of numbers of
# a stage took more machine code, and more time to compile it, than the functions themselves
_INNER: dict[str, Any] = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


@cache
def _sources_digest(folder: Path) -> str:
    """Return a digest of every file of this room and of a kernel's own."""
    rooms = sorted({Path(__file__).parent, folder})
    files = [file for room in rooms for file in sorted(room.glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@final
class _Cache(FunctionCache):
    """Numba's cache, whose keys also change when a helper in another file does.

    Numba looks at the kernel's own file only and would run stale code after an upgrade.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.digest = _sources_digest(Path(inspect.getfile(function)).parent)

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


@cache
def _from_python(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function once more, so that Python can call it."""
    return numba.njit(**_OPTIONS)(function)


@final
class _Inner(CPUDispatcher):
    """A function for compiled code; where Python (a test) calls it, that gets a copy of its own."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any kernel's arguments
        return _from_python(self.py_func)(*args, **kwargs)


def _inner(function: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    made: Any = numba.njit(**options)(inspect.unwrap(function))
    made.__class__ = _Inner
    return made


def helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that only kernels call; it is pasted into each of them.

    Calls with many arguments cost more than the work of a pixel, so helpers are always inlined.
    """
    return _inner(function, {**_INNER, "forceinline": True})


def routine(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that only kernels call, and leave to the compiler whether to paste it.

    For functions of few plain numbers, and for long ones that few pixels need.
    """
    return _inner(function, _INNER)
