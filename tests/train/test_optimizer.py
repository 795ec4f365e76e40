"""AdamW is the paper's, clipping is the whole network's, and no bad number goes by uncounted."""

import math

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import Objective
from rareworld.train.config import AdamWConfig, EmaConfig
from rareworld.train.ema import PowerEma
from rareworld.train.optimizer import UPSTREAM, clip_gradients, make_optimizer
from tests.nn.ranks import run_ranks

SHAPES = ((4, 6), (6, 4), (5,))
INF, NAN = math.inf, math.nan


def parameters(seed: int = 0, dtype: torch.dtype = torch.float32) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(s, generator=generator).to(dtype)) for s in SHAPES]


def give_gradients(trained: list[nn.Parameter], seed: int, scale: float = 1.0) -> None:
    generator = torch.Generator().manual_seed(1000 + seed)
    for value in trained:
        value.grad = (torch.randn(value.shape, generator=generator) * scale).to(value.dtype)


def plain_adamw(weights, gradients, config: AdamWConfig, *, decays):
    """AdamW as the paper writes it (algorithm 2, decay times the learning rate), in float64."""
    first = [torch.zeros_like(w) for w in weights]
    second = [torch.zeros_like(w) for w in weights]
    b1, b2 = config.betas
    for step, grads in enumerate(gradients, start=1):
        for i, grad in enumerate(grads):
            first[i] = b1 * first[i] + (1 - b1) * grad
            second[i] = b2 * second[i] + (1 - b2) * grad**2
            m, v = first[i] / (1 - b1**step), second[i] / (1 - b2**step)
            decay = config.weight_decay if decays(weights[i]) else 0.0
            weights[i] = weights[i] - config.lr * (m / (v.sqrt() + config.eps) + decay * weights[i])
    return weights


@pytest.mark.parametrize("objective", list(Objective))
@pytest.mark.parametrize("decay_vectors", [True, False])
def test_ten_steps_are_the_papers(objective: Objective, decay_vectors: bool):
    config = UPSTREAM[objective].model_copy(update={"decay_vectors": decay_vectors, "lr": 0.01})
    trained = parameters(dtype=torch.float64)
    weights = [value.detach().clone() for value in trained]
    optimizer = make_optimizer(trained, config)
    gradients = []
    for step in range(10):
        give_gradients(trained, step)
        gradients.append([value.grad.clone() for value in trained])
        optimizer.step()
    decays = lambda weight: decay_vectors or weight.ndim > 1  # noqa: E731 - one line says it
    for value, expected in zip(
        trained, plain_adamw(weights, gradients, config, decays=decays), strict=True
    ):
        torch.testing.assert_close(value.detach(), expected, rtol=1e-12, atol=1e-12)


def test_one_group_decays_everything_as_upstream():
    groups = make_optimizer(parameters(), AdamWConfig()).param_groups
    assert [len(group["params"]) for group in groups] == [3]
    assert groups[0]["weight_decay"] == 0.1


def test_vectors_can_be_spared_the_decay():
    groups = make_optimizer(parameters(), AdamWConfig(decay_vectors=False)).param_groups
    assert [(len(g["params"]), g["weight_decay"]) for g in groups] == [(2, 0.1), (1, 0.0)]


def test_generations_have_upstreams_settings():
    edm, flow = UPSTREAM[Objective.EDM_FLOW], UPSTREAM[Objective.FLOW]
    assert (edm.betas, edm.weight_decay, edm.clip, edm.eps) == ((0.9, 0.99), 0.1, 1.0, 1e-8)
    assert (flow.betas, flow.weight_decay, flow.clip, flow.eps) == ((0.9, 0.999), 1e-3, 0.1, 1e-8)
    assert edm.lr == flow.lr == pytest.approx(4.3158e-5, rel=1e-4)


def test_frozen_parameters_have_no_moments():
    trained = parameters()
    trained[0].requires_grad_(False)
    optimizer = make_optimizer(trained, AdamWConfig())
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 2


def test_moments_of_float32_adapters_are_float32():
    trained = parameters()
    optimizer = make_optimizer(trained, AdamWConfig())
    give_gradients(trained, 0)
    optimizer.step()
    assert all(optimizer.state[value]["exp_avg_sq"].dtype == torch.float32 for value in trained)


