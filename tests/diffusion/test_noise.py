"""The starting noise is upstream's, for ever, on every machine."""

import pytest
import torch

from rareworld.diffusion.noise import MAX_SEED, seeded_noise
from rareworld.errors import ConfigError

PINNED = {
    0: [1.7640523, 0.4001572, 0.978738, 2.2408931],
    1: [1.6243454, -0.6117564, -0.5281718, -1.0729686],
    42: [0.4967142, -0.1382643, 0.6476885, 1.5230299],
}
"""First numbers of numpy's legacy stream, as printed in a decade of tutorials."""


@pytest.mark.parametrize("seed", PINNED)
def test_first_numbers_are_those_of_numpys_legacy_generator(seed: int):
    torch.testing.assert_close(
        seeded_noise(seed, (4,)), torch.tensor(PINNED[seed]), rtol=0, atol=5e-7
    )


def test_noise_is_float32_on_the_host_in_the_shape_asked_for():
    noise = seeded_noise(7, (1, 16, 3, 4, 5))
    assert (noise.shape, noise.dtype, noise.device.type) == ((1, 16, 3, 4, 5), torch.float32, "cpu")


def test_noise_is_unit_normal():
    noise = seeded_noise(3, (200_000,)).double()
    assert noise.mean().item() == pytest.approx(0, abs=0.012)
    assert noise.std().item() == pytest.approx(1, abs=0.008)


def test_noise_depends_on_the_seed_and_on_nothing_else():
    first = seeded_noise(5, (2, 3))
    torch.manual_seed(99)
    seeded_noise(6, (1000,))
    assert torch.equal(first, seeded_noise(5, (2, 3)))
    assert not torch.equal(first, seeded_noise(6, (2, 3)))


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1])
def test_a_seed_out_of_range_is_refused(seed: int):
    with pytest.raises(ConfigError, match=f"seed must be from 0 to 4294967295, found {seed}"):
        seeded_noise(seed, (1,))
