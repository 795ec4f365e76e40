"""Carrying a story out, step by step: train, generate, measure; each step goes on where it was.

    OUT/training/after      run folder of the post-training (`train.folder`), `control` beside it
    OUT/starts              first frames of the held-out clips
    OUT/generated           groups of generated clips
    OUT/measured/after      `measured.json`: distances, checks, what was left out

Proved in `tests/recipes/test_story_run.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from rich.console import Console

from rareworld.data.jsontext import read_json
from rareworld.nn.ranks import Ranks
from rareworld.recipes.steps import Steps
from rareworld.recipes.story import AFTER, BEFORE, CONTROL, StoryConfig
from rareworld.recipes.story_clips import (
    ClipsConfig,
    ClipsStage,
    Group,
    HeldOut,
    groups_of,
    held_out_clips,
)
from rareworld.recipes.story_measure import MEASURED, Comparison, MeasureStage
from rareworld.recipes.story_nets import Sources
from rareworld.runtime.local import LocalRunner
from rareworld.runtime.progress import progress_bar
from rareworld.train.config import TrainConfig
from rareworld.train.data.cache import CACHE_FILE
from rareworld.train.data.cache_build import build_cache
from rareworld.train.data.cache_plan import cache_folder, plan_cache
from rareworld.train.folder import RunFolder
from rareworld.train.run import Options, run
from rareworld.train.saved import ADAPTER, read_pointer
from rareworld.train.watch.journal import read_rows

Videos = Mapping[str, Sequence[Path]]
"""Generated videos of each set, in the order of the held-out clips."""


@final
@dataclass(frozen=True, kw_only=True)
class Told:
    """What a story found."""

    clips: tuple[HeldOut, ...]
    videos: Videos
    found: Mapping[str, Mapping[str, Any]]
    """Content of `measured.json`, by the set that was compared to the one before; of `after` with
    its comparison to the control."""
    losses: Sequence[Mapping[str, Any]]
    """Rows of the post-training's metrics."""
    environment: Mapping[str, Any]
    """Versions, commit and machine of the post-training's last start."""


@final
@dataclass(frozen=True, kw_only=True)
class StoryRun:
    """One story in one folder."""

    out: Path
    config: StoryConfig
    steps: Steps
    sources: Sources
    """Where networks that measure come from."""
    console: Console | None = None
    """Where the post-training shows its progress."""

    def run(self) -> Told:
        """Do what is not done yet, and return what was found.

        Raises:
            RareworldError: If the model, clips or weights are missing or damaged, or an item was
                quarantined.
        """
        clips = held_out_clips(self.config, self.out / "starts")  # refused before hours of training
        names = [name for name in self.config.sets() if name != BEFORE]
        adapters = {name: self._train(name) for name in names}
        videos = self._generate(clips, adapters)
        found = self._measure(clips, videos)
        folder = RunFolder(self.out / "training" / AFTER)
        starts = read_json(folder.path / "environment.json")["starts"]
        return Told(
            clips=clips,
            videos=videos,
            found=found,
            losses=read_rows(folder.metrics),
            environment=starts[-1],  # pyright: ignore[reportIndexIssue] - a list, as the run wrote it
        )

    def _train(self, name: str) -> Path:
        """Post-train, or go on with it; return the adapter."""
        folder = RunFolder(self.out / "training" / name)
        config = self.config.run_of(name)
        self.steps.timed(f"encode ({name})", lambda: self._encode(config, folder))

        def work() -> str:
            before = read_pointer(folder.checkpoints) or 0
            with Ranks.join(self.device()) as ranks:
                run(config, folder.path, ranks, Options(tell=self._tell, console=self.console))
            return "" if before >= config.steps else f"{config.steps - before} steps done"

        self.steps.timed(f"post-train ({name})", work)
        return folder.checkpoints / f"step_{config.steps:09d}" / ADAPTER

    def _encode(self, config: TrainConfig, folder: RunFolder) -> str:
        """Make the latents of the post-training's clips, on a CPU by all workers."""
        place = cache_folder(config, folder.path)
        if (place / CACHE_FILE).exists():
            return ""
        workers = 1 if self.device() == "cuda" else self.steps.workers
        with Ranks.join(self.device()) as ranks:
            plan = plan_cache(config, place, ranks, command="the same command")
            with progress_bar("encode", len(plan.shards)) as watcher:
                made = build_cache(
                    plan, ranks, workers=workers, inline=self.steps.inline, watcher=watcher
                )
        return f"{made.windows} windows of {made.clips} clips"

    def _tell(self, line: str) -> None:
        if self.console is not None:
            self.console.print(f"  {line}", markup=False)

    def _generate(self, clips: Sequence[HeldOut], adapters: Mapping[str, Path]) -> Videos:
        """Continue the clips with every model."""
        config = ClipsConfig.of(self.config, self.device())
        groups = groups_of(self.config, clips, adapters)
        out = self.out / "generated"
        stage = ClipsStage(config)
        self.steps.job(stage, groups, out)
        return {
            name: [_video(out / stage.item_name(g), clip) for g, clip in _of(groups, name)]
            for name in self.config.sets()
        }

    def _measure(self, clips: Sequence[HeldOut], videos: Videos) -> dict[str, Mapping[str, Any]]:
        """Compare sets with the real clips and the one before, `after` with the control too."""
        config = self.config.measure.model_copy(update={"cache": self.out / "features"})
        items = [
            Comparison(
                name=name,
                real=tuple(clip.video for clip in clips),
                generated=tuple(videos[name]),
                baseline=tuple(videos[BEFORE]),
                control=tuple(videos.get(CONTROL, ())) if name == AFTER else (),
                given=self.config.given,
                prompts={clip.name: clip.prompt for clip in clips},
            )
            for name in videos
            if name != BEFORE
        ]
        # what is measured follows from the clips alone: a change of them is measured anew
        runner = LocalRunner(inline=True, overwrite=True)
        stage = MeasureStage(config=config, device=self.device(), sources=self.sources)
        self.steps.job(stage, items, self.out / "measured", runner)
        return {
            item.name: read_json(self.out / "measured" / item.name / MEASURED) for item in items
        }

    def device(self) -> str:
        """Return where it is computed."""
        if self.config.device != "auto":
            return self.config.device
        return "cuda" if torch.cuda.is_available() else "cpu"


def _of(groups: Sequence[Group], name: str) -> list[tuple[Group, HeldOut]]:
    return [(group, clip) for group in groups if group.set == name for clip in group.clips]


def _video(folder: Path, clip: HeldOut) -> Path:
    return folder / f"{clip.name}.mp4"
