"""Root-mean-square norm against its formula in float64."""

import pytest
import torch

from rareworld.nn.norms import RMSNorm


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6), (torch.bfloat16, 1e-2)]
)
def test_norm_is_its_formula_in_the_inputs_type(dtype: torch.dtype, tolerance: float) -> None:
    g = torch.Generator().manual_seed(0)
    norm = RMSNorm(32, eps=1e-3)
    with torch.no_grad():
        norm.weight.copy_(torch.randn(32, generator=g))
    x = torch.randn(4, 5, 32, generator=g).to(dtype)
    found = norm(x)
    wide = x.double()
    expected = wide / (wide.square().mean(-1, keepdim=True) + 1e-3).sqrt() * norm.weight.double()
    assert found.dtype == dtype
    assert torch.allclose(found.double(), expected, rtol=tolerance, atol=tolerance)


def test_a_row_of_zeros_stays_zero() -> None:
    assert not RMSNorm(8)(torch.zeros(2, 8)).any()
