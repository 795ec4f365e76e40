"""AB2: Predict2's two-step solver of order 2 ("res", "2ab"), and a last pass that leaves no noise.

With L = -log sigma, dx/dL = x0(x) - x. Over a step h in L the linear part is solved exactly; x0 is
the line through its last two values (an exponential Adams-Bashforth method):

    x(L + h) = e^-h x + h (b1 x0 + b2 x0_before)
    b2 = phi2(-h) h / (L_before - L)     b1 = phi1(-h) - b2     phi1(z) = (e^z - 1) / z
                                                                phi2(z) = (phi1(z) - 1) / z

Source: Zhang et al. 2023 (arXiv 2308.02157); Hochbruck and Ostermann 2010; cosmos-predict2,
`RectifiedFlowAB2Scheduler`. Proved in `tests/diffusion/samplers/test_ab2.py` on a Gaussian whose
solution is known, and its order is measured there.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from rareworld.diffusion.samplers.base import Denoise, OnStep, as_state, levels_of, no_report


class _Estimate(NamedTuple):
    """A clean estimate and the level it was made at."""

    sigma: float
    clean: Float64[Tensor, "..."]


@torch.no_grad()
def sample_ab2(
    denoise: Denoise,
    noise: Float[Tensor, "*n"],
    sigmas: Float64[Tensor, "levels"],
    *,
    on_step: OnStep = no_report,
) -> Float[Tensor, "*n"]:
    """Turn unit noise into a sample: `x = sigmas[0] noise` is followed down to 0.

    Args:
        denoise: Called once for each level above 0, with data at full scale (`diffusion.edm`).
        noise: Unit normal noise.
        sigmas: Levels, falling to 0: `karras_sigmas(35)` in Predict2.
        on_step: Told after each evaluation.
    """
    levels = levels_of(sigmas)
    x = as_state(noise) * levels[0]
    before: _Estimate | None = None
    for done, (sigma, following) in enumerate(pairwise(levels), start=1):
        estimate = _Estimate(sigma, as_state(denoise(x.to(noise.dtype), sigma)))
        x = _step(x, estimate, before, following)
        before = estimate
        on_step(done, len(levels) - 1)
    return x.to(noise.dtype)


def _step(
    x: Float64[Tensor, "*n"], now: _Estimate, before: _Estimate | None, following: float
) -> Float64[Tensor, "*n"]:
    """Go to the following level; to level 0 the clean estimate is the exact end of the line."""
    if following == 0:
        return now.clean
    h = math.log(now.sigma / following)
    whole = -math.expm1(-h)  # h phi1(-h)
    if before is None:
        return math.exp(-h) * x + whole * now.clean
    earlier = (h - whole) / math.log(now.sigma / before.sigma)  # h b2
    return math.exp(-h) * x + (whole - earlier) * now.clean + earlier * before.clean
