"""Recorded passes: what a network is called with, which calls are replayed, the same gradients."""

import pytest
import torch
from torch import Tensor

from rareworld.models.cosmos_predict.cast import CastNet
from rareworld.models.cosmos_predict.denoise import Net
from rareworld.models.cosmos_predict.model import CosmosDiT, init_weights
from rareworld.models.cosmos_predict.tiny import tiny_family
from rareworld.train.graphs import Replayed, inputs_of, record

Inputs = tuple[Tensor, Tensor, Tensor, Tensor]


def _inputs(clips: int, device: str = "cpu", seed: int = 0) -> Inputs:
    generator = torch.Generator().manual_seed(seed)
    latent = torch.randn(clips, 16, 2, 4, 6, generator=generator).to(device)
    context = torch.randn(clips, 5, 96, generator=generator).to(device)
    return latent, torch.full((clips,), 300.0, device=device), context, latent[:, :1] * 0


class _Constant:
    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(
        self, latent: Tensor, timestep: Tensor, context: Tensor, condition_mask: Tensor
    ) -> Tensor:
        return torch.full_like(latent, self.value)


@pytest.mark.parametrize(
    ("clips", "learns", "expected"), [(2, True, 1.0), (1, True, 0.0), (2, False, 0.0)]
)
def test_only_training_passes_of_its_shape_are_replayed(
    clips: int, learns: bool, expected: float
) -> None:
    net = Replayed(_Constant(0.0), _Constant(1.0), (2, 16, 2, 4, 6))
    assert isinstance(net, Net)
    with torch.set_grad_enabled(learns):
        assert (net(*_inputs(clips)) == expected).all()


def test_what_a_network_is_called_with_is_seen() -> None:
    wanted = _inputs(2)
    found = inputs_of(lambda net: net(*wanted))
    assert all(one is other for one, other in zip(found, wanted, strict=True))
    with pytest.raises(RuntimeError, match="no network"):
        inputs_of(lambda _: None)


@pytest.mark.gpu
def test_a_recorded_pass_has_the_networks_gradients_for_any_values() -> None:
    nets = []
    for _ in range(2):
        net = CosmosDiT(tiny_family("predict2.5").net)
        init_weights(net, torch.Generator().manual_seed(0))
        nets.append(net.cuda())
    plain, recorded = nets
    replayed = record(CastNet(recorded, torch.bfloat16), _inputs(2, "cuda"))
    for seed in (1, 2):
        for call, net in ((CastNet(plain, torch.bfloat16), plain), (replayed, recorded)):
            net.zero_grad(set_to_none=True)
            call(*_inputs(2, "cuda", seed)).float().square().mean().backward()
        for ours, theirs in zip(recorded.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(ours.grad, theirs.grad)
        with torch.no_grad():  # an optimizer's step, in place
            for parameter in (*plain.parameters(), *recorded.parameters()):
                parameter.mul_(1.01)
