"""Sample videos on held-out prompts: the base's on the left, the trained one's on the right.

Both start from the same noise and the same clean frames of the held-out clip, and are guided away
from empty text, so what differs is what was learned. Where the whole net is trained there is no
base left to switch to: the untrained net's videos are those of step 0, in a folder of their own.
Proved in `tests/train/watch/test_samples.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rareworld.data.atomic import atomic_folder
from rareworld.data.jsontext import write_json
from rareworld.data.video import RgbWriter, frame_rate
from rareworld.diffusion.noise import seeded_noise
from rareworld.diffusion.schedule import SHIFT
from rareworld.models.cosmos_predict.config import Family
from rareworld.models.cosmos_predict.denoise import (
    SAME_AS_REST,
    Conditioning,
    Net,
    make_denoise,
    plan_sampling,
)
from rareworld.train.watch.base import is_due

Frames = UInt8[np.ndarray, "frames y x 3"]
Still = Callable[[], AbstractContextManager[None]]
INDEX = "prompts.json"


@final
@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A held-out clip to sample."""

    name: str
    """Becomes the file's name."""
    text: str
    latent: Float[Tensor, "c t h w"]
    """The clip itself: it gives the size and the first frames."""
    context: Float[Tensor, "n e"]


@final
@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Turns a prompt into latents with the net as it is."""

    net: Net
    family: Family
    conditional_timestep: float | None
    """Predict2.5: what clean frames are told."""
    empty: Float[Tensor, "1 n e"]
    """Context of no text, as training drops it."""
    clean_frames: int
    """Latent frames taken over from the clip."""
    steps: int
    guidance: float
    seed: int
    dtype: torch.dtype
    device: torch.device
    shift: float = SHIFT
    """Predict2.5: shift of the noise levels it is trained at."""

    @torch.no_grad()
    def sample(self, prompt: Prompt) -> Float[Tensor, "1 c t h w"]:
        """Return a prompt's latents; every rank that shares the net asks for the same."""
        told = SAME_AS_REST if self.conditional_timestep is None else self.conditional_timestep
        clean = prompt.latent[None].to(self.device).float()
        denoise = make_denoise(
            self.net,
            self.family,
            Conditioning(
                clean=clean,
                num_clean_frames=min(self.clean_frames, clean.shape[2] - 1),
                conditional_timestep=told,
            ),
            context=prompt.context[None].to(self.device),
            uncond_context=self.empty.to(self.device),
            guidance=self.guidance,
            dtype=self.dtype,
            evaluate=_each_alone,
        )
        plan = plan_sampling(
            self.family.objective, self.steps, conditional_timestep=told, shift=self.shift
        )
        return plan.run(denoise, seeded_noise(self.seed, clean.shape).to(self.device))


@final
@dataclass(kw_only=True)
class Samples:
    """Writes `samples/step-NNNNNN/NAME.mp4`; a `Probe` that measures nothing."""

    folder: Path
    prompts: Sequence[Prompt]
    sampler: Sampler
    every: int
    fps: float
    still: Still
    """Has the weights to be judged in place, and random states come back, while a block runs."""
    without: Still | None
    """Switches what was trained off while a block runs; None where that cannot be."""
    decode: Callable[[Float[Tensor, "1 c t h w"]], Frames]
    """Latents to frames, called on the leading rank alone."""
    leads: bool = True
    _base: dict[str, Frames] = field(default_factory=dict[str, Frames])
    """Frames without what was trained, made once."""

    def due(self, step: int, *, last: bool) -> bool:
        """Return whether it is time; untrained adapters change nothing, so not before step 1."""
        begins = step > 0 or self.without is None
        return begins and bool(self.prompts) and is_due(step, self.every, last=last)

    def measure(self, step: int) -> Mapping[str, float]:
        """Write the videos of a step.

        Raises:
            StoreError: If they cannot be written.
        """
        videos = {prompt.name: self._video(prompt) for prompt in self.prompts}
        if self.leads:
            with atomic_folder(self.folder / f"step-{step:06d}", replace=True) as folder:
                for name, frames in videos.items():
                    _write(folder / f"{file_name(name)}.mp4", frames, self.fps)
            texts = {file_name(prompt.name): prompt.text for prompt in self.prompts}
            write_json(self.folder / INDEX, texts)
        return {}

    def _video(self, prompt: Prompt) -> Frames:
        with self.still():
            frames = self._decoded(self.sampler.sample(prompt))
        if self.without is None:
            return frames
        if prompt.name not in self._base:
            with self.still(), self.without():
                self._base[prompt.name] = self._decoded(self.sampler.sample(prompt))
        return np.concatenate([self._base[prompt.name], frames], axis=2)

    def _decoded(self, latent: Float[Tensor, "1 c t h w"]) -> Frames:
        return self.decode(latent) if self.leads else np.zeros((0, 1, 1, 3), np.uint8)


def _each_alone(
    function: Callable[[Sequence[Tensor]], list[Tensor]], contexts: Sequence[Tensor]
) -> list[Tensor]:
    """Give the net one text at a time, as training does: weights may be shared among ranks."""
    return [function([context])[0] for context in contexts]


def file_name(name: str) -> str:
    """Return a clip's name without folders.

    >>> file_name("0/crash")
    '0-crash'
    """
    return name.replace("/", "-")


def _write(path: Path, frames: Frames, fps: float) -> None:
    with RgbWriter(path, frame_rate(fps)) as writer:
        for frame in frames:
            writer.write(frame)
