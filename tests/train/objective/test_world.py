"""The loss is upstream's, the flow's closed form and a plain velocity error, all at once."""

import math
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import FAMILIES, Objective
from rareworld.models.cosmos_predict.denoise import Conditioning, predict_clean
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.models.cosmos_predict.tiny import tiny_checkpoint, tiny_family
from rareworld.train.batch import Batch
from rareworld.train.config import ObjectiveConfig
from rareworld.train.objective.base import Objective as AnyObjective
from rareworld.train.objective.draws import draw, rules_of
from rareworld.train.objective.world import (
    FIRST_LOSS_BAND,
    FIRST_LOSS_TRAINED,
    FIRST_LOSS_UNTRAINED,
    WorldObjective,
)

PREDICT2, PREDICT25 = FAMILIES["predict2-2b"], FAMILIES["predict2.5-2b"]
BOTH = pytest.mark.parametrize("family", [PREDICT2, PREDICT25], ids=lambda f: f.name)
ALL_COUNTS = {0: 0.25, 1: 0.25, 2: 0.25, 3: 0.25}
SEED = 5


@dataclass
class Wave:
    """A net whose answer depends on everything it is told, and that remembers it."""

    calls: list[tuple[Tensor, ...]] = field(default_factory=list)

    def __call__(self, latent, timestep, context, condition_mask):
        self.calls.append((latent, timestep, context, condition_mask))
        told = timestep.reshape(len(timestep), 1, -1, 1, 1).to(latent) / 1000
        neighbours = latent.roll(1, dims=2) + latent.roll(1, dims=3)
        answer = torch.sin(latent + told) + 0.3 * neighbours - condition_mask
        return answer + context.mean((1, 2)).view(-1, 1, 1, 1, 1).to(latent)


