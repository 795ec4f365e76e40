"""Compile numeric functions to machine code and keep the result on disk.

Kernels release the interpreter lock, so that plain Python threads run them side by side; no
thread ever writes what another reads, hence the same bytes with any number of threads.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numba

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
# without numba's run time kernels cannot allocate, and arrays taken out of a tuple cost no atomic
# reference counts: those made shading four times slower


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that Python calls; its machine code is cached.

    Numba keeps the cache in NUMBA_CACHE_DIR, next to the source or in the user's cache folder,
    whichever can be written; where none can, it is compiled anew in each process.
    """
    plain = inspect.unwrap(function)
    try:
        return numba.njit(cache=True, **_OPTIONS)(plain)
    except RuntimeError:
        # numba raises this at decoration when no cache folder can be written
        return numba.njit(**_OPTIONS)(plain)


def helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that only kernels call; it is pasted into each of them.

    Calls with many arguments cost more than the work of a pixel, so helpers are always inlined.
    """
    return numba.njit(forceinline=True, **_OPTIONS)(inspect.unwrap(function))
