"""AB2 against its definition written out with phi functions, and on a Gaussian."""

import math
from itertools import pairwise

import pytest
import torch

from rareworld.diffusion.samplers.ab2 import sample_ab2
from rareworld.diffusion.schedule import karras_sigmas
from tests.diffusion.gaussian import EdmGaussian


def phi1(z: float) -> float:
    return math.expm1(z) / z


def phi2(z: float) -> float:
    return (phi1(z) - 1) / z


def plain_twin(denoise, noise, levels):
    """The method as in the paper, on -log sigma, ending with a pass at the last level."""
    x, before = noise * levels[0], None
    for sigma, following in pairwise(levels):
        here, there = -math.log(sigma), -math.log(following)
        h, clean = there - here, denoise(x, sigma)
        if before is None:
            x = following / sigma * x + (1 - following / sigma) * clean
        else:
            c2 = (before[0] - here) / h
            b1, b2 = phi1(-h) - phi2(-h) / c2, phi2(-h) / c2
            x = math.exp(-h) * x + h * (b1 * clean + b2 * before[1])
        before = (here, clean)
    return denoise(x, levels[-1])


@pytest.fixture
def noise():
    return torch.randn(2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def nonlinear(x, sigma):
    return torch.tanh(x / (1 + sigma)) + 0.1 * math.cos(sigma)


@pytest.mark.parametrize("steps", [1, 2, 3, 35])
def test_samples_are_those_of_the_plain_twin(steps: int, noise):
    sigmas = karras_sigmas(steps)
    expected = plain_twin(nonlinear, noise, sigmas[:-1].tolist())
    torch.testing.assert_close(
        sample_ab2(nonlinear, noise, sigmas), expected, rtol=1e-10, atol=1e-10
    )


def gaussian_error(steps: int, noise) -> float:
    """Error of a sample whose exact value is the flow's solution, denoised at the last level."""
    target, sigmas = EdmGaussian(), karras_sigmas(steps)
    exact = target.denoise(target.solve(noise * 80, 80.0, 0.002), 0.002)
    return (sample_ab2(target.denoise, noise, sigmas) - exact).abs().max().item()


def test_the_error_falls_by_four_when_steps_double(noise):
    errors = [gaussian_error(steps, noise) for steps in (64, 128, 256, 512)]
    ratios = [coarse / fine for coarse, fine in pairwise(errors)]
    assert all(3.6 < ratio < 4.4 for ratio in ratios), ratios


def test_thirty_five_steps_are_within_a_hundredth_of_the_exact_sample(noise):
    assert gaussian_error(35, noise) < 0.01 * noise.abs().max().item()


def test_float32_networks_cost_no_accuracy_in_the_solver(noise):
    """The state is float64: 512 steps in float32 stay at the network's own rounding."""
    target, sigmas = EdmGaussian(), karras_sigmas(512)
    single = sample_ab2(target.denoise, noise.float(), sigmas)
    double = sample_ab2(target.denoise, noise.float().double(), sigmas)
    torch.testing.assert_close(single.double(), double, rtol=1e-6, atol=1e-6)


def test_data_of_one_point_is_found_in_one_step(noise):
    point = torch.full_like(noise, 0.3)
    torch.testing.assert_close(sample_ab2(lambda x, s: point, noise, karras_sigmas(1)), point)
