"""What the network is told and what its answer means, against upstream's formulas written out."""

from dataclasses import dataclass, field

import pytest
import torch
from diffusers import UniPCMultistepScheduler

from rareworld.diffusion.fast import EDM_SPACE, FLOW_SPACE, FastMode, speed_up
from rareworld.diffusion.noise import seeded_noise
from rareworld.diffusion.schedule import karras_flow_sigmas, karras_sigmas, shifted_sigmas
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import FAMILIES, NetConfig, Objective
from rareworld.models.cosmos_predict.denoise import (
    SIGMA_CONDITIONAL,
    Conditioning,
    Net,
    make_denoise,
    plan_sampling,
    predict_clean,
    space_of,
)
from rareworld.models.cosmos_predict.model import CosmosDiT, init_weights

PREDICT2, PREDICT25 = FAMILIES["predict2-2b"], FAMILIES["predict2.5-2b"]
SHAPE = (1, 16, 4, 4, 6)


@dataclass
class Recorder:
    """A network whose answer depends on everything it is told, and that remembers it."""

    calls: list[tuple[torch.Tensor, ...]] = field(default_factory=list)

    def __call__(self, latent, timestep, context, condition_mask):
        self.calls.append((latent, timestep, context, condition_mask))
        told = timestep.reshape(len(timestep), 1, -1, 1, 1).to(latent) / 1000
        neighbours = latent.roll(1, dims=2) + latent.roll(1, dims=3)
        answer = torch.sin(latent + told) + 0.3 * neighbours - condition_mask
        return answer + context.mean().to(latent)


@pytest.fixture
def x():
    return seeded_noise(0, SHAPE).double()


@pytest.fixture
def clean():
    return seeded_noise(1, SHAPE).double()


@pytest.fixture
def context():
    return seeded_noise(2, (1, 3, 8)).double()


def one_step(family, conditioning, x, context, sigma: float, dtype=torch.float64):
    net = Recorder()
    denoise = make_denoise(net, family, conditioning, context=context, dtype=dtype)
    return denoise(x, sigma), net.calls[0]


def upstream_edm(net, x, sigma: float, clean, mask, context):
    """Predict2's denoise: EDM scaling, frames replaced in and out, their noise level told."""
    t = sigma / (sigma + 1)
    state = clean * mask + x * (1 - t) * (1 - mask)
    t_clean = SIGMA_CONDITIONAL / (SIGMA_CONDITIONAL + 1)
    frames = mask.mean(dim=(1, 3, 4))
    told = t_clean * frames + t * (1 - frames)
    output = net(state, told, context, mask)
    return clean * mask + ((1 - t) * x - t * output) * (1 - mask)


def upstream_flow_velocity(net, x, told: float, own: float, noise, clean, mask, context):
    """Predict2.5's denoise: the velocity, that of clean frames replaced by the true one."""
    frames = mask.mean(dim=(1, 3, 4))
    per_frame = own * frames + told * (1 - frames) if own >= 0 else torch.full((1,), told).double()
    output = net(clean * mask + x * (1 - mask), per_frame, context, mask)
    return (noise - clean) * mask + output * (1 - mask)


def frame_mask(count: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, *SHAPE[2:], dtype=torch.float64)
    mask[:, :, :count] = 1
    return mask


