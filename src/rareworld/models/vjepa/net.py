"""V-JEPA's encoder and the attentive pooler of its probe: one query looks at all tokens.

State names as in V-JEPA's checkpoints: the encoder's (`models.video_vit`) and, under `pooler`,
`query_tokens` and `cross_attention_block`. As in the original, the cross attention's output is not
projected (its `proj` is stored and unused), and the pooler normalises with epsilon 1e-5.

Source: Bardes et al. 2024 (2404.08471). Proved in `tests/models/vjepa/test_net.py` against numbers
of the original code.
"""

from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from rareworld.models.video_vit import Mlp, VideoVit, VitShape, join_heads, split_heads

_EPS = 1e-5


@final
class CrossAttention(nn.Module):
    """Queries to tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)

    def forward(
        self, query: Float32[Tensor, "n q c"], x: Float32[Tensor, "n l c"]
    ) -> Float32[Tensor, "n q c"]:
        """Return what each query found."""
        key, value = (split_heads(part, self.heads) for part in self.kv(x).chunk(2, -1))
        found = scaled_dot_product_attention(split_heads(self.q(query), self.heads), key, value)
        return join_heads(found)


@final
class CrossAttentionBlock(nn.Module):
    """Cross attention on normalised tokens and an MLP, each added to the query."""

    def __init__(self, shape: VitShape) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(shape.width, _EPS)
        self.xattn = CrossAttention(shape.width, shape.heads)
        self.norm2 = nn.LayerNorm(shape.width, _EPS)
        self.mlp = Mlp(shape.width, 4 * shape.width)

    def forward(
        self, query: Float32[Tensor, "n q c"], x: Float32[Tensor, "n l c"]
    ) -> Float32[Tensor, "n q c"]:
        """Return the queries, changed by the tokens."""
        query = query + self.xattn(query, self.norm1(x))
        return query + self.mlp(self.norm2(query))


@final
class Pooler(nn.Module):
    """Tokens of a clip to one."""

    def __init__(self, shape: VitShape) -> None:
        super().__init__()
        self.query_tokens = nn.Parameter(torch.empty(1, 1, shape.width))
        self.cross_attention_block = CrossAttentionBlock(shape)

    def forward(self, x: Float32[Tensor, "n l c"]) -> Float32[Tensor, "n c"]:
        """Return a row per clip."""
        query = self.query_tokens.expand(len(x), -1, -1)
        return self.cross_attention_block(query, x).squeeze(1)


@final
class VJepa(nn.Module):
    """Clips to pooled features."""

    def __init__(self, shape: VitShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = VideoVit(shape, pooled=False)
        self.pooler = Pooler(shape)

    def forward(self, x: Float32[Tensor, "n 3 t h w"]) -> Float32[Tensor, "n c"]:
        """Return a row per clip, of pixels normalised as ImageNet's."""
        return self.pooler(self.encoder(x))
