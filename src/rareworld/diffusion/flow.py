"""Predict2.5's rectified flow: a straight line from data to noise.

    x = (1 - sigma) x0 + sigma eps       v = dx/dsigma = eps - x0       x0 = x - sigma v

The network is told 1000 sigma and estimates v.

Source: Liu et al. 2022; Esser et al. 2024 (logit-normal times, shift); cosmos-predict2.5,
`rectified_flow.py`. Proved in `tests/diffusion/test_parametrisations.py` and `test_draws.py`.

`sigma` is a number or a tensor that broadcasts against `x`.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.diffusion.schedule import FLOW_LEVELS, SHIFT, shift_sigmas

Sigma = float | Float[Tensor, "..."]
"""Flow time, which is the share of noise: 0 data, 1 noise."""


def interpolate(
    clean: Float[Tensor, "*n"], noise: Float[Tensor, "*n"], sigma: Sigma
) -> Float[Tensor, "*n"]:
    """Return the noisy point x between data and noise."""
    return (1 - sigma) * clean + sigma * noise


def clean_from_velocity(
    x: Float[Tensor, "*n"], velocity: Float[Tensor, "*n"], sigma: Sigma
) -> Float[Tensor, "*n"]:
    """Return the clean estimate x0 of a velocity."""
    return x - sigma * velocity


def velocity_from_clean(
    x: Float[Tensor, "*n"], clean: Float[Tensor, "*n"], sigma: Sigma
) -> Float[Tensor, "*n"]:
    """Return the velocity `eps - x0` that a clean estimate implies."""
    return (x - clean) / sigma


def noise_from_clean(
    x: Float[Tensor, "*n"], clean: Float[Tensor, "*n"], sigma: Sigma
) -> Float[Tensor, "*n"]:
    """Return the unit noise eps that a clean estimate implies."""
    return velocity_from_clean(x, clean, sigma) + clean


def draw_sigmas(
    batch: int,
    *,
    shift: float = SHIFT,
    levels: int | None = FLOW_LEVELS,
    generator: torch.Generator,
) -> Float[Tensor, "b"]:
    """Draw training times: the sigmoid of a normal number, shifted towards noise.

    Args:
        batch: Times to draw.
        shift: See `schedule.shift_sigmas`.
        levels: Entries of the table that times are rounded to, as in the first release; None
            draws them without a table, as newer trainers do.
        generator: Source of randomness, on the host.
    """
    times = torch.sigmoid(torch.randn(batch, generator=generator, dtype=torch.float64))
    if levels is not None:
        # The table runs from noise to data; the draw is symmetric, so either end may come first.
        times = (levels - (times * levels).floor().clamp(max=levels - 1)) / levels
    return shift_sigmas(times, shift).float()
