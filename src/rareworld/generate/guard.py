"""Optional guardrail: refuses prompts and videos through the `cosmos-guardrail` package.

Off by default, and said so in the output and in each sidecar. Switched on, a refused prompt or
video is the sample's error: it is quarantined and the batch goes on. The package (NVIDIA's
blocklist, Llama Guard, video filter and face blur) downloads gated weights on first use.
Proved in `tests/generate/test_guard.py` against a stand-in of the package.
"""

from importlib import import_module
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from rareworld.errors import ConfigError, MissingExtraError

PACKAGE = "cosmos_guardrail"

Frames = UInt8[np.ndarray, "t h w 3"]
"""Decoded frames, RGB."""


@runtime_checkable
class Guard(Protocol):
    """Judges what goes into the generator and what comes out."""

    @property
    def name(self) -> str:
        """What stands in the sidecar."""
        ...

    def check_prompt(self, prompt: str) -> None:
        """Refuse a prompt by raising ConfigError."""
        ...

    def check_video(self, frames: Frames) -> Frames:
        """Return the frames, faces blurred where the guard does so; refuse by ConfigError."""
        ...


@final
class NoGuard:
    """Judges nothing; the default."""

    name = "off"

    def check_prompt(self, prompt: str) -> None:
        """Accept any prompt."""

    def check_video(self, frames: Frames) -> Frames:
        """Return the frames untouched."""
        return frames


@runtime_checkable
class SafetyChecker(Protocol):
    """What the package's `CosmosSafetyChecker` offers."""

    def to(self, device: str) -> object:
        """Move the checker's models."""
        ...

    def check_text_safety(self, prompt: str) -> bool:
        """Return whether a prompt may be used."""
        ...

    def check_video_safety(self, frames: Frames) -> Frames | None:
        """Return frames with faces blurred; None if they may not be shown."""
        ...


@final
class CosmosGuard:
    """The package's checker, on the device only while it judges."""

    name = "cosmos-guardrail"

    def __init__(self, checker: SafetyChecker, device: str) -> None:
        self.checker = checker
        self.device = device

    def check_prompt(self, prompt: str) -> None:
        """Refuse a prompt.

        Raises:
            ConfigError: If the guardrail refuses it.
        """
        self.checker.to(self.device)
        try:
            safe = self.checker.check_text_safety(prompt)
        finally:
            self.checker.to("cpu")
        if not safe:
            raise ConfigError(
                f"guardrail refused the prompt {_short(prompt)!r}; change it, or run without "
                "--guardrail where you answer for the content"
            )

    def check_video(self, frames: Frames) -> Frames:
        """Return frames with faces blurred.

        Raises:
            ConfigError: If the guardrail refuses the video, or returns another number or size.
        """
        self.checker.to(self.device)
        try:
            judged = self.checker.check_video_safety(frames)
        finally:
            self.checker.to("cpu")
        if judged is None:
            raise ConfigError(
                "guardrail refused the generated video; change the prompt or the seed, or run "
                "without --guardrail where you answer for the content"
            )
        if judged.shape != frames.shape:
            raise ConfigError(
                f"guardrail returned frames of shape {judged.shape}, expected {frames.shape}; "
                "update cosmos-guardrail"
            )
        return judged


def make_guard(*, enabled: bool, device: str) -> Guard:
    """Return the guard to use: none, or the package's, its weights loaded.

    Raises:
        MissingExtraError: If it is wanted and the package is not installed.
        ConfigError: If its weights cannot be loaded (gated, no network).
    """
    if not enabled:
        return NoGuard()
    try:
        package = import_module(PACKAGE)
    except ModuleNotFoundError as error:
        if error.name != PACKAGE:
            raise
        raise MissingExtraError("cosmos-guardrail", extra="guardrail") from None
    try:
        return CosmosGuard(package.CosmosSafetyChecker(), device)
    except OSError as error:
        raise ConfigError(
            f"--guardrail: its weights cannot be loaded ({_short(str(error))}); accept their "
            "licences on the hub and set HF_TOKEN, or run without --guardrail"
        ) from None


def _short(text: str, length: int = 80) -> str:
    """Return one line of a text for a message."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 3] + "..."
