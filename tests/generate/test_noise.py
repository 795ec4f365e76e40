"""Noise to latents: each family's sampler, guidance, clean frames, less work where asked for."""

import pytest
import torch
from torch import Tensor

from rareworld.diffusion.fast import FastMode
from rareworld.diffusion.noise import seeded_noise
from rareworld.generate.noise import LatentSampler, Task
from rareworld.models.cosmos_predict.denoise import Conditioning, make_denoise, plan_sampling
from rareworld.models.cosmos_predict.tiny import Generation, tiny_checkpoint
from rareworld.models.cosmos_predict.weights.loading import build_net
from rareworld.nn.attention import AttentionBackend, LocalAttend
from tests.generate.conftest import ALONE

PLAIN = LocalAttend(AttentionBackend.PLAIN)
SIZE = (3, 4, 6)


def _sampler(generation: Generation, fast: FastMode | None = None) -> LatentSampler:
    checkpoint = tiny_checkpoint(generation)
    net = build_net(checkpoint).requires_grad_(requires_grad=False)
    return LatentSampler(
        net=net, family=checkpoint.family, ranks=ALONE, attend=PLAIN,
        conditional_timestep=checkpoint.conditioning(), fast=fast or FastMode(),
    )  # fmt: skip


def _states(seed: int, width: int = 64) -> Tensor:
    return torch.randn(1, 7, width, generator=torch.Generator().manual_seed(seed))


def _task(guidance: int = 3, clean: int = 0, seed: int = 5, steps: int = 3) -> Task:
    return Task(
        seed=seed, size=SIZE, steps=steps, guidance=guidance, context=_states(1),
        clean=torch.randn(1, 16, clean, *SIZE[1:]) if clean else None,
        uncond=_states(2) if guidance else None,
    )  # fmt: skip


def _quiet(done: int, total: int) -> None:
    del done, total


@pytest.mark.parametrize("generation", ["predict2", "predict2.5"])
def test_a_sample_is_what_the_family_s_own_sampler_gives(generation: Generation) -> None:
    sampler, task = _sampler(generation), _task()
    found = sampler.sample(task, _quiet)
    told = -1.0 if sampler.conditional_timestep is None else sampler.conditional_timestep
    denoise = make_denoise(
        sampler.net, sampler.family, Conditioning(), context=task.context,
        uncond_context=task.uncond, guidance=3,
    )  # fmt: skip
    plan = plan_sampling(sampler.family.objective, 3, conditional_timestep=told)
    noise = seeded_noise(5, (1, 16, *SIZE))
    torch.testing.assert_close(found, plan.run(denoise, noise), rtol=0, atol=0)


@pytest.mark.parametrize("generation", ["predict2", "predict2.5"])
@pytest.mark.parametrize("clean", [1, 2])
def test_clean_frames_stay_as_they_are(generation: Generation, clean: int) -> None:
    task = _task(clean=clean)
    found = _sampler(generation).sample(task, _quiet)
    assert task.clean is not None
    torch.testing.assert_close(found[:, :, :clean], task.clean, rtol=0, atol=1e-6)
    assert found[:, :, clean:].std() > 0.01


def test_a_seed_gives_the_same_latents_and_another_seed_others() -> None:
    sampler = _sampler("predict2.5")
    first, again, other = (sampler.sample(_task(seed=s), _quiet) for s in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_every_part_of_a_task_reaches_the_net() -> None:
    sampler = _sampler("predict2.5")
    base = sampler.sample(_task(), _quiet)
    for changed in (_task(guidance=0), _task(guidance=4), _task(clean=1), _task(steps=4)):
        assert not torch.allclose(base, sampler.sample(changed, _quiet), atol=1e-4)


@pytest.mark.parametrize(("generation", "evaluations"), [("predict2", 4), ("predict2.5", 4)])
def test_steps_are_reported_to_the_end(generation: Generation, evaluations: int) -> None:
    seen: list[tuple[int, int]] = []
    _sampler(generation).sample(_task(), lambda done, total: seen.append((done, total)))
    assert seen == [(step, evaluations) for step in range(1, evaluations + 1)]


def test_work_is_counted_and_guidance_zero_halves_it() -> None:
    sampler = _sampler("predict2.5")
    sampler.sample(_task(guidance=3), _quiet)
    sampler.sample(_task(guidance=0), _quiet)
    assert [work.evaluations for work in sampler.work] == [8, 4]


def test_the_fast_mode_leaves_out_work() -> None:
    sampler = _sampler("predict2.5", FastMode(guide_from=0.9))
    sampler.sample(_task(steps=6), _quiet)
    (work,) = sampler.work
    assert 0 < work.guided < 7
    assert work.guided + work.unguided == 7


@pytest.mark.parametrize(("generation", "width"), [("predict2", 64), ("predict2.5", 96)])
def test_no_text_is_zero_states_of_the_encoder_s_width(generation: Generation, width: int) -> None:
    states = _sampler(generation).zero_states()
    assert states.shape == (1, 512, width)
    assert not states.any()
