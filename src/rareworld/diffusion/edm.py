"""Predict2's noise: added to the data at full scale (EDM), predicted as the velocity of a flow.

    x = x0 + sigma eps       t = sigma / (1 + sigma)
    y = x / (1 + sigma) = (1 - t) x0 + t eps          what the network sees, at its timestep t
    x0 = (1 - t) x - t v     for the network's output v, which therefore estimates eps - x0

Source: Karras et al. 2022 (preconditioning, section 5); cosmos-predict2, `denoiser_scaling.py`
and `video2world_model.py` (training draws).
Proved in `tests/diffusion/test_parametrisations.py` and `test_draws.py` in float64.

`sigma` is a number or a tensor that broadcasts against `x`.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

Sigma = float | Float[Tensor, "..."]
"""Standard deviation of the noise."""

HIGH_SIGMAS = (200.0, 100_000.0)
"""Range of the rare, very noisy training levels."""


class Preconditioning(NamedTuple):
    """Factors around the network: `x0 = skip x + out net(input x, noise)`."""

    skip: Float[Tensor, "*n"]
    out: Float[Tensor, "*n"]
    input: Float[Tensor, "*n"]
    noise: Float[Tensor, "*n"]
    """The timestep that the network is told, in (0, 1)."""


def precondition(sigma: Float[Tensor, "*n"]) -> Preconditioning:
    """Return the factors at a noise level."""
    time = sigma / (1 + sigma)
    return Preconditioning(1 - time, -time, 1 - time, time)


def clean_from_velocity(
    x: Float[Tensor, "*n"], velocity: Float[Tensor, "*n"], sigma: Sigma
) -> Float[Tensor, "*n"]:
    """Return the clean estimate x0 of a velocity."""
    return (x - sigma * velocity) / (1 + sigma)


def velocity_from_clean(
    x: Float[Tensor, "*n"], clean: Float[Tensor, "*n"], sigma: Sigma
) -> Float[Tensor, "*n"]:
    """Return the velocity `eps - x0` that a clean estimate implies."""
    return noise_from_clean(x, clean, sigma) - clean


def noise_from_clean(
    x: Float[Tensor, "*n"], clean: Float[Tensor, "*n"], sigma: Sigma
) -> Float[Tensor, "*n"]:
    """Return the unit noise eps that a clean estimate implies."""
    return (x - clean) / sigma


def loss_weight(sigma: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Return the weight of (x0 error)^2 that makes it the plain (velocity error)^2."""
    return ((1 + sigma) / sigma) ** 2


def draw_sigmas(
    batch: int, *, latent_frames: int, high_share: float, generator: torch.Generator
) -> Float[Tensor, "b"]:
    """Draw training levels: log-normal, times sqrt(frames), a share of them very noisy.

    Neighbouring frames repeat each other, so a video of T latent frames stays readable under
    sqrt(T) times the noise that hides a picture.

    Args:
        batch: Levels to draw.
        latent_frames: Latent frames of the clip; 1 for pictures.
        high_share: Share drawn log-uniformly from `HIGH_SIGMAS` instead (upstream: 0.05).
        generator: Source of randomness, on the host.
    """
    sigmas = torch.randn(batch, generator=generator).exp() * math.sqrt(latent_frames)
    low, high = (math.log(end) for end in HIGH_SIGMAS)
    very_noisy = (low + torch.rand(batch, generator=generator) * (high - low)).exp()
    return torch.where(torch.rand(batch, generator=generator) < high_share, very_noisy, sigmas)
