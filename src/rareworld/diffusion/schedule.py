"""Noise levels that a sampler visits: Karras's spacing and the shifted line of rectified flow.

Source: Karras et al. 2022, equation 5; Esser et al. 2024, section 5.3.2; the schedules of
cosmos-predict2 (`RectifiedFlowAB2Scheduler`) and of cosmos-predict2.5 (`fm_solvers_unipc.py`).
Proved in `tests/diffusion/test_schedule.py` by closed forms and by diffusers' schedules.

Every schedule is float64, starts at the noisiest level and ends in 0. A sampler evaluates the
network once for each level above 0, so upstream's "35 Karras steps" are 36 evaluations: 35
intervals down to the least noisy level, and one more pass that leaves no noise.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

from rareworld.errors import ConfigError

SHIFT = 5.0
"""Shift of Predict2.5, in training and in sampling."""
FLOW_LEVELS = 1000
"""Discrete levels that the flow's timesteps are counted in."""


def karras_sigmas(
    steps: int, *, sigma_max: float = 80.0, sigma_min: float = 0.002, rho: float = 7.0
) -> Float64[Tensor, "levels"]:
    """Return `steps + 1` levels, even in their rho-th root, then 0; Predict2's by default.

    Raises:
        ConfigError: Without steps, or unless 0 < sigma_min < sigma_max.
    """
    _require_steps(steps)
    if not 0 < sigma_min < sigma_max:
        raise ConfigError(
            f"Karras levels want 0 < sigma_min < sigma_max, found {sigma_min} and {sigma_max}"
        )
    ramp = torch.arange(steps + 1, dtype=torch.float64) / steps
    top, bottom = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return _ending_clean((top + ramp * (bottom - top)) ** rho)


def karras_flow_sigmas(
    steps: int, *, sigma_max: float = 200.0, sigma_min: float = 0.01, rho: float = 7.0
) -> Float64[Tensor, "levels"]:
    """Return Karras's levels as flow times `sigma / (1 + sigma)`: post-trained Predict2.5."""
    sigmas = karras_sigmas(steps, sigma_max=sigma_max, sigma_min=sigma_min, rho=rho)
    return sigmas / (1 + sigmas)


def shifted_sigmas(steps: int, *, shift: float = SHIFT) -> Float64[Tensor, "levels"]:
    """Return `steps` shifted levels of the flow, then 0: pre-trained Predict2.5.

    The unshifted line starts one table entry below 1, where the logarithm of the signal is finite.

    Raises:
        ConfigError: Without steps, or if the shift is not positive.
    """
    _require_steps(steps)
    line = torch.linspace(1 - 1 / FLOW_LEVELS, 0, steps + 1, dtype=torch.float64)
    return _ending_clean(shift_sigmas(line[:-1], shift))


def shift_sigmas(sigmas: Float64[Tensor, "*n"], shift: float) -> Float64[Tensor, "*n"]:
    """Move flow times towards noise: `s t / (1 + (s - 1) t)`; ends stay, order stays.

    Raises:
        ConfigError: If the shift is not positive.
    """
    if shift <= 0:
        raise ConfigError(f"shift must be positive, found {shift}; Predict2.5 uses {SHIFT}")
    return shift * sigmas / (1 + (shift - 1) * sigmas)


def _ending_clean(sigmas: Float64[Tensor, "n"]) -> Float64[Tensor, "m"]:
    """Append the level without noise."""
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def _require_steps(steps: int) -> None:
    """Refuse a schedule without steps."""
    if steps < 1:
        raise ConfigError(f"a sampler takes at least 1 step, found {steps}")
