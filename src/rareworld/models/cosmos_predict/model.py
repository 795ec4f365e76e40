"""The diffusion transformer of Cosmos Predict2 and Predict2.5, both sizes.

A clip's latents become tokens (one per 1 x 2 x 2 patch), pass blocks of self-attention,
cross-attention to text and an MLP, each modulated by the timestep, and become latents again.

Source: cosmos-predict2 (661da47) and cosmos-predict2.5, facts read, code our own; module and
parameter names are upstream's, so their state dicts load as they are once `net.` is stripped.
What a reader would get wrong: blocks see the normalised sinusoid, not the MLP's output; that MLP's
output is added to every modulation; text is attended without a mask, padding included; rotary
angles ignore the frame rate; a token's output is ordered (rows, columns, frames, channels), not as
its input; Predict2.5 embeds timesteps, modulates and ends in float32.

Shapes: b clips, t latent frames, s tokens of a frame (rows x columns), d channels of a token,
f frames that timesteps tell apart (1 or t). Timesteps broadcast over s, they are never spread over
tokens; without gradients residuals are added in place, so memory is that of one block.
Proved in `tests/models/cosmos_predict/test_model.py` against diffusers' network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import NetConfig
from rareworld.models.cosmos_predict.layers import (
    EPS,
    Attention,
    FinalLayer,
    Grid,
    Mlp,
    PatchEmbed,
    TimestepEmbedding,
    add_gated,
    modulate,
    modulated_norm,
    modulation_layers,
    unpatchify,
)
from rareworld.nn.attention import Attend, LocalAttend
from rareworld.nn.norms import RMSNorm
from rareworld.nn.rope import rope_angles, rope_table
from rareworld.nn.timestep import sinusoid

T = TypeVar("T")

_MOST_SHAPES = 256
"""Shapes of one process that blocks are fused for; PyTorch's own limit over all is as many."""

TUNED: dict[str, str | int | bool | Callable[..., Any]] = {"coordinate_descent_tuning": True}
"""Inductor's settings for a graph that runs many thousand times."""


@final
@dataclass(frozen=True)
class Step:
    """What all blocks are told besides their tokens."""

    embedding: Float[Tensor, "b f d"]
    """Sinusoid of the timestep, normalised."""
    shared: Float[Tensor, "b f d3"]
    """Added to every (shift, scale, gate)."""
    context: Float[Tensor, "b n c"]
    """Projected text."""
    rope: Float[Tensor, "m r"]
    """Rotary table, a row per token."""


