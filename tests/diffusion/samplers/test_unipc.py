"""UniPC against diffusers' scheduler, step by step, and on a Gaussian."""

from itertools import pairwise

import pytest
import torch
from diffusers import UniPCMultistepScheduler

from rareworld.diffusion.samplers.unipc import sample_unipc
from rareworld.diffusion.schedule import karras_flow_sigmas, shifted_sigmas
from tests.diffusion.gaussian import FlowGaussian

SCHEDULES = {"shifted": shifted_sigmas, "karras": karras_flow_sigmas}


@pytest.fixture
def noise():
    return torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def velocity(x, sigma):
    """A velocity that bends with x and time."""
    return torch.sin(2 * x) + x * (0.5 - sigma) - 0.3


def diffusers_path(noise, sigmas, dtype):
    """States that diffusers' scheduler visits, given our levels in full precision."""
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=1.0,
        solver_order=2,
        solver_type="bh2",
    )
    scheduler.set_timesteps(sigmas=sigmas[:-1].numpy())
    scheduler.sigmas = sigmas.to(dtype)
    x, path = noise.to(dtype), []
    for t, sigma in zip(scheduler.timesteps, sigmas.tolist(), strict=False):
        path.append(x)
        x = scheduler.step(velocity(x, sigma), t, x, return_dict=False)[0]
    return [*path, x]


def our_path(noise, sigmas):
    path = []

    def denoise(x, sigma):
        path.append(x)
        return x - sigma * velocity(x, sigma)

    final = sample_unipc(denoise, noise, sigmas)
    return [*path, final]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 3, 10, 35])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_every_state_is_that_of_diffusers(name: str, steps: int, dtype, tolerance: float, noise):
    sigmas = SCHEDULES[name](steps)
    for ours, theirs in zip(
        our_path(noise, sigmas), diffusers_path(noise, sigmas, dtype), strict=True
    ):
        worst = (ours - theirs.double()).abs().max() / theirs.abs().max()
        assert worst <= tolerance


def gaussian_error(steps: int, noise) -> float:
    """Error of a sample whose exact value is the flow's solution, denoised at the last level."""
    target, sigmas = FlowGaussian(), karras_flow_sigmas(steps)
    first, last = sigmas[0].item(), sigmas[-2].item()
    exact = target.denoise(target.solve(noise, first, last), last)
    return (sample_unipc(target.denoise, noise, sigmas) - exact).abs().max().item()


def test_the_error_falls_by_eight_when_steps_double(noise):
    """The corrector adds an order to the predictor's two."""
    errors = [gaussian_error(steps, noise) for steps in (128, 256, 512, 1024)]
    ratios = [coarse / fine for coarse, fine in pairwise(errors)]
    assert all(7.5 < ratio < 8.5 for ratio in ratios), ratios


def test_thirty_five_steps_are_within_a_hundredth_of_the_exact_sample(noise):
    assert gaussian_error(35, noise) < 0.01 * noise.abs().max().item()


def test_the_method_is_five_times_as_accurate_as_euler_for_the_same_work(noise):
    target, sigmas = FlowGaussian(), shifted_sigmas(35)
    x = noise
    for sigma, following in pairwise(sigmas.tolist()):
        x = following / sigma * x + (1 - following / sigma) * target.denoise(x, sigma)
    exact = target.solve(noise, sigmas[0].item(), 0.0)
    ours = sample_unipc(target.denoise, noise, sigmas)
    assert (ours - exact).abs().max() < 0.2 * (x - exact).abs().max()
