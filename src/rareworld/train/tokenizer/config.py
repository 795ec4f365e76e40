"""Settings of one tokenizer's training. Proved in `tests/train/tokenizer/test_config.py`."""

from pathlib import Path
from typing import Literal, final

from pydantic import Field, model_validator

from rareworld.data.config import Config
from rareworld.errors import ConfigError
from rareworld.models.wan_vae.config import SPACE_STRIDE, WanVaeConfig
from rareworld.models.wan_vae.tokenizer import check_frames
from rareworld.train.config import AdamWConfig, EmaConfig, ScheduleConfig


@final
class FootageConfig(Config):
    """Videos to train on: folders whose `videos/*.mp4`, or own `*.mp4`, have one size."""

    folders: tuple[Path, ...] = ()
    """Every video in them is taken, in the order of folders and names."""
    height: int = Field(default=128, ge=SPACE_STRIDE, multiple_of=SPACE_STRIDE)
    """Rows of every video."""
    width: int = Field(default=224, ge=SPACE_STRIDE, multiple_of=SPACE_STRIDE)
    """Columns of every video."""
    held_out_share: float = Field(default=0.03, ge=0, lt=1)
    """Share of the videos never trained on, chosen by their names alone: more videos leave the
    choice of the others as it was. At least one video is held out."""
    group: str = "-"
    """Names alike up to this text (a recording's cameras) are held out together; "" for none."""
    threads: int = Field(default=8, ge=1)
    """Videos decoded at a time, once, before training."""


@final
class CropConfig(Config):
    """One shape of training clips; a step takes one shape, drawn by share."""

    frames: int = Field(default=17, ge=1)
    """Frames in a row: 4k + 1; one is a picture."""
    height: int = Field(default=128, ge=SPACE_STRIDE, multiple_of=SPACE_STRIDE)
    """Rows, cut out at a random place."""
    width: int = Field(default=224, ge=SPACE_STRIDE, multiple_of=SPACE_STRIDE)
    """Columns, cut out at a random place."""
    batch: int = Field(default=16, ge=1)
    """Clips in a step."""
    share: float = Field(default=1.0, gt=0)
    """How often, relative to the other shapes."""

    @model_validator(mode="after")
    def _whole(self) -> "CropConfig":
        check_frames(self.frames)
        return self


@final
class TokenizerObjectiveConfig(Config):
    """Weights of the loss; pixels run from -1 to 1. See `train.tokenizer.objective`."""

    pixel: float = Field(default=1.0, ge=0)
    """Mean absolute error."""
    motion: float = Field(default=0.5, ge=0)
    """Mean absolute error of the change from frame to frame."""
    perceptual: float = Field(default=0.3, ge=0)
    """LPIPS of some frames; 0 needs no weights."""
    perceptual_frames: int = Field(default=4, ge=1)
    """Frames of a clip that it is measured on, drawn at every step; the first is always in."""
    kl: float = Field(default=1e-5, ge=0)
    """Divergence of a latent number from a standard normal one, mean over all of them."""


@final
class TokenizerConfig(Config):
    """Everything that decides the weights, given the videos."""

    seed: int = 0
    """Of weights, clips and latents' noise."""
    steps: int = Field(default=4000, ge=1)
    """Optimizer steps in all."""
    shape: WanVaeConfig = WanVaeConfig(base_dim=16, num_res_blocks=1)
    """The net; its latents' statistics are measured at the end, whatever stands here."""
    footage: FootageConfig = FootageConfig()
    """The videos."""
    crops: tuple[CropConfig, ...] = (
        CropConfig(share=0.6),
        CropConfig(width=128, batch=28, share=0.3),
        CropConfig(frames=1, batch=128, share=0.1),
    )
    """Shapes of clips."""
    objective: TokenizerObjectiveConfig = TokenizerObjectiveConfig()
    """The loss."""
    optimizer: AdamWConfig = AdamWConfig(lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    """AdamW."""
    schedule: ScheduleConfig = ScheduleConfig(warm_up=200, cycle=4000, f_max=1.0, f_min=0.02)
    """Factor on its learning rate."""
    ema: EmaConfig = EmaConfig(s=0.05)
    """Average of the weights; the average is what is measured and kept."""
    log_every: int = Field(default=20, ge=1)
    """Steps between lines of `metrics.jsonl`; waiting for a GPU's numbers costs time."""
    dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    """Type of the computation; auto is bfloat16 on a GPU. Weights are float32."""
    compile: Literal["auto", "on", "off"] = "auto"
    """torch.compile of forward and backward pass; auto is on on a GPU."""
    measure_every: int = Field(default=500, ge=1)
    """Steps between measurements on held-out clips."""
    measure_clips: int = Field(default=32, ge=1)
    """Held-out clips of 17 frames that are measured, at most."""
    save_every: int = Field(default=500, ge=1)
    """Steps between checkpoints."""

    @model_validator(mode="after")
    def _fits(self) -> "TokenizerConfig":
        footage = self.footage
        for crop in self.crops:
            if crop.height > footage.height or crop.width > footage.width:
                raise ConfigError(
                    f"crops: {crop.width}x{crop.height} is larger than the videos, "
                    f"{footage.width}x{footage.height}"
                )
        if not self.crops:
            raise ConfigError("crops: expected at least one shape of clips, found none")
        return self
