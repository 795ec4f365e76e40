"""Training levels follow the distributions that the networks were trained on."""

import math
from statistics import NormalDist

import pytest
import torch

from rareworld.diffusion import edm, flow

MANY = 100_000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("frames", [1, 16, 24])
def test_predict2_draws_log_normal_levels_times_root_frames(frames: int):
    logs = edm.draw_sigmas(MANY, latent_frames=frames, high_share=0.0, generator=generator()).log()
    # standard errors at 100,000 draws: mean 0.0032, deviation 0.0022; bounds are 5 of them
    assert logs.mean().item() == pytest.approx(math.log(frames) / 2, abs=0.016)
    assert logs.std().item() == pytest.approx(1, abs=0.011)


def test_predict2_replaces_a_share_by_log_uniform_very_noisy_levels():
    sigmas = edm.draw_sigmas(MANY, latent_frames=1, high_share=0.05, generator=generator())
    high = sigmas[sigmas >= 200]  # e^(N(0,1)) passes 200 once in 17 million draws
    assert len(high) / MANY == pytest.approx(0.05, abs=0.0035)
    assert high.max() <= 100_000 * (1 + 1e-5)
    middle = math.sqrt(200 * 100_000)
    assert (high < middle).float().mean().item() == pytest.approx(0.5, abs=0.036)


def test_predict2_with_every_level_high_has_no_other():
    sigmas = edm.draw_sigmas(1000, latent_frames=24, high_share=1.0, generator=generator())
    assert sigmas.min() >= 200 * (1 - 1e-5)


@pytest.mark.parametrize("levels", [1000, None])
@pytest.mark.parametrize("shift", [1.0, 5.0])
def test_predict25_draws_shifted_logit_normal_times(levels: int | None, shift: float):
    sigmas = flow.draw_sigmas(MANY, shift=shift, levels=levels, generator=generator()).double()
    for probability in (0.1, 0.5, 0.9):
        u = 1 / (1 + math.exp(-NormalDist().inv_cdf(probability)))
        quantile = shift * u / (1 + (shift - 1) * u)
        assert (sigmas <= quantile).double().mean().item() == pytest.approx(probability, abs=0.006)


def test_predict25_draws_entries_of_the_thousand_entry_table():
    sigmas = flow.draw_sigmas(MANY, generator=generator()).double()
    unshifted = sigmas / (5 - 4 * sigmas)
    assert (unshifted * 1000 - (unshifted * 1000).round()).abs().max() < 1e-2  # float32 near 1
    assert sigmas.min() > 0
    assert sigmas.max() <= 1


@pytest.mark.parametrize(
    "draw",
    [
        lambda g: edm.draw_sigmas(8, latent_frames=24, high_share=0.05, generator=g),
        lambda g: flow.draw_sigmas(8, generator=g),
    ],
    ids=["predict2", "predict2.5"],
)
def test_draws_depend_on_the_generator_alone(draw):
    assert torch.equal(draw(generator(3)), draw(generator(3)))
    assert not torch.equal(draw(generator(3)), draw(generator(4)))
    assert draw(generator(3)).dtype == torch.float32