def test_with_nothing_to_train_the_setting_is_named():
    frozen = [value.requires_grad_(False) for value in parameters()]
    with pytest.raises(ConfigError, match="no parameter needs a gradient; look at adapter"):
        make_optimizer(frozen, AdamWConfig())


@pytest.mark.gpu
def test_on_a_gpu_one_fused_kernel_takes_the_same_steps():
    host, device = parameters(), [nn.Parameter(p.detach().cuda()) for p in parameters()]
    plain, fused = (make_optimizer(p, AdamWConfig(lr=0.01)) for p in (host, device))
    assert (plain.defaults["fused"], fused.defaults["fused"]) == (False, True)
    for step in range(10):
        give_gradients(host, step)
        for a, b in zip(host, device, strict=True):
            b.grad = a.grad.cuda()
        plain.step()
        fused.step()
    for a, b in zip(host, device, strict=True):
        torch.testing.assert_close(a.detach(), b.detach().cpu(), rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------------------------- clipping


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("most", [0.1, 1.0])
def test_the_norm_and_what_is_left_are_torchs(scale: float, most: float):
    ours, theirs = parameters(), parameters()
    give_gradients(ours, 0, scale)
    give_gradients(theirs, 0, scale)
    report = clip_gradients(ours, most)
    expected = nn.utils.clip_grad_norm_(theirs, most)
    assert report.norm == pytest.approx(expected.item(), rel=1e-6)
    assert report.nonfinite == 0
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-6, atol=0)


def test_a_small_gradient_is_left_as_it_is_bit_for_bit():
    trained = parameters()
    give_gradients(trained, 0, 1e-3)
    before = [value.grad.clone() for value in trained]
    clip_gradients(trained, 1.0)
    assert all(torch.equal(v.grad, b) for v, b in zip(trained, before, strict=True))


@pytest.mark.parametrize("bad", [(NAN,), (INF,), (-INF,), (NAN, INF, -INF)], ids=str)
def test_values_that_are_no_numbers_become_zero_and_are_counted(bad):
    ours, clean = parameters(), parameters()
    for trained in (ours, clean):
        give_gradients(trained, 0)
    for place, value in enumerate(bad):
        ours[1].grad[place, 2] = value
        clean[1].grad[place, 2] = 0.0
    report, expected = clip_gradients(ours, 1.0), clip_gradients(clean, 1.0)
    assert report.nonfinite == len(bad)
    assert report.norm == pytest.approx(expected.norm, rel=1e-6)
    for a, b in zip(ours, clean, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-6, atol=0)


def test_a_gradient_of_nothing_but_nan_becomes_zero():
    trained = parameters()
    for value in trained:
        value.grad = torch.full_like(value, NAN)
    report = clip_gradients(trained, 1.0)
    assert (report.norm, report.nonfinite) == (0.0, sum(math.prod(s) for s in SHAPES))
    assert all(not value.grad.any() for value in trained)


def test_a_gradient_whose_square_leaves_float32_keeps_its_direction():
    trained = parameters()
    give_gradients(trained, 0, 1e25)
    before = torch.cat([value.grad.flatten() for value in trained]).double()
    report = clip_gradients(trained, 1.0)
    after = torch.cat([value.grad.flatten() for value in trained]).double()
    assert report.nonfinite == 0
    assert report.norm == pytest.approx(before.norm().item(), rel=1e-6)
    torch.testing.assert_close(after, before / before.norm(), rtol=1e-5, atol=1e-12)


def test_short_gradients_are_squared_in_float32():
    trained = parameters(dtype=torch.bfloat16)
    give_gradients(trained, 0)
    exact = torch.cat([value.grad.double().flatten() for value in trained]).norm()
    assert clip_gradients(trained, 100.0).norm == pytest.approx(exact.item(), rel=1e-6)


def test_parameters_without_a_gradient_count_as_zero():
    trained = parameters()
    give_gradients(trained, 0)
    trained[0].grad = None
    rest = torch.cat([value.grad.flatten() for value in trained[1:]])
    assert clip_gradients(trained, 100.0).norm == pytest.approx(rest.norm().item(), rel=1e-6)
    assert trained[0].grad is None
    assert clip_gradients([trained[0]], 1.0).norm == 0


