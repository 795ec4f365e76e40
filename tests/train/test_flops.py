"""Counts of operations against PyTorch's own counter, and the published figures of the sizes.

On a CPU the counter sees products and not the fused attention, so the two are held apart.
"""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.activations import set_activations
from rareworld.models.cosmos_predict.adapt import Adapted, AdapterSpec, add_adapters, train_whole
from rareworld.models.cosmos_predict.config import FAMILIES, NetConfig
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.nn.attention import AttentionBackend, LocalAttend
from rareworld.train.config import Activations
from rareworld.train.flops import Clips, Trainee, Work, forward_work, step_work

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
    ours = step_work(ready, CLIPS, activations).linear
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


def test_attention_to_text_is_what_pytorch_would_count() -> None:
    rows, text = ((CLIPS.count, 2, count, 32) for count in (CLIPS.tokens, CLIPS.text))
    once = tiny().num_blocks * sdpa_flop_count(rows, text, text)
    backward = tiny().num_blocks * sdpa_backward_flop_count(rows, rows, text, text)
    ready = adapted("attention")
    for activations, times in ((Activations.NONE, 1), (Activations.KEEP_ATTENTION, 2)):
        work = step_work(ready, CLIPS, activations)
        assert work.text_forward == times * once
        assert work.text_backward == backward


SPECS = [
    None,
    AdapterSpec(),
    AdapterSpec(rank=7, targets="attention"),
    AdapterSpec(targets="with_norms"),
    AdapterSpec(rank=3, dora=True),
    AdapterSpec(targets=("blocks.1.mlp.layer1", "v_proj")),
]


@pytest.mark.parametrize("family", ["predict2-2b", "predict2.5-14b"])
@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_a_planned_network_is_the_one_that_is_built(family: str, spec: AdapterSpec | None) -> None:
    config = FAMILIES[family].net
    net = build_on_meta(config)
    built = train_whole(net) if spec is None else add_adapters(net, spec, seed=0)
    assert Trainee.planned(config, spec) == Trainee.of(built)


def test_what_cannot_be_adapted_is_refused_when_it_is_planned() -> None:
    with pytest.raises(ConfigError, match="to_q match no layer"):
        Trainee.planned(tiny(), AdapterSpec(targets=("to_q",)))


@pytest.mark.parametrize(
    ("tokens", "attention", "linear"), [(84_480, 1.64e15, 0.30e15), (31_104, 0.222e15, 0.11e15)]
)
def test_the_2b_net_takes_what_is_published(tokens: int, attention: float, linear: float) -> None:
    net = build_on_meta(FAMILIES["predict2-2b"].net)
    work = forward_work(net, Clips(tokens=tokens))
    assert work.attention_forward == pytest.approx(attention, rel=0.02)
    assert work.linear + work.text_forward == pytest.approx(linear, rel=0.05)


def test_ranks_share_the_work_evenly() -> None:
    work = Work(
        linear=8.0,
        text_forward=1.0,
        text_backward=3.0,
        attention_forward=4.0,
        attention_backward=2.0,
    )
    assert work.shared(2).total == work.total / 2 == 9.0
