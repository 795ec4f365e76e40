"""From a sample to what will be computed: its kind, its size, and its chunks of frames.

A video longer than the model makes in one go is made chunk by chunk; each starts from the last
frames of the one before (source: autoregressive mode of cosmos-predict2.5, which takes the overlap
in frames for one in latent frames; here it is frames, and 5 of them are two latent frames).
Every chunk is made at its full length, because the nets know no other, and the last one is cut.
Proved in `tests/generate/test_plan.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from rareworld.errors import ConfigError
from rareworld.generate.media import Medium
from rareworld.generate.sample import InferenceType, Sample
from rareworld.models.cosmos_predict.sizes import (
    GROUP,
    Limits,
    Size,
    frames_of,
    latents_of,
    resolve_size,
)

CHUNK = 77
"""Frames of a chunk, unless told otherwise or the model makes fewer."""
OVERLAPS = (1, 5)
"""Frames a chunk may start from: one and two latent frames, as in training."""


@final
@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Frames that are made in one go."""

    seed: int
    """Of its noise."""
    frames: int
    """Made, 4k + 1."""
    clean_latents: int
    """Latent frames it starts from."""
    first: int
    """Frame from which it is kept: those before belong to the chunk before."""
    last: int
    """Frame up to which it is kept."""

    @property
    def latents(self) -> int:
        """Latent frames, the clean ones included."""
        return latents_of(self.frames)


@final
@dataclass(frozen=True, kw_only=True)
class Plan:
    """One video, ready to be computed."""

    kind: InferenceType
    size: Size
    fps: Fraction
    chunks: tuple[Chunk, ...]

    @property
    def frames(self) -> int:
        """Frames of the video."""
        return sum(chunk.last - chunk.first for chunk in self.chunks)


def make_plan(sample: Sample, medium: Medium | None, limits: Limits) -> Plan:
    """Decide what to compute for a sample whose input was looked at.

    Raises:
        ConfigError: If the input does not fit the kind, or size or frames cannot be made.
    """
    kind = decide_kind(sample, medium)
    size = resolve_size(sample.resolution, sample.aspect_ratio, limits)
    cut = _chunked(sample, kind, limits) if sample.enable_autoregressive else None
    chunks = cut or (_whole(sample, kind, limits),)
    return Plan(kind=kind, size=size, fps=limits.fps, chunks=chunks)


def decide_kind(sample: Sample, medium: Medium | None) -> InferenceType:
    """Return what the video starts from: as said, or as the input tells.

    Raises:
        ConfigError: If the input is an image or too short for what was said.
    """
    kind = sample.kind or _told_by(medium)
    if medium is None:
        return kind
    need = frames_of(kind.latents)
    if kind == InferenceType.VIDEO2WORLD and medium.is_image:
        raise ConfigError(
            f"{medium.path}: video2world starts from a video, found an image; "
            "say inference_type image2world (num_conditional_frames 1)"
        )
    if medium.num_frames < need:
        raise ConfigError(
            f"{medium.path}: {kind.value} starts from the last {need} frames, "
            f"found {medium.num_frames}; give a longer video, or say inference_type image2world"
        )
    return kind


def _told_by(medium: Medium | None) -> InferenceType:
    if medium is None:
        return InferenceType.TEXT2WORLD
    still = medium.is_image or medium.num_frames == 1
    return InferenceType.IMAGE2WORLD if still else InferenceType.VIDEO2WORLD


def _whole(sample: Sample, kind: InferenceType, limits: Limits) -> Chunk:
    """Return the only chunk of a video made in one go."""
    frames = limits.frames if sample.num_output_frames is None else sample.num_output_frames
    fewest = frames_of(kind.latents + 1)
    if frames > limits.frames:
        raise ConfigError(
            f"num_output_frames: the model makes at most {limits.frames} frames in one go, got "
            f"{frames}; set enable_autoregressive: true, or ask for {limits.frames}"
        )
    _check_frames("num_output_frames", frames, fewest, limits.frames)
    return Chunk(seed=sample.seed, frames=frames, clean_latents=kind.latents, first=0, last=frames)


def _chunked(sample: Sample, kind: InferenceType, limits: Limits) -> tuple[Chunk, ...]:
    """Return chunks that together have the frames asked for."""
    if sample.num_output_frames is None:
        raise ConfigError("num_output_frames: enable_autoregressive needs the length; give it")
    size, overlap = sample.chunk_size or min(CHUNK, limits.frames), sample.chunk_overlap
    if overlap not in OVERLAPS:
        raise ConfigError(
            f"chunk_overlap: expected one of {_listed(OVERLAPS)} frames, got {overlap}; "
            f"the nearest is {min(OVERLAPS, key=lambda known: abs(known - overlap))}"
        )
    again = latents_of(overlap)
    _check_frames("chunk_size", size, frames_of(max(kind.latents, again) + 1), limits.frames)
    starts = range(0, max(sample.num_output_frames - overlap, 1), size - overlap)
    return tuple(
        Chunk(
            seed=sample.seed + rank,
            frames=size,
            clean_latents=again if rank else kind.latents,
            first=overlap if rank else 0,
            last=min(size, sample.num_output_frames - start),
        )
        for rank, start in enumerate(starts)
    )


def _check_frames(field: str, frames: int, fewest: int, most: int) -> None:
    """Refuse a count no whole number of latent frames stands for, naming the nearest one."""
    allowed = range(fewest, most + 1, GROUP)
    if frames not in allowed:
        nearest = min(allowed, key=lambda known: (abs(known - frames), -known))
        raise ConfigError(
            f"{field}: latent frames stand for 4k + 1 frames, here {fewest} to {most}, "
            f"got {frames}; the nearest is {nearest}"
        )


def _listed(values: Sequence[int]) -> str:
    return " or ".join(str(value) for value in values)
