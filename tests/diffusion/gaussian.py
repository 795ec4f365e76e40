"""Data whose denoiser is known: N(0, s^2), whose solution is known too, and a mixture."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class EdmGaussian:
    """x = x0 + sigma eps, so x has variance s^2 + sigma^2."""

    s: float = 0.5

    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        return x * self.s**2 / (self.s**2 + sigma**2)

    def solve(self, x: Tensor, start: float, end: float) -> Tensor:
        """The flow scales x by the ratio of standard deviations."""
        return x * math.hypot(self.s, end) / math.hypot(self.s, start)


@dataclass(frozen=True)
class FlowGaussian:
    """x = (1 - sigma) x0 + sigma eps."""

    s: float = 0.5

    def _deviation(self, sigma: float) -> float:
        return math.hypot((1 - sigma) * self.s, sigma)

    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        return x * (1 - sigma) * self.s**2 / self._deviation(sigma) ** 2

    def solve(self, x: Tensor, start: float, end: float) -> Tensor:
        return x * self._deviation(end) / self._deviation(start)


@dataclass(frozen=True)
class FlowMixture:
    """Twenty equal clouds of deviation s in 64 dimensions: paths bend where they choose one."""

    s: float = 0.3

    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        centres = torch.randn(20, 64, generator=generator, dtype=torch.float64)
        variance = ((1 - sigma) * self.s) ** 2 + sigma**2
        offsets = x[:, None] - (1 - sigma) * centres
        shares = (-offsets.square().sum(-1) / (2 * variance)).softmax(-1)
        cleans = centres + (1 - sigma) * self.s**2 / variance * offsets
        return (shares[..., None] * cleans).sum(1)
