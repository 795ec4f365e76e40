"""The device that kernels run on: found, checked and named before any work is begun."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import warp as wp

from rareworld.annotate.render.warp.driver import Version, driver_version
from rareworld.errors import DeviceError

REMEDY = (
    "take the CPU with --set render.renderer=cpu, or whatever the machine has with "
    "--set render.renderer=auto"
)
_MIB = 2**20
_SIGNS = ("alloc", "memory", "cuda error", "cuda_error")
"""In the message of a `RuntimeError` of Warp that ran out of memory on a device."""


@final
@dataclass(frozen=True, kw_only=True)
class Device:
    """One device that Warp can use."""

    alias: str
    """Warp's name, as cpu or cuda:0."""
    label: str
    """What a person calls it."""
    free_bytes: int | None = None
    """Memory that can be had; None on the CPU."""

    @property
    def is_gpu(self) -> bool:
        """Whether it is not the CPU."""
        return self.alias != "cpu"


def start() -> None:
    """Start Warp without its banner; warnings are still shown."""
    wp.config.log_level = wp.LOG_WARNING
    wp.init()


def cpu() -> Device:
    """Return this machine's CPU through Warp."""
    start()
    return Device(alias="cpu", label=f"CPU, Warp {wp.config.version}")


def gpu() -> Device:
    """Return the first CUDA device.

    Raises:
        DeviceError: If there is no driver, it is too old, or it shows no device.
    """
    driver = driver_version()
    if driver is None:
        raise DeviceError(f"renderer gpu needs an NVIDIA driver, found none; {REMEDY}")
    start()
    toolkit = wp.get_cuda_toolkit_version()
    if toolkit is not None:
        check_driver(driver, Version(*toolkit))
    if not wp.is_cuda_available() or not wp.get_cuda_device_count():
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        raise DeviceError(
            f"renderer gpu needs a CUDA device; the driver (CUDA {driver}) shows none, "
            f"CUDA_VISIBLE_DEVICES is {hidden!r}; make one visible, or {REMEDY}"
        )
    found = wp.get_cuda_device(0)
    return Device(
        alias=found.alias,
        label=f"{found.name}, driver CUDA {driver}, Warp {wp.config.version}",
        free_bytes=int(found.free_memory),
    )


def check_driver(driver: Version, toolkit: Version) -> None:
    """Refuse a driver of an older generation than the CUDA that Warp was built with.

    Raises:
        DeviceError: Naming both versions.
    """
    if driver.major < toolkit.major:
        raise DeviceError(
            f"renderer gpu: Warp {wp.config.version} needs a driver for CUDA {toolkit.major}.0 or "
            f"newer, found one for CUDA {driver}; update the NVIDIA driver, or {REMEDY}"
        )


def check_memory(device: Device, needed_bytes: int) -> None:
    """Refuse a scene and image that the device has no room for.

    Raises:
        DeviceError: Saying what is needed and what is free.
    """
    if device.free_bytes is not None and needed_bytes > device.free_bytes:
        raise DeviceError(
            f"renderer gpu: scene and image need about {needed_bytes // _MIB} MiB, "
            f"{device.free_bytes // _MIB} MiB are free on {device.label}; end other programs that "
            f"use it, render fewer pixels, or {REMEDY}"
        )


@contextmanager
def memory_told(device: Device, needed_bytes: int) -> Iterator[None]:
    """Turn Warp's own error where others took the memory meanwhile into one with a remedy.

    Raises:
        DeviceError: Saying what is needed, what was free and what Warp reports.
    """
    try:
        yield
    except RuntimeError as error:
        text = " ".join(str(error).split())
        if not device.is_gpu or not any(sign in text.lower() for sign in _SIGNS):
            raise
        raise DeviceError(
            f"renderer gpu: scene and image need about {needed_bytes // _MIB} MiB, "
            f"{(device.free_bytes or 0) // _MIB} MiB were free on {device.label}, and then it "
            f"failed ({text:.200}); start fewer workers, end other programs that use it, render "
            f"fewer pixels, or {REMEDY}"
        ) from error
