"""The plain video transformer that VideoMAE v2 and V-JEPA share: tubes to tokens, blocks, tokens.

Pre-norm blocks of full attention and a GELU MLP over all tokens of a clip, positions added once.
State names are those of both originals: `patch_embed.proj`, `pos_embed`, `blocks.N.attn.qkv`,
`blocks.N.mlp.fc1`, ...

Sources: Wang et al. 2023 (2303.16727), Bardes et al. 2024 (2404.08471). Proved in
`tests/models/videomae` against transformers' VideoMAE, in `tests/models/vjepa` against numbers of
V-JEPA's own code.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention


@final
@dataclass(frozen=True, kw_only=True)
class VitShape:
    """Sizes of a network."""

    width: int
    """Values of a token."""
    depth: int
    """Blocks."""
    heads: int
    """Attention heads."""
    hidden: int
    """Values inside the MLP."""
    patch: int
    """Pixels of a tube's side."""
    tube: int = 2
    """Frames of a tube."""
    frames: int = 16
    """Frames of a clip."""
    size: int = 224
    """Height and width of a frame."""

    @property
    def tokens(self) -> int:
        """Tokens of a clip."""
        return self.frames // self.tube * (self.size // self.patch) ** 2


def split_heads(x: Float32[Tensor, "n l c"], heads: int) -> Float32[Tensor, "n h l d"]:
    """Return tokens head by head."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(x: Float32[Tensor, "n h l d"]) -> Float32[Tensor, "n l c"]:
    """Return tokens with their heads side by side."""
    return x.transpose(1, 2).flatten(2)


@final
class Mlp(nn.Module):
    """Two linear layers with an exact GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Float32[Tensor, "n l c"]) -> Float32[Tensor, "n l c"]:
        """Return new tokens."""
        return self.fc2(gelu(self.fc1(x)))


@final
class Attention(nn.Module):
    """Every token to every token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Float32[Tensor, "n l c"]) -> Float32[Tensor, "n l c"]:
        """Return new tokens."""
        query, key, value = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, -1))
        return self.proj(join_heads(scaled_dot_product_attention(query, key, value)))


@final
class Block(nn.Module):
    """Attention and MLP, each on normalised tokens, each added."""

    def __init__(self, shape: VitShape, eps: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(shape.width, eps)
        self.attn = Attention(shape.width, shape.heads)
        self.norm2 = nn.LayerNorm(shape.width, eps)
        self.mlp = Mlp(shape.width, shape.hidden)

    def forward(self, x: Float32[Tensor, "n l c"]) -> Float32[Tensor, "n l c"]:
        """Return new tokens."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


@final
class Tubes(nn.Module):
    """Clips to tokens: one linear map per tube of pixels, in order of time, rows, columns."""

    def __init__(self, shape: VitShape) -> None:
        super().__init__()
        tube = (shape.tube, shape.patch, shape.patch)
        self.proj = nn.Conv3d(3, shape.width, tube, tube)

    def forward(self, x: Float32[Tensor, "n 3 t h w"]) -> Float32[Tensor, "n l c"]:
        """Return tokens."""
        return self.proj(x).flatten(2).transpose(1, 2)


@final
class VideoVit(nn.Module):
    """Clips to tokens; `norm` names the last normalisation (`norm` or `fc_norm`).

    `fc_norm` comes after the mean over tokens, `norm` on every token: the caller says which.
    """

    EPS = 1e-6

    def __init__(self, shape: VitShape, *, pooled: bool) -> None:
        super().__init__()
        self.shape = shape
        self.pooled = pooled
        self.patch_embed = Tubes(shape)
        self.pos_embed = nn.Parameter(torch.empty(1, shape.tokens, shape.width))
        self.blocks = nn.ModuleList(Block(shape, self.EPS) for _ in range(shape.depth))
        self.add_module("fc_norm" if pooled else "norm", nn.LayerNorm(shape.width, self.EPS))

    def forward(self, x: Float32[Tensor, "n 3 t h w"]) -> Float32[Tensor, "n *l c"]:
        """Return a row per clip if pooled, else its tokens."""
        x = self.patch_embed(x) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        if self.pooled:
            return self.get_submodule("fc_norm")(x.mean(1))
        return self.get_submodule("norm")(x)