@pytest.mark.parametrize("count", [0, 1, 2, 4])
@pytest.mark.parametrize("sigma", [80.0, 1.0, 0.002])
def test_predict2_estimates_are_upstreams(count: int, sigma: float, x, clean, context):
    conditioning = Conditioning(clean=clean, num_clean_frames=count)
    ours, _ = one_step(PREDICT2, conditioning, x * sigma, context, sigma)
    theirs = upstream_edm(Recorder(), x * sigma, sigma, clean, frame_mask(count), context)
    # timesteps travel in float32, so the answers differ by their rounding
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 2, 4])
@pytest.mark.parametrize("own", [-1.0, 0.0, 0.1])
@pytest.mark.parametrize("told", [995, 500, 9])
def test_predict25_estimates_are_upstreams(count: int, own: float, told: int, x, clean, context):
    noise, sigma = x, (told + 0.7) / 1000
    point = (1 - sigma) * clean + sigma * noise
    conditioning = Conditioning(clean=clean, num_clean_frames=count, conditional_timestep=own)
    ours, _ = one_step(PREDICT25, conditioning, point, context, sigma)
    velocity = upstream_flow_velocity(
        Recorder(), point, float(told), own, noise, clean, frame_mask(count), context
    )
    torch.testing.assert_close(ours, point - sigma * velocity, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("family", [PREDICT2, PREDICT25], ids=lambda f: f.name)
def test_clean_frames_reach_the_network_and_leave_it_bit_for_bit(family, x, clean, context):
    conditioning = Conditioning(clean=clean, num_clean_frames=2)
    out, (latent, _, _, mask) = one_step(family, conditioning, x, context, 0.6)
    assert torch.equal(latent[:, :, :2], clean[:, :, :2])
    assert torch.equal(out[:, :, :2], clean[:, :, :2])
    assert torch.equal(mask, frame_mask(2))
    assert not torch.equal(out[:, :, 2:], clean[:, :, 2:])


def test_predict2_tells_the_flow_time_of_sigma_and_of_1e_4(x, clean, context):
    conditioning = Conditioning(clean=clean, num_clean_frames=1)
    _, (_, told, _, _) = one_step(PREDICT2, conditioning, x, context, 3.0)
    torch.testing.assert_close(told, torch.tensor([[1e-4 / 1.0001, 0.75, 0.75, 0.75]]))


def test_predict2_rounds_timesteps_to_the_weights_type_as_upstream(x, context):
    _, (latent, told, _, _) = one_step(
        PREDICT2, Conditioning(), x.float(), context, 2.0, dtype=torch.bfloat16
    )
    assert told.item() == torch.tensor(2 / 3, dtype=torch.bfloat16).item()
    assert latent.dtype == torch.bfloat16


def test_predict25_keeps_timesteps_exact_under_short_weights(x, context):
    _, (_, told, _, _) = one_step(
        PREDICT25, Conditioning(), x.float(), context, 0.7775, dtype=torch.bfloat16
    )
    assert told.item() == 777


@pytest.mark.parametrize(
    ("own", "expected"),
    [(-1.0, [800.0]), (0.1, [0.1, 0.1, 800.0, 800.0]), (0.0, [0.0, 0.0, 800.0, 800.0])],
)
def test_predict25_tells_clean_frames_what_the_checkpoint_was_told(
    own, expected, x, clean, context
):
    conditioning = Conditioning(clean=clean, num_clean_frames=2, conditional_timestep=own)
    _, (_, told, _, _) = one_step(PREDICT25, conditioning, x, context, 0.8004)
    torch.testing.assert_close(told.flatten(), torch.tensor(expected))


@pytest.mark.parametrize("family", [PREDICT2, PREDICT25], ids=lambda f: f.name)
def test_without_clean_frames_one_timestep_is_told(family, x, context):
    conditioning = Conditioning(conditional_timestep=0.1)
    _, (_, told, _, mask) = one_step(family, conditioning, x, context, 0.5)
    assert told.shape == (1,)
    assert mask.sum() == 0


@pytest.mark.parametrize(("whole", "told"), [(True, 333.0), (False, 333.3)])
def test_timesteps_are_whole_in_sampling_and_exact_in_training(whole, told, x, context):
    net = Recorder()
    sigma = torch.tensor([0.3333], dtype=torch.float64)
    predict_clean(net, Objective.FLOW, x, sigma, context, Conditioning(), whole=whole)
    assert net.calls[0][1].item() == pytest.approx(told, rel=1e-6)


def test_samples_of_a_batch_have_their_own_levels(x, clean, context):
    batch, texts = torch.cat([x, clean]), context.repeat(2, 1, 1)
    sigmas = torch.tensor([0.2, 3.0], dtype=torch.float64)
    conditioning = Conditioning(clean=clean, num_clean_frames=1)
    for objective in Objective:
        both = predict_clean(Recorder(), objective, batch, sigmas, texts, conditioning)
        for i in range(2):
            alone = predict_clean(
                Recorder(), objective, batch[i : i + 1], sigmas[i : i + 1], context, conditioning
            )
            torch.testing.assert_close(both[i : i + 1], alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("family", [PREDICT2, PREDICT25], ids=lambda f: f.name)
def test_guidance_goes_beyond_the_prompt_away_from_the_negative_one(family, x, clean, context):
    conditioning = Conditioning(clean=clean, num_clean_frames=1)
    negative = context + 1
    made = make_denoise(
        Recorder(),
        family,
        conditioning,
        context=context,
        uncond_context=negative,
        guidance=7,
        dtype=torch.float64,
    )
    cond, uncond = (one_step(family, conditioning, x, c, 0.5)[0] for c in (context, negative))
    torch.testing.assert_close(made(x, 0.5), 8 * cond - 7 * uncond, rtol=1e-9, atol=1e-9)
    assert torch.equal(made(x, 0.5)[:, :, :1], clean[:, :, :1])


def test_guidance_zero_evaluates_the_prompt_alone(x, context):
    net = Recorder()
    make_denoise(net, PREDICT25, Conditioning(), context=context, uncond_context=context)(x, 0.5)
    assert len(net.calls) == 1


def test_contexts_can_be_shared_out_by_an_injected_evaluate(x, context):
    """Two ranks, each with one context, whose answers are exchanged."""
    answers = {}

    def rank(number: int):
        def evaluate(function, contexts):
            (answers[number],) = function([contexts[number]])
            return [answers.get(i, torch.zeros_like(x)) for i in range(2)]

        return evaluate

    def guided(evaluate, net):
        return make_denoise(
            net,
            PREDICT25,
            Conditioning(),
            context=context,
            uncond_context=context + 1,
            guidance=3,
            dtype=torch.float64,
            evaluate=evaluate,
        )(x, 0.5)

    nets = Recorder(), Recorder()
    guided(rank(0), nets[0])
    second = guided(rank(1), nets[1])
    assert [len(net.calls) for net in nets] == [1, 1]
    assert torch.equal(second, guided(None, Recorder()))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conditioning(num_clean_frames=1), "1 clean latent frames .* and 0 are given"),
        (
            lambda: Conditioning(clean=torch.zeros(1, 16, 2, 4, 6), num_clean_frames=3),
            "3 clean latent frames .* and 2 are given",
        ),
        (
            lambda: Conditioning(clean=torch.zeros(1, 16, 5, 4, 6), num_clean_frames=5).put_into(
                torch.zeros(SHAPE)
            ),
            "5 clean latent frames do not fit in 4",
        ),
        (
            lambda: make_denoise(
                Recorder(), PREDICT25, Conditioning(), context=torch.zeros(1, 2, 8), guidance=7
            ),
            "guidance 7 needs negative text",
        ),
    ],
)
def test_what_cannot_be_denoised_is_refused(make, message: str):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize(
    ("objective", "told", "sampler", "sigmas"),
    [
        (Objective.EDM_FLOW, -1.0, "ab2", karras_sigmas(35)),
        (Objective.FLOW, -1.0, "unipc", shifted_sigmas(35)),
        (Objective.FLOW, 0.1, "unipc", karras_flow_sigmas(35)),
    ],
)
def test_each_checkpoint_samples_as_upstream_samples_it(objective, told, sampler, sigmas):
    plan = plan_sampling(objective, conditional_timestep=told)
    assert plan.sampler == sampler
    assert torch.equal(plan.sigmas, sigmas)
    assert plan.evaluations == len(sigmas) - 1


