"""Both parametrisations: definitions, round trips, and the EDM wrapper as a uniform velocity."""

import pytest
import torch

from rareworld.diffusion import edm, flow

SIGMAS = [1e-4, 0.002, 0.3, 1.0, 80.0, 1e5]
FLOW_SIGMAS = [1e-3, 0.3, 0.5, 0.995]


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 2, 5, generator=generator, dtype=torch.float64).unbind(0)


def noisy(space, clean, noise, sigma: float):
    return clean + sigma * noise if space is edm else flow.interpolate(clean, noise, sigma)


CASES = [(edm, sigma) for sigma in SIGMAS] + [(flow, sigma) for sigma in FLOW_SIGMAS]
IDS = [f"{space.__name__.rpartition('.')[2]}-{sigma}" for space, sigma in CASES]


@pytest.mark.parametrize(("space", "sigma"), CASES, ids=IDS)
def test_velocity_and_noise_of_the_true_clean_are_the_true_ones(space, sigma: float, data):
    clean, noise, _ = data
    x = noisy(space, clean, noise, sigma)
    tolerance = {"rtol": 0, "atol": 1e-11}
    torch.testing.assert_close(
        space.velocity_from_clean(x, clean, sigma), noise - clean, **tolerance
    )
    torch.testing.assert_close(space.noise_from_clean(x, clean, sigma), noise, **tolerance)


@pytest.mark.parametrize(("space", "sigma"), CASES, ids=IDS)
def test_clean_to_velocity_and_back_is_the_same(space, sigma: float, data):
    x, estimate, _ = data
    velocity = space.velocity_from_clean(x, estimate, sigma)
    back = space.clean_from_velocity(x, velocity, sigma)
    torch.testing.assert_close(back, estimate, rtol=0, atol=1e-11)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_edm_wrapper_is_the_velocity_of_the_scaled_flow(sigma: float, data):
    x, output, _ = data
    skip, out, scale, time = edm.precondition(torch.tensor(sigma, dtype=torch.float64))
    wrapped = skip * x + out * output
    torch.testing.assert_close(
        wrapped, edm.clean_from_velocity(x, output, sigma), rtol=1e-12, atol=1e-12
    )
    flowing = flow.clean_from_velocity(scale * x, output, time.item())
    torch.testing.assert_close(wrapped, flowing, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_weighted_clean_error_is_the_plain_velocity_error(sigma: float, data):
    clean, noise, output = data
    x = clean + sigma * noise
    level = torch.tensor(sigma, dtype=torch.float64)
    error = edm.clean_from_velocity(x, output, level) - clean
    # x0 carries the rounding of x, which at sigma 1e5 is 1e5 times that of the data
    torch.testing.assert_close(
        edm.loss_weight(level) * error**2, (output - (noise - clean)) ** 2, rtol=1e-7, atol=1e-7
    )


def test_preconditioning_keeps_the_network_input_between_data_and_unit_noise():
    sigmas = torch.tensor(SIGMAS, dtype=torch.float64)
    told = edm.precondition(sigmas)
    torch.testing.assert_close(told.noise, sigmas / (1 + sigmas))
    torch.testing.assert_close(told.input * sigmas, told.noise)
    assert ((told.noise > 0) & (told.noise < 1)).all()


def test_the_flow_runs_from_data_to_noise_at_its_own_velocity(data):
    clean, noise, _ = data
    torch.testing.assert_close(flow.interpolate(clean, noise, 0.0), clean, rtol=0, atol=0)
    torch.testing.assert_close(flow.interpolate(clean, noise, 1.0), noise, rtol=0, atol=0)
    ahead = flow.interpolate(clean, noise, 0.5 + 1e-6) - flow.interpolate(clean, noise, 0.5)
    torch.testing.assert_close(ahead / 1e-6, noise - clean, rtol=0, atol=1e-8)


def test_levels_broadcast_over_samples(data):
    x, velocity, _ = data
    levels = torch.tensor([0.1, 0.7], dtype=torch.float64)[:, None]
    for space in (edm, flow):
        both = space.clean_from_velocity(x, velocity, levels)
        each = [space.clean_from_velocity(x[i], velocity[i], levels[i].item()) for i in range(2)]
        torch.testing.assert_close(both, torch.stack(each))
