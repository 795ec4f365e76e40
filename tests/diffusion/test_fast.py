"""Less work only where asked for, counted as it is, and off means bit for bit the same."""

from dataclasses import dataclass

import pytest
import torch

from rareworld.data.config import Config
from rareworld.diffusion.fast import EDM_SPACE, FLOW_SPACE, FastMode, Space, speed_up
from rareworld.diffusion.samplers.ab2 import sample_ab2
from rareworld.diffusion.samplers.unipc import sample_unipc
from rareworld.diffusion.schedule import karras_flow_sigmas, karras_sigmas, shifted_sigmas
from rareworld.errors import ConfigError
from tests.diffusion.gaussian import EdmGaussian, FlowGaussian, FlowMixture


class Counted:
    """A denoiser that counts its calls, apart from what `Work` says."""

    def __init__(self, denoise):
        self.denoise, self.sigmas = denoise, []

    def __call__(self, x, sigma):
        self.sigmas.append(sigma)
        return self.denoise(x, sigma)


@dataclass(frozen=True)
class Family:
    sample: object
    sigmas: torch.Tensor
    space: Space
    target: object


FAMILIES = {
    "edm": Family(sample_ab2, karras_sigmas(35), EDM_SPACE, EdmGaussian()),
    "flow": Family(sample_unipc, karras_flow_sigmas(35), FLOW_SPACE, FlowGaussian()),
}


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES)
def family(request) -> Family:
    return request.param


@pytest.fixture
def noise():
    return torch.randn(2, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def run(family: Family, noise, mode: FastMode, guided_shift: float = 0.0):
    """Return sample, work, and both counted denoisers."""
    plain = Counted(family.target.denoise)
    guided = Counted(lambda x, sigma: family.target.denoise(x, sigma) + guided_shift)
    denoise, work = speed_up(guided, plain, mode, family.space)
    return family.sample(denoise, noise, family.sigmas), work, guided, plain


def test_the_default_mode_is_the_guided_denoiser_bit_for_bit(family, noise):
    sample, work, guided, plain = run(family, noise, FastMode(), guided_shift=0.3)
    exact = family.sample(guided.denoise, noise, family.sigmas)
    assert torch.equal(sample, exact)
    assert (work.guided, work.unguided, work.reused) == (36, 0, 0)
    assert (len(guided.sigmas), plain.sigmas) == (36, [])


def test_a_tolerance_too_small_to_reuse_anything_changes_no_bit(family, noise):
    sample, work, *_ = run(family, noise, FastMode(cache_tolerance=1e-300))
    assert torch.equal(sample, family.sample(family.target.denoise, noise, family.sigmas))
    assert work.reused == 0


def test_guidance_is_evaluated_inside_its_interval_and_nowhere_else(family, noise):
    _, work, guided, plain = run(family, noise, FastMode(guide_from=0.2, guide_to=0.8))
    assert all(0.2 <= family.space.time(sigma) <= 0.8 for sigma in guided.sigmas)
    assert all(not 0.2 <= family.space.time(sigma) <= 0.8 for sigma in plain.sigmas)
    assert (work.guided, work.unguided) == (len(guided.sigmas), len(plain.sigmas))
    assert work.guided + work.unguided == 36
    assert work.evaluations == 2 * len(guided.sigmas) + len(plain.sigmas)
    assert min(work.guided, work.unguided) > 0


def test_without_guidance_every_step_counts_one_evaluation(family, noise):
    denoise, work = speed_up(None, family.target.denoise, FastMode(), family.space)
    family.sample(denoise, noise, family.sigmas)
    assert (work.guided, work.unguided, work.evaluations) == (0, 36, 36)


@pytest.mark.parametrize("tolerance", [0.01, 0.05, 0.2, 10.0])
def test_work_counts_what_was_really_computed(family, noise, tolerance: float):
    mode = FastMode(cache_tolerance=tolerance, guide_to=0.9)
    _, work, guided, plain = run(family, noise, mode)
    assert (work.guided, work.unguided) == (len(guided.sigmas), len(plain.sigmas))
    assert work.guided + work.unguided + work.reused == 36


def test_more_tolerance_is_less_work_and_more_error(family, noise):
    exact = family.sample(family.target.denoise, noise, family.sigmas)
    reused, errors = [], []
    for tolerance in (0.005, 0.05, 0.5):
        sample, work, *_ = run(family, noise, FastMode(cache_tolerance=tolerance))
        reused.append(work.reused)
        errors.append((sample - exact).norm() / exact.norm())
    assert reused == sorted(reused)
    assert reused[-1] > 0
    assert errors == sorted(errors)
    assert errors[0] < 0.02


def test_the_last_passes_and_the_first_two_are_always_computed(family, noise):
    mode = FastMode(cache_tolerance=1e9, cache_from=0.1, longest_reuse=100)
    _, _, guided, _ = run(family, noise, mode)
    levels = family.sigmas[:-1].tolist()
    late = [sigma for sigma in levels if family.space.time(sigma) < 0.1]
    assert guided.sigmas == [*levels[:2], *late]
    assert late


def test_no_more_steps_in_a_row_are_left_out_than_allowed(family, noise):
    mode = FastMode(cache_tolerance=1e9, cache_from=0.0, longest_reuse=2)
    _, work, guided, _ = run(family, noise, mode)
    assert guided.sigmas == [*family.sigmas[:2].tolist(), *family.sigmas[4:-1:3].tolist()]
    assert work.reused == 36 - len(guided.sigmas)


@pytest.mark.parametrize("space", [EDM_SPACE, FLOW_SPACE], ids=["edm", "flow"])
def test_a_velocity_that_does_not_change_costs_nothing_to_reuse(space, noise):
    """On a straight path, one point and one noise, the cache is exact."""
    clean = torch.ones_like(noise)
    sigmas = [0.9, 0.7, 0.5, 0.3]
    computed = Counted(lambda x, sigma: clean)
    denoise, work = speed_up(None, computed, FastMode(cache_tolerance=1e-6), space)
    for sigma in sigmas:
        x = clean + sigma * noise if space is EDM_SPACE else (1 - sigma) * clean + sigma * noise
        torch.testing.assert_close(denoise(x, sigma), clean, rtol=0, atol=1e-12)
    assert (work.reused, len(computed.sigmas)) == (2, 2)


def test_ranks_that_hold_parts_of_a_sample_decide_by_its_total(noise):
    told = []

    def total(parts):
        told.append(parts.shape)
        return torch.tensor([0.0, 1.0], dtype=torch.float64)  # the other rank says: no change

    target = FlowGaussian()
    denoise, work = speed_up(
        None, target.denoise, FastMode(cache_tolerance=1e-9), FLOW_SPACE, sum_over_ranks=total
    )
    sample_unipc(denoise, noise, karras_flow_sigmas(35))
    assert set(told) == {(2,)}
    assert work.reused > 15


def test_each_sample_starts_with_an_empty_cache(family, noise):
    mode = FastMode(cache_tolerance=0.1)
    first = run(family, noise, mode)
    again = run(family, noise, mode)
    assert torch.equal(first[0], again[0])
    assert first[1] == again[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"guide_from": 0.8, "guide_to": 0.2}, "found 0.8 and 0.2"),
        ({"cache_tolerance": -1}, "cache_tolerance"),
        ({"longest_reuse": 0}, "longest_reuse"),
        ({"cache_tolerence": 0.1}, "did you mean 'cache_tolerance'"),
    ],
)
def test_a_mode_that_makes_no_sense_is_refused(values, message: str):
    assert issubclass(FastMode, Config)
    with pytest.raises(ConfigError, match=message):
        FastMode.parse(values)


