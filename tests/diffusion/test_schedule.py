"""Schedules: closed forms, ends, order, and the schedules of diffusers."""

import pytest
import torch
from diffusers import UniPCMultistepScheduler

from rareworld.diffusion.schedule import (
    karras_flow_sigmas,
    karras_sigmas,
    shift_sigmas,
    shifted_sigmas,
)
from rareworld.errors import ConfigError

SCHEDULES = {
    "karras": karras_sigmas,
    "karras_flow": karras_flow_sigmas,
    "shifted": shifted_sigmas,
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 35])
def test_a_schedule_falls_strictly_to_zero_in_float64(name: str, steps: int):
    sigmas = SCHEDULES[name](steps)
    assert sigmas.dtype == torch.float64
    assert (sigmas.diff() < 0).all()
    assert sigmas[-1] == 0


@pytest.mark.parametrize(
    ("name", "evaluations"), [("karras", 36), ("karras_flow", 36), ("shifted", 35)]
)
def test_thirty_five_steps_are_as_many_evaluations_as_upstream_takes(name: str, evaluations: int):
    assert len(SCHEDULES[name](35)) - 1 == evaluations


def test_karras_levels_are_even_in_their_seventh_root_and_keep_both_ends():
    sigmas = karras_sigmas(35)[:-1]
    roots = sigmas ** (1 / 7)
    torch.testing.assert_close(roots.diff(), roots.diff().mean().expand(35), rtol=1e-9, atol=0)
    assert sigmas[0].item() == pytest.approx(80, rel=1e-12)
    assert sigmas[-1].item() == pytest.approx(0.002, rel=1e-12)


def test_karras_flow_levels_are_the_timesteps_that_upstreams_scheduler_publishes():
    steps = [int(1000 * sigma) for sigma in karras_flow_sigmas(36)[:-1].tolist()]
    assert len(steps) == 37
    assert steps[:5] == [995, 994, 993, 992, 990]
    assert steps[-4:] == [47, 29, 17, 9]


def test_karras_flow_levels_are_karras_levels_over_one_plus_themselves():
    flow, plain = karras_flow_sigmas(10), karras_sigmas(10, sigma_max=200, sigma_min=0.01)
    torch.testing.assert_close(flow[:-1] / (1 - flow[:-1]), plain[:-1], rtol=1e-11, atol=0)
    assert flow[0].item() == pytest.approx(200 / 201, rel=1e-12)


def test_shifted_levels_at_pinned_points():
    sigmas = shifted_sigmas(35, shift=5)
    assert sigmas[0].item() == pytest.approx(5 * 0.999 / (1 + 4 * 0.999), rel=1e-12)
    assert sigmas[34].item() == pytest.approx(5 * 0.999 / 35 / (1 + 4 * 0.999 / 35), rel=1e-12)


def test_shift_one_changes_nothing_and_shift_moves_the_middle_to_shift_over_one_plus_shift():
    line = torch.linspace(0, 1, 11, dtype=torch.float64)
    torch.testing.assert_close(shift_sigmas(line, 1.0), line, rtol=0, atol=0)
    assert shift_sigmas(line, 5.0)[5].item() == pytest.approx(5 / 6)


def test_the_shift_is_that_of_diffusers():
    line = torch.linspace(0.999, 0, 36, dtype=torch.float64)[:-1]
    theirs = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0
    )
    theirs.set_timesteps(sigmas=line.numpy())
    torch.testing.assert_close(shifted_sigmas(35).float(), theirs.sigmas, rtol=1e-7, atol=0)


def test_karras_flow_levels_are_those_of_diffusers_for_one_level_more():
    theirs = UniPCMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        use_karras_sigmas=True,
        sigma_max=200.0,
        sigma_min=0.01,
    )
    theirs.set_timesteps(sigmas=torch.linspace(1, 0.1, 36).numpy())  # their number alone counts
    torch.testing.assert_close(karras_flow_sigmas(35).float(), theirs.sigmas, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: karras_sigmas(0), "at least 1 step, found 0"),
        (lambda: shifted_sigmas(-3), "at least 1 step, found -3"),
        (lambda: karras_sigmas(5, sigma_min=2.0, sigma_max=1.0), "found 2.0 and 1.0"),
        (lambda: karras_sigmas(5, sigma_min=0.0), "0 < sigma_min"),
        (lambda: shifted_sigmas(5, shift=0.0), "shift must be positive, found 0.0"),
    ],
)
def test_an_impossible_schedule_is_refused(make, message: str):
    with pytest.raises(ConfigError, match=message):
        make()
