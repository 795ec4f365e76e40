"""The world models' objective: a plain velocity error, of the frames that are to be predicted.

Both generations learn the velocity `v = eps - x0` of the straight line from data to noise. With
t the flow time (Predict2: sigma / (1 + sigma); Predict2.5: sigma)

    the net sees   (1 - t) x0 + t eps, and x0 itself on clean frames
    is told        t (Predict2) or 1000 t (Predict2.5); clean frames: 1e-4 / (1 + 1e-4), or what
                   the checkpoint was told (-1: as the rest)
    loss           scale * mean over noisy frames of (net - v)^2

Predict2's (1 + sigma)^2 / sigma^2 weighted error of x0 is this velocity error exactly; computed as
such it loses no digits at its levels of 0.05 or 100,000. Upstream replaces predictions on clean
frames by the truth and averages over them too: its loss, and its gradient, fall by the share of
clean frames. Ours leaves them out; `upstream` puts them back.

Dropped text is a zero embedding at the encoder's end. Predict2.5's net projects the embedding, so
behind the projection, where caches hold it, dropped text is GELU(bias), not zeros.

Source: as `draws.py`; cosmos-predict2, `pipelines/video2world.py` (`denoise`); cosmos-predict2.5,
`video2world_model_rectified_flow.py`. Proved in `tests/train/objective/test_world.py` against
upstream's formulas in float64.
"""

from dataclasses import replace
from functools import cached_property
from typing import cast, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.functional import gelu

from rareworld.diffusion import flow
from rareworld.diffusion.schedule import FLOW_LEVELS
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.cast import CastNet
from rareworld.models.cosmos_predict.config import Family, Objective
from rareworld.models.cosmos_predict.denoise import SIGMA_CONDITIONAL, Net
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.models.cosmos_predict.shared import SharedNet
from rareworld.train.batch import Batch
from rareworld.train.config import ObjectiveConfig
from rareworld.train.graphs import Replayed, inputs_of
from rareworld.train.objective.base import Loss
from rareworld.train.objective.draws import Drawn, draw_all, rules_of

FIRST_LOSS_TRAINED = 0.03
"""Velocity error of a pre-trained Predict2.5 2B before its first step, as reported
(cosmos-predict2.5, pull request 161)."""
FIRST_LOSS_UNTRAINED = 3.04
"""The same where the base weights were not loaded, as reported there."""
FIRST_LOSS_BAND = (FIRST_LOSS_TRAINED / 10, (FIRST_LOSS_TRAINED * FIRST_LOSS_UNTRAINED) ** 0.5)
"""Where the first `velocity_error` of pre-trained weights is expected, a mean over samples: from a
tenth of the reported one to the middle, on a log scale, between it and that of no weights (0.302).
Single samples at the ends of the noise levels leave it; there, `velocity_error` of no use at all is
`velocity_power`."""


