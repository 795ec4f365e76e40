"""UniPC of order 2 on a rectified flow: a predictor, then a corrector that costs no evaluation.

With alpha = 1 - sigma and L = log(alpha / sigma), a step h in L from level s to level t is

    x_t = (sigma_t / sigma_s) x_s + alpha_t B (-x0_s - weighted differences of x0),  B = e^-h - 1

(`bh2`). The predictor takes one difference, to the estimate before; once the estimate at t is
known, the corrector repeats the step from x_s with it, now of order 3, and that state goes on.
The first step has no estimate before it; the last, to level 0, is the clean estimate itself.

Source: Zhao et al. 2023 (arXiv 2302.04867), with the flow's alpha and sigma; cosmos-predict2.5,
`fm_solvers_unipc.py`. Proved in `tests/diffusion/samplers/test_unipc.py` against diffusers'
`UniPCMultistepScheduler` step by step and on a Gaussian whose solution is known.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from rareworld.diffusion.samplers.base import Denoise, OnStep, as_state, levels_of, no_report
from rareworld.errors import ConfigError


@final
@dataclass(frozen=True, slots=True)
class _Point:
    """A corrected state, and the clean estimate made at its level."""

    sigma: float
    x: Float64[Tensor, "..."]
    clean: Float64[Tensor, "..."]

    @property
    def log_signal(self) -> float:
        """Logarithm of signal to noise."""
        return math.log((1 - self.sigma) / self.sigma)


@torch.no_grad()
def sample_unipc(
    denoise: Denoise,
    noise: Float[Tensor, "*n"],
    sigmas: Float64[Tensor, "levels"],
    *,
    on_step: OnStep = no_report,
) -> Float[Tensor, "*n"]:
    """Turn unit noise into a sample by following the flow down to 0.

    Args:
        denoise: Called once for each level above 0, on the flow's scale (`diffusion.flow`).
        noise: Unit normal noise, taken as x at the first level.
        sigmas: Flow times below 1, falling to 0 (`shifted_sigmas`, `karras_flow_sigmas`).
        on_step: Told after each evaluation.

    Raises:
        ConfigError: If the schedule does not fall to 0, or starts at pure noise or above.
    """
    levels = levels_of(sigmas)
    if levels[0] >= 1:
        raise ConfigError(f"a flow's schedule must start below 1, found {levels[0]}")
    x = as_state(noise)
    points: list[_Point] = []
    for done, (sigma, following) in enumerate(pairwise(levels), start=1):
        clean = as_state(denoise(x.to(noise.dtype), sigma))
        if points:
            x = _correct(points, _Point(sigma, x, clean))
        points = [*points[-1:], _Point(sigma, x, clean)]
        x = _predict(points, following)
        on_step(done, len(levels) - 1)
    return x.to(noise.dtype)


def _predict(points: list[_Point], sigma: float) -> Float64[Tensor, "..."]:
    """Step from the last point to a level; of order 2 where there is a point before it."""
    start = points[-1]
    if sigma == 0:
        return start.clean
    h = math.log((1 - sigma) / sigma) - start.log_signal
    difference = start.clean.new_zeros(())
    if len(points) == 2:
        difference = 0.5 * _slope(points, h)
    return _step(start, sigma, h, difference)


def _correct(points: list[_Point], end: _Point) -> Float64[Tensor, "..."]:
    """Repeat the step to the end's level, now that the estimate there is known."""
    start = points[-1]
    h = end.log_signal - start.log_signal
    change = end.clean - start.clean
    if len(points) == 1:
        return _step(start, end.sigma, h, 0.5 * change)
    ratio = (points[-2].log_signal - start.log_signal) / h
    first, second = _moments(h)
    earlier = (first - second) / (1 - ratio)
    return _step(start, end.sigma, h, earlier * _slope(points, h) + (first - earlier) * change)


def _step(
    start: _Point, sigma: float, h: float, difference: Float64[Tensor, "..."]
) -> Float64[Tensor, "..."]:
    """Solve the linear part exactly; `difference` is what x0 gains on its way."""
    gain = -(1 - sigma) * math.expm1(-h)
    return sigma / start.sigma * start.x + gain * (start.clean + difference)


def _slope(points: list[_Point], h: float) -> Float64[Tensor, "..."]:
    """Return the change of x0 over a step h, from the last two points."""
    before, start = points
    return (before.clean - start.clean) * (h / (before.log_signal - start.log_signal))


def _moments(h: float) -> tuple[float, float]:
    """Return the first two moments that the corrector's weights must match (bh2)."""
    growth = math.expm1(-h)
    first = -growth / h - 1
    return first / growth, 2 * (-first / h - 0.5) / growth
