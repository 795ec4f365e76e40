"""Rotary angles and rotation against their formulas in float64."""

import pytest
import torch
from diffusers.models.transformers.transformer_cosmos import CosmosRotaryPosEmbed

from rareworld.errors import ConfigError
from rareworld.nn.rope import rope_angles, rope_table, rotate

CASES = [
    ((4, 3, 5), 128, (3.0, 3.0, 1.0)),
    ((2, 6, 4), 128, (2.0, 2.0, 20 / 24)),
    ((3, 2, 2), 64, (4.0, 4.0, 1.0)),
]


@pytest.mark.parametrize(("size", "head_dim", "ratios"), CASES)
def test_angles_are_positions_times_stretched_frequencies(size, head_dim, ratios) -> None:
    side = head_dim // 6 * 2
    widths = (head_dim - 2 * side, side, side)
    stretch = (ratios[2], ratios[0], ratios[1])
    found = rope_angles(size, head_dim, ratios).double().unflatten(0, size)
    t, h, w = (n - 1 for n in size)
    expected = torch.cat(
        [
            position / (1e4 * ratio ** (d / (d - 2))) ** (torch.arange(0, d, 2).double() / d)
            for position, d, ratio in zip((t, h, w), widths, stretch, strict=True)
        ]
    )
    assert torch.allclose(found[t, h, w], expected, rtol=1e-6, atol=0)
    assert torch.equal(found[0, 0, 0], torch.zeros(head_dim // 2).double())


@pytest.mark.parametrize(("size", "head_dim", "ratios"), CASES)
def test_table_is_diffusers_without_a_frame_rate(size, head_dim, ratios) -> None:
    t, h, w = size
    rows, columns, frames = ratios
    theirs = CosmosRotaryPosEmbed(head_dim, rope_scale=(frames, rows, columns))
    cos, sin = theirs(torch.zeros(1, 1, t, 2 * h, 2 * w), fps=None)
    half = head_dim // 2
    ours = rope_table(rope_angles(size, head_dim, ratios))
    expected = torch.cat([cos[:, :half], -sin[:, :half], sin[:, :half]], dim=-1)
    assert torch.allclose(ours, expected, atol=1e-6)
    # each angle stands twice: halves are turned against each other, not neighbours
    assert torch.equal(cos[:, :half], cos[:, half:])


def test_rotation_turns_halves_as_complex_numbers() -> None:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2, 30, 3, 24, generator=g)
    angles = rope_angles((2, 3, 5), 24, (3.0, 3.0, 1.0))
    left, right = x.double().chunk(2, dim=-1)
    turned = torch.complex(left, right) * torch.exp(1j * angles.double())[:, None]
    expected = torch.cat([turned.real, turned.imag], dim=-1)
    assert torch.allclose(rotate(x, rope_table(angles)).double(), expected, atol=1e-6)


def test_rotation_keeps_lengths_and_depends_on_distance_alone() -> None:
    g = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 1, 1, 24, generator=g).expand(-1, -1, 8, -1, -1)
    table = rope_table(rope_angles((8, 1, 1), 24))
    q, k = rotate(q, table), rotate(k, table)
    assert torch.allclose(q.norm(dim=-1), q[:, :1].norm(dim=-1).expand(-1, 8, -1))
    scores = (q[0, :, 0] @ k[0, :, 0].T).diagonal(offset=3)
    assert torch.allclose(scores, scores[:1].expand_as(scores), atol=1e-5)


def test_bfloat16_is_rotated_in_float32_and_comes_back() -> None:
    x = torch.randn(1, 30, 2, 24, generator=torch.Generator().manual_seed(0)).bfloat16()
    table = rope_table(rope_angles((2, 3, 5), 24))
    found = rotate(x, table)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, rotate(x.float(), table).bfloat16())


def test_gradients_turn_back() -> None:
    """Of bfloat16 too: the gradient is the rotation by the opposite angle."""
    x = torch.randn(1, 30, 2, 24, generator=torch.Generator().manual_seed(0)).bfloat16()
    x.requires_grad_()
    angles = rope_angles((2, 3, 5), 24)
    weight = torch.randn(1, 30, 2, 24, generator=torch.Generator().manual_seed(1)).bfloat16()
    (rotate(x, rope_table(angles)) * weight).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16
    expected = rotate(weight, rope_table(-angles))
    assert torch.allclose(x.grad.float(), expected.float(), atol=0.05)


@pytest.mark.parametrize("head_dim", [6, 10, 11, 25])
def test_heads_that_cannot_be_shared_out_are_refused(head_dim: int) -> None:
    with pytest.raises(ConfigError, match=f"found {head_dim}"):
        rope_angles((1, 1, 1), head_dim)
