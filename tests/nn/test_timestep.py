"""Sinusoidal features against their formula in float64."""

import math

import pytest
import torch

from rareworld.nn.timestep import sinusoid


@pytest.mark.parametrize("shape", [(3,), (2, 5)])
def test_cosines_then_sines_of_geometric_frequencies(shape: tuple[int, ...]) -> None:
    t = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    found = sinusoid(t, 16)
    frequencies = torch.tensor([math.exp(-math.log(1e4) * i / 8) for i in range(8)]).double()
    angles = t.double()[..., None] * frequencies
    assert found.shape == (*shape, 16)
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), torch.cat([angles.cos(), angles.sin()], -1), atol=1e-6)


def test_zero_is_ones_then_zeros() -> None:
    assert torch.equal(sinusoid(torch.zeros(1), 4), torch.tensor([[1.0, 1.0, 0.0, 0.0]]))


def test_features_of_bfloat16_are_computed_in_float32() -> None:
    t = torch.tensor([0.5], dtype=torch.bfloat16)
    assert torch.equal(sinusoid(t, 8), sinusoid(t.float(), 8))
