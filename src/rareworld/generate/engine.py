"""One sample from words and frames to frames: encode, sample chunk by chunk, decode.

Under `torchrun` every rank calls `Engine.make` with the same order. The leading rank alone reads
text and frames and decodes; all ranks sample. Parts that are offloaded come to the GPU only for
their turn. Proved in `tests/generate/test_engine.py`.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rareworld.errors import DeviceError
from rareworld.generate.noise import LatentSampler, Task
from rareworld.generate.offload import Part, Residency
from rareworld.generate.plan import Chunk, Plan
from rareworld.generate.sidecar import Stopwatch
from rareworld.models.cosmos_predict.pixels import to_frames, to_rgb
from rareworld.models.cosmos_predict.sizes import frames_of
from rareworld.models.text.encoder import short
from rareworld.runtime.stage import Report

CELLS = 8
"""Pixels along a side of a latent cell."""
SHOWN = 200
"""Characters shown of a text that is not read."""
NO_FRAMES = np.zeros((0, 1, 1, 3), np.uint8)
"""What a rank that does not lead makes, and what a video from text starts from."""
ENCODED, SAMPLED = 0.02, 0.95
"""Fractions of a chunk's work that are done after encoding and after sampling."""

NEGATIVE_PROMPT = (
    "The video captures a series of frames showing ugly scenes, static with no motion, motion "
    "blur, over-saturation, shaky footage, low resolution, grainy texture, pixelated images, "
    "poorly lit areas, underexposed and overexposed scenes, poor color balance, washed out colors, "
    "choppy sequences, jerky movements, low frame rate, artifacting, color banding, unnatural "
    "transitions, outdated special effects, fake elements, unconvincing visuals, poorly edited "
    "content, jump cuts, visual noise, and flickering. Overall, the video is of poor quality."
)
"""What both generations are steered away from, word for word as their nets were released with."""