@final
class WorldObjective:
    """Turns clean latents and text into the loss of a net; draws from (seed, id) alone.

    Args:
        net: The network, alone or shared among ranks; it learns in place.
        family: Says what its output means and how noise is told to it.
        config: What is learned.
        conditional_timestep: Predict2.5: what the checkpoint was told for clean frames.
        seed: Of the run.
        dtype: Type that the net computes in.

    Raises:
        ConfigError: If a setting is of the other generation, or a Predict2.5 checkpoint does not
            say its conditional timestep.
    """

    def __init__(
        self,
        net: Net,
        family: Family,
        config: ObjectiveConfig,
        conditional_timestep: float | None = None,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if family.objective is Objective.FLOW and conditional_timestep is None:
            raise ConfigError(
                f"{family.name}: what clean frames are told belongs to the checkpoint and it does "
                "not say; set base.conditional_timestep to 0.1 (2B/post-trained) or -1 (the others)"
            )
        self.net = net
        self.family = family
        self.rules = rules_of(config, family.objective)
        self.conditional_timestep = conditional_timestep
        self.seed = seed
        self.dtype = dtype

    def loss(self, batch: Batch) -> Loss:
        """Return the loss of samples as they are drawn for training.

        Tags: `sigma`; `time`, the flow time, for both generations from 0 to 1; `clean_frames`;
        `text_kept`; `velocity_error`, the unscaled error of noisy frames; `velocity_power`, that
        of predicting 0.

        Raises:
            ConfigError: If projected text is to be dropped and the net's projection is not known.
        """
        return self._loss(batch, self._drawn(batch))

    def drawn(self, batch: Batch, *, pin: bool = False) -> Batch:
        """Return a batch with what its samples draw, for threads that work ahead of `loss`.

        `pin` puts it where a GPU can fetch it beside the host's work.
        """
        shape = batch.latent.shape[1:]
        return replace(batch, drawn=draw_all(self.seed, batch.ids, shape, self.rules, pin=pin))

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what the network is called with for a batch."""
        net = self.net

        def call(spy: Net) -> None:
            self.net = spy
            self.loss(batch)

        try:
            return inputs_of(call)
        finally:
            self.net = net

    def loss_at(self, batch: Batch, sigma: float) -> Loss:
        """Return the loss at one noise level with all text kept: for held-out curves.

        Noise and clean frames are those of `loss`; `levels` gives levels worth asking for.
        """
        return self._loss(batch, self._drawn(batch).at(sigma, self.rules))

    def levels(self, count: int, latent_frames: int) -> tuple[float, ...]:
        """Return levels in the middles of `count` equal shares of the training samples, rising."""
        shares = [(place + 0.5) / count for place in range(count)]
        return tuple(self.rules.sigma_at(share, latent_frames) for share in shares)

    def _drawn(self, batch: Batch) -> Drawn:
        """Return what a batch's samples draw, on its device."""
        device = batch.latent.device
        if batch.drawn is None:
            batch = self.drawn(batch, pin=device.type == "cuda")
        return cast(Drawn, batch.drawn).to(device)

    def _loss(self, batch: Batch, drawn: Drawn) -> Loss:
        device = batch.latent.device
        clean = batch.latent.to(torch.promote_types(batch.latent.dtype, torch.float32))
        noise = drawn.noise.contiguous().to(clean)
        sigma, time, counts, kept = drawn.numbers.unbind(1)
        given = torch.arange(clean.shape[2], device=device) < counts[:, None]

        mixed = flow.interpolate(clean, noise, _spread(time).to(clean))
        velocity = self.net(
            torch.where(_spread(given), clean, mixed).to(self.dtype),
            self._told(time, given),
            self._text(batch.context, kept == 1),
            _spread(given).to(self.dtype).expand_as(clean[:, :1]),
        ).to(clean.dtype)

        target = noise - clean
        error = _of_noisy((velocity - target).square(), given)
        noisy = given.logical_not().sum(1)
        averaged = given.shape[1] if self.rules.upstream else noisy
        per_sample = self.rules.scale * error / averaged
        tags = {"sigma": sigma, "time": time, "clean_frames": counts, "text_kept": kept}
        return Loss(
            total=per_sample.mean(),
            per_sample=per_sample.detach(),
            tags=tags
            | {
                "velocity_error": error.detach() / noisy,
                "velocity_power": _of_noisy(target.square(), given) / noisy,
            },
        )

    def _told(
        self, time: Float[Tensor, "b"], given: Bool[Tensor, "b t"]
    ) -> Float[Tensor, "b"] | Float[Tensor, "b t"]:
        """Return timesteps: per frame where clean frames have one of their own, else per clip."""
        if self.family.objective is Objective.EDM_FLOW:
            told, clean_told = time, SIGMA_CONDITIONAL / (1 + SIGMA_CONDITIONAL)
            exact = self.dtype  # upstream rounds Predict2's timesteps to the weights' type
        else:
            told, clean_told = FLOW_LEVELS * time, cast(float, self.conditional_timestep)
            exact = torch.float32
        if clean_told >= 0:
            told = torch.where(given, clean_told, told[:, None])
        return told.to(exact).float()

    def _text(
        self, context: Float[Tensor, "b n e"], kept: Bool[Tensor, "b"]
    ) -> Float[Tensor, "b n e"]:
        """Return the context with dropped samples' rows replaced by those of a zero embedding."""
        net, context = self.family.net, context.to(self.dtype)
        dropped = context.new_zeros(context.shape[-1])
        if net.raw_context_dim is not None and context.shape[-1] == net.context_dim:
            dropped = self._projected_zeros.to(context)
        return torch.where(kept[:, None, None], context, dropped)

    @cached_property
    def _projected_zeros(self) -> Float[Tensor, "e"]:
        """What Predict2.5's projection makes of a zero embedding; read once weights are loaded."""
        net = self.net
        while isinstance(net, SharedNet | CastNet | Replayed):
            net = net.net
        if not isinstance(net, CosmosDiT):
            raise ConfigError(
                f"{self.family.name}: dropping projected text needs the net's own projection, "
                f"found a {type(net).__name__}; give a CosmosDiT, or text before its projection"
            )
        bias = cast(nn.Linear, net.crossattn_proj[0]).bias.detach()
        return gelu(bias.full_tensor() if isinstance(bias, DTensor) else bias)


def _spread(per_sample: Tensor) -> Tensor:
    """Return numbers per sample ("b") or frame ("b t") so that they broadcast over latents."""
    return per_sample.view(len(per_sample), 1, -1, 1, 1)


def _of_noisy(
    squares: Float[Tensor, "b c t h w"], given: Bool[Tensor, "b t"]
) -> Float[Tensor, "b"]:
    """Return each sample's sum over noisy frames of the frames' means."""
    return squares.mean(dim=(1, 3, 4)).masked_fill(given, 0).sum(1)