def test_steps_are_left_out_while_rate_times_steps_stays_under_the_tolerance():
    """Velocity 1.00, then 1.01: a rate of 0.0099, so 2 steps fit into 0.025. Then 1.06 after 3
    steps: a rate of 0.0157, so 1 step fits."""
    velocities = iter([1.0, 1.01, 1.06, 1.0601])
    computed = Counted(lambda x, sigma: x - sigma * next(velocities))
    denoise, work = speed_up(None, computed, FastMode(cache_tolerance=0.025), FLOW_SPACE)
    x = torch.zeros(1, 4, dtype=torch.float64)
    answers = [-denoise(x, sigma)[0, 0].item() / sigma for sigma in (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)]
    assert answers == pytest.approx([1.0, 1.01, 1.01, 1.01, 1.06, 1.06])
    assert computed.sigmas == [0.9, 0.8, 0.5]
    assert (work.unguided, work.reused) == (3, 3)
    denoise(x, 0.3)
    assert computed.sigmas[-1] == 0.3


@pytest.mark.parametrize("schedule", [shifted_sigmas, karras_flow_sigmas])
def test_at_equal_work_the_cache_is_closer_than_fewer_steps(schedule):
    """On a mixture, whose paths bend: less than half the median error, for no more evaluations."""
    target = FlowMixture()
    noise = torch.randn(128, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    exact = sample_unipc(target.denoise, noise, schedule(35))

    denoise, work = speed_up(None, target.denoise, FastMode(cache_tolerance=0.04), FLOW_SPACE)
    cached = sample_unipc(denoise, noise, schedule(35))
    levels = schedule(24)
    fewer = sample_unipc(target.denoise, noise, levels)

    assert work.evaluations <= len(levels) - 1
    median = [(sample - exact).norm(dim=1).median() for sample in (cached, fewer)]
    assert median[0] < 0.5 * median[1]