def test_spaces_belong_to_objectives():
    assert space_of(Objective.EDM_FLOW) is EDM_SPACE
    assert space_of(Objective.FLOW) is FLOW_SPACE


@pytest.mark.parametrize("own", [-1.0, 0.1])
def test_a_whole_predict25_sample_is_upstreams_but_for_noise_left_in_clean_frames(
    own: float, x, clean, context
):
    plan = plan_sampling(Objective.FLOW, 12, conditional_timestep=own)
    conditioning = Conditioning(clean=clean, num_clean_frames=2, conditional_timestep=own)
    denoise = make_denoise(
        Recorder(), PREDICT25, conditioning, context=context, dtype=torch.float64
    )
    ours = plan.run(denoise, x)

    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=1.0, solver_order=2
    )
    scheduler.set_timesteps(sigmas=plan.sigmas[:-1].numpy())
    scheduler.sigmas = plan.sigmas
    theirs = x
    for t, sigma in zip(scheduler.timesteps, plan.sigmas.tolist(), strict=False):
        told = float(int(1000 * sigma))
        velocity = upstream_flow_velocity(
            Recorder(), theirs, told, own, x, clean, frame_mask(2), context
        )
        theirs = scheduler.step(velocity, t, theirs, return_dict=False)[0]

    torch.testing.assert_close(ours[:, :, 2:], theirs[:, :, 2:], rtol=1e-5, atol=1e-5)
    assert torch.equal(ours[:, :, :2], clean[:, :, :2])
    left = (1 - plan.sigmas[0]) * (x - clean)[:, :, :2]
    torch.testing.assert_close(theirs[:, :, :2] - clean[:, :, :2], left, rtol=0, atol=1e-9)