class Scale(nn.Module):
    """A net of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))

    def forward(self, latent, timestep, context, condition_mask):
        return self.weight * latent


def batch(count: int = 6, frames: int = 5, *, width: int = 8) -> Batch:
    generator = torch.Generator().manual_seed(2)
    latent = torch.randn(count, 4, frames, 4, 6, generator=generator, dtype=torch.float64)
    context = torch.randn(count, 3, width, generator=generator, dtype=torch.float64)
    names = tuple(f"clip{i}" for i in range(count))
    return Batch(latent=latent, context=context, ids=tuple(range(10, 10 + count)), clips=names)


def one(whole: Batch, i: int) -> Batch:
    part = slice(i, i + 1)
    return Batch(
        latent=whole.latent[part],
        context=whole.context[part],
        ids=whole.ids[part],
        clips=whole.clips[part],
    )


def objective(net, family, own: float = -1.0, dtype=torch.float64, **settings) -> WorldObjective:
    return WorldObjective(net, family, ObjectiveConfig.parse(settings), own, SEED, dtype)


# ---------------------------------------------------------------- upstream's formulas, float64


def upstream_predict2(net, x0, noise, sigma, count, context):
    """One sample: EDM scaling, frames replaced in and out, weighted error of x0, mean, times 10."""
    mask = torch.zeros_like(x0[:, :1])
    mask[:, :, :count] = 1
    t, t_clean = sigma / (sigma + 1), 1e-4 / (1e-4 + 1)
    xt = x0 + noise * sigma
    state = x0 * mask + (xt * (1 - t)) * (1 - mask)
    frames = mask.mean(dim=(1, 3, 4))
    told = (t_clean * frames + t * (1 - frames)).float()
    output = net(state, told, context, mask)
    x0_pred = x0 * mask + ((1 - t) * xt - t * output) * (1 - mask)
    weight = (1 + sigma) ** 2 / sigma**2
    return ((x0 - x0_pred) ** 2 * weight).mean() * 10.0


def upstream_predict25(net, x0, noise, sigma, count, context, own: float):
    """One sample: the line, frames replaced, velocities of clean frames replaced, mean."""
    mask = torch.zeros_like(x0[:, :1])
    mask[:, :, :count] = 1
    xt, target = noise * sigma + x0 * (1 - sigma), noise - x0
    frames = mask.mean(dim=(1, 3, 4))
    timestep = torch.full((1, 1), 1000 * sigma, dtype=torch.float64)
    told = own * frames + timestep * (1 - frames) if own >= 0 else timestep
    output = net(x0 * mask + xt * (1 - mask), told.float(), context, mask)
    return (((noise - x0) * mask + output * (1 - mask) - target) ** 2).mean()


def upstream(net, family, whole: Batch, i: int, own: float, **settings) -> Tensor:
    made = rules_of(ObjectiveConfig.parse(settings), family.objective)
    drawn = draw(SEED, whole.ids[i], whole.latent.shape[1:], made)
    x0, noise = whole.latent[i : i + 1], drawn.noise[None].double()
    context = whole.context[i : i + 1] * drawn.keeps_text
    arguments = (net, x0, noise, drawn.sigma, drawn.clean_frames, context)
    if family.objective is Objective.EDM_FLOW:
        return upstream_predict2(*arguments)
    return upstream_predict25(*arguments, own)


@BOTH
@pytest.mark.parametrize("own", [-1.0, 0.0, 0.1])
@pytest.mark.parametrize("counts", [None, ALL_COUNTS], ids=["upstream's counts", "0 to 3"])
def test_upstreams_loss_is_reproduced_sample_by_sample(family, own: float, counts):
    whole, settings = batch(), {"conditional_frames": counts, "text_dropout": 0.5}
    made = objective(Wave(), family, own, upstream=True, **settings)
    loss = made.loss(whole)
    expected = torch.stack(
        [upstream(Wave(), family, whole, i, own, **settings) for i in range(len(whole.ids))]
    )
    torch.testing.assert_close(loss.per_sample, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(loss.total, expected.mean(), rtol=1e-6, atol=0)


@BOTH
def test_ours_is_upstreams_without_the_dilution_by_clean_frames(family):
    whole = batch()
    ours, theirs = (
        objective(Wave(), family, upstream=u, conditional_frames=ALL_COUNTS).loss(whole)
        for u in (False, True)
    )
    noisy = 5 - ours.tags["clean_frames"]
    assert set(ours.tags["clean_frames"].tolist()) > {0, 2}
    torch.testing.assert_close(ours.per_sample * noisy / 5, theirs.per_sample, rtol=1e-12, atol=0)


@BOTH
@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_loss_is_the_weighted_error_of_the_samplers_clean_estimate(family, count: int):
    """Training and sampling must agree about what the net's answer means."""
    whole = batch()
    made = objective(
        Wave(), family, 0.1, text_dropout=0, conditional_frames={count: 1.0}, loss_scale=1
    )
    loss = made.loss(whole)
    shape = whole.latent.shape[1:]
    noise = torch.stack([draw(SEED, i, shape, made.rules).noise for i in whole.ids]).double()
    sigma = loss.tags["sigma"].view(-1, 1, 1, 1, 1)
    is_edm = family.objective is Objective.EDM_FLOW
    x = whole.latent + sigma * noise if is_edm else (1 - sigma) * whole.latent + sigma * noise
    conditioning = Conditioning(
        clean=whole.latent, num_clean_frames=count, conditional_timestep=0.1
    )
    estimate = predict_clean(
        Wave(), family.objective, x, sigma.flatten(), whole.context, conditioning
    )
    weight = ((1 + sigma) / sigma) ** 2 if is_edm else 1 / sigma**2
    error = (weight * (whole.latent - estimate) ** 2)[:, :, count:].mean(dim=(1, 2, 3, 4))
    torch.testing.assert_close(loss.per_sample, error, rtol=1e-6, atol=0)


# -------------------------------------------------------------------------------- closed forms


