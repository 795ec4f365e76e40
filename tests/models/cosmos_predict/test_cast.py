"""Weights kept in float32 and rounded for each pass: the numbers of FSDP2's mixed precision."""

import torch
from torch import Tensor, nn

from rareworld.models.cosmos_predict.cast import CastNet
from rareworld.models.cosmos_predict.model import CosmosDiT, init_weights
from rareworld.models.cosmos_predict.tiny import tiny_family


def _net() -> CosmosDiT:
    net = CosmosDiT(tiny_family("predict2.5").net)
    generator = torch.Generator().manual_seed(0)
    init_weights(net, generator)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return net


def _inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    latent = torch.randn(2, 16, 2, 4, 6, generator=generator).bfloat16()
    context = torch.randn(2, 5, 96, generator=generator).bfloat16()
    return latent, torch.tensor([300.0, 700.0]), context, torch.zeros_like(latent[:, :1])


def test_a_pass_is_that_of_a_rounded_network() -> None:
    net, rounded = _net(), _net().bfloat16()
    given = CastNet(net, torch.bfloat16)(*_inputs())
    assert torch.equal(given, rounded(*_inputs()))
    assert all(parameter.dtype == torch.float32 for parameter in net.parameters())


def test_gradients_are_the_rounded_networks_in_float32() -> None:
    net, rounded = _net(), _net().bfloat16()
    for each in (CastNet(net, torch.bfloat16), rounded):
        assert isinstance(each, nn.Module)
        each(*_inputs()).float().square().mean().backward()
    for (name, ours), theirs in zip(net.named_parameters(), rounded.parameters(), strict=True):
        assert ours.grad is not None, name
        assert theirs.grad is not None, name
        assert ours.grad.dtype == torch.float32
        largest = float(theirs.grad.abs().max())
        # what is used twice is summed in another order
        assert float((ours.grad - theirs.grad.float()).abs().max()) <= 0.02 * largest, name
