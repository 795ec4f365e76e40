"""Predict2 and Predict2.5 as `Denoise` functions: what the network is told, and what it means.

| | Predict2 (EDM flow) | Predict2.5 (flow) |
|---|---|---|
| network sees | x / (1 + sigma) | x |
| timestep | sigma / (1 + sigma), in the weights' type | 1000 sigma, whole numbers when sampling |
| clean frames see | the clean latents | the clean latents |
| their timestep | that of sigma 1e-4 | the checkpoint's: -1 as all others, else its own |
| x0 | (1 - t) x - t v | x - sigma v |
| x0 of clean frames | the clean latents | the clean latents |

Upstream's 2.5 replaces the clean frames' velocity by `noise - clean`; on the exact line that is the
same x0. Its schedules start just below pure noise, off that line, so its clean frames end with
0.02 % or 0.5 % of noise left in them; ours end as the clean latents, bit for bit.

Source: cosmos-predict2, `pipelines/video2world.py`; cosmos-predict2.5,
`video2world_model_rectified_flow.py`. Proved in `tests/models/cosmos_predict/test_denoise.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.diffusion import edm, flow
from rareworld.diffusion.fast import EDM_SPACE, FLOW_SPACE, Space
from rareworld.diffusion.guidance import guide_around
from rareworld.diffusion.samplers.ab2 import sample_ab2
from rareworld.diffusion.samplers.base import Denoise, OnStep, no_report
from rareworld.diffusion.samplers.unipc import sample_unipc
from rareworld.diffusion.schedule import (
    FLOW_LEVELS,
    SHIFT,
    karras_flow_sigmas,
    karras_sigmas,
    shifted_sigmas,
)
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import Family, Objective
from rareworld.models.cosmos_predict.model import CosmosDiT

SIGMA_CONDITIONAL = 1e-4
"""Noise level that Predict2 is told for clean frames."""
SAME_AS_REST = -1.0
"""Predict2.5's conditional timestep where clean frames have none of their own."""

Evaluate = Callable[[Callable[[Sequence[Tensor]], list[Tensor]], Sequence[Tensor]], list[Tensor]]
"""Applies a function of several texts to contexts; ranks may share the contexts out."""


@runtime_checkable
class Net(Protocol):
    """What a denoiser needs of a network."""

    def __call__(
        self,
        latent: Float[Tensor, "b c t h w"],
        timestep: Float[Tensor, "b"] | Float[Tensor, "b t"],
        context: Float[Tensor, "b n d"],
        condition_mask: Float[Tensor, "b 1 t h w"],
    ) -> Float[Tensor, "b c t h w"]:
        """Return the velocity."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class Conditioning:
    """Clean latent frames that a video starts with, and what the network is told about them.

    Raises:
        ConfigError: If there are fewer clean latents than clean frames.
    """

    clean: Float[Tensor, "b c f h w"] | None = None
    """Clean latents; at least the first `num_clean_frames`, more are not looked at."""
    num_clean_frames: int = 0
    """Latent frames that are given: 0 text, 1 image, 2 video."""
    conditional_timestep: float = SAME_AS_REST
    """Predict2.5: timestep of the clean frames, which belongs to the checkpoint."""

    def __post_init__(self) -> None:
        found = 0 if self.clean is None else self.clean.shape[2]
        if not 0 <= self.num_clean_frames <= found:
            raise ConfigError(
                f"{self.num_clean_frames} clean latent frames are asked for and {found} are given; "
                "encode the input first, or ask for 0"
            )

    def put_into(self, latent: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t h w"]:
        """Return the latent with its first frames replaced by the clean ones."""
        count = self.num_clean_frames
        if self.clean is None or count == 0:
            return latent
        if count > latent.shape[2]:
            raise ConfigError(f"{count} clean latent frames do not fit in {latent.shape[2]}")
        clean = self.clean[:, :, :count].to(latent)
        return torch.cat([clean.expand(len(latent), -1, -1, -1, -1), latent[:, :, count:]], dim=2)

    def mask(self, latent: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b 1 t h w"]:
        """Return 1 on clean frames and 0 elsewhere."""
        mask = torch.zeros_like(latent[:, :1])
        mask[:, :, : self.num_clean_frames] = 1
        return mask


def make_denoise(
    net: Net,
    family: Family,
    conditioning: Conditioning,
    *,
    context: Float[Tensor, "b n d"],
    uncond_context: Float[Tensor, "b m d"] | None = None,
    guidance: float = 0.0,
    dtype: torch.dtype = torch.float32,
    evaluate: Evaluate | None = None,
) -> Denoise:
    """Bind a network to a family, clean frames and text.

    Args:
        net: The network; sees latents, contexts and masks in `dtype`.
        family: Decides scaling, timesteps and meaning of the output.
        conditioning: Clean frames.
        context: Text, cast to `dtype`.
        uncond_context: Negative text; needed where guidance is not 0.
        guidance: `cond + guidance (cond - uncond)`; 0 evaluates the network once.
        dtype: Type of the network's weights.
        evaluate: How contexts are gone through; all of them here by default.

    Raises:
        ConfigError: If guidance is asked for without negative text.
    """
    if guidance != 0 and uncond_context is None:
        raise ConfigError(f"guidance {guidance} needs negative text; give it, or set guidance to 0")
    contexts = [context.to(dtype)]
    if guidance != 0 and uncond_context is not None:
        contexts.append(uncond_context.to(dtype))
    go_through = evaluate or all_here

    def denoise(x: Tensor, sigma: float) -> Tensor:
        def cleans_given(texts: Sequence[Tensor]) -> list[Tensor]:
            return predict_cleans(net, family.objective, x, level, texts, conditioning, whole=True)

        level = torch.full((len(x),), sigma, dtype=torch.float64, device=x.device)
        cleans = go_through(cleans_given, contexts)
        return cleans[0] if len(cleans) == 1 else guide_around(cleans[0], cleans[1], guidance)

    return denoise


def all_here(
    function: Callable[[Sequence[Tensor]], list[Tensor]], contexts: Sequence[Tensor]
) -> list[Tensor]:
    """Apply a function to all contexts in this process."""
    return function(contexts)


def predict_clean(
    net: Net,
    objective: Objective,
    x: Float[Tensor, "b c t h w"],
    sigma: Float[Tensor, "b"],
    context: Float[Tensor, "b n d"],
    conditioning: Conditioning,
    *,
    whole: bool = False,
) -> Float[Tensor, "b c t h w"]:
    """Return the clean estimate x0 for one text; as `predict_cleans`."""
    return predict_cleans(net, objective, x, sigma, [context], conditioning, whole=whole)[0]


def predict_cleans(
    net: Net,
    objective: Objective,
    x: Float[Tensor, "b c t h w"],
    sigma: Float[Tensor, "b"],
    contexts: Sequence[Float[Tensor, "b _ d"]],
    conditioning: Conditioning,
    *,
    whole: bool = False,
) -> list[Float[Tensor, "b c t h w"]]:
    """Return the clean estimate x0 for each text in x's type, for sampling and for training.

    Args:
        net: The network; sees the contexts' type.
        objective: What its output means.
        x: Noisy latents.
        sigma: Noise level of each sample.
        contexts: Texts, in the type of the network's weights.
        conditioning: Clean frames.
        whole: Round Predict2.5's timesteps down to whole numbers, as upstream does in sampling and
            not in training.
    """
    dtype = contexts[0].dtype
    level = sigma.to(x).view(-1, 1, 1, 1, 1)
    is_edm = objective is Objective.EDM_FLOW
    scaled = x * edm.precondition(level).input if is_edm else x
    velocities = _velocities(
        net,
        contexts,
        conditioning.put_into(scaled).to(dtype),
        _timestep(objective, sigma, conditioning, x.shape[2], whole=whole, dtype=dtype),
        conditioning.mask(x).to(dtype),
    )
    clean_from_velocity = edm.clean_from_velocity if is_edm else flow.clean_from_velocity
    return [
        conditioning.put_into(clean_from_velocity(x, velocity.to(x.dtype), level))
        for velocity in velocities
    ]


def _velocities(
    net: Net,
    contexts: Sequence[Float[Tensor, "b _ d"]],
    latent: Float[Tensor, "b c t h w"],
    told: Float[Tensor, "b"] | Float[Tensor, "b t"],
    mask: Float[Tensor, "b 1 t h w"],
) -> Sequence[Float[Tensor, "b c t h w"]]:
    """Return the network's answer for each text; one whole in this process shares work."""
    if isinstance(net, CosmosDiT) and len(contexts) > 1:
        return net(latent, told, tuple(contexts), mask)
    return [net(latent, told, context, mask) for context in contexts]