@runtime_checkable
class Tokenizer(Protocol):
    """Frames to latents and back."""

    window: int
    """Latent frames worked off at a time; it decides memory and speed, not the results."""

    def encode(self, rgb: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b c n y x"]:
        """Return normalised latents of video in [-1, 1]."""
        ...

    def decode_stream(
        self, latent: Float[Tensor, "b c n y x"]
    ) -> Iterator[Float[Tensor, "b 3 t h w"]]:
        """Yield video in [-1, 1], some frames at a time."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """Text to the states that a net attends to."""

    def encode(self, prompts: Sequence[str]) -> Float[Tensor, "b m e"]:
        """Return states, a row per token."""
        ...

    def cut(self, prompt: str) -> str:
        """Return the end of a prompt that is too long to be read."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class Order:
    """What to make: a plan with its words and its first frames."""

    plan: Plan
    prompt: str
    negative_prompt: str | None
    """None takes the families' own; empty, no text."""
    start: UInt8[np.ndarray, "t h w 3"]
    """Frames at the plan's size that it starts from; none where there is none to start from."""
    guidance: float
    steps: int


@final
@dataclass(frozen=True)
class Ends:
    """What turns text and frames into tensors, and tensors into frames."""

    tokenizer: Tokenizer
    encoder: Encoder


@final
@dataclass(kw_only=True)
class Engine:
    """A world model's parts, ready to make videos."""

    sampler: LatentSampler
    ends: Ends | None
    """None on ranks that do not lead: they only sample."""
    residency: Residency
    about: tuple[str, ...] = ()
    """How the parts run, a line each, for the console."""
    notes: list[str] = field(default_factory=list[str])
    """What the user should know about the last order."""

    @torch.no_grad()
    def make(self, order: Order, took: Stopwatch, report: Report) -> UInt8[np.ndarray, "t h w 3"]:
        """Return a video's frames; on ranks that do not lead, none.

        Raises:
            DeviceError: If the GPU's memory does not suffice.
            ConfigError: If a part does not fit the others.
        """
        self.notes.clear()
        self.sampler.work.clear()
        try:
            return self._make(order, took, report)
        except torch.OutOfMemoryError as error:
            if self.sampler.ranks.world > 1:  # the others wait in a collective: all must end
                raise
            size = f"{order.plan.size} (H,W) x {order.plan.chunks[0].frames} frames"
            raise DeviceError(
                f"out of GPU memory at {size}: {str(error).splitlines()[0]}; use --offload all, a "
                "smaller resolution, fewer num_output_frames, or more GPUs (torchrun)"
            ) from None

    def told(self) -> dict[str, Any]:
        """Return how the last order was computed, as JSON types."""
        return {
            "about": list(self.about),
            "ranks": self.sampler.ranks.world,
            "places": self.residency.told(),
            "chunks": [
                {
                    "guided_steps": work.guided,
                    "unguided_steps": work.unguided,
                    "reused_steps": work.reused,
                }
                for work in self.sampler.work
            ],
        }

    def _make(self, order: Order, took: Stopwatch, report: Report) -> UInt8[np.ndarray, "t h w 3"]:
        context, uncond = self._read(order, took)
        done: list[UInt8[np.ndarray, "t h w 3"]] = []
        tail, count = order.start, len(order.plan.chunks)
        for rank, chunk in enumerate(order.plan.chunks):
            task = self._task(order, chunk, context, uncond, self._clean(chunk, tail, took))

            def told(fraction: float, rank: int = rank) -> None:
                report((rank + fraction) / count)

            tail = self._chunk(task, took, told)
            done.append(tail[chunk.first : chunk.last])
        return np.concatenate(done)

    def _read(self, order: Order, took: Stopwatch) -> tuple[Tensor, Tensor | None]:
        """Return the states of the prompt and of the negative prompt."""
        prompts = [order.prompt]
        negative = NEGATIVE_PROMPT if order.negative_prompt is None else order.negative_prompt
        if order.guidance and negative.strip():
            prompts.append(negative.strip())
        with self._part("text", Part.TEXT, took):
            states = self.sampler.ranks.from_lead(lambda: self._encode_text(prompts))
        if len(prompts) == 2:
            return states[:1], states[1:]
        return states, self.sampler.zero_states() if order.guidance else None

    def _encode_text(self, prompts: Sequence[str]) -> Tensor:
        encoder = self._own_ends().encoder
        for prompt in prompts:
            cut = encoder.cut(prompt)
            if cut:
                told = f"its last {len(cut)} characters are not read: {short(cut, SHOWN)!r}"
                self.notes.append(f"the prompt is longer than 512 tokens; {told}")
        return encoder.encode(prompts)

    def _clean(
        self, chunk: Chunk, tail: UInt8[np.ndarray, "t h w 3"], took: Stopwatch
    ) -> Tensor | None:
        """Return the clean latents of a chunk; the tokenizer is causal, so no more is encoded."""
        if not chunk.clean_latents:
            return None

        def encode() -> Tensor:
            rgb = to_rgb(tail[-frames_of(chunk.clean_latents) :])
            return self._own_ends().tokenizer.encode(rgb.to(self.residency.device)).float()

        with self._part("encode", Part.TOKENIZER, took):
            return self.sampler.ranks.from_lead(encode)

    def _task(
        self,
        order: Order,
        chunk: Chunk,
        context: Tensor,
        uncond: Tensor | None,
        clean: Tensor | None,
    ) -> Task:
        size = order.plan.size
        return Task(
            seed=chunk.seed,
            size=(chunk.latents, size.height // CELLS, size.width // CELLS),
            clean=clean,
            context=context,
            uncond=uncond,
            guidance=order.guidance,
            steps=order.steps,
        )

    def _chunk(self, task: Task, took: Stopwatch, report: Report) -> UInt8[np.ndarray, "t h w 3"]:
        """Sample and decode one chunk."""
        report(ENCODED)

        def on_step(done: int, total: int) -> None:
            report(ENCODED + (SAMPLED - ENCODED) * done / total)

        with self._part("sample", Part.MODEL, took):
            latent = self.sampler.sample(task, on_step)
        with self._part("decode", Part.TOKENIZER, took):
            frames = self.sampler.ranks.together(lambda: self._decode(latent))
        report(1.0)
        return frames

    def _decode(self, latent: Tensor) -> UInt8[np.ndarray, "t h w 3"]:
        if self.ends is None:
            return NO_FRAMES
        tokenizer = self.ends.tokenizer
        try:
            return _decoded(tokenizer, latent)
        except torch.OutOfMemoryError:
            if tokenizer.window == 1:
                raise
        self.notes.append(
            f"out of GPU memory while decoding {tokenizer.window} latent frames at a time; "
            "decoded again one by one"
        )
        tokenizer.window = 1
        torch.cuda.empty_cache()
        return _decoded(tokenizer, latent)

    def _own_ends(self) -> Ends:
        if self.ends is None:
            raise RuntimeError("only the leading rank encodes")
        return self.ends

    @contextmanager
    def _part(self, name: str, part: Part, took: Stopwatch) -> Generator[None]:
        """Have a part on the device for its turn, which is counted by name."""
        with took.part(name, self.residency.device), self.residency.resident(part):
            yield


def _decoded(tokenizer: Tokenizer, latent: Tensor) -> UInt8[np.ndarray, "t h w 3"]:
    return np.concatenate([to_frames(rgb) for rgb in tokenizer.decode_stream(latent)])
