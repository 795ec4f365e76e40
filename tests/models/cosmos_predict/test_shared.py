"""The network with shared tokens: predictions and gradients against one process.

Tolerance: float32, largest difference at most 1e-5 of the largest value.
"""

from functools import partial

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.activations import set_activations
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.models.cosmos_predict.shared import SharedNet
from rareworld.nn.attention import LocalAttend, plain
from rareworld.nn.ranks import Ranks
from tests.models.cosmos_predict.tiny import random_inputs, random_net, tiny_config
from tests.nn.ranks import run_ranks

SIZES = {"frames": (4, 4, 6), "rows": (3, 8, 6), "columns": (3, 6, 8)}
"""Latents whose tokens 2 and 4 ranks share along frames, rows and columns."""


def make_net(family: str) -> CosmosDiT:
    return random_net(tiny_config(family, num_heads=4), attend=plain)


def seen_by(net: CosmosDiT, called, size, weights=(1.0,)) -> dict[str, torch.Tensor]:
    """Return the prediction and the gradients of a weighted sum of its squares."""
    net.zero_grad()
    latent, timestep, context, mask, _ = random_inputs(
        net.config, size=size, per_frame=True, padded=False
    )
    latent.requires_grad_()
    out = called(latent, timestep, context, mask)
    (sum(weights) * out.square().mean()).backward()
    grads = {f"d {name}": value.grad for name, value in net.named_parameters()}
    return {"out": out.detach(), "d latent": latent.grad, **grads}


def work(family: str) -> dict[str, dict]:
    """Return what every size gives on this rank; ranks weigh their losses differently."""
    with Ranks.join("cpu", timeout_s=60) as ranks:
        net = make_net(family)
        group = ranks.group((tuple(range(ranks.world)),))
        shared = SharedNet(net, plain, group)
        found = {n: seen_by(net, shared, s, (ranks.rank + 1,)) for n, s in SIZES.items()}
        with torch.no_grad():
            inputs = random_inputs(net.config, size=SIZES["rows"], padded=False)
            found["kept"] = {"out": shared(*list(inputs)[:4])}
        try:
            seen_by(net, shared, (3, 6, 10))
        except ConfigError as error:
            found["refused"] = str(error)
        return found


def check(world: int, family: str, folder) -> None:
    """Hold sums over ranks against the gradient of the sum of all ranks' losses."""
    found = run_ranks(world, partial(work, family), folder)
    net = make_net(family)
    for name, size in SIZES.items():
        expected = seen_by(net, net, size, range(1, world + 1))
        for rank in found:
            assert (rank[name]["out"] - expected["out"]).abs().max() <= 1e-5 * expected[
                "out"
            ].abs().max()
        for key in expected.keys() - {"out"}:
            total = sum(rank[name][key] for rank in found)
            assert (total - expected[key]).abs().max() <= 1e-5 * expected[key].abs().max(), key
    inputs = random_inputs(net.config, size=SIZES["rows"], padded=False)
    with torch.no_grad():
        alone = net(*list(inputs)[:4])
    for rank in found:
        assert not rank["kept"]["out"].requires_grad
        assert (rank["kept"]["out"] - alone).abs().max() <= 1e-5 * alone.abs().max()
        if world == 4:
            assert "4 ranks divide none of the grid's 3 latent frames" in rank["refused"]


@pytest.mark.parametrize("family", ["predict2-2b", "predict2.5-2b"])
def test_two_ranks_predict_as_one_and_their_gradients_sum_to_its(family, tmp_path):
    check(2, family, tmp_path)


@pytest.mark.slow
def test_four_ranks_predict_as_one_and_their_gradients_sum_to_its(tmp_path):
    check(4, "predict2.5-2b", tmp_path)


def kept_bytes() -> int:
    """Return the memory that a forward pass with `keep_attention` leaves behind."""
    with Ranks.join("cpu", timeout_s=60) as ranks:
        net = random_net(tiny_config("predict2-2b", num_heads=4, num_blocks=6))
        set_activations(net.requires_grad_(requires_grad=True), "keep_attention")
        group = ranks.group((tuple(range(ranks.world)),))
        called = net if group is None else SharedNet(net, LocalAttend(), group)
        inputs = list(random_inputs(net.config, size=(4, 16, 16), clips=1, padded=False))[:4]
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
            out = called(*inputs)
        out.sum().backward()
        return sum(event.self_cpu_memory_usage for event in seen.key_averages())


@pytest.mark.slow
def test_two_ranks_keep_less_than_one_for_the_backward_pass(tmp_path):
    (alone,) = run_ranks(1, kept_bytes, tmp_path)
    for shared in run_ranks(2, kept_bytes, tmp_path):
        # half the tokens; what was traded for attention and what it gave are of half the heads
        assert shared <= 0.9 * alone
