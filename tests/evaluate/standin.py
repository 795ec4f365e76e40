"""Stand-ins: a small fixed network with the protocol of the real ones, and moving pictures."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from rareworld.data.video import H264, RgbWriter
from rareworld.models.packaged import WeightsRecord

WIDTH = 12


@final
@dataclass
class StandIn:
    """Random projections of a coarse clip, fixed for good; counts what it looked at."""

    name: str = "standin"
    preprocessing: str = "coarse"
    width: int = WIDTH
    frames: int | None = 16
    digest: str = "5" * 64
    looked: int = 0
    poison: int | None = None
    """Mean brightness (rounded) of clips it gives NaN for."""

    @property
    def weights(self) -> WeightsRecord:
        return WeightsRecord(name="standin.bin", sha256=self.digest, origin="this test")

    def features(self, clips: UInt8[Tensor, "n t h w 3"]) -> Float32[Tensor, "m d"]:
        pixels = clips.float()
        if self.frames == 1:
            pixels = pixels.flatten(0, 1)[:, None]
        self.looked += len(pixels)
        small = torch.nn.functional.adaptive_avg_pool3d(pixels.movedim(-1, 1), (1, 4, 6))
        motion = (pixels - pixels[:, :1]).abs().mean((1, 2, 3, 4))[:, None]
        flat = torch.cat([small.flatten(1), motion], 1)
        mix = torch.from_numpy(np.random.default_rng(7).normal(size=(flat.shape[1], self.width)))
        rows = torch.tanh(flat / 255 - 0.4) @ mix.float()
        if self.poison is not None:
            bad = pixels.mean((1, 2, 3, 4)).round() == self.poison
            rows[bad] = float("nan")
        return rows


@final
class StandIns:
    """A loader of stand-ins, one for each name asked for."""

    def __init__(self, **nets: StandIn) -> None:
        self.nets = nets
        self.asked: list[str] = []

    def __call__(
        self, name: str, *, weights: Path | None, device: torch.device, preprocessing: str | None
    ) -> StandIn:
        self.asked.append(name)
        if name not in self.nets:
            self.nets[name] = StandIn(name=name, frames=1 if name == "inception" else 16)
        self.nets[name].preprocessing = preprocessing or "coarse"
        return self.nets[name]


def pictures(
    seed: int, frames: int = 16, size: tuple[int, int] = (48, 64), *, level: float = 0.0
) -> UInt8[np.ndarray, "t h w 3"]:
    """Return a textured road with a bright box that moves; `level` brightens all of it."""
    draw = np.random.default_rng(seed)
    height, width = size
    coarse = draw.normal(110, 25, (height // 8 + 2, width // 8 + 2, 3))
    smooth = torch.from_numpy(coarse).permute(2, 0, 1)[None]
    ground = torch.nn.functional.interpolate(smooth, size, mode="bicubic")[0].permute(1, 2, 0)
    out = np.tile(ground.numpy(), (frames, 1, 1, 1))
    row, speed = draw.integers(4, height - 12), draw.uniform(0.3, 2)
    colour = draw.uniform(0, 255, 3)
    for index in range(frames):
        left = int(2 + speed * index) % (width - 12)
        out[index, row : row + 8, left : left + 12] = colour
    out += draw.normal(0, 4, out.shape) + level
    return out.clip(0, 255).astype(np.uint8)


def write_video(
    path: Path, frames: UInt8[np.ndarray, "t h w 3"], rate: float = 8, crf: int = 18
) -> Path:
    """Write frames as our videos are written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with RgbWriter(path, Fraction(rate), H264(crf=crf)) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def write_set(
    folder: Path, count: int, *, seed: int = 0, frames: int = 16, level: float = 0.0,
    size: tuple[int, int] = (48, 64), rate: float = 8,
) -> Path:  # fmt: skip
    """Write a folder of clips."""
    for index in range(count):
        clip = pictures(seed + index, frames, size, level=level)
        write_video(folder / f"{index:03d}.mp4", clip, rate)
    return folder
