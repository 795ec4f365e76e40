"""Sampling with less work, for those who ask for it: guidance on part of the way, and a step cache.

Both wrap a `Denoise` and give one back; with nothing asked for they hand on the very same bits.

*Guidance interval*: outside it the unconditional estimate, half of the work, is left out
(Kynkaanniemi et al. 2024: guidance is harmful early and unnecessary late).

*Step cache*: where the flow's velocity hardly changes from step to step, the last one serves again.
The change is measured on this very sample: the relative L1 distance of the last two velocities that
were computed, for each step between them. While that rate times the steps since stays under a
tolerance, the network is left out. (TeaCache, Liu et al. 2024, guesses the change from the first
block's input with a polynomial fitted for one checkpoint; this needs no fit.)

Proved in `tests/diffusion/test_fast.py`; its price is measured in `benchmarks/`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from rareworld.data.config import Config
from rareworld.diffusion import edm, flow
from rareworld.diffusion.samplers.base import Denoise
from rareworld.errors import ConfigError

SumOverRanks = Callable[[Tensor], Tensor]
"""Adds a small tensor up over the ranks that share a sample, so that all of them decide alike."""


@final
class FastMode(Config):
    """What may be left out; the defaults leave out nothing.

    Intervals are flow times, from 0 (data) to 1 (noise), for both generations.
    """

    guide_from: float = Field(default=0.0, ge=0, le=1)
    """Least noisy time that is guided."""
    guide_to: float = Field(default=1.0, ge=0, le=1)
    """Noisiest time that is guided."""
    cache_tolerance: float = Field(default=0.0, ge=0)
    """Relative change of the velocity up to which it is used again; 0 computes every step."""
    cache_from: float = Field(default=0.05, ge=0, le=1)
    """Least noisy time at which a velocity may be used again: the last passes are computed."""
    longest_reuse: int = Field(default=3, ge=1)
    """Steps in a row that may be left out."""

    @model_validator(mode="after")
    def _ordered(self) -> "FastMode":
        """Refuse an empty interval."""
        if self.guide_from >= self.guide_to:
            raise ConfigError(
                f"guide_from must lie below guide_to, found {self.guide_from} and {self.guide_to}"
            )
        return self


class Space(NamedTuple):
    """How a family of models scales noise: what the cache must know to keep velocities."""

    velocity: Callable[[Tensor, Tensor, float], Tensor]
    """From x, x0 and sigma to the velocity."""
    clean: Callable[[Tensor, Tensor, float], Tensor]
    """From x, velocity and sigma back to x0."""
    time: Callable[[float], float]
    """From sigma to the flow time."""


EDM_SPACE = Space(
    edm.velocity_from_clean, edm.clean_from_velocity, lambda sigma: sigma / (1 + sigma)
)
"""Predict2."""
FLOW_SPACE = Space(flow.velocity_from_clean, flow.clean_from_velocity, lambda sigma: sigma)
"""Predict2.5."""


@final
@dataclass(slots=True)
class Work:
    """Steps of one sample, by what was done for them."""

    guided: int = 0
    """Both estimates were computed."""
    unguided: int = 0
    """Only the conditional estimate was computed."""
    reused: int = 0
    """Nothing was computed."""

    @property
    def evaluations(self) -> int:
        """Network evaluations; a guided step takes two."""
        return 2 * self.guided + self.unguided


def speed_up(
    guided: Denoise | None,
    plain: Denoise,
    mode: FastMode,
    space: Space,
    *,
    sum_over_ranks: SumOverRanks = torch.clone,
) -> tuple[Denoise, Work]:
    """Return a denoiser for ONE sample that leaves out what the mode allows, and its count of work.

    Args:
        guided: Denoiser with guidance, two evaluations a step; None where guidance is 0.
        plain: The same without guidance, one evaluation a step.
        mode: What may be left out.
        space: The family's scaling of noise.
        sum_over_ranks: Needed where ranks hold different parts of a sample.
    """
    work = Work()

    def part_guided(x: Tensor, sigma: float) -> Tensor:
        if guided is not None and mode.guide_from <= space.time(sigma) <= mode.guide_to:
            work.guided += 1
            return guided(x, sigma)
        work.unguided += 1
        return plain(x, sigma)

    if mode.cache_tolerance == 0:
        return part_guided, work
    return _StepCache(part_guided, mode, space, work, sum_over_ranks), work


@final
class _StepCache:
    """A denoiser that uses its last velocity again while little change is expected."""

    def __init__(
        self, denoise: Denoise, mode: FastMode, space: Space, work: Work, total: SumOverRanks
    ) -> None:
        self._denoise = denoise
        self._mode = mode
        self._space = space
        self._work = work
        self._total = total
        self._velocity: Tensor | None = None
        self._rate = float("inf")
        """Relative change of the velocity in a step, as last measured."""
        self._skipped = 0
        """Steps left out since the last computed one."""

    def __call__(self, x: Float[Tensor, "*n"], sigma: float) -> Float[Tensor, "*n"]:
        """Return the clean estimate, computed or from the last velocity."""
        if self._velocity is not None and self._may_reuse(sigma):
            self._skipped += 1
            self._work.reused += 1
            return self._space.clean(x, self._velocity, sigma)
        clean = self._denoise(x, sigma)
        self._learn(self._space.velocity(x, clean, sigma))
        return clean

    def _may_reuse(self, sigma: float) -> bool:
        """Tell whether the expected change is small enough, here and now."""
        return (
            self._space.time(sigma) >= self._mode.cache_from
            and self._skipped < self._mode.longest_reuse
            and self._rate * (self._skipped + 1) < self._mode.cache_tolerance
        )

    def _learn(self, velocity: Float[Tensor, "*n"]) -> None:
        """Measure the change since the last computed velocity and keep the new one."""
        if self._velocity is not None:
            change = (velocity - self._velocity).abs().sum(dtype=torch.float64)
            size = velocity.abs().sum(dtype=torch.float64)
            change, size = self._total(torch.stack([change, size])).tolist()
            self._rate = change / max(size, 1e-30) / (self._skipped + 1)
        self._velocity = velocity
        self._skipped = 0