@BOTH
def test_the_loss_of_the_best_net_for_gaussian_data_is_the_flows_closed_form(family):
    """Data N(0, 1), x = (1 - t) x0 + t eps: the best answer is x (2t - 1) / s with
    s = (1 - t)^2 + t^2, and its error is 1 / s."""

    def best(latent, timestep, context, condition_mask):
        scale = 1 if family is PREDICT2 else 1000
        t = timestep.double().view(len(latent), 1, -1, 1, 1) / scale
        return latent * (2 * t - 1) / ((1 - t) ** 2 + t**2)

    latent = torch.randn(4, 16, 6, 24, 24, generator=torch.Generator().manual_seed(0)).double()
    whole = Batch(
        latent=latent, context=torch.zeros(4, 1, 8), ids=(1, 2, 3, 4), clips=("a", "b", "c", "d")
    )
    loss = objective(best, family, 0.1, loss_scale=1).loss(whole)
    t = loss.tags["time"]
    expected = 1 / ((1 - t) ** 2 + t**2)
    # 36,864 values and more in each mean: its standard error is sqrt(2 / n) of it, 0.74 %
    torch.testing.assert_close(loss.per_sample, expected, rtol=0.037, atol=0)


@BOTH
def test_a_net_that_knows_the_clip_has_no_loss_at_any_level(family):
    whole = batch()

    def knowing(latent, timestep, context, condition_mask):
        scale = 1 if family is PREDICT2 else 1000
        t = timestep.double().view(len(latent), 1, -1, 1, 1) / scale
        return (latent - whole.latent) / t

    loss = objective(knowing, family, 0.1, high_sigma_share=None).loss(whole)
    torch.testing.assert_close(loss.per_sample, torch.zeros(6).double(), rtol=0, atol=1e-9)


@BOTH
def test_a_net_that_answers_zero_has_the_power_of_the_velocity(family):
    def zero(latent, timestep, context, condition_mask):
        return torch.zeros_like(latent)

    loss = objective(zero, family).loss(batch())
    tags = loss.tags
    torch.testing.assert_close(tags["velocity_error"], tags["velocity_power"], rtol=1e-12, atol=0)
    assert tags["velocity_power"].mean().item() == pytest.approx(2, rel=0.2)  # Var(eps - x0)


@BOTH
@pytest.mark.parametrize("level", [1e-3, 1.0, 1e5])
def test_float32_loses_nothing_at_the_ends_of_the_levels(family, level: float):
    """The weight (1 + sigma)^2 / sigma^2 of an error of x0 would lose most digits there."""
    exact = batch()
    short = Batch(
        latent=exact.latent.float(),
        context=exact.context.float(),
        ids=exact.ids,
        clips=exact.clips,
    )
    sigma = level if family is PREDICT2 else level / (1 + level)
    double = objective(Wave(), family, 0.1).loss_at(exact, sigma)
    single = objective(Wave(), family, 0.1, torch.float32).loss_at(short, sigma)
    assert single.total.dtype == torch.float32
    torch.testing.assert_close(single.total.double(), double.total, rtol=3e-6, atol=0)


# ------------------------------------------------------------------------------------ gradients


@BOTH
@pytest.mark.parametrize("is_upstream", [False, True])
def test_the_gradient_is_the_closed_form(family, is_upstream: bool):
    """d/dw mean((w x - v)^2) = 2 mean((w x - v) x), of noisy frames alone."""
    whole, net = batch(), Scale()
    made = objective(net, family, upstream=is_upstream, conditional_frames=ALL_COUNTS)
    loss = made.loss(whole)
    loss.total.backward()
    expected = 0.0
    for i, sample in enumerate(whole.ids):
        drawn = draw(SEED, sample, whole.latent.shape[1:], made.rules)
        t, noise, x0 = made.rules.time(drawn.sigma), drawn.noise.double(), whole.latent[i]
        x, v = (1 - t) * x0 + t * noise, noise - x0
        product = (2 * (0.3 * x - v) * x)[:, drawn.clean_frames :]
        mean = product.sum() / (v.numel() if is_upstream else product.numel())
        expected += made.rules.scale * mean / 6
    torch.testing.assert_close(net.weight.grad, expected, rtol=1e-6, atol=0)


@BOTH
def test_what_the_net_says_of_clean_frames_moves_nothing(family):
    asked: list[Tensor] = []

    def free(latent, timestep, context, condition_mask):
        asked.append(torch.zeros_like(latent).requires_grad_())
        return asked[0]

    loss = objective(free, family, conditional_frames=ALL_COUNTS).loss(batch())
    loss.total.backward()
    for gradient, count in zip(asked[0].grad, loss.tags["clean_frames"].int(), strict=True):
        assert not gradient[:, :count].any()
        assert gradient[:, count:].all()