def test_without_parameters_there_is_nothing_to_clip():
    with pytest.raises(ConfigError, match="no parameter to clip"):
        clip_gradients([], 1.0)


# ------------------------------------------------------------- weights that two ranks share


def small_net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))


def put_nan(gradient: torch.Tensor) -> None:
    """Spoil row 6 of a gradient, which the second of two ranks holds."""
    if isinstance(gradient, DTensor):
        if dist.get_rank() == 1:
            gradient.to_local()[-1].fill_(NAN)
    else:
        gradient[-1].fill_(NAN)


def whole(value: torch.Tensor) -> torch.Tensor:
    return value.full_tensor() if isinstance(value, DTensor) else value


def train(net: nn.Sequential, *, spoil: bool = False) -> dict[str, object]:
    """Take three steps on the same samples; return reports, weights and averages, all whole."""
    config = AdamWConfig(lr=0.05, clip=0.3)
    optimizer = make_optimizer(net.parameters(), config)
    ema = PowerEma(dict(net.named_parameters()), EmaConfig())
    inputs = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    reports = []
    for step in range(3):
        net(inputs).square().sum().backward()
        if spoil and step == 1:
            put_nan(net[0].weight.grad)
        report = clip_gradients(net.parameters(), config.clip)
        reports.append((report.norm, report.nonfinite))
        optimizer.step()
        optimizer.zero_grad()
        ema.update(step)
    weights = [whole(p.detach()).clone() for p in net.parameters()]
    averages = [whole(a).clone() for a in ema.state_dict().values()]
    with ema.applied():
        applied = [whole(p.detach()).clone() for p in net.parameters()]
    back = [whole(p.detach()).clone() for p in net.parameters()]
    return {
        "reports": reports,
        "weights": weights,
        "averages": averages,
        "applied": applied,
        "back": back,
    }


def train_shared() -> list[dict[str, object]]:
    """FSDP2 shares the first layer; the second is whole on both ranks."""
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (2,))
    out = []
    for spoil in (False, True):
        net = small_net()
        fully_shard(net[0], mesh=mesh)
        out.append(train(net, spoil=spoil))
    dist.destroy_process_group()
    return out


@pytest.mark.slow
def test_two_ranks_clip_step_and_average_as_one(tmp_path):
    ranks = run_ranks(2, train_shared, tmp_path)
    for spoil in (False, True):
        expected = train(small_net(), spoil=spoil)
        for found in (rank[spoil] for rank in ranks):
            for (norm, bad), (norm_alone, bad_alone) in zip(
                found["reports"], expected["reports"], strict=True
            ):
                assert norm == pytest.approx(norm_alone, rel=1e-5)
                assert bad == bad_alone
            for name in ("weights", "averages", "applied", "back"):
                torch.testing.assert_close(found[name], expected[name], rtol=1e-5, atol=1e-6)
        assert expected["reports"][1][1] == (5 if spoil else 0)


def norm_of_layouts() -> float:
    """A gradient per layout that a mesh of 2 x 2 can share a tensor in."""
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (2, 2))
    trained = []
    layouts = ((Shard(0), Shard(1)), (Replicate(), Shard(0)), (Replicate(), Replicate()))
    for place, placements in enumerate(layouts):
        value = torch.randn(6, 4, generator=torch.Generator().manual_seed(place))
        trained.append(nn.Parameter(distribute_tensor(value, mesh, placements)))
        trained[-1].grad = distribute_tensor(2 * value, mesh, placements)
    norm = clip_gradients(trained, 1e9).norm
    dist.destroy_process_group()
    return norm


@pytest.mark.slow
def test_copies_on_several_ranks_count_once(tmp_path):
    values = [torch.randn(6, 4, generator=torch.Generator().manual_seed(p)) for p in range(3)]
    alone = 2 * torch.stack(values).norm().item()
    assert run_ranks(4, norm_of_layouts, tmp_path) == [pytest.approx(alone, rel=1e-6)] * 4
