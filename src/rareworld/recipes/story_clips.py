"""Continuing held-out clips with a model: the same first frames, words and noise for every set.

A stage over groups of clips, so that workers on both cores share them and a killed run loses one
group. Proved in `tests/recipes/test_story_clips.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, final

import numpy as np
from PIL import Image

from rareworld.data.atomic import atomic_file, scratch_folder, sha256_file
from rareworld.data.config import Config
from rareworld.data.video import H264, RgbWriter, probe, read_frames
from rareworld.errors import ConfigError, FormatError
from rareworld.generate.job import GenerateStage, make_stage
from rareworld.generate.models import ModelConfig
from rareworld.generate.sample import InferenceType, Request, Sample
from rareworld.nn.ranks import Ranks
from rareworld.recipes.story import StoryConfig
from rareworld.runtime.stage import Report

VIDEOS, METAS = "videos", "metas"


@final
@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A real clip that models continue."""

    name: str
    video: Path
    prompt: str
    start: Path
    """Its first frames, as the model gets them."""
    first: Path
    """The first of them as a PNG."""
    seed: int
    """Of the noise."""


@final
@dataclass(frozen=True, kw_only=True)
class Group:
    """Some clips of one generated set."""

    set: str
    """`before`, `after` or `control`."""
    number: int
    adapter: Path | None
    """Low-rank adapter folded in; None is the model as it was."""
    clips: tuple[HeldOut, ...]


