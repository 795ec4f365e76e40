"""What NVIDIA's driver says of itself, without starting CUDA or importing Warp."""

import ctypes
import sys
from typing import NamedTuple

_LIBRARIES = {"win32": "nvcuda.dll"}


class Version(NamedTuple):
    """A version of CUDA."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


def driver_version() -> Version | None:
    """Return the newest CUDA that the installed driver serves; None if there is no driver."""
    try:
        driver = ctypes.CDLL(_LIBRARIES.get(sys.platform, "libcuda.so.1"))
    except OSError:
        return None
    number = ctypes.c_int()
    if driver.cuDriverGetVersion(ctypes.byref(number)):
        return None
    return Version(number.value // 1000, number.value % 1000 // 10)
