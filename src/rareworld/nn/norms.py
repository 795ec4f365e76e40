"""Normalisation layers.

Source: Zhang & Sennrich 2019 (RMSNorm); statistics in float32 whatever the input's type.
Proved in `tests/nn/test_norms.py` against the formula in float64.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import rms_norm


@final
class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) times a weight per channel."""

    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Float[Tensor, "*n dim"]) -> Float[Tensor, "*n dim"]:
        """Return the normalised input in its own type."""
        weight = self.weight.to(x.dtype)
        return rms_norm(x, weight.shape, weight, self.eps)
