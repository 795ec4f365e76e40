"""Where a run runs: versions, commit, machine, command; kept with every start of it.

Proved in `tests/train/test_environment.py`.
"""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from rareworld import __version__
from rareworld.nn.ranks import Ranks

PACKAGES = ("torch", "peft", "safetensors", "numpy", "transformers", "diffusers")
"""Whose versions decide or may move numbers."""


def environment(ranks: Ranks, step: int) -> dict[str, Any]:
    """Return what is known of this start, as JSON types."""
    cuda = ranks.device.type == "cuda"
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "folder": str(Path.cwd()),
        "step": step,
        "rareworld": __version__,
        "commit": commit_of(Path(__file__).parent),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": platform.node(),
        "ranks": ranks.world,
        "device": torch.cuda.get_device_name(ranks.device) if cuda else "cpu",
        "cuda": torch.version.cuda,
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def commit_of(folder: Path) -> str | None:
    """Return the git commit of a folder's files, with `+` where they differ from it.

    None where there is no git, no repository, or the folder is not kept in it.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit or not _git(folder, "ls-files", "."):
        return None
    return commit + ("+" if _git(folder, "status", "--porcelain", ".") else "")


@contextmanager
def exact_kernels(*, enabled: bool) -> Generator[None]:
    """Have sums taken in a fixed order, or in the fastest, while a block runs.

    An operation that has no fixed order is an error inside. cuBLAS wants `prepare_exact` too.
    """
    memory: Any = torch.utils.deterministic  # its attributes are made at run time
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(enabled)
    memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
        memory.fill_uninitialized_memory = filled


def prepare_exact() -> None:
    """Give cuBLAS a workspace whose sums have a fixed order; call it before CUDA starts."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git says of a folder; None where it says nothing good."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - arguments are ours
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