@final
class CosmosDiT(nn.Module):
    """Predicts a velocity from noisy latents, a timestep, text and clean frames."""

    def __init__(self, config: NetConfig, attend: Attend | None = None) -> None:
        super().__init__()
        self.config = config
        masks = 2
        self.x_embedder = PatchEmbed(config.patch, config.latent_channels + masks, config.width)
        self.t_embedder = nn.Sequential(nn.Identity(), TimestepEmbedding(config.width))
        self.t_embedding_norm = RMSNorm(config.width, EPS)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_blocks))
        self.final_layer = FinalLayer(config)
        if config.raw_context_dim is not None:
            projection = nn.Linear(config.raw_context_dim, config.context_dim)
            self.crossattn_proj = nn.Sequential(projection, nn.GELU())
        self.set_attention(attend or LocalAttend())

    @property
    def dtype(self) -> torch.dtype:
        """Return the type that tokens are computed in."""
        return self.final_layer.linear.weight.dtype

    def set_attention(self, attend: Attend, *, cross: Attend | None = None) -> None:
        """Compute self-attention by `attend`, attention to text by `cross` (or likewise)."""
        for block in self.blocks:
            cast(Block, block).self_attn.attend = attend
            cast(Block, block).cross_attn.attend = cross or attend

    def forward(
        self,
        latent: Float[Tensor, "b c t h w"],
        timestep: Float[Tensor, "b *t"],
        context: Float[Tensor, "b n e"] | tuple[Float[Tensor, "b _ e"], ...],
        condition_mask: Float[Tensor, "b 1 t h w"],
        padding_mask: Float[Tensor, "b 1 y x"] | None = None,
        rope: Float[Tensor, "m r"] | None = None,
    ) -> Float[Tensor, "b c t h w"] | tuple[Float[Tensor, "b c t h w"], ...]:
        """Return the prediction for latents; for several texts (a tuple), one for each.

        What no text has touched, all up to the first attention to it, is computed once.

        Args:
            latent: Noisy latents, clean where conditioned.
            timestep: As the family tells noise, one per clip ("b") or latent frame ("b t").
            context: Text, raw (Predict2.5) or projected: its width decides.
            condition_mask: 1 on conditioned latent frames.
            padding_mask: 1 where pixels are padding, of any size; none by default.
            rope: Rotary table (`rotary`) of the latents' tokens where they are a share of a
                larger clip; their own by default.

        Raises:
            ConfigError: If a size does not fit the network; names it.
        """
        grid = self.grid(latent)
        table = self.rotary(grid, latent.device) if rope is None else rope
        texts = context if isinstance(context, tuple) else (context,)
        steps = [self._step(timestep, text, table, frames=grid[0]) for text in texts]
        tokens = self.x_embedder(self._inputs(latent, condition_mask, padding_mask))
        if isinstance(context, tuple):
            return self._for_each(tokens, steps, grid)
        return self._latents(self.transform(tokens, steps[0]), steps[0], grid)

    def transform(
        self, tokens: Float[Tensor, "b t s d"], step: Step, *, begun: bool = False
    ) -> Float[Tensor, "b t s d"]:
        """Return what the blocks make of tokens; without gradients in the tokens' own memory.

        `begun` says that the first block's self-attention is done.
        """
        for rank, block in enumerate(self.blocks):
            rope = None if begun and rank == 0 else step.rope
            tokens = block(tokens, step.embedding, step.shared, step.context, rope)
        return tokens

    def project_context(self, context: Float[Tensor, "b n e"]) -> Float[Tensor, "b n c"]:
        """Return the context that blocks attend to; one of that width already comes back as is.

        Raises:
            ConfigError: If it is neither the text encoder's nor the blocks'.
        """
        width, wanted, raw = context.shape[-1], self.config.context_dim, self.config.raw_context_dim
        if width == wanted:
            return context.to(self.dtype)
        if width != raw:
            accepted = f"{wanted}" if raw is None else f"{wanted} (projected) or {raw} (raw)"
            raise ConfigError(
                f"context: expected {accepted} channels, found {width}; "
                "embed the prompts with the text encoder of this family"
            )
        return self.crossattn_proj(context.to(self.dtype))

    def grid(self, latent: Float[Tensor, "b c t h w"]) -> Grid:
        """Return the tokens of latents along frames, rows and columns.

        Raises:
            ConfigError: If latents have other channels, do not divide into patches or are larger
                than positions reach.
        """
        channels, *size = latent.shape[1:]
        config = self.config
        fits = all(
            n % p == 0 and 0 < n <= most
            for n, p, most in zip(size, config.patch, config.max_latent, strict=True)
        )
        if channels != config.latent_channels or not fits:
            raise ConfigError(
                f"latent: expected {config.latent_channels} channels and frames, rows and columns "
                f"in multiples of {config.patch} up to {config.max_latent}, "
                f"found {channels} channels and {tuple(size)}"
            )
        t, h, w = (n // p for n, p in zip(size, config.patch, strict=True))
        return t, h, w

    def rotary(self, grid: Grid, device: torch.device) -> Float[Tensor, "m r"]:
        """Return the rotary table of a grid, a row per token in (t h w) order."""
        config = self.config
        return rope_table(rope_angles(grid, config.head_dim, config.rope_ratios, device))

    def _for_each(
        self, tokens: Float[Tensor, "b t s d"], steps: list[Step], grid: Grid
    ) -> tuple[Float[Tensor, "b c t2 h2 w2"], ...]:
        """Return the prediction of each step, which differ in their text alone."""
        *others, last = steps
        tokens = self.blocks[0](tokens, last.embedding, last.shared, None, last.rope)
        found = [
            self._latents(self.transform(tokens.clone(), step, begun=True), step, grid)
            for step in others
        ]
        return *found, self._latents(self.transform(tokens, last, begun=True), last, grid)

    def _latents(
        self, tokens: Float[Tensor, "b t s d"], step: Step, grid: Grid
    ) -> Float[Tensor, "b c t2 h2 w2"]:
        """Return the last block's tokens as latents."""
        patches = self.final_layer(tokens, step.embedding, step.shared)
        return unpatchify(patches, grid, self.config.patch)

    def _inputs(
        self,
        latent: Float[Tensor, "b c t h w"],
        condition_mask: Float[Tensor, "b 1 t h w"],
        padding_mask: Float[Tensor, "b 1 y x"] | None,
    ) -> Float[Tensor, "b c2 t h w"]:
        """Return latent, condition and padding channels, in this order."""
        if padding_mask is None:
            padding = torch.zeros_like(condition_mask)
        else:
            padding = interpolate(padding_mask, size=latent.shape[-2:], mode="nearest")
            padding = padding[:, :, None].expand_as(condition_mask)
        return torch.cat([x.to(self.dtype) for x in (latent, condition_mask, padding)], dim=1)

    def _step(
        self,
        timestep: Float[Tensor, "b *t"],
        context: Float[Tensor, "b n e"],
        rope: Float[Tensor, "m r"],
        frames: int,
    ) -> Step:
        per_frame = timestep.unsqueeze(-1) if timestep.ndim == 1 else timestep
        if per_frame.shape[1:] not in {(1,), (frames,)}:
            raise ConfigError(
                f"timestep: expected one per clip or per latent frame ({frames}), "
                f"found shape {tuple(timestep.shape)}"
            )
        dtype = torch.float32 if self.config.fp32_modulation else self.dtype
        waves = sinusoid(per_frame.float() * self.config.timestep_scale, self.config.width)
        waves = waves.to(dtype)
        return Step(
            embedding=self.t_embedding_norm(waves),
            shared=self.t_embedder(waves),
            context=self.project_context(context),
            rope=rope,
        )


@final
class Block(nn.Module):
    """Self-attention, attention to text and MLP, each normalised, modulated and gated."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        width = config.width
        self.self_attn = Attention(width, width, config.num_heads)
        self.cross_attn = Attention(width, config.context_dim, config.num_heads)
        self.mlp = Mlp(width, config.mlp_ratio * width)
        self.adaln_modulation_self_attn = modulation_layers(config, 3)
        self.adaln_modulation_cross_attn = modulation_layers(config, 3)
        self.adaln_modulation_mlp = modulation_layers(config, 3)

    def forward(
        self,
        x: Float[Tensor, "b t s d"],
        embedding: Float[Tensor, "b f d"],
        shared: Float[Tensor, "b f d3"],
        context: Float[Tensor, "b n c"] | None,
        rope: Float[Tensor, "m r"] | None,
    ) -> Float[Tensor, "b t s d"]:
        """Return the tokens after this block.

        Without a context only self-attention is done; without a rotary table all but it.
        """
        if rope is not None:
            told = self.adaln_modulation_self_attn
            shift, scale, gate = modulate(told, embedding, shared, x.dtype)
            attended = self.self_attn.attend(*self.project(x, shift, scale, rope))
            x = self.take(x, attended, gate)
            del attended
        return x if context is None else self.finish(x, embedding, shared, context)

    def project(
        self,
        x: Float[Tensor, "b t s d"],
        shift: Float[Tensor, "b f 1 d"],
        scale: Float[Tensor, "b f 1 d"],
        rope: Float[Tensor, "m r"],
    ) -> tuple[Float[Tensor, "b m h e"], Float[Tensor, "b m h e"], Float[Tensor, "b m h e"]]:
        """Return what self-attention needs of the tokens: queries, keys and values."""
        return self.self_attn.project(modulated_norm(x, shift, scale).flatten(1, 2), rope=rope)

    def take(
        self,
        x: Float[Tensor, "b t s d"],
        attended: Float[Tensor, "b m h e"],
        gate: Float[Tensor, "b f 1 d"],
    ) -> Float[Tensor, "b t s d"]:
        """Return the tokens after self-attention."""
        return add_gated(x, gate, self.self_attn.put_out(attended).unflatten(1, x.shape[1:3]))

    def finish(
        self,
        x: Float[Tensor, "b t s d"],
        embedding: Float[Tensor, "b f d"],
        shared: Float[Tensor, "b f d3"],
        context: Float[Tensor, "b n c"],
    ) -> Float[Tensor, "b t s d"]:
        """Return the tokens after attention to text and the MLP."""
        shift, scale, gate = modulate(self.adaln_modulation_cross_attn, embedding, shared, x.dtype)
        taken = self.cross_attn(modulated_norm(x, shift, scale).flatten(1, 2), context)
        x = add_gated(x, gate, taken.unflatten(1, x.shape[1:3]))
        del taken

        shift, scale, gate = modulate(self.adaln_modulation_mlp, embedding, shared, x.dtype)
        return add_gated(x, gate, self.mlp(modulated_norm(x, shift, scale)))


def compile_blocks(net: CosmosDiT, *, backend: str = "inductor", tuned: bool = False) -> CosmosDiT:
    """Fuse each block's element-wise work; one graph per shape serves all blocks.

    The first call of each shape is slow. PyTorch gives up fusing after 8 shapes without an error;
    the limit is raised around each call, as a job may have more.
    """
    for block in net.blocks:
        block.forward = fused(block.forward, backend=backend, tuned=tuned)
    return net


def fused(
    function: Callable[..., T], *, backend: str = "inductor", tuned: bool = False
) -> Callable[..., T]:
    """Return a function compiled for each of up to `_MOST_SHAPES` shapes when it first comes.

    `tuned` tries more shapes of tiles for its kernels: three times as slow at first (kept in
    PyTorch's cache on disk), element-wise work an eighth faster after.
    """
    options = dict(TUNED) if tuned and backend == "inductor" else None
    compiled = torch.compile(function, backend=backend, dynamic=False, options=options)
    return torch._dynamo.config.patch(cache_size_limit=_MOST_SHAPES)(compiled)  # noqa: SLF001 - its only home


@torch.no_grad()
def init_weights(net: CosmosDiT, generator: torch.Generator, *, identity: bool = False) -> None:
    """Draw initial weights as upstream does: no modulation, else normal with std 1/sqrt(inputs).

    Upstream still adds the timestep's own vector to every modulation, so its gates are open and its
    output is noise. With `identity` that vector and the output are zero too (adaLN-Zero, Peebles
    and Xie 2023): each block begins as the identity, and a network that starts from nothing begins
    at the loss of predicting zero.
    """
    for name, module in net.named_modules():
        if isinstance(module, RMSNorm):
            module.weight.fill_(1.0)
        elif isinstance(module, nn.Linear):
            std = module.in_features**-0.5
            if _starts_at_zero(name, identity=identity):
                module.weight.zero_()
            else:
                nn.init.trunc_normal_(
                    module.weight, std=std, a=-3 * std, b=3 * std, generator=generator
                )
            if module.bias is not None:
                module.bias.zero_()


def _starts_at_zero(name: str, *, identity: bool) -> bool:
    """Return whether a linear layer's initial weights are zero."""
    modulation = "adaln_modulation" in name and name.endswith(".2")
    return modulation or (identity and name in {"t_embedder.1.linear_2", "final_layer.linear"})