TINY = {
    "width": 48,
    "num_blocks": 2,
    "num_heads": 2,
    "adaln_dim": 8,
    "context_dim": 12,
}


@pytest.mark.parametrize(
    ("family", "config"),
    [
        (PREDICT2, NetConfig(**TINY)),
        (PREDICT25, NetConfig(**TINY, timestep_scale=0.001, fp32_modulation=True)),
    ],
    ids=["predict2", "predict2.5"],
)
def test_the_real_network_samples_with_guidance_cache_and_clean_frames(family, config, clean):
    net = CosmosDiT(config).requires_grad_(False)
    init_weights(net, torch.Generator().manual_seed(0))
    assert isinstance(net, Net)
    texts = seeded_noise(3, (2, 1, 5, 12))
    conditioning = Conditioning(clean=clean.float(), num_clean_frames=1, conditional_timestep=0.1)
    plan = plan_sampling(family.objective, 6, conditional_timestep=0.1)

    def at(guidance: float):
        return make_denoise(
            net,
            family,
            conditioning,
            context=texts[0],
            uncond_context=texts[1],
            guidance=guidance,
        )

    noise = seeded_noise(0, SHAPE)
    exact = plan.run(at(3.0), noise)
    denoise, work = speed_up(at(3.0), at(0.0), FastMode(), space_of(family.objective))
    assert torch.equal(plan.run(denoise, noise), exact)
    assert work.evaluations == 2 * plan.evaluations

    mode = FastMode(guide_from=0.3, cache_tolerance=0.5)
    denoise, work = speed_up(at(3.0), at(0.0), mode, space_of(family.objective))
    fast = plan.run(denoise, noise)
    assert work.evaluations < 2 * plan.evaluations
    assert torch.isfinite(fast).all()
    assert torch.equal(fast[:, :, :1], clean.float()[:, :, :1])


@torch.no_grad()
def test_guidance_of_a_whole_network_shares_work_and_changes_no_bit(x, clean):
    """Wrapped, the network is asked once for each text; by itself, once for both."""
    config = NetConfig(width=48, num_blocks=2, num_heads=2, adaln_dim=4, context_dim=8)
    net = CosmosDiT(config)
    init_weights(net, torch.Generator().manual_seed(0))
    texts = [seeded_noise(seed, (1, 5, 8)) for seed in (3, 4)]
    made = [
        make_denoise(
            asked,
            PREDICT2,
            Conditioning(clean=clean, num_clean_frames=1),
            context=texts[0],
            uncond_context=texts[1],
            guidance=7,
        )(x.float(), 2.0)
        for asked in (net, lambda *given: net(*given))
    ]
    assert torch.equal(made[0], made[1])
