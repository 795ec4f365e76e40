"""Sinusoidal features of diffusion timesteps.

Source: Vaswani et al. 2017 as arranged in DiT (Peebles & Xie 2023): all cosines, then all sines.
Proved in `tests/nn/test_timestep.py` against the formula in float64.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

MAX_PERIOD = 10_000.0
"""Longest wavelength over 2 pi."""


def sinusoid(t: Float[Tensor, "*n"], dim: int) -> Float[Tensor, "*n dim"]:
    """Return cos then sin of t times exp(-ln(10000) i / (dim / 2)), in float32."""
    half = dim // 2
    rank = torch.arange(half, dtype=torch.float32, device=t.device)
    angles = t.float()[..., None] * torch.exp(-math.log(MAX_PERIOD) / half * rank)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)
