"""Counts of operations against PyTorch's own counter, and the published figures of the sizes.

On a CPU the counter sees products and not the fused attention, so the two are held apart.
"""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from rareworld.models.cosmos_predict.activations import set_activations
from rareworld.models.cosmos_predict.adapt import Adapted, AdapterSpec, add_adapters, train_whole
from rareworld.models.cosmos_predict.config import FAMILIES, NetConfig
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.nn.attention import AttentionBackend, LocalAttend
from rareworld.train.config import Activations
from rareworld.train.flops import Clips, Work, forward_work, step_work

CLOSE = 0.01
"""Largest relative difference to PyTorch's counter."""
T, H, W = 2, 4, 6
CLIPS = Clips(tokens=T * H * W, count=2, timesteps=1, text=5)


def tiny() -> NetConfig:
    small = {"width": 64, "num_blocks": 2, "num_heads": 2, "adaln_dim": 8, "context_dim": 24}
    return FAMILIES["predict2-2b"].net.model_copy(update=small)


def run(net: CosmosDiT) -> torch.Tensor:
    return net(
        torch.randn(2, 16, T, 2 * H, 2 * W),
        torch.rand(2),
        torch.randn(2, 5, 24),
        torch.zeros(2, 1, T, 2 * H, 2 * W),
    )


def text_attention(count: float) -> float:
    """Return operations of attention to text, 1 forward, 2.5 backward."""
    net = tiny()
    return count * 4 * CLIPS.count * CLIPS.tokens * CLIPS.text * net.width * net.num_blocks


def adapted(kind: str) -> Adapted:
    net = CosmosDiT(tiny())
    if kind == "whole":
        return train_whole(net)
    return add_adapters(net, AdapterSpec(rank=4, targets=kind), seed=0)


@pytest.mark.parametrize("kind", ["attention", "attention_mlp", "whole"])
@pytest.mark.parametrize(
    "activations", [Activations(x) for x in ("none", "full", "keep_attention")]
)
def test_linear_layers_of_a_step_are_those_pytorch_counts(kind: str, activations) -> None:
    ready = adapted(kind)
    set_activations(ready.net, str(activations))
    with FlopCounterMode(display=False) as counter:
        run(ready.net).square().mean().backward()
    again = 0 if activations is Activations.NONE else 1
    ours = step_work(ready, CLIPS, activations).linear - text_attention(3.5 + again)
    assert ours == pytest.approx(counter.get_total_flops(), rel=CLOSE)


def test_a_forward_pass_is_what_pytorch_counts_attention_included() -> None:
    net = CosmosDiT(tiny(), LocalAttend(AttentionBackend.PLAIN))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run(net)
    assert forward_work(net, CLIPS).total == pytest.approx(counter.get_total_flops(), rel=CLOSE)


def test_attention_is_what_pytorch_would_count_of_its_fused_kernels() -> None:
    shape = (CLIPS.count, 2, CLIPS.tokens, 32)
    ready = adapted("attention")
    work = step_work(ready, CLIPS, Activations.KEEP_ATTENTION)
    blocks = tiny().num_blocks
    assert work.attention_forward == blocks * sdpa_flop_count(shape, shape, shape)
    backward = sdpa_backward_flop_count(shape, shape, shape, shape)
    assert work.attention_backward == blocks * backward
    full = step_work(ready, CLIPS, Activations.FULL)
    assert full.attention_forward == 2 * work.attention_forward


@pytest.mark.parametrize(
    ("tokens", "attention", "linear"), [(84_480, 1.64e15, 0.30e15), (31_104, 0.222e15, 0.11e15)]
)
def test_the_2b_net_takes_what_is_published(tokens: int, attention: float, linear: float) -> None:
    net = build_on_meta(FAMILIES["predict2-2b"].net)
    work = forward_work(net, Clips(tokens=tokens))
    assert work.attention_forward == pytest.approx(attention, rel=0.02)
    assert work.linear == pytest.approx(linear, rel=0.05)


def test_ranks_share_the_work_evenly() -> None:
    work = Work(linear=8.0, attention_forward=4.0, attention_backward=2.0)
    assert work.shared(2).total == work.total / 2 == 7.0
