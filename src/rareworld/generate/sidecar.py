"""The JSON beside every generated video: all it was made from, and what that took.

Proved in `tests/generate/test_sidecar.py`.
"""

import resource
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, final

import torch

from rareworld import __version__
from rareworld.data.atomic import sha256_file
from rareworld.data.jsontext import write_json
from rareworld.generate.media import Medium
from rareworld.generate.plan import Plan

KIND = "generated_video"
VERSION = 1
PACKAGES = ("torch", "diffusers", "transformers", "safetensors", "numpy", "av")


@final
@dataclass
class Stopwatch:
    """Seconds spent in each named part, added up over its turns."""

    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @contextmanager
    def part(self, name: str, device: torch.device) -> Generator[None]:
        """Count the time of a block, work it queued on the device included."""
        _wait_for(device)
        start = time.perf_counter()
        try:
            yield
        finally:
            _wait_for(device)
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def start_peak(device: torch.device) -> None:
    """Count a device's peak memory from here on; a process's own peak cannot be reset."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: torch.device) -> dict[str, int]:
    """Return the most bytes held: by this process, and on the GPU if there is one."""
    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if device.type == "cuda":
        peak["device"] = torch.cuda.max_memory_allocated(device)
    return peak


def versions() -> dict[str, str]:
    """Return the versions of this package and of those it computes with."""
    found = {"rareworld": __version__, "python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def plan_record(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON types."""
    return {
        "inference_type": plan.kind.value,
        "height": plan.size.height,
        "width": plan.size.width,
        "fps": str(plan.fps),
        "frames": plan.frames,
        "chunks": [
            {
                "seed": chunk.seed,
                "frames": chunk.frames,
                "clean_latents": chunk.clean_latents,
                "kept": [chunk.first, chunk.last],
            }
            for chunk in plan.chunks
        ],
    }


def input_record(medium: Medium | None) -> dict[str, Any] | None:
    """Return what the input was, as JSON types."""
    if medium is None:
        return None
    return {
        "file": medium.path.name,
        "sha256": medium.sha256,
        "frames": medium.num_frames,
        "height": medium.size.height,
        "width": medium.size.width,
    }


def write_sidecar(
    path: Path,
    video: Path,
    *,
    depends: Mapping[str, Any],
    names: Mapping[str, Any],
    runs: Mapping[str, Any],
    medium: Medium | None,
    plan: Plan,
    took: Stopwatch,
    device: torch.device,
    notes: Sequence[str] = (),
) -> None:
    """Write the sidecar of a finished video.

    Raises:
        StoreError: If it cannot be written.
    """
    record = {
        "kind": KIND,
        "schema_version": VERSION,
        "video": {"file": video.name, "sha256": sha256_file(video)},
        "made": plan_record(plan),
        "from": dict(depends),
        "names": dict(names),
        "runs": dict(runs),
        "input": input_record(medium),
        "notes": list(notes),
        "seconds": {name: round(spent, 3) for name, spent in took.seconds.items()},
        "peak_bytes": peak_memory(device),
        "device": _device_name(device),
        "versions": versions(),
    }
    write_json(path, record)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
