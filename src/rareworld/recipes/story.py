"""The story of `mini` in one configuration: post-train, generate before and after, measure.

Two uses share it. The demo's `demo_story` is small enough for a laptop; `headline` is the protocol
of the traffic-anomaly recipe in the small: baseline against post-trained, and against a control
that was post-trained as long on normal traffic alone, on crash clips of scenes never trained on.
Proved in `tests/recipes/test_story.py`.
"""

from importlib.resources import files
from pathlib import Path
from typing import Literal, final

from pydantic import Field

from rareworld.data.config import Config
from rareworld.evaluate.config import EvaluateConfig, IntervalConfig, PicturesConfig
from rareworld.generate.sample import InferenceType
from rareworld.recipes.mini import mini_crash_lora, mini_crash_lora_gpu
from rareworld.train.config import CheckpointConfig, ComputeConfig, SourceConfig, TrainConfig

ASSETS = Path(str(files("rareworld.recipes"))) / "assets" / "mini"
"""Clips that ship with the package: `normal`, `crash`, `held_out`."""
BEFORE, AFTER, CONTROL = "before", "after", "control"
"""Sets of generated clips."""
RECORDING = "^[0-9]+(?=-)|^.+$"
"""What names a clip's recording: `00012` of `00012-0-cam1-024`; of other names all."""
Start = Literal["image2world", "video2world"]
Device = Literal["auto", "cpu", "cuda"]


@final
class StoryConfig(Config):
    """What is post-trained on what, what is generated, and how it is measured."""

    model: str = "mini"
    """Pipeline that is post-trained."""
    normal: Path = ASSETS / "normal"
    """Clips of normal traffic, a Predict2 directory."""
    crash: Path = ASSETS / "crash"
    """Clips of crashes, mixed with the normal ones 1:1."""
    held_out: Path = ASSETS / "held_out"
    """Crash clips of scenes never trained on: generated clips start from them and are compared to
    them."""
    clips: int = Field(default=24, ge=2)
    """Held-out clips that are continued."""
    start: Start = "video2world"
    """Continue from the first frame (`image2world`) or from the first five (`video2world`)."""
    num_steps: int = Field(default=12, ge=1)
    """Steps of the sampler."""
    guidance: int = Field(default=0, ge=0, le=7)
    """Guidance; 0 runs the network once a step."""
    seed: int = Field(default=0, ge=0, lt=2**30)
    """Noise of the first clip; the next takes one more. Every set has the same noise."""
    per_item: int = Field(default=4, ge=1)
    """Clips made in one go: a killed run loses no more."""
    training: TrainConfig = Field(default_factory=mini_crash_lora)
    """Post-training; its sources, model and device are filled in from this config."""
    control: bool = False
    """Also post-train as long on normal traffic alone."""
    measure: EvaluateConfig = EvaluateConfig(
        metrics=("fid", "kid", "fvd"),
        pictures=PicturesConfig(every=4),
        intervals=IntervalConfig(resamples=200, unit="recording"),
        recording=RECORDING,
    )
    """Distances between sets."""
    device: Device = "auto"
    """`auto` takes a GPU where there is one."""

    @property
    def frames(self) -> int:
        """Frames of a clip."""
        return max(self.training.data.num_frames)

    @property
    def given(self) -> int:
        """Frames of a clip that are not generated."""
        return 1 if self.kind is InferenceType.IMAGE2WORLD else 5

    @property
    def kind(self) -> InferenceType:
        """What a generated clip starts from."""
        return InferenceType(self.start)

    def sets(self) -> tuple[str, ...]:
        """Return the names of the generated sets."""
        return (BEFORE, AFTER, CONTROL) if self.control else (BEFORE, AFTER)

    def run_of(self, name: str) -> TrainConfig:
        """Return the post-training of a set: on both kinds of clips, or on normal ones alone."""
        paths = (self.normal,) if name == CONTROL else (self.normal, self.crash)
        config = self.training
        data = config.data.model_copy(
            update={"sources": tuple(SourceConfig(path=path) for path in paths)}
        )
        return config.model_copy(
            update={
                "name": f"{config.name}_{name}",
                "base": config.base.model_copy(update={"model": self.model}),
                "data": data,
                "compute": config.compute.model_copy(update={"device": self.device}),
            }
        )


def demo_story() -> StoryConfig:
    """Return the story that fits into the demo's minutes on two cores."""
    run = mini_crash_lora()
    watch = run.watch.model_copy(update={"held_out_every": max(run.steps // 2, 1)})
    return StoryConfig(
        training=run.model_copy(
            update={
                "data": run.data.model_copy(update={"held_out": 0.1, "resident_gb": 0.0}),
                "checkpoint": CheckpointConfig(every=20, keep_last=1, keep_best=0),
                "watch": watch,
            }
        )
    )


def headline(clips: int = 256, device: Device = "auto") -> StoryConfig:
    """Return the headline's protocol: more clips, longer training, a control, every frame.

    - Held-out clips are of scenes (place and variant) no training clip was filmed in.
    - The three sets start from the same frames, words and noise.
    - The interval draws recordings, as clips of one recording look alike.
    """
    run = mini_crash_lora_gpu()
    return StoryConfig(
        clips=clips,
        device=device,
        per_item=16,
        control=True,
        training=run.model_copy(
            update={
                "compute": ComputeConfig(activations=run.compute.activations),
                "watch": run.watch.model_copy(update={"held_out_every": max(run.steps // 8, 1)}),
            }
        ),
        measure=EvaluateConfig(
            metrics=("fid", "kid", "fvd"),
            intervals=IntervalConfig(unit="recording"),
            recording=RECORDING,
        ),
    )
