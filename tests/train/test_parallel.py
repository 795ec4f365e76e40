"""Every division of the work against one process: the same losses and gradients.

Tolerance: float32, largest difference of a gradient at most 1e-5 of its largest value, losses 1e-6;
bfloat16 copies of float32 weights: 2e-2, a few roundings of 2^-8.
"""

from functools import partial

import pytest
import torch
from torch import nn
from torch.distributed.tensor import DTensor

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.activations import POLICIES, set_activations
from rareworld.models.cosmos_predict.adapt import AdapterSpec, add_adapters, train_whole
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.nn.attention import plain
from rareworld.nn.ranks import Ranks
from rareworld.train import parallel
from rareworld.train.config import ParallelConfig
from rareworld.train.parallel import Mesh, divisors, whole
from tests.models.cosmos_predict.tiny import random_inputs, random_net, tiny_config
from tests.nn.ranks import run_ranks

CLIPS, SIZE, GRID = 4, (4, 4, 8), (4, 2, 4)
KINDS = {
    "adapters": None,
    "whole": None,
    "whole, bfloat16 copies": torch.bfloat16,
}
"""What is trained, and the type to compute in where it is another than the weights'."""
PLANS = {
    2: [(1, 1), (2, 1), (1, 2), (2, 2)],
    4: [(2, 1), (1, 2), (2, 2), (4, 4)],
}
"""(context, shard) for each number of ranks: clips, tokens, weights shared, and all of it."""


def make_net(kind: str, policy: str = "none") -> CosmosDiT:
    net = random_net(tiny_config("predict2.5-2b", num_heads=4), attend=plain)
    if kind == "adapters":
        adapted = add_adapters(net, AdapterSpec(rank=2, dora=True, targets="with_norms"), seed=1)
        with torch.no_grad():
            for parameter in adapted.parameters:
                if not parameter.any():  # B: gradients of A are zero where it is
                    generator = torch.Generator().manual_seed(3)
                    parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    else:
        train_whole(net)
    return set_activations(net, policy)


def trained(net: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in net.named_parameters() if p.requires_grad}


def step(ranks: Ranks, kind: str, context: int, shard: int, policy: str = "none", micro: int = 1):
    """Return the mean loss and all gradients of the same four clips, however they are dealt out."""
    net = make_net(kind, policy)
    mesh = Mesh.plan(ranks, ParallelConfig(context=context, shard=shard), 4, [GRID])
    inputs = random_inputs(net.config, size=SIZE, clips=CLIPS, padded=False)
    text = net.project_context(inputs.context).detach()  # cached contexts are projected already
    called = mesh.share(net, KINDS[kind])
    ours = CLIPS // mesh.data_ranks // micro
    total = torch.zeros(())
    for part in range(micro):
        first = (mesh.data_rank * micro + part) * ours
        latent, timestep, _, mask, _ = (x if x is None else x[first : first + ours] for x in inputs)
        out = called(latent, timestep, text[first : first + ours], mask)
        loss = out.float().square().flatten(1).mean(dim=1).mean() / micro
        loss.backward()
        total += loss.detach()
    parameters = trained(net)
    mesh.reduce_gradients(parameters.values())
    return {
        "loss": mesh.mean(total),
        "gradients": {name: whole(p.grad).clone() for name, p in parameters.items()},
        "sharded": sum(isinstance(p, DTensor) for p in net.parameters()),
        "sharded and trained": sum(isinstance(p, DTensor) for p in parameters.values()),
        "said": str(mesh),
    }


def work(cases: list[tuple]) -> dict:
    """Return every case's step, and what else two processes are asked (one start for all)."""
    with Ranks.join("cpu", timeout_s=60) as ranks:
        steps = [step(ranks, *case) for case in cases]
        return {"steps": steps, "sums": sum_odd_ones(ranks), "nets": kinds_of_nets(ranks)}


def alone() -> Ranks:
    return Ranks(rank=0, world=1, device=torch.device("cpu"))


def check_equal(found: dict, expected: dict, tolerance: float, what: object) -> None:
    assert abs(found["loss"] - expected["loss"]) <= 1e-6 * expected["loss"], what
    assert found["gradients"].keys() == expected["gradients"].keys()
    for name, gradient in expected["gradients"].items():
        difference = (found["gradients"][name] - gradient).abs().max()
        assert difference <= tolerance * gradient.abs().max(), (what, name)
        assert gradient.any(), name


def cases_of(world: int) -> list[tuple]:
    return [(kind, *plan) for kind in KINDS for plan in PLANS[world]]


