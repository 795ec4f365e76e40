"""Every policy gives plain autograd's gradients, and keeps what it says it keeps."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.cosmos_predict.test_model import Live
from models.cosmos_predict.tiny import Inputs, random_inputs, random_net, tiny_config
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.activations import POLICIES, set_activations
from rareworld.models.cosmos_predict.adapt import AdapterSpec, add_adapters
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.nn.attention import AttentionBackend, LocalAttend, plain

FAMILIES = ["predict2-2b", "predict2.5-2b"]
Gradients = dict[str, Tensor]


def adapted_net(family: str, *, blocks: int = 3, **spec: object) -> CosmosDiT:
    """Return a tiny net with adapters, both of whose factors are random."""
    net = random_net(tiny_config(family, num_blocks=blocks))
    add_adapters(net, AdapterSpec(rank=4, **spec), seed=0)
    draw_second_factors(net)
    return net


@torch.no_grad()
def draw_second_factors(net: CosmosDiT) -> None:
    generator = torch.Generator().manual_seed(3)
    for name, parameter in net.named_parameters():
        if "lora_B" in name:
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))


def run(net: CosmosDiT, given: Inputs) -> tuple[Tensor, Gradients]:
    """Return the prediction and every gradient of its mean square."""
    net.zero_grad()
    torch.manual_seed(5)  # dropout
    out = net(*given)
    out.square().mean().backward()
    grads = {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}
    return out.detach(), grads


def assert_same(found: tuple[Tensor, Gradients], expected: tuple[Tensor, Gradients]) -> None:
    assert torch.equal(found[0], expected[0])
    assert found[1].keys() == expected[1].keys()
    assert all(torch.equal(grad, expected[1][name]) for name, grad in found[1].items())


def net_for(kind: str, family: str) -> CosmosDiT:
    if kind == "whole":
        return random_net(tiny_config(family, num_blocks=3))
    specs: dict[str, dict[str, object]] = {
        "adapters": {},
        "attention only": {"targets": "attention"},
        "MLP only": {"targets": ("layer1", "layer2")},
        "with norms": {"targets": "with_norms"},
        "DoRA": {"dora": True},
        "dropout": {"dropout": 0.5},
    }
    return adapted_net(family, **specs[kind])


@pytest.mark.parametrize("per_frame", [False, True], ids=["per clip", "per frame"])
@pytest.mark.parametrize(
    "kind",
    ["whole", "adapters", "attention only", "MLP only", "with norms", "DoRA", "dropout"],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_policy_gives_plain_gradients_to_the_bit(
    family: str, kind: str, per_frame: bool
) -> None:
    net = net_for(kind, family)
    given = random_inputs(net.config, per_frame=per_frame)
    expected = run(net, given)
    assert expected[1]
    for policy in POLICIES:
        assert_same(run(set_activations(net, policy), given), expected)


@pytest.mark.parametrize(
    "attend",
    [
        plain,
        LocalAttend(AttentionBackend.FLASH),
        # what shared attention does: it attends to copies
        lambda q, k, v: LocalAttend()(q.flip(2), k.flip(2), v.flip(2)).flip(2),
    ],
    ids=["formula", "flash", "exchanged"],
)
@pytest.mark.parametrize("policy", ["keep_attention", "offload"])
def test_any_attention_is_kept(policy: str, attend: Callable[..., Tensor]) -> None:
    net = adapted_net("predict2-2b")
    net.set_attention(attend)
    given = random_inputs(net.config)
    assert_same(run(set_activations(net, policy), given), run(set_activations(net, "none"), given))


@pytest.mark.parametrize(
    ("policy", "attended", "projected"),
    [("none", 1, 1), ("full", 2, 2), ("keep_attention", 1, 2), ("offload", 1, 2)],
)
def test_what_is_done_twice(policy: str, attended: int, projected: int) -> None:
    net = adapted_net("predict2-2b")
    given = random_inputs(net.config)
    count = {"attended": 0, "projected": 0}

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        count["attended"] += q.shape == k.shape
        return LocalAttend()(q, k, v)

    def project(*_: object) -> None:
        count["projected"] += 1

    net.set_attention(attend)
    for block in net.blocks:
        block.self_attn.q_proj.register_forward_hook(project)
    run(set_activations(net, policy), given)
    assert count == {"attended": attended * 3, "projected": projected * 3}


def kept_per_block(policy: str) -> float:
    """Return what one more block keeps, in multiples of its tokens."""
    found = []
    for blocks in (2, 3):
        net = adapted_net("predict2-2b", blocks=blocks)
        given = random_inputs(net.config, size=(3, 16, 16), clips=1)
        set_activations(net, policy)
        with Live(net) as live:
            out = net(*given)
        found.append(live.now)
        del out
    return (found[1] - found[0]) / (3 * 64 * 96 * 4)


@pytest.mark.parametrize(
    ("policy", "least", "most"),
    [("full", 1.0, 1.1), ("keep_attention", 2.0, 2.2), ("none", 20.0, 60.0)],
)
def test_what_a_block_keeps(policy: str, least: float, most: float) -> None:
    """Its tokens; with `keep_attention` what attention gave too (and a sum per query and head)."""
    assert least <= kept_per_block(policy) <= most


def test_what_is_kept_is_given_up_by_the_backward_pass() -> None:
    """Though the loss and its graph live on."""
    net = adapted_net("predict2-2b")
    given = random_inputs(net.config, size=(3, 16, 16), clips=1)
    set_activations(net, "keep_attention")
    with Live(net) as live:
        out = net(*given).square().mean()
        held = live.now
        out.backward()
    gradients = sum(p.numel() * 4 for p in net.parameters() if p.requires_grad)
    assert live.now - gradients < held / 10


def test_a_graph_is_differentiated_once() -> None:
    net = set_activations(adapted_net("predict2-2b"), "keep_attention")
    loss = net(*random_inputs(net.config)).square().mean()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="compute the loss again"):
        loss.backward()


def test_two_losses_may_wait_for_their_backward_passes() -> None:
    net = adapted_net("predict2-2b")
    batches = [random_inputs(net.config, seed=seed) for seed in (1, 2)]
    expected = [run(net, given)[1] for given in batches]
    set_activations(net, "offload")
    net.zero_grad()
    losses = [net(*given).square().mean() for given in batches]
    for loss in losses:
        loss.backward()
    for name, p in net.named_parameters():
        if p.grad is not None:
            assert torch.equal(p.grad, expected[0][name] + expected[1][name])


@pytest.mark.parametrize("policy", POLICIES)
@torch.no_grad()
def test_without_gradients_nothing_changes(policy: str) -> None:
    net = adapted_net("predict2.5-2b")
    given = random_inputs(net.config, per_frame=True)
    expected = net(*given)
    set_activations(net, policy)
    assert torch.equal(net(*given), expected)
    several = net(given.latent, given.timestep, (given.context,) * 2, given.condition_mask)
    assert torch.equal(several[0], several[1])


def test_several_texts_have_gradients_too() -> None:
    net = adapted_net("predict2-2b")
    given = random_inputs(net.config)
    arguments = (given.latent, given.timestep, (given.context, 0 * given.context))

    def grads() -> list[Tensor | None]:
        net.zero_grad()
        first, second = net(*arguments, given.condition_mask)
        (first - second).square().mean().backward()
        return [p.grad for p in net.parameters() if p.requires_grad]

    expected = grads()
    set_activations(net, "keep_attention")
    pairs = zip(grads(), expected, strict=True)
    assert all(torch.equal(a, b) for a, b in pairs if a is not None and b is not None)


def test_hooks_on_parameters_see_each_gradient_once() -> None:
    """Sharding and clipping per parameter rely on it."""
    net = adapted_net("predict2-2b")
    seen: list[str] = []

    def watch(name: str) -> Callable[[nn.Parameter], None]:
        return lambda _: seen.append(name)

    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(watch(name))
    given = random_inputs(net.config)
    set_activations(net, "keep_attention")
    net(*given).square().mean().backward()
    assert len(seen) == len(set(seen)) == sum(p.requires_grad for p in net.parameters())


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(ConfigError, match="none, full, keep_attention, offload, found 'some'"):
        set_activations(adapted_net("predict2-2b"), "some")


def in_a_process(*arguments: str) -> dict[str, list[float]]:
    """Compilers cannot see through the checker of annotations."""
    script = Path(__file__).with_name("compiled_activations.py")
    command = [sys.executable, str(script), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


def test_blocks_sharded_by_fsdp_have_plain_gradients() -> None:
    assert max(in_a_process("sharded")["errors"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "graphs"), [("keep_attention", 3), ("offload", 3), ("full", 1)])
def test_compiled_blocks_have_plain_gradients(policy: str, graphs: int) -> None:
    """To rounding; one graph of each part of a block serves all blocks and steps."""
    found = in_a_process("compiled", policy)
    assert max(found["errors"]) < 1e-5
    assert found["graphs"] == [graphs]


@pytest.mark.gpu
@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_gives_plain_gradients_on_a_gpu(policy: str) -> None:
    """By the formula: back ends for long clips add up in any order there."""
    net = adapted_net("predict2-2b", blocks=6).cuda()
    net.set_attention(plain)
    made = random_inputs(net.config, size=(4, 32, 32), per_frame=True, padded=False)
    given = Inputs(*(x.cuda() for x in list(made)[:4]))
    expected = run(net, given)
    set_activations(net, policy)
    for _ in range(3):
        assert_same(run(net, given), expected)