@BOTH
def test_micro_batches_of_any_size_have_the_gradient_of_the_whole(family):
    whole = batch()
    nets = Scale(), Scale()
    objective(nets[0], family).loss(whole).total.backward()
    for i in range(6):
        (objective(nets[1], family).loss(one(whole, i)).total / 6).backward()
    torch.testing.assert_close(nets[0].weight.grad, nets[1].weight.grad, rtol=1e-12, atol=0)


# ---------------------------------------------------------------------------- what the net sees


def seen(family, own: float, dtype=torch.float64, **settings):
    """Return the loss and what the net was called with, for clean frames 0 to 3."""
    net = Wave()
    loss = objective(net, family, own, dtype, conditional_frames=ALL_COUNTS, **settings).loss(
        batch()
    )
    return loss, net.calls[0]


@BOTH
def test_samples_of_a_batch_have_their_own_clean_frames(family):
    loss, (latent, _, _, mask) = seen(family, -1.0)
    whole = batch()
    assert mask.shape == (6, 1, 5, 4, 6)
    for i, count in enumerate(loss.tags["clean_frames"].int().tolist()):
        assert torch.equal(latent[i, :, :count], whole.latent[i, :, :count])
        assert not (latent[i, :, count:] == whole.latent[i, :, count:]).any()
        assert (mask[i, :, :count].all(), mask[i, :, count:].any()) == (True, False)


def test_predict2_tells_clean_frames_the_time_of_sigma_1e_4():
    loss, (_, told, _, _) = seen(PREDICT2, -1.0)
    assert told.dtype == torch.float32
    for i, count in enumerate(loss.tags["clean_frames"].int().tolist()):
        time = loss.tags["time"][i].item()
        assert told[i].tolist() == pytest.approx([1e-4 / 1.0001] * count + [time] * (5 - count))


def test_predict2_rounds_what_it_tells_to_the_nets_type():
    _, (latent, told, context, mask) = seen(PREDICT2, -1.0, torch.bfloat16)
    assert torch.equal(told, told.bfloat16().float())
    assert {latent.dtype, context.dtype, mask.dtype} == {torch.bfloat16}


@pytest.mark.parametrize("own", [0.0, 0.1])
def test_predict25_tells_clean_frames_what_the_checkpoint_was_told(own: float):
    loss, (_, told, _, _) = seen(PREDICT25, own, torch.bfloat16)
    for i, count in enumerate(loss.tags["clean_frames"].int().tolist()):
        level = 1000 * loss.tags["sigma"][i].item()
        assert told[i].tolist() == pytest.approx([own] * count + [level] * (5 - count), rel=1e-6)


def test_predict25_checkpoints_without_one_are_told_one_timestep():
    loss, (_, told, _, _) = seen(PREDICT25, -1.0)
    assert told.tolist() == pytest.approx((1000 * loss.tags["sigma"]).tolist(), rel=1e-6)


@pytest.mark.parametrize("family", [PREDICT2, PREDICT25], ids=lambda f: f.name)
@pytest.mark.parametrize("width", [8, 100_352])
def test_dropped_text_is_zeros_where_the_net_has_not_projected_it(family, width: int):
    whole, net = batch(width=width), Wave()
    loss = objective(net, family, text_dropout=0.5).loss(whole)
    kept = loss.tags["text_kept"].bool()
    assert 0 < kept.sum() < 6
    context = net.calls[0][2]
    assert torch.equal(context[kept], whole.context[kept])
    assert not context[~kept].any()


# --------------------------------------------------------------------------- the real network


def tiny(generation: str):
    checkpoint = tiny_checkpoint(generation)
    net = CosmosDiT(checkpoint.family.net)
    net.load_state_dict(checkpoint.state)
    generator = torch.Generator().manual_seed(1)
    whole = Batch(
        latent=torch.randn(2, 16, 4, 6, 8, generator=generator),
        context=torch.randn(2, 5, 64, generator=generator),
        ids=(0, 1),
        clips=("a", "b"),
    )
    return net, checkpoint.family, whole