ODD_CASES = [
    *(("adapters", 1, 2, policy, 2) for policy in POLICIES),
    ("adapters", 2, 2, "keep_attention", 4),
    ("whole", 1, 2, "keep_attention", 2),
]
"""And activation policies and micro-batches on two ranks."""


def check_steps(cases: list[tuple], found: list[dict]) -> None:
    """Hold steps on every rank against one process."""
    expected = {kind: step(alone(), kind, 1, 1) for kind in KINDS}
    destroy()
    for rank in found:
        for case, row in zip(cases, rank["steps"], strict=True):
            tolerance = 1e-5 if KINDS[case[0]] is None else 2e-2
            check_equal(row, expected[case[0]], tolerance, case)


def destroy() -> None:
    """Leave the group of one that bfloat16 copies need."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> list[dict]:
    cases = [*cases_of(2), *ODD_CASES]
    return run_ranks(2, partial(work, cases), tmp_path_factory.mktemp("two"))


def test_two_ranks_have_the_losses_and_gradients_of_one_however_they_share(two):
    check_steps([*cases_of(2), *ODD_CASES], two)
    lead = two[0]["steps"]
    assert lead[0]["said"] == "2 ranks: a clip each, weights on each"
    assert lead[3]["said"] == "2 ranks: 2 share a clip, 2 share the weights"
    # adapters: where weights are shared the base is sharded, the adapters never
    assert [row["sharded"] > 0 for row in lead[:4]] == [False, False, True, True]
    assert all(row["sharded and trained"] == 0 for row in lead[:4])
    # all weights: sharded where weights are shared, or computed as copies of another type
    expected = [False, False, True, True, True, True, True, True]
    assert [row["sharded and trained"] > 0 for row in lead[4:12]] == expected


@pytest.mark.slow
def test_four_ranks_have_the_losses_and_gradients_of_one_however_they_share(tmp_path):
    found = run_ranks(4, partial(work, cases_of(4)), tmp_path)
    check_steps(cases_of(4), found)
    assert found[0]["steps"][1]["said"] == "4 ranks: a clip each, 2 share the weights, 2 times"


def test_one_process_keeps_float32_weights_and_computes_in_bfloat16():
    net = make_net("whole")
    seen: list[torch.dtype] = []
    net.blocks[1].mlp.layer2.register_forward_hook(
        lambda module, _, out: seen.extend([module.weight.dtype, out.dtype])
    )
    try:
        mesh = Mesh.plan(alone(), ParallelConfig(), 4, [GRID])
        inputs = random_inputs(net.config, size=SIZE, clips=1, padded=False)
        mesh.share(net, torch.bfloat16)(*list(inputs)[:4]).square().mean().backward()
        assert seen == [torch.bfloat16] * 2
        for parameter in trained(net).values():
            assert parameter.dtype == torch.float32
            assert parameter.grad.dtype == torch.float32
            assert whole(parameter.grad).isfinite().all()
    finally:
        destroy()


def plan(world: int, context: int, shard: int, heads: int = 16, grids=((24, 44, 80),)) -> Mesh:
    ranks = Ranks(rank=0, world=world, device=torch.device("cpu"))
    groups = tuple(tuple(range(s, s + context)) for s in range(0, world, context))
    ranks.groups[groups] = None  # no processes are needed to check numbers
    return Mesh.plan(ranks, ParallelConfig(context=context, shard=shard), heads, grids)


@pytest.mark.parametrize(
    ("world", "context", "shard", "said"),
    [
        (1, 1, 1, "1 rank: a clip each, weights on each"),
        (1, 1, 0, "1 rank: a clip each, weights on each"),
        (8, 1, 0, "8 ranks: a clip each, 8 share the weights"),
        (8, 4, 2, "8 ranks: 4 share a clip, 2 share the weights, 4 times"),
        (12, 2, 4, "12 ranks: 2 share a clip, 4 share the weights, 3 times"),
    ],
)
def test_a_plan_says_what_it_does(world, context, shard, said):
    mesh = plan(world, context, shard)
    assert str(mesh) == said
    assert mesh.data_ranks * mesh.context == mesh.replicas * mesh.shard == world


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((8, 1, 3), r"parallel.shard: .* 8 ranks, found 3; numbers that work: 1, 2, 4, 8, or 0"),
        ((8, 3, 1), r"context: 3 .*not divide the 8 ranks; .* 8 ranks: 1, 2, 4, 8 \(--set"),
        ((32, 32, 1), r"16 attention heads do not divide by 32 ranks; .*: 1, 2, 4, 8, 16 \("),
        (
            (8, 8, 1, 40, [(24, 27, 46)] * 2 + [(3, 27, 46)]),
            r"3 latent f.* work .*: 1, 2 \(--set parallel.context=2\)$",
        ),
        ((6, 6, 1, 12, [(24, 44, 80)]), r""),
    ],
)
def test_impossible_sizes_are_refused_with_those_that_work(arguments, said):
    if not said:
        assert plan(*arguments).data_ranks == 1
        return
    with pytest.raises(ConfigError, match=said):
        plan(*arguments)


@pytest.mark.parametrize(
    ("world", "context", "batch", "micro", "expected"),
    [(1, 1, 4, 1, 4), (4, 1, 8, 2, 1), (8, 4, 8, 1, 4), (2, 2, 1, 1, 1)],
)
def test_samples_of_a_step_are_dealt_out_evenly(world, context, batch, micro, expected):
    assert plan(world, context, 1).micro_batches(batch, micro) == expected


@pytest.mark.parametrize(("batch", "nearest"), [(1, 8), (9, 8), (15, 16)])
def test_samples_that_cannot_be_dealt_out_name_what_can(batch, nearest):
    with pytest.raises(ConfigError, match=rf"multiple of 8 .* set data.batch_size={nearest}, or"):
        plan(4, 1, 1).micro_batches(batch, 2)


def test_a_frozen_base_of_another_type_than_the_computation_is_refused():
    with pytest.raises(ConfigError, match=r"frozen base in torch.bfloat16, found torch.float32"):
        plan(1, 1, 1).share(make_net("adapters"), torch.bfloat16)


def test_a_packed_base_is_not_sharded():
    net = make_net("adapters")
    layer = net.get_submodule("blocks.0.mlp.layer1.base_layer")
    layer.weight = nn.Parameter(layer.weight.to(torch.uint8), requires_grad=False)
    with pytest.raises(ConfigError, match=r"1 packed in fewer bits \(blocks.0.mlp.layer1"):
        plan(2, 1, 2).share(net)


def test_alone_the_net_is_called_as_it_is():
    net = make_net("adapters")
    mesh = plan(1, 1, 1)
    assert mesh.share(net) is net
    net.blocks[0].cross_attn.q_proj.lora_A["default"].weight.grad = torch.ones(2, 96)
    mesh.reduce_gradients(net.parameters())
    assert net.blocks[0].cross_attn.q_proj.lora_A["default"].weight.grad.eq(1).all()


def test_many_small_gradients_are_summed_in_few_messages(two):
    for sent, rows in (rank["sums"] for rank in two):
        assert sent == [(torch.float32, 7), (torch.float32, 6), (torch.bfloat16, 4)]
        assert [row.tolist() for row in rows] == [[0.5] * 3, [0.5] * 4, [0.5] * 6, [0.5] * 4]


def sum_odd_ones(ranks: Ranks) -> tuple[list, list[torch.Tensor]]:
    """Average gradients of the rank's number in buckets of at most 8 values."""
    sent: list[tuple[torch.dtype, int]] = []
    kinds = [(3, torch.float32), (4, torch.float32), (6, torch.float32), (4, torch.bfloat16)]
    parameters = [nn.Parameter(torch.zeros(n, dtype=dtype)) for n, dtype in kinds]
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, ranks.rank)
    idle = nn.Parameter(torch.zeros(2))
    mesh = Mesh.plan(ranks, ParallelConfig(), 4, [GRID])
    all_reduce = torch.distributed.all_reduce

    def note(tensor: torch.Tensor) -> None:
        sent.append((tensor.dtype, tensor.numel()))
        all_reduce(tensor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "BUCKET", 8)
        patch.setattr(torch.distributed, "all_reduce", note)
        mesh.reduce_gradients([*parameters, idle])
    assert idle.grad is None
    return sent, [parameter.grad for parameter in parameters]


def test_context_alone_gives_a_shared_net_and_divisors_are_in_order(two):
    assert [rank["nets"] for rank in two] == [["CosmosDiT", "SharedNet"]] * 2
    assert divisors(12) == [1, 2, 3, 4, 6, 12]


def kinds_of_nets(ranks: Ranks) -> list[str]:
    meshes = [Mesh.plan(ranks, ParallelConfig(context=n), 4, [GRID]) for n in (1, 2)]
    return [type(mesh.share(make_net("adapters"))).__name__ for mesh in meshes]
