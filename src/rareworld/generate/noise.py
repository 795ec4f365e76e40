"""From noise to the latents of one chunk: the family's sampler, on this GPU or on all of them.

Noise is drawn on the host for the whole latent, so a seed means the same on any number of GPUs;
only the net's evaluations are shared out. Proved in `tests/generate/test_noise.py`.
"""

from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.diffusion.fast import FastMode, Work, speed_up
from rareworld.diffusion.noise import seeded_noise
from rareworld.diffusion.samplers.base import Denoise, OnStep
from rareworld.diffusion.schedule import SHIFT
from rareworld.generate.parallel import Layout, layout_of, plan_ranks
from rareworld.models.cosmos_predict.config import Family
from rareworld.models.cosmos_predict.denoise import (
    SAME_AS_REST,
    Conditioning,
    make_denoise,
    plan_sampling,
    space_of,
)
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.nn.attention import Attend
from rareworld.nn.ranks import Ranks

EXACT = FastMode.parse({})
"""Nothing is left out."""


@final
@dataclass(frozen=True, kw_only=True)
class Task:
    """One chunk to sample."""

    seed: int
    size: tuple[int, int, int]
    """Latent frames, rows and columns."""
    clean: Float[Tensor, "1 c n h w"] | None
    """Clean latent frames it starts with; None without any."""
    context: Float[Tensor, "1 m e"]
    """States of the prompt."""
    uncond: Float[Tensor, "1 n2 e2"] | None
    """States of the negative prompt; None where guidance is 0."""
    guidance: float
    steps: int


@final
@dataclass(kw_only=True)
class LatentSampler:
    """A net with everything that turns noise into latents by it."""

    net: CosmosDiT
    family: Family
    ranks: Ranks
    attend: Attend
    conditional_timestep: float | None = None
    """What clean frames are told; None for Predict2, which fixes it."""
    fast: FastMode = EXACT
    shift: float = SHIFT
    """Predict2.5: shift of the noise levels it was trained at."""
    work: list[Work] = field(default_factory=list[Work])
    """What was computed, chunk by chunk."""

    @torch.no_grad()
    def sample(self, task: Task, on_step: OnStep) -> Float[Tensor, "1 c t h w"]:
        """Return a chunk's latents, the same on every rank.

        Raises:
            ConfigError: If the ranks cannot share this chunk.
            DeviceError: If ranks ended with different latents.
        """
        told = SAME_AS_REST if self.conditional_timestep is None else self.conditional_timestep
        layout = self._layout(task)
        sampling = plan_sampling(
            self.family.objective, task.steps, conditional_timestep=told, shift=self.shift
        )
        shape = (1, self.net.config.latent_channels, *task.size)
        noise = seeded_noise(task.seed, shape).to(self.ranks.device)
        latent = sampling.run(self._denoise(task, layout, told), noise, on_step)
        self.ranks.check_same(latent, "latents")
        return latent

    def zero_states(self) -> Float[Tensor, "1 m e"]:
        """Return the states that stand for no text, as training drops them."""
        config = self.net.config
        width = config.raw_context_dim or config.context_dim
        return torch.zeros(1, 512, width, device=self.ranks.device)

    def _layout(self, task: Task) -> Layout:
        frames, rows, columns = (
            cells // patch for cells, patch in zip(task.size, self.net.config.patch, strict=True)
        )
        grid = (frames, rows, columns)
        heads, world = self.net.config.num_heads, self.ranks.world
        return layout_of(self.ranks, plan_ranks(world, heads, grid, guided=task.guidance > 0))

    def _denoise(self, task: Task, layout: Layout, told: float) -> Denoise:
        """Return the guided denoiser of a chunk, with less work where the fast mode says so."""
        conditioning = Conditioning(
            clean=task.clean,
            num_clean_frames=0 if task.clean is None else task.clean.shape[2],
            conditional_timestep=told,
        )
        net = layout.net(self.net, self.attend)
        context = self.net.project_context(task.context)
        uncond = None if task.uncond is None else self.net.project_context(task.uncond)

        def at(guidance: float) -> Denoise:
            return make_denoise(
                net,
                self.family,
                conditioning,
                context=context,
                uncond_context=uncond,
                guidance=guidance,
                dtype=self.net.dtype,
                evaluate=layout.evaluate(),
            )

        space = space_of(self.family.objective)
        guided = at(task.guidance) if task.guidance else None
        denoise, work = speed_up(guided, at(0.0), self.fast, space)
        self.work.append(work)
        return denoise
