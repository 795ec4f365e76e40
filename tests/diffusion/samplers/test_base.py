"""What samplers accept, and that both report and type as promised."""

import pytest
import torch

from rareworld.diffusion.samplers.ab2 import sample_ab2
from rareworld.diffusion.samplers.unipc import sample_unipc
from rareworld.diffusion.schedule import karras_flow_sigmas, karras_sigmas
from rareworld.errors import ConfigError

SAMPLERS = [(sample_ab2, karras_sigmas(6)), (sample_unipc, karras_flow_sigmas(6))]
IDS = ["ab2", "unipc"]


@pytest.mark.parametrize(("sample", "sigmas"), SAMPLERS, ids=IDS)
def test_the_network_is_evaluated_once_a_level_and_the_report_counts_it(sample, sigmas):
    seen, told = [], []
    sample(
        lambda x, sigma: seen.append(sigma) or x * 0,
        torch.ones(1, 2),
        sigmas,
        on_step=lambda done, total: told.append((done, total)),
    )
    assert seen == sigmas[:-1].tolist()
    assert told == [(i + 1, 7) for i in range(7)]


@pytest.mark.parametrize(("sample", "sigmas"), SAMPLERS, ids=IDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_network_and_the_caller_see_the_type_of_the_noise(sample, sigmas, dtype):
    types = set()
    out = sample(lambda x, sigma: types.add(x.dtype) or x, torch.ones(1, 2, dtype=dtype), sigmas)
    assert types == {dtype}
    assert out.dtype == dtype


@pytest.mark.parametrize(("sample", "sigmas"), SAMPLERS, ids=IDS)
def test_a_constant_clean_estimate_comes_out_bit_for_bit(sample, sigmas):
    clean = torch.tensor([[0.1, -3.7, 2.0]])
    assert torch.equal(sample(lambda x, sigma: clean, torch.randn(1, 3), sigmas), clean)


@pytest.mark.parametrize(("sample", "sigmas"), SAMPLERS, ids=IDS)
def test_sampling_keeps_no_graph(sample, sigmas):
    weight = torch.ones((), requires_grad=True)
    assert not sample(lambda x, sigma: weight * x, torch.ones(1, 2), sigmas).requires_grad


@pytest.mark.parametrize("sample", [sample_ab2, sample_unipc])
@pytest.mark.parametrize("levels", [[0.9, 0.5], [0.5, 0.9, 0.0], [0.5, 0.5, 0.0], [0.0]])
def test_a_schedule_that_does_not_fall_to_zero_is_refused(sample, levels):
    sigmas = torch.tensor(levels, dtype=torch.float64)
    with pytest.raises(ConfigError, match="must fall strictly to 0"):
        sample(lambda x, sigma: x, torch.ones(1), sigmas)


def test_a_flow_that_starts_at_pure_noise_is_refused():
    with pytest.raises(ConfigError, match="must start below 1, found 1"):
        sample_unipc(lambda x, sigma: x, torch.ones(1), torch.tensor([1.0, 0.5, 0.0]).double())
