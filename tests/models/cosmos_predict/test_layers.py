"""Pieces of the transformer against their formulas."""

import pytest
import torch
from torch import nn

from models.cosmos_predict.tiny import relative_error, tiny_config
from rareworld.models.cosmos_predict import layers
from rareworld.models.cosmos_predict.layers import (
    add_gated,
    linear_in,
    modulate,
    modulated_norm,
    modulation_layers,
    patchify,
    prepare,
    quick_gelu,
    standardize,
    unpatchify,
)
from rareworld.nn.norms import RMSNorm
from rareworld.nn.rope import rope_angles, rope_table, rotate

PATCH = (2, 3, 4)
"""Unequal sides, so that no two orders agree."""


def test_patches_are_ordered_channel_frame_row_column() -> None:
    x = torch.randn(1, 5, 4, 6, 8, generator=torch.Generator().manual_seed(0))
    tokens = patchify(x, PATCH)
    assert tokens.shape == (1, 2, 2 * 2, 5 * 2 * 3 * 4)
    second_of_last_frame = x[0, :, 2:4, 0:3, 4:8]
    assert torch.equal(tokens[0, 1, 1], second_of_last_frame.flatten())


def test_output_tokens_are_ordered_row_column_frame_channel() -> None:
    grid, channels = (2, 2, 2), 5
    tokens = torch.arange(2.0 * 4 * 2 * 3 * 4 * channels).reshape(1, 2, 4, -1)
    latent = unpatchify(tokens, grid, PATCH)
    assert latent.shape == (1, channels, 4, 6, 8)
    row, column, frame, channel = 2, 3, 1, 4
    place = ((row * 4 + column) * 2 + frame) * channels + channel
    # token 1 of frame 1: first row of tokens, second column
    assert latent[0, channel, 2 + frame, row, 4 + column] == tokens[0, 1, 1, place]


def test_unpatchify_is_not_the_inverse_of_patchify() -> None:
    x = torch.randn(1, 3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(unpatchify(patchify(x, (1, 2, 2)), (2, 2, 2), (1, 2, 2)), x)


@pytest.mark.parametrize(("parts", "shared"), [(3, slice(None)), (2, slice(0, 192))])
def test_modulation_adds_the_shared_vector(parts: int, shared: slice) -> None:
    """The final layer has no gate and takes the first two thirds."""
    config = tiny_config("predict2-2b")
    both = modulation_layers(config, parts)
    g = torch.Generator().manual_seed(0)
    embedding = torch.randn(2, 3, 96, generator=g, dtype=torch.float64)
    vector = torch.randn(2, 3, 288, generator=g, dtype=torch.float64)
    down, up = (layer.weight.double() for layer in list(both)[1:])
    expected = embedding * embedding.sigmoid() @ down.T @ up.T + vector[..., shared]
    found = modulate(both, embedding, vector, torch.float64)
    assert [y.shape for y in found] == [(2, 3, 1, 96)] * parts
    assert relative_error(torch.cat(found, dim=-1)[:, :, 0], expected) < 1e-12


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_standardize_is_layer_norm_where_the_mean_is_large_too(offset: float) -> None:
    x = offset + torch.randn(3, 7, 96, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.layer_norm(x.double(), (96,), eps=1e-6)
    assert relative_error(standardize(x), expected) < 1e-6 * max(1.0, offset)


def test_modulated_norm_is_its_formula() -> None:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 5, 16, generator=g, dtype=torch.float64)
    shift, scale = torch.randn(2, 2, 1, 1, 16, generator=g, dtype=torch.float64)
    mean = x.mean(dim=-1, keepdim=True)
    normal = (x - mean) / (x.var(dim=-1, keepdim=True, correction=0) + 1e-6).sqrt()
    found = modulated_norm(x, shift, scale)
    assert relative_error(found, normal * (1 + scale) + shift) < 1e-12


def test_residual_is_added_in_place_only_without_gradients() -> None:
    x, gate, branch = torch.ones(1, 2, 3, 4), torch.full((1, 2, 1, 4), 2.0), torch.ones(1, 2, 3, 4)
    kept = add_gated(x, gate, branch)
    assert kept is not x
    assert x.sum() == 24.0
    with torch.no_grad():
        assert add_gated(x, gate, branch) is x
    assert torch.equal(x, kept)


@pytest.mark.parametrize("rotated", [True, False], ids=["self", "cross"])
def test_chunked_preparation_in_place_agrees_with_its_plain_twin(
    rotated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "PREPARED_TOKENS", 7)
    g = torch.Generator().manual_seed(0)
    norm = RMSNorm(24)
    x = torch.randn(2, 30, 3, 24, generator=g)
    table = rope_table(rope_angles((2, 3, 5), 24)) if rotated else None
    twin = norm(x) if table is None else rotate(norm(x), table)
    with torch.no_grad():
        found = prepare(x.clone(), norm, table)
    assert torch.equal(found, twin.detach())
    assert torch.equal(prepare(x, norm, table).detach(), twin.detach())


def test_linear_computes_in_the_inputs_type() -> None:
    layer = nn.Linear(64, 8, bias=False).bfloat16()
    x = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    found = linear_in(x, layer)
    assert found.dtype == torch.float32
    assert relative_error(found, x.double() @ layer.weight.double().T) < 1e-6


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 4e-7), (torch.bfloat16, 0)])
def test_quick_gelu_is_gelu(dtype: torch.dtype, tolerance: float) -> None:
    """Against the formula in float64; in bfloat16 within the next number of that type."""
    x = torch.linspace(-12, 12, 200_001).to(dtype)
    exact = x.double() * 0.5 * torch.special.erfc(-x.double() / 2**0.5)
    found = quick_gelu(x)
    assert found.dtype == dtype
    step = exact.abs() * torch.finfo(dtype).eps if dtype is torch.bfloat16 else torch.zeros(())
    assert ((found.double() - exact).abs() <= step + max(tolerance, 4e-7)).all()
    assert torch.equal(quick_gelu(torch.zeros(3, dtype=dtype)), torch.zeros(3, dtype=dtype))
