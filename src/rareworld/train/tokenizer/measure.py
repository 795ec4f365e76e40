"""What comes back of clips that were never trained on, in numbers and in pictures.

Frames are measured one by one, as bytes would be seen (clamped), from the means of their latents.
Proved in `tests/train/tokenizer/test_measure.py`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.data.atomic import write_bytes
from rareworld.draw.sheet import grid, png_bytes
from rareworld.errors import ConfigError
from rareworld.models.wan_vae.net import WanVae
from rareworld.train.tokenizer.data import Footage, to_pixels
from rareworld.train.tokenizer.forward import moments, pictures
from rareworld.train.tokenizer.objective import Perceptual
from rareworld.train.tokenizer.quality import psnr, ssim

FRAMES = 17
"""Frames of a clip that is measured."""
_AT_ONCE = 4
_SHOWN = 4


def spread_clips(
    footage: Footage, count: int, *, frames: int = FRAMES
) -> Iterator[Float[Tensor, "b 3 t h w"]]:
    """Yield at most `count` clips, evenly spread over all windows, a few at a time.

    Raises:
        ConfigError: If no video is long enough.
    """
    windows = footage.windows(frames)
    places = [
        start + offset
        for start, many in zip(footage.starts, windows, strict=True)
        for offset in range(many)
    ]
    if not places:
        raise ConfigError(f"footage: no video has {frames} frames; give longer ones")
    chosen = np.unique(np.linspace(0, len(places) - 1, count).round().astype(int))
    first = torch.tensor([places[place] for place in chosen], device=footage.frames.device)
    for part in first.split(_AT_ONCE):
        index = part[:, None] + torch.arange(frames, device=part.device)
        yield to_pixels(footage.frames[index])


@torch.no_grad()
def come_back(net: WanVae, rgb: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b 3 t h w"]:
    """Return the reconstruction from the means of the latents, in [-1, 1]."""
    return pictures(net, moments(net, rgb)[0]).clamp(-1, 1)


@torch.no_grad()
def measure(
    net: WanVae, footage: Footage, count: int, perceptual: Perceptual | None = None
) -> dict[str, float]:
    """Return mean `psnr`, `psnr_first` (first frames), `ssim` and, if it can be had, `lpips`."""
    found: dict[str, list[Tensor]] = {}
    for rgb in spread_clips(footage, count):
        back = come_back(net, rgb)
        one, two = (x.transpose(1, 2).flatten(0, 1) for x in (rgb, back))
        decibels = psnr(one, two)
        found.setdefault("psnr", []).append(decibels)
        found.setdefault("psnr_first", []).append(decibels[:: rgb.shape[2]])
        found.setdefault("ssim", []).append(ssim(one, two))
        if perceptual is not None:
            found.setdefault("lpips", []).append(perceptual(one, two))
    return {name: float(torch.cat(parts).mean()) for name, parts in found.items()}


@torch.no_grad()
def write_pictures(net: WanVae, footage: Footage, path: Path) -> None:
    """Write a grid: a clip per row; first, middle and last frame, each beside what comes back.

    Raises:
        StoreError: If it cannot be written.
    """
    images: dict[str, np.ndarray] = {}
    clips = torch.cat(list(spread_clips(footage, _SHOWN)))
    for row, (rgb, back) in enumerate(zip(clips, come_back(net, clips), strict=True)):
        for frame in (0, FRAMES // 2, FRAMES - 1):
            images[f"{row}: frame {frame}"] = to_bytes(rgb[:, frame])
            images[f"{row}: frame {frame}, back"] = to_bytes(back[:, frame])
    sheet = grid(images, columns=6, width=footage.frames.shape[2])
    write_bytes(path, png_bytes(sheet))


def to_bytes(picture: Float[Tensor, "3 h w"]) -> np.ndarray:
    """Return a picture of [-1, 1] as bytes "h w 3"."""
    scaled = ((picture.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return scaled.permute(1, 2, 0).cpu().numpy()


@torch.no_grad()
def latent_statistics(
    net: WanVae, footage: Footage, count: int
) -> tuple[Sequence[float], Sequence[float]]:
    """Return mean and standard deviation of each latent channel, over clips, frames and places."""
    number, sums, squares = 0, torch.tensor(0.0), torch.tensor(0.0)
    for rgb in spread_clips(footage, count):
        values = moments(net, rgb)[0].transpose(0, 1).flatten(1).double().cpu()
        number += values.shape[1]
        sums = sums + values.sum(1)
        squares = squares + values.square().sum(1)
    mean = sums / number
    std = (squares / number - mean.square()).clamp_min(0).sqrt()
    return mean.tolist(), std.tolist()