def held_out_clips(config: StoryConfig, starts: Path) -> tuple[HeldOut, ...]:
    """Return the clips to continue, evenly spread over the names, with their first frames written.

    Args:
        config: Of the story.
        starts: Folder for the first frames.

    Raises:
        FormatError: If there are no clips, one has no caption, or is too short.
        ConfigError: If there are fewer clips than are to be continued.
    """
    videos = sorted((config.held_out / VIDEOS).glob("*.mp4"))
    if len(videos) < 2:
        raise FormatError(
            f"{config.held_out}: expected clips in {VIDEOS}/NAME.mp4 with {METAS}/NAME.txt, found "
            f"{len(videos)}; make some with rareworld footage, or name another folder: held_out"
        )
    if config.clips > len(videos):
        raise ConfigError(
            f"clips: expected at most {len(videos)}, all that {config.held_out} has, found "
            f"{config.clips}; ask for fewer (--n), or make more with rareworld footage "
            "mini_crash_held_out and name their folder (--set held_out=DIR; of the whole demo "
            "--set story.held_out=DIR)"
        )
    chosen = [videos[index * len(videos) // config.clips] for index in range(config.clips)]
    return tuple(
        _held_out(video, config, starts, config.seed + rank) for rank, video in enumerate(chosen)
    )


def _held_out(video: Path, config: StoryConfig, starts: Path, seed: int) -> HeldOut:
    caption = config.held_out / METAS / f"{video.stem}.txt"
    if not caption.is_file():
        raise FormatError(f"{caption}: missing; every held-out clip needs its caption")
    found = probe(video).num_frames
    if found < config.frames:
        raise FormatError(f"{video}: expected at least {config.frames} frames, found {found}")
    return HeldOut(
        name=video.stem,
        video=video,
        prompt=caption.read_text(encoding="utf-8").strip(),
        start=_start(video, config, starts),
        first=_still(video, starts),
        seed=seed,
    )


def _start(video: Path, config: StoryConfig, starts: Path) -> Path:
    """Write a clip's first frames, once; return the file.

    H.264 keeps their brightness to a rounding of colours; chroma is halved, as in the clip itself.
    """
    if config.kind is InferenceType.IMAGE2WORLD:
        return _still(video, starts)
    path = starts / f"{_content_name(video)}.mp4"
    if not path.exists():
        frames = list(islice(read_frames(video, "rgb24"), config.given))
        with scratch_folder(path) as folder:
            _write(folder / path.name, frames, Fraction(config.training.data.fps))
            (folder / path.name).replace(path)
    return path


def _still(video: Path, starts: Path) -> Path:
    """Write a clip's first frame as PNG, once; return the file."""
    path = starts / f"{_content_name(video)}.png"
    if not path.exists():
        with atomic_file(path) as temporary:
            Image.fromarray(next(iter(read_frames(video, "rgb24")))).save(temporary, "PNG")
    return path


def _content_name(video: Path) -> str:
    """Return a name that another clip of the same name does not have."""
    return f"{video.stem}-{sha256_file(video)[:16]}"


def _write(path: Path, frames: Sequence[np.ndarray], rate: Fraction) -> None:
    with RgbWriter(path, rate, H264(crf=0)) as writer:
        for frame in frames:
            writer.write(frame)


def groups_of(
    config: StoryConfig, clips: Sequence[HeldOut], adapters: Mapping[str, Path]
) -> tuple[Group, ...]:
    """Return the work of all sets; set after set, so that a set is whole as early as it can be."""
    size = config.per_item
    return tuple(
        Group(
            set=name,
            number=number,
            adapter=adapters.get(name),
            clips=tuple(clips[start : start + size]),
        )
        for name in config.sets()
        for number, start in enumerate(range(0, len(clips), size))
    )


@final
class ClipsConfig(Config):
    """How clips are continued."""

    model: str
    """Pipeline."""
    kind: InferenceType
    size: str
    """`H,W`."""
    frames: int
    num_steps: int
    guidance: int
    device: str
    """`cpu` or `cuda`."""

    @classmethod
    def of(cls, config: StoryConfig, device: str) -> "ClipsConfig":
        """Return a story's settings."""
        return cls(
            model=config.model,
            kind=config.kind,
            size=config.training.data.resolution,
            frames=config.frames,
            num_steps=config.num_steps,
            guidance=config.guidance,
            device=device,
        )


@final
@dataclass(frozen=True)
class ClipsStage:
    """`runtime.Stage` over groups of clips."""

    config: ClipsConfig

    @property
    def name(self) -> str:
        """Word for the progress bar."""
        return "generate"

    def item_name(self, item: Group) -> str:
        """Return the set and the group's number."""
        return f"{item.set}-{item.number:03d}"

    def describe(self, item: Group) -> Mapping[str, Any]:
        """Return what decides the clips: weights, words, first frames, noise, settings.

        Raises:
            RareworldError: If the model cannot be found.
        """
        with Ranks.join(self.config.device) as ranks:
            stage = self._stage(item, ranks)
            return {"clips": [stage.describe(request) for request in stage.requests]}

    def run(self, item: Group, out: Path, report: Report) -> Mapping[str, Any]:
        """Write `NAME.mp4` and `NAME.json` of every clip.

        Raises:
            RareworldError: If the model cannot be loaded or a clip cannot be made.
        """
        with Ranks.join(self.config.device) as ranks:
            stage = self._stage(item, ranks)
            for rank, request in enumerate(stage.requests):
                stage.run(request, out, partial(_told, report, rank, len(stage.requests)))
        return {"set": item.set, "clips": [clip.name for clip in item.clips]}

    def _stage(self, item: Group, ranks: Ranks) -> GenerateStage:
        adapters = () if item.adapter is None else (str(item.adapter),)
        model = ModelConfig(model=self.config.model, adapters=adapters, any_size=True)
        requests = [Request(clip.name, self._sample(clip)) for clip in item.clips]
        return make_stage(requests, model, ranks)

    def _sample(self, clip: HeldOut) -> Sample:
        return Sample(
            name=clip.name,
            inference_type=self.config.kind,
            prompt=clip.prompt,
            input_path=clip.start,
            negative_prompt="",
            seed=clip.seed,
            guidance=self.config.guidance,
            resolution=self.config.size,
            num_output_frames=self.config.frames,
            num_steps=self.config.num_steps,
        )


def _told(report: Report, rank: int, count: int, part: float) -> None:
    """Tell how far a group is when a part of one of its clips is done."""
    report((rank + part) / count)
