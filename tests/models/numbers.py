"""Weights and pictures alike on every machine: numpy's frozen generator, closed formulas."""

import numpy as np
import torch
from torch import Tensor


def draw(seed: int, *shape: int, scale: float = 1.0, mean: float = 0.0) -> Tensor:
    """Return normal numbers; `RandomState` never changes its stream, `default_rng` may."""
    values = np.random.RandomState(seed).standard_normal(shape)
    return torch.from_numpy(values * scale + mean).float()


def spread(seed: int, count: int, low: float, high: float) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).uniform(low, high, count)).float()


def filled(shapes: dict[str, tuple[int, ...]], scale: float = 1.0) -> dict[str, Tensor]:
    """Return tensors of given shapes, kernels scaled to keep activations of one size."""
    state: dict[str, Tensor] = {}
    for seed, (name, shape) in enumerate(sorted(shapes.items())):
        inputs = int(np.prod(shape[1:])) if len(shape) > 1 else 100
        state[name] = draw(seed, *shape, scale=scale * (2 / inputs) ** 0.5)
    return state


def pattern(frames: int, height: int, width: int) -> Tensor:
    """Return a clip "t h w 3" of moving ramps and products, all bytes from 0 to 255 in it."""
    axes = (np.arange(n) for n in (frames, height, width))
    f, y, x = np.meshgrid(*axes, indexing="ij")
    red, green = 3 * x + 5 * y + 7 * f, x * y // 8 + 11 * f
    blue = 255 - (2 * x + y * f) % 256
    return torch.from_numpy(np.stack([red % 256, green % 256, blue], -1).astype(np.uint8))