def _timestep(
    objective: Objective,
    sigma: Float[Tensor, "b"],
    conditioning: Conditioning,
    frames: int,
    *,
    whole: bool,
    dtype: torch.dtype,
) -> Float[Tensor, "b"] | Float[Tensor, "b t"]:
    """Return what the network is told: one number a sample, or one a frame where frames differ."""
    if objective is Objective.EDM_FLOW:
        told = edm.precondition(sigma).noise
        clean_told = SIGMA_CONDITIONAL / (1 + SIGMA_CONDITIONAL)
        exact = dtype  # upstream rounds Predict2's timesteps to the weights' type
    else:
        told = FLOW_LEVELS * sigma
        told = told.floor() if whole else told
        clean_told = conditioning.conditional_timestep
        exact = torch.float32
    if conditioning.num_clean_frames and clean_told >= 0:
        told = told[:, None].repeat(1, frames)
        told[:, : conditioning.num_clean_frames] = clean_told
    return told.to(exact).float()


def space_of(objective: Objective) -> Space:
    """Return how an objective scales noise, for `diffusion.fast`."""
    return EDM_SPACE if objective is Objective.EDM_FLOW else FLOW_SPACE


@final
@dataclass(frozen=True, kw_only=True)
class Sampling:
    """A family's sampler with its schedule."""

    sampler: str
    """Name for reports."""
    sigmas: Float[Tensor, "levels"]
    """Levels, falling to 0."""

    @property
    def evaluations(self) -> int:
        """Times that the denoiser is called."""
        return len(self.sigmas) - 1

    def run(
        self, denoise: Denoise, noise: Float[Tensor, "*n"], on_step: OnStep = no_report
    ) -> Float[Tensor, "*n"]:
        """Turn unit noise into a sample."""
        sample = sample_ab2 if self.sampler == "ab2" else sample_unipc
        return sample(denoise, noise, self.sigmas, on_step=on_step)


def plan_sampling(
    objective: Objective,
    steps: int = 35,
    *,
    conditional_timestep: float = SAME_AS_REST,
    shift: float = SHIFT,
) -> Sampling:
    """Return upstream's sampler and schedule for a checkpoint.

    Predict2.5's post-trained checkpoints, known by a conditional timestep of their own, sample at
    Karras's levels and take no shift; pre-trained ones take the shifted line.

    Raises:
        ConfigError: As the schedules say.
    """
    if objective is Objective.EDM_FLOW:
        return Sampling(sampler="ab2", sigmas=karras_sigmas(steps))
    if conditional_timestep >= 0:
        return Sampling(sampler="unipc", sigmas=karras_flow_sigmas(steps))
    return Sampling(sampler="unipc", sigmas=shifted_sigmas(steps, shift=shift))
