"""Layers of Cosmos Predict's transformer: attention, MLP, patches in and out, modulation.

Source and names: as `model.py`. Shapes: b clips, t latent frames, s tokens of a frame, n tokens,
h heads, d channels, f frames that timesteps tell apart (1 or t).
Where no gradient is wanted, what is read last is written over, so that memory is that of one block.
Proved in `tests/models/cosmos_predict/test_layers.py` and, together, in `test_model.py`.
"""

from typing import cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, linear, silu

from rareworld.models.cosmos_predict.config import NetConfig
from rareworld.nn.attention import Attend, LocalAttend
from rareworld.nn.norms import RMSNorm
from rareworld.nn.rope import rotate

EPS = 1e-6
"""Added to every variance."""
PREPARED_TOKENS = 8192
"""Tokens normalised and rotated at a time without gradients: bounds the float32 copies."""
_ERFC_P = 0.3275911
_ERFC = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
"""Abramowitz and Stegun, formula 7.1.26: erfc in powers of 1 / (1 + p x)."""
Grid = tuple[int, int, int]
"""Tokens along latent frames, rows and columns."""


@final
class Attention(nn.Module):
    """Attention with normalised queries and keys; rotary where a table is given."""

    def __init__(self, width: int, context_dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.attend: Attend = LocalAttend()
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(context_dim, width, bias=False)
        self.v_proj = nn.Linear(context_dim, width, bias=False)
        self.output_proj = nn.Linear(width, width, bias=False)
        self.q_norm = RMSNorm(width // num_heads, EPS)
        self.k_norm = RMSNorm(width // num_heads, EPS)

    def forward(
        self,
        x: Float[Tensor, "b n d"],
        context: Float[Tensor, "b m c"] | None = None,
        rope: Float[Tensor, "n r"] | None = None,
    ) -> Float[Tensor, "b n d"]:
        """Return what tokens take from the context, or from themselves without one."""
        return self.put_out(self.attend(*self.project(x, context, rope)))

    def project(
        self,
        x: Float[Tensor, "b n d"],
        context: Float[Tensor, "b m c"] | None = None,
        rope: Float[Tensor, "n r"] | None = None,
    ) -> tuple[Float[Tensor, "b n h e"], Float[Tensor, "b m2 h e"], Float[Tensor, "b m2 h e"]]:
        """Return queries, keys and values: all that attention needs of the tokens."""
        source = x if context is None else context
        return (
            prepare(self._split(self.q_proj(x)), self.q_norm, rope),
            prepare(self._split(self.k_proj(source)), self.k_norm, rope),
            self._split(self.v_proj(source)),
        )

    def put_out(self, attended: Float[Tensor, "b n h e"]) -> Float[Tensor, "b n d"]:
        """Return attended values of all heads as tokens."""
        return self.output_proj(attended.flatten(2))

    def _split(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n h c"]:
        return x.unflatten(-1, (self.num_heads, -1))


@final
class Mlp(nn.Module):
    """Two linear layers round an exact GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.layer1 = nn.Linear(width, hidden, bias=False)
        self.layer2 = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Float[Tensor, "b t s d"]) -> Float[Tensor, "b t s d"]:
        """Return the tokens' hidden numbers, activated, as tokens again."""
        hidden = self.layer1(x)
        if torch.is_grad_enabled():
            return self.layer2(gelu(hidden))
        if torch.compiler.is_compiling():
            return self.layer2(quick_gelu(hidden))
        return self.layer2(torch.ops.aten.gelu_(hidden))


@final
class PatchEmbed(nn.Module):
    """A token per patch: a linear layer, second of a pair as upstream names it."""

    def __init__(self, patch: Grid, channels: int, width: int) -> None:
        super().__init__()
        self.patch = patch
        t, h, w = patch
        self.proj = nn.Sequential(nn.Identity(), nn.Linear(channels * t * h * w, width, bias=False))

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b t2 s d"]:
        """Return tokens of latents and masks."""
        return self.proj(patchify(x, self.patch))


@final
class TimestepEmbedding(nn.Module):
    """The vector added to every modulation, from the timestep's sinusoid."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, width, bias=False)
        self.linear_2 = nn.Linear(width, 3 * width, bias=False)

    def forward(self, waves: Float[Tensor, "b f d"]) -> Float[Tensor, "b f d3"]:
        """Return (shift, scale, gate) in one vector."""
        return linear_in(silu(linear_in(waves, self.linear_1)), self.linear_2)


@final
class FinalLayer(nn.Module):
    """Modulated norm and a linear layer to the numbers of a patch."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        t, h, w = config.patch
        self.linear = nn.Linear(config.width, t * h * w * config.latent_channels, bias=False)
        self.adaln_modulation = modulation_layers(config, 2)

    def forward(
        self,
        x: Float[Tensor, "b t s d"],
        embedding: Float[Tensor, "b f d"],
        shared: Float[Tensor, "b f d3"],
    ) -> Float[Tensor, "b t s o"]:
        """Return a patch of latents per token, in the embedding's type."""
        dtype = embedding.dtype
        modulation = modulate(self.adaln_modulation, embedding, shared, dtype)
        shift, scale = (y.expand(-1, x.shape[1], -1, -1).unbind(1) for y in modulation)
        # a frame at a time: Predict2.5 ends in float32, and a whole clip's tokens are large
        frames = (
            linear_in(modulated_norm(frame.to(dtype), *both), self.linear)
            for frame, *both in zip(x.unbind(1), shift, scale, strict=True)
        )
        return torch.stack(list(frames), dim=1)


def quick_gelu(x: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Return GELU to 4e-7 by one exponential; the library's erf costs more than the memory.

    The tail of the normal distribution is Abramowitz and Stegun's 7.1.26, below zero and above.
    """
    far = x.float().abs()
    t = torch.reciprocal(1 + _ERFC_P / 2**0.5 * far)
    series = t * _ERFC[-1]
    for factor in reversed(_ERFC[:-1]):
        series = t * (series + factor)
    tail = 0.5 * series * torch.exp(-0.5 * far * far)
    return torch.addcmul(x.float().relu(), far, tail, value=-1).to(x.dtype)


def patchify(x: Float[Tensor, "b c t h w"], patch: Grid) -> Float[Tensor, "b t2 s p"]:
    """Return a token per patch, its numbers ordered channel, frame, row, column."""
    t, h, w = patch
    x = x.unflatten(4, (-1, w)).unflatten(3, (-1, h)).unflatten(2, (-1, t))
    return x.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4).flatten(2, 3)


def unpatchify(x: Float[Tensor, "b t s p"], grid: Grid, patch: Grid) -> Float[Tensor, "b c t2 h w"]:
    """Return latents from tokens ordered row, column, frame, channel: not as `patchify` orders."""
    t, h, w = patch
    x = x.unflatten(2, grid[1:]).unflatten(4, (h, w, t, -1))
    return x.permute(0, 7, 1, 6, 2, 4, 3, 5).flatten(6).flatten(4, 5).flatten(2, 3)


def prepare(
    x: Float[Tensor, "b n h d"], norm: RMSNorm, rope: Float[Tensor, "n r"] | None
) -> Float[Tensor, "b n h d"]:
    """Return queries or keys normalised and rotated; without gradients in their own memory."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return _prepared(x, norm, rope)
    for start in range(0, x.shape[1], PREPARED_TOKENS):
        rows = slice(start, start + PREPARED_TOKENS)
        x[:, rows] = _prepared(x[:, rows], norm, None if rope is None else rope[rows])
    return x


def _prepared(
    x: Float[Tensor, "b n h d"], norm: RMSNorm, rope: Float[Tensor, "n r"] | None
) -> Float[Tensor, "b n h d"]:
    return norm(x) if rope is None else rotate(norm(x), rope)


def modulate(
    layers: nn.Sequential,
    embedding: Float[Tensor, "b f d"],
    shared: Float[Tensor, "b f d3"],
    dtype: torch.dtype,
) -> tuple[Float[Tensor, "b f 1 d"], ...]:
    """Return shift, scale and (of three) gate, computed in the embedding's type."""
    _, down, up = cast(tuple[nn.SiLU, nn.Linear, nn.Linear], tuple(layers))
    both = linear_in(linear_in(silu(embedding), down), up)
    parts = both.shape[-1] // embedding.shape[-1]
    return (both + shared[..., : both.shape[-1]]).to(dtype)[:, :, None].chunk(parts, dim=-1)


def modulated_norm(
    x: Float[Tensor, "*b s d"], shift: Float[Tensor, "*f 1 d"], scale: Float[Tensor, "*f 1 d"]
) -> Float[Tensor, "*b s d"]:
    """Return LayerNorm(x) (1 + scale) + shift."""
    if torch.compiler.is_compiling():
        normed = standardize(x)
    else:
        normed = layer_norm(x, x.shape[-1:], eps=EPS)
    return torch.addcmul(shift, normed, 1 + scale)


def standardize(x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """Return x less its mean over its deviation, in two passes in float32.

    Compilers make Welford's recurrence of the library's layer norm: a division for every number,
    which takes longer than the memory (a training step of 2B at 480p: 2.11 s, so 2.05 s).
    """
    wide = x.float()
    centred = wide - wide.mean(dim=-1, keepdim=True)
    variance = centred.square().mean(dim=-1, keepdim=True)
    return (centred * torch.rsqrt(variance + EPS)).to(x.dtype)


def add_gated(
    x: Float[Tensor, "b t s d"], gate: Float[Tensor, "b f 1 d"], branch: Float[Tensor, "b t s d"]
) -> Float[Tensor, "b t s d"]:
    """Return x + gate branch; without gradients in x's memory."""
    in_place = not torch.is_grad_enabled()
    return x.addcmul_(gate, branch) if in_place else torch.addcmul(x, gate, branch)


def linear_in(x: Float[Tensor, "*n i"], layer: nn.Linear) -> Float[Tensor, "*n o"]:
    """Return a linear layer's output in the input's type, whatever the weight's."""
    return linear(x, layer.weight.to(x.dtype))


def modulation_layers(config: NetConfig, parts: int) -> nn.Sequential:
    """Return the two low-rank layers that make shift, scale and gate."""
    return nn.Sequential(
        nn.SiLU(),
        nn.Linear(config.width, config.adaln_dim, bias=False),
        nn.Linear(config.adaln_dim, parts * config.width, bias=False),
    )
