"""A convolution with batch normalisation is one convolution with bias."""

import pytest
import torch
from torch import nn

from models.numbers import draw, spread
from rareworld.models.folding import folded


@pytest.mark.parametrize("gamma", [True, False])
@pytest.mark.parametrize("dims", [2, 3])
def test_folded_equals_torchs_own_two_layers(*, gamma: bool, dims: int) -> None:
    conv = (nn.Conv2d if dims == 2 else nn.Conv3d)(3, 5, 3, bias=False).double()
    norm = (nn.BatchNorm2d if dims == 2 else nn.BatchNorm3d)(5, eps=1e-3).double().eval()
    mean, var, beta = draw(1, 5), spread(2, 5, 0.5, 2), draw(3, 5)
    scale = spread(4, 5, 0.5, 2) if gamma else None
    values = {"running_mean": mean, "running_var": var, "bias": beta}
    values["weight"] = scale if scale is not None else torch.ones(5)
    norm.load_state_dict({name: value.double() for name, value in values.items()}, strict=False)
    x = draw(5, 2, 3, *[7] * dims).double()
    weight, bias = folded(conv.weight.detach().float(), mean, var, beta, eps=1e-3, gamma=scale)
    conv.weight.data = conv.weight.data.float().double()
    ours = (torch.conv2d if dims == 2 else torch.conv3d)(x, weight.double(), bias.double())
    torch.testing.assert_close(ours, norm(conv(x)).detach(), rtol=1e-5, atol=1e-5)
