"""Whether element-wise steps can be compiled here.

Proved in `tests/nn/test_fusing.py`.
"""

import os
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import torch


def can_fuse(device: torch.device) -> bool:
    """Return whether compiling pays on a device: GPUs where Triton finds what it builds with.

    Its launchers want a C compiler and Python's headers; without them the first call would fail.
    """
    compiler = os.environ.get("CC") or which("gcc") or which("clang")
    headers = Path(sysconfig.get_path("include"), "Python.h").is_file()
    triton = find_spec("triton") is not None
    return device.type == "cuda" and bool(compiler) and headers and triton
