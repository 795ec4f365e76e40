"""How fast training goes: steps and tokens per second, use of the GPU, memory, time left.

MFU is the share of the GPUs' dense bfloat16 peak that the step's needed operations make up
(Chowdhery et al. 2022, PaLM, appendix B); what activation checkpointing computes twice is not
needed work and does not count. Peaks are the makers' data sheets', without sparsity.
Proved in `tests/train/watch/test_meter.py`.
"""

import resource
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch

from rareworld.train.watch.base import StepReport

PEAKS = {
    "GB200": 2.5e15,
    "B200": 2.25e15,
    "H200": 9.89e14,
    "H100 PCIe": 7.56e14,
    "H100 NVL": 8.35e14,
    "H100": 9.89e14,
    "A100": 3.12e14,
    "L40S": 3.62e14,
    "A6000": 1.55e14,
    "RTX 5090": 2.1e14,
    "RTX 4090": 1.65e14,
}
"""Dense bfloat16 operations per second by a part of the device's name; the first that fits."""
WINDOW = 20
"""Steps that rates are taken over."""


@final
@dataclass(frozen=True, kw_only=True)
class Rates:
    """Speed over the last steps."""

    steps_per_s: float
    tokens_per_s: float
    mfu: float | None
    """Share of the peak; None where no peak is known."""
    memory_gb: float
    """Largest use so far: of this rank's GPU, or of the process on a CPU."""
    left_s: float
    """Time until the last step."""


@final
class Meter:
    """Keeps the speed for watchers that come after it; a `Watcher` itself."""

    def __init__(self, device: torch.device, ranks: int = 1) -> None:
        self._device = device
        self._peak = peak_of(device)
        self._ranks = ranks
        self._last: deque[StepReport] = deque(maxlen=WINDOW)
        self._steps = 0

    def begin(self, step: int, steps: int) -> None:  # noqa: ARG002 - as watchers are called
        """Note the last step."""
        self._steps = steps

    def stepped(self, report: StepReport) -> None:
        """Take in a step."""
        self._last.append(report)

    def measured(self, step: int, numbers: Mapping[str, float]) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""

    def rates(self) -> Rates:
        """Return the speed over the last steps; there must have been one."""
        seconds = max(sum(step.seconds for step in self._last), 1e-9)
        steps_per_s = len(self._last) / seconds
        flops_per_s = sum(step.flops for step in self._last) / seconds
        return Rates(
            steps_per_s=steps_per_s,
            tokens_per_s=sum(step.tokens for step in self._last) / seconds,
            mfu=None if self._peak is None else flops_per_s / (self._peak * self._ranks),
            memory_gb=memory_gb(self._device),
            left_s=(self._steps - self._last[-1].step) / steps_per_s,
        )


def peak_of(device: torch.device) -> float | None:
    """Return a GPU's peak in operations per second; None of a CPU and of GPUs not in the table."""
    if device.type != "cuda":
        return None
    return peak_named(torch.cuda.get_device_name(device))


def peak_named(name: str) -> float | None:
    """Return the peak of a device by its name.

    >>> peak_named("NVIDIA H200")
    989000000000000.0
    """
    return next((peak for part, peak in PEAKS.items() if part in name), None)


def memory_gb(device: torch.device) -> float:
    """Return the largest memory used so far, in 1e9 bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def numbers_of(report: StepReport, rates: Rates) -> dict[str, float]:
    """Return a step's numbers by the names that curves have."""
    numbers = {
        "loss": report.loss,
        "lr": report.lr,
        "gradient_norm": report.gradient_norm,
        "nonfinite": float(report.nonfinite),
        "seconds": report.seconds,
        "waited_s": report.waited_s,
        "tokens_per_s": rates.tokens_per_s,
        "memory_gb": rates.memory_gb,
    }
    return numbers if rates.mfu is None else numbers | {"mfu": rates.mfu}


def duration(seconds: float) -> str:
    """Return a time in words.

    >>> duration(4000)
    '1 h 06 min'
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
