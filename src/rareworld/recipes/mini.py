"""Training recipes of `mini`: before it ships, and after.

`mini_pretrain` is how the shipped weights were made, from nothing, on rendered normal traffic; the
two others post-train them on a 1:1 mix of normal and crash clips, on a laptop's CPU and on a GPU.
Proved in `tests/recipes/test_mini.py`.
"""

from pathlib import Path

from rareworld.models.mini.shape import MINI_DEFAULTS
from rareworld.train.config import (
    Activations,
    AdamWConfig,
    AdapterConfig,
    BaseConfig,
    CheckpointConfig,
    ComputeConfig,
    DataConfig,
    EmaConfig,
    ObjectiveConfig,
    ScheduleConfig,
    SourceConfig,
    TrainConfig,
    WatchConfig,
)

MINI = BaseConfig(model="mini")
SIZE = f"{MINI_DEFAULTS.height},{MINI_DEFAULTS.width}"
MODES = {0: 0.3, 1: 0.4, 2: 0.3}
"""Shares of text2world, image2world and video2world."""
WINDOWS = 16
"""Windows of a clip of 160 frames: one begins every 9 frames, so neighbours share half."""
RECORDING = "^[^-]+"
"""What of a rendered clip's name is its scene: its cameras and stretches are held out as one."""

_OBJECTIVE = ObjectiveConfig(
    conditional_frames=MODES, text_dropout=0.15, shift=MINI_DEFAULTS.shift, table=False
)
_WATCH = WatchConfig(
    every=50,
    trackers=(),
    held_out_every=1000,
    held_out_clips=64,
    samples_every=5000,
    samples=4,
    sample_steps=MINI_DEFAULTS.num_steps,
    sample_guidance=MINI_DEFAULTS.guidance,
)


def mini_pretrain() -> TrainConfig:
    """Return how `mini` is pre-trained: all weights, from nothing, normal traffic only.

    The first weights that ship took it for fewer steps and twice: docs/explain/mini.md.


    - Noise levels: Predict2.5's shift is 5 at 84,480 tokens (93 frames of 704 x 1280). Fewer tokens
      say less about one another, so the same noise hides more. Stable Diffusion 3 scales the shift
      by the root of the tokens, from 1 at 256: at `mini`'s 560 that is 1.5. Taken: 2, because the
      frames of a fixed camera repeat one another and so hide less.
    - `base.model` gives the shape alone and the tokenizer: a folder of `write_mini_pipeline`.
    - Recordings are held out whole: no held-out camera was ever trained on.
    """
    steps = 20_000
    return TrainConfig(
        name="mini_pretrain",
        steps=steps,
        base=BaseConfig(model="mini", init="random"),
        data=DataConfig(
            sources=(SourceConfig(path=Path("datasets/mini/normal"), recording=RECORDING),),
            resolution=SIZE,
            num_frames=(MINI_DEFAULTS.num_frames,),
            fps=float(MINI_DEFAULTS.fps),
            held_out=0.03,
            windows=WINDOWS,
            batch_size=128,
            micro_batch=128,
            prefetch=8,
            resident_gb=16.0,
        ),
        objective=_OBJECTIVE,
        adapter=None,
        optimizer=AdamWConfig(lr=8e-4, betas=(0.9, 0.98), weight_decay=0.01, decay_vectors=False),
        schedule=ScheduleConfig(warm_up=500, cycle=steps, f_start=1e-3, f_max=1.0, f_min=0.02),
        ema=EmaConfig(s=0.05),
        compute=ComputeConfig(activations=Activations.NONE),
        checkpoint=CheckpointConfig(every=2500, keep_last=2),
        watch=_WATCH,
    )


def mini_crash_lora() -> TrainConfig:
    """Return the demo's post-training: rank 16 on normal and crash clips 1:1, minutes on a CPU.

    A step takes 1.4 s of one core (0.7 s a sample, measured): 100 are about 85 s of two.
    """
    steps = 100
    return _crash_lora("mini_crash_lora", steps=steps, batch_size=2, lr=2e-3)


def mini_crash_lora_gpu() -> TrainConfig:
    """Return the same post-training at the size of the headline: more clips, 2,000 steps, a GPU."""
    return _crash_lora("mini_crash_lora_gpu", steps=2000, batch_size=32, lr=1e-3)


def _crash_lora(name: str, *, steps: int, batch_size: int, lr: float) -> TrainConfig:
    """Return post-training on a mix of normal and crash clips, falling to a tenth of the rate."""
    return TrainConfig(
        name=name,
        steps=steps,
        base=MINI,
        data=DataConfig(
            sources=(
                SourceConfig(path=Path("datasets/mini/normal"), recording=RECORDING),
                SourceConfig(path=Path("datasets/mini/crash"), recording=RECORDING),
            ),
            resolution=SIZE,
            num_frames=(MINI_DEFAULTS.num_frames,),
            fps=float(MINI_DEFAULTS.fps),
            batch_size=batch_size,
            micro_batch=batch_size,
            resident_gb=4.0,
        ),
        objective=_OBJECTIVE,
        adapter=AdapterConfig(rank=16),
        optimizer=AdamWConfig(lr=lr, betas=(0.9, 0.99), weight_decay=0.0),
        schedule=ScheduleConfig(
            warm_up=max(1, steps // 20), cycle=steps, f_start=0.1, f_max=1.0, f_min=0.1
        ),
        compute=ComputeConfig(activations=Activations.NONE),
        checkpoint=CheckpointConfig(every=steps),
        watch=_WATCH.model_copy(
            update={"every": 5, "held_out_every": 0, "samples_every": 0, "held_out_clips": 16}
        ),
    )
