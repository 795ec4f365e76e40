"""The shared video transformer: attention and tokens by plain formulas."""

import torch

from models.numbers import draw
from rareworld.models.video_vit import Attention, Tubes, VitShape, join_heads, split_heads

SHAPE = VitShape(width=6, depth=1, heads=2, hidden=8, patch=2, frames=4, size=4)


def test_heads_split_and_join() -> None:
    x = draw(0, 2, 5, 6)
    assert split_heads(x, 3).shape == (2, 3, 5, 2)
    assert torch.equal(join_heads(split_heads(x, 3)), x)


def test_attention_is_softmax_of_scaled_products() -> None:
    layer, x = Attention(6, 2), draw(0, 1, 5, 6)
    query, key, value = layer.qkv(x)[0].chunk(3, -1)
    heads = []
    for head in range(2):
        part = slice(3 * head, 3 * head + 3)
        weights = (query[:, part] @ key[:, part].T / 3**0.5).softmax(-1)
        heads.append(weights @ value[:, part])
    expected = layer.proj(torch.cat(heads, -1))
    torch.testing.assert_close(layer(x)[0], expected, rtol=1e-5, atol=1e-6)


def test_tokens_come_in_order_of_time_rows_columns() -> None:
    tubes, x = Tubes(SHAPE), draw(1, 1, 3, 4, 4, 4)
    tokens = tubes(x)
    assert tokens.shape == (1, SHAPE.tokens, SHAPE.width)
    tube = x[0, :, 2:4, 0:2, 2:4].flatten()
    expected = tubes.proj.weight.flatten(1) @ tube + tubes.proj.bias
    torch.testing.assert_close(tokens[0, 4 + 1], expected, rtol=1e-5, atol=1e-5)
