"""What every sampler is given.

A sampler keeps its state in float64 and hands the denoiser the noise's own type, so that a network
in a short type costs no accuracy in the solver.
"""

from collections.abc import Callable
from itertools import pairwise

from jaxtyping import Float, Float64
from torch import Tensor

from rareworld.errors import ConfigError

Denoise = Callable[[Tensor, float], Tensor]
"""From a noisy x and its noise level to the clean estimate x0, same shape and type."""
OnStep = Callable[[int, int], None]
"""Told after each evaluation: how many are done, of how many."""


def no_report(done: int, total: int) -> None:
    """Report nothing."""


def levels_of(sigmas: Float64[Tensor, "levels"]) -> list[float]:
    """Return a schedule's levels as numbers.

    Raises:
        ConfigError: Unless they fall strictly and end in 0.
    """
    levels = [float(sigma) for sigma in sigmas.tolist()]
    falls = all(a > b for a, b in pairwise(levels))
    if len(levels) < 2 or not falls or levels[-1] != 0:
        raise ConfigError(
            f"a schedule must fall strictly to 0, found {len(levels)} levels {levels[:3]}...; "
            "make it with rareworld.diffusion.schedule"
        )
    return levels


def as_state(x: Float[Tensor, "*n"]) -> Float64[Tensor, "*n"]:
    """Return x as the solver's state."""
    return x.double()
