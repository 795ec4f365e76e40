"""The rate's factor is upstream's where upstream has one, and defined where it has none."""

from itertools import pairwise

import pytest

from rareworld.errors import ConfigError
from rareworld.train.config import ScheduleConfig
from rareworld.train.schedule import factor

TRAFFIC = ScheduleConfig()
"""Seed 000's: warm-up 2000, cycle 400,000, 0.6 down to 0.3."""
SPORTS = ScheduleConfig(warm_up=2000, cycle=100_000, f_max=0.5, f_min=0.2)
BASE25 = ScheduleConfig(warm_up=100, cycle=400_000, f_max=0.99, f_min=0.4)


def upstream(n: int, config: ScheduleConfig) -> float:
    """`LambdaLinearScheduler.schedule` with one cycle, operation by operation."""
    if n < config.warm_up:
        return (config.f_max - config.f_start) / config.warm_up * n + config.f_start
    return config.f_min + (config.f_max - config.f_min) * (config.cycle - n) / (
        config.cycle - config.warm_up
    )


@pytest.mark.parametrize("config", [TRAFFIC, SPORTS, BASE25], ids=["000", "004", "2.5 base"])
@pytest.mark.parametrize("part", [0, 1e-5, 0.0025, 0.005, 0.02, 0.3, 0.99999, 1])
def test_the_factor_is_upstreams(config: ScheduleConfig, part: float):
    step = round(part * config.cycle)
    assert factor(step, config) == pytest.approx(upstream(step, config), rel=1e-12)


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 1e-6), (1000, 0.5 * (1e-6 + 0.6)), (2000, 0.6), (201_000, 0.45), (400_000, 0.3)],
)
def test_seed_000_rises_to_six_tenths_and_falls_to_three(step: int, expected: float):
    assert factor(step, TRAFFIC) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("beyond", [1, 1000, 10**12])
def test_the_factor_stays_at_its_end_where_upstream_crashes(beyond: int):
    assert factor(TRAFFIC.cycle + beyond, TRAFFIC) == TRAFFIC.f_min


def test_the_factor_has_no_jump():
    steps = [factor(step, ScheduleConfig(warm_up=50, cycle=200)) for step in range(300)]
    slopes = [abs(b - a) for a, b in pairwise(steps)]
    assert max(slopes) < 0.6 / 50 + 1e-12


def test_without_warm_up_the_first_step_has_the_largest_factor():
    config = ScheduleConfig(warm_up=0, cycle=10)
    assert factor(0, config) == config.f_max


def test_the_1000_steps_of_upstreams_lora_experiments_never_leave_the_warm_up():
    """What the facts say of them: the rate peaks at a quarter of the nominal one."""
    assert factor(999, SPORTS) == pytest.approx(0.25, rel=2e-3)


@pytest.mark.parametrize(("warm_up", "cycle"), [(2000, 2000), (2000, 100), (1, 1)])
def test_a_cycle_that_ends_before_its_warm_up_is_refused(warm_up: int, cycle: int):
    with pytest.raises(ConfigError, match=rf"warm_up {warm_up} must be less than .*cycle {cycle}"):
        ScheduleConfig(warm_up=warm_up, cycle=cycle)


def test_a_step_before_the_first_is_refused():
    with pytest.raises(ConfigError, match="count from 0, found -1"):
        factor(-1, TRAFFIC)
