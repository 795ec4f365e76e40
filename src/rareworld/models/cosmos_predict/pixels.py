"""Frames brought to a size of the models, into the tokenizer's range and back.

Frames are scaled until they cover the wanted size, and cut around the centre (source:
`resize_input` of cosmos-predict2.5; scaling is antialiased bilinear, on 8-bit frames).
Proved in `tests/models/cosmos_predict/test_pixels.py`.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from rareworld.models.cosmos_predict.sizes import Size


def cover(frames: UInt8[np.ndarray, "t h w 3"], size: Size) -> UInt8[np.ndarray, "t y x 3"]:
    """Scale frames until they cover a size, keeping their shape, and cut around the centre."""
    height, width = frames.shape[1:3]
    scale = max(size.height / height, size.width / width)
    scaled = _scale(frames, math.ceil(scale * height), math.ceil(scale * width))
    top = round((scaled.shape[1] - size.height) / 2)
    left = round((scaled.shape[2] - size.width) / 2)
    return scaled[:, top : top + size.height, left : left + size.width]


def to_rgb(frames: UInt8[np.ndarray, "t h w 3"]) -> Float[Tensor, "1 3 t h w"]:
    """Return frames as the tokenizer wants them, in [-1, 1]."""
    values = torch.from_numpy(np.ascontiguousarray(frames)).permute(3, 0, 1, 2)
    return values[None].float() / 127.5 - 1


def to_frames(rgb: Float[Tensor, "1 3 t h w"]) -> UInt8[np.ndarray, "t h w 3"]:
    """Return decoded video in [-1, 1] as 8-bit frames; what is outside is clipped."""
    levels = rgb[0].float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(1, 2, 3, 0).cpu().numpy())


def _scale(
    frames: UInt8[np.ndarray, "t h w 3"], height: int, width: int
) -> UInt8[np.ndarray, "t y x 3"]:
    if frames.shape[1:3] == (height, width):
        return frames
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    scaled = interpolate(pixels, (height, width), mode="bilinear", antialias=True)
    levels = scaled.round().clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).numpy()
