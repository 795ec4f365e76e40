"""The pooler is one query's attention as in V-JEPA's probe; numbers are of the original code."""

import pytest
import torch
from torch.nn.functional import gelu, layer_norm

from models.numbers import draw, pattern
from models.vjepa.tiny import TINY, tiny_state
from rareworld.models.states import fill
from rareworld.models.vjepa.net import CrossAttention, VJepa


@pytest.fixture(scope="module")
def net() -> VJepa:
    found = VJepa(TINY).requires_grad_(requires_grad=False).eval()
    names = found.state_dict()
    fill(found, {n: x for n, x in tiny_state().items() if n in names}, source="tiny")
    return found


def pixels() -> torch.Tensor:
    return pattern(4, 32, 32).permute(3, 0, 1, 2)[None] / 255


def test_cross_attention_is_softmax_of_scaled_products() -> None:
    layer = CrossAttention(6, 2).requires_grad_(requires_grad=False)
    query, tokens = draw(0, 1, 1, 6), draw(1, 1, 5, 6)
    asked, (key, value) = layer.q(query)[0], layer.kv(tokens)[0].chunk(2, -1)
    heads = []
    for head in range(2):
        part = slice(3 * head, 3 * head + 3)
        weights = (asked[:, part] @ key[:, part].T / 3**0.5).softmax(-1)
        heads.append(weights @ value[:, part])
    expected = torch.cat(heads, -1)
    torch.testing.assert_close(layer(query, tokens)[0], expected, rtol=1e-5, atol=1e-6)


def test_the_pooler_adds_attention_and_mlp_to_its_query(net: VJepa) -> None:
    """Attention is not projected; tokens and query are normalised with epsilon 1e-5."""
    tokens = net.encoder(pixels())
    block = net.pooler.cross_attention_block
    seen = layer_norm(tokens, (32,), block.norm1.weight, block.norm1.bias, 1e-5)
    query = net.pooler.query_tokens + block.xattn(net.pooler.query_tokens, seen)
    again = layer_norm(query, (32,), block.norm2.weight, block.norm2.bias, 1e-5)
    expected = query + block.mlp.fc2(gelu(block.mlp.fc1(again)))
    torch.testing.assert_close(net(pixels()), expected[:, 0], rtol=1e-5, atol=1e-6)


def test_the_encoder_normalises_every_token(net: VJepa) -> None:
    tokens = net.encoder(pixels())
    assert tokens.shape == (1, TINY.tokens, TINY.width)
    norm = net.encoder.get_submodule("norm")
    plain = (tokens - norm.bias) / norm.weight
    torch.testing.assert_close(plain.mean(-1), torch.zeros(1, TINY.tokens), rtol=0, atol=1e-4)


def test_order_of_frames_counts(net: VJepa) -> None:
    assert (net(pixels()) - net(pixels().flip(2))).abs().max() > 1e-3


def test_clips_do_not_see_each_other(net: VJepa) -> None:
    both = torch.cat([pixels(), pixels().flip(3)])
    torch.testing.assert_close(net(both)[:1], net(pixels()), rtol=1e-5, atol=1e-6)


def test_norms_are_those_of_the_original(net: VJepa) -> None:
    """facebookresearch/jepa on the same weights and normalised pixels: 2.2601306."""
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None, None]
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None, None]
    found = net((pixels() - mean) / deviation).norm().item()
    assert found == pytest.approx(2.2601306, rel=1e-6)