def test_dropped_projected_text_is_what_the_net_makes_of_a_zero_embedding():
    net, family, projected = tiny("predict2.5")
    made = objective(net, family, 0.1, torch.float32, text_dropout=1.0)
    raw = Batch(latent=projected.latent, context=torch.ones(2, 5, 96), ids=(0, 1), clips=("a", "b"))
    torch.testing.assert_close(made.loss(projected).total, made.loss(raw).total, rtol=1e-6, atol=0)
    bias = net.crossattn_proj[0].bias
    assert torch.equal(made._text(projected.context, torch.zeros(2) == 1)[1, 3], gelu(bias))
    kept = objective(net, family, 0.1, torch.float32, text_dropout=0.0).loss(projected).total
    assert abs(kept - made.loss(projected).total) > 1e-4


def test_projected_text_that_cannot_be_dropped_is_refused():
    made = objective(Wave(), tiny_family("predict2.5"), 0.1, torch.float64)
    with pytest.raises(ConfigError, match="net's own projection, found a Wave"):
        made.loss(batch(width=64))


@pytest.mark.parametrize("generation", ["predict2", "predict2.5"])
def test_the_same_batch_has_the_same_loss_to_the_bit(generation: str):
    net, family, whole = tiny(generation)
    first = objective(net, family, 0.1, torch.float32).loss(whole)
    torch.manual_seed(77)
    again = objective(net, family, 0.1, torch.float32).loss(whole)
    assert torch.equal(first.total, again.total)


@pytest.mark.parametrize("generation", ["predict2", "predict2.5"])
def test_every_weight_that_is_used_learns(generation: str):
    net, family, whole = tiny(generation)
    made = objective(net, family, 0.1, torch.float32)
    assert isinstance(made, AnyObjective)
    made.loss(whole).total.backward()
    unused = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    # projected text does not pass the projection
    projection = {"crossattn_proj.0.weight", "crossattn_proj.0.bias"}
    assert unused == (projection if generation == "predict2.5" else set())


@pytest.mark.parametrize("generation", ["predict2", "predict2.5"])
def test_the_computations_type_changes_the_loss_by_its_rounding(generation: str):
    net, family, whole = tiny(generation)
    exact = objective(net, family, 0.1, torch.float32).loss(whole).total
    short = objective(net.bfloat16(), family, 0.1, torch.bfloat16).loss(whole).total
    assert short.dtype == torch.float32
    assert short.item() == pytest.approx(exact.item(), rel=0.02)


# ------------------------------------------------------------------------------ levels, guards


@BOTH
def test_held_out_losses_are_taken_at_one_level_with_all_text(family):
    made, whole = objective(Wave(), family, text_dropout=1.0), batch()
    loss = made.loss_at(whole, 0.7)
    assert set(loss.tags["sigma"].tolist()) == {0.7}
    assert loss.tags["text_kept"].all()
    trained = made.loss(whole)
    assert torch.equal(loss.tags["clean_frames"], trained.tags["clean_frames"])
    assert torch.equal(loss.tags["velocity_power"], trained.tags["velocity_power"])


@BOTH
def test_levels_rise_through_the_levels_of_training(family):
    levels = objective(Wave(), family).levels(5, 24)
    assert list(levels) == sorted(set(levels))
    middle = math.sqrt(24) if family is PREDICT2 else 5 * 0.5 / (1 + 4 * 0.5)
    assert levels[2] == pytest.approx(middle)


def test_the_first_losses_band_tells_loaded_weights_from_none():
    low, high = FIRST_LOSS_BAND
    assert low < FIRST_LOSS_TRAINED < high < FIRST_LOSS_UNTRAINED
    assert high == pytest.approx(0.302, abs=1e-3)
    for generation in ("predict2", "predict2.5"):
        net, family, whole = tiny(generation)
        error = objective(net, family, 0.1, torch.float32).loss(whole).tags["velocity_error"]
        assert error.min() > high


def test_a_checkpoint_that_does_not_say_its_conditional_timestep_is_refused():
    with pytest.raises(ConfigError, match=r"set base.conditional_timestep to 0.1 .* or -1"):
        WorldObjective(Wave(), PREDICT25, ObjectiveConfig())
    WorldObjective(Wave(), PREDICT2, ObjectiveConfig())  # Predict2 has none
