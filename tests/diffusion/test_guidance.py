"""The two conventions of guidance and how they are one line."""

import pytest
import torch

from rareworld.diffusion import edm, flow
from rareworld.diffusion.guidance import guide_around, guide_from


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 4, generator=generator, dtype=torch.float64).unbind(0)


@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0, 8.0])
def test_guiding_from_s_is_guiding_around_s_minus_one(scale: float, pair):
    torch.testing.assert_close(
        guide_from(*pair, scale), guide_around(*pair, scale - 1), rtol=0, atol=1e-13
    )


def test_cosmos_guidance_seven_is_eight_elsewhere(pair):
    cond, uncond = pair
    torch.testing.assert_close(guide_around(cond, uncond, 7.0), 8 * cond - 7 * uncond)


def test_no_guidance_is_the_conditional_estimate_in_both(pair):
    cond, uncond = pair
    assert torch.equal(guide_around(cond, uncond, 0.0), cond)
    torch.testing.assert_close(guide_from(cond, uncond, 1.0), cond, rtol=0, atol=1e-15)
    assert torch.equal(guide_from(cond, uncond, 0.0), uncond)


def test_equal_estimates_stay_as_they_are_bit_for_bit(pair):
    cond, _ = pair
    assert torch.equal(guide_around(cond, cond, 7.0), cond)


@pytest.mark.parametrize(("space", "sigma"), [(edm, 3.0), (flow, 0.7)])
def test_guiding_clean_estimates_is_guiding_velocities(space, sigma: float, pair):
    x = torch.ones(3, 4, dtype=torch.float64)
    cleans = [space.clean_from_velocity(x, velocity, sigma) for velocity in pair]
    guided = space.clean_from_velocity(x, guide_around(*pair, 7.0), sigma)
    torch.testing.assert_close(guide_around(*cleans, 7.0), guided, rtol=0, atol=1e-12)
