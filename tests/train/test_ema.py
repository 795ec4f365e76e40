"""The average is that of Karras's power profile, exactly, and takes the weights' place and back."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from rareworld.errors import ConfigError, StoreError
from rareworld.train.config import EmaConfig
from rareworld.train.ema import PowerEma, beta_at, power_of

CONFIG = EmaConfig(s=0.1)


def parameters(dtype: torch.dtype = torch.float32) -> dict[str, nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    shapes = {"blocks.0.lora_A": (4, 6), "blocks.0.lora_B": (6, 4), "norm": (5,)}
    return {
        name: nn.Parameter(torch.randn(shape, generator=generator).to(dtype))
        for name, shape in shapes.items()
    }


def walk(trained: dict[str, nn.Parameter], step: int) -> None:
    """Set the weights to numbers that a step decides."""
    generator = torch.Generator().manual_seed(100 + step)
    with torch.no_grad():
        for value in trained.values():
            value.copy_(torch.randn(value.shape, generator=generator))


@pytest.mark.parametrize("s", [0.01, 0.05, 0.1, 0.2, 0.27])
def test_the_power_gives_the_profile_its_width(s: float):
    power = power_of(s)
    # the standard deviation of the density (p + 1) t^p on [0, 1]
    mean = (power + 1) / (power + 2)
    variance = (power + 1) / (power + 3) - mean**2
    assert math.sqrt(variance) == pytest.approx(s, rel=1e-9)
    assert power > 0


def test_the_power_of_a_tenth_is_the_papers():
    """Karras et al. 2024: 6.94 for 0.10 and 16.97 for 0.05."""
    assert power_of(0.10) == pytest.approx(6.94, abs=0.005)
    assert power_of(0.05) == pytest.approx(16.97, abs=0.005)


@pytest.mark.parametrize("s", [0.0, -0.1, 0.29, 1.0])
def test_a_width_that_no_profile_has_is_refused(s: float):
    with pytest.raises(ConfigError, match=r"between 0 and 0.2887, found"):
        power_of(s)


@pytest.mark.parametrize("step", [1, 2, 10, 1000, 10**6])
def test_beta_is_upstreams(step: int):
    s = 0.1
    exponent = np.roots([1, 7, 16 - s**-2, 12 - s**-2]).real.max()
    assert beta_at(step, power_of(s)) == pytest.approx(
        (1 - 1 / (step + 1)) ** (exponent + 1), rel=1e-9
    )


def test_the_first_step_keeps_nothing_of_before():
    trained = parameters()
    ema = PowerEma(trained, CONFIG)
    walk(trained, 0)
    ema.update(0)
    for name, average in ema.state_dict().items():
        assert torch.equal(average, trained[name].detach())


@pytest.mark.parametrize("steps", [2, 7, 60])
@pytest.mark.parametrize("s", [0.05, 0.1, 0.2])
def test_the_average_is_the_integral_of_the_profile(steps: int, s: float):
    """Step t weighs the integral of the normalised profile over [t, t + 1]."""
    trained, power = parameters(), power_of(s)
    ema = PowerEma(trained, EmaConfig(s=s))
    expected = {name: torch.zeros(value.shape).double() for name, value in trained.items()}
    for step in range(steps):
        walk(trained, step)
        ema.update(step)
        weight = ((step + 1) ** (power + 1) - step ** (power + 1)) / steps ** (power + 1)
        for name, value in trained.items():
            expected[name] += weight * value.detach().double()
    for name, average in ema.state_dict().items():
        torch.testing.assert_close(average.double(), expected[name], rtol=1e-5, atol=1e-6)


def test_short_weights_are_averaged_in_float32():
    """Steps that bfloat16 cannot tell from nothing add up."""
    trained = {"w": nn.Parameter(torch.ones(8, dtype=torch.bfloat16))}
    ema = PowerEma(trained, CONFIG)
    ema.update(0)
    with torch.no_grad():
        trained["w"].fill_(1 + 2**-7)  # the next number that bfloat16 has
    ema.update(100)
    average = ema.state_dict()["w"]
    kept = beta_at(100, power_of(0.1))
    assert 1 - kept < 0.1
    assert average.dtype == torch.float32
    torch.testing.assert_close(average, torch.full((8,), 1 + (1 - kept) * 2**-7))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_applied_puts_the_average_in_place_and_the_weights_back_bit_for_bit(dtype):
    trained = parameters(dtype)
    ema = PowerEma(trained, CONFIG)
    for step in range(5):
        walk(trained, step)
        ema.update(step)
    before = {name: value.detach().clone() for name, value in trained.items()}
    addresses = [value.data_ptr() for value in trained.values()]
    with ema.applied():
        for name, average in ema.state_dict().items():
            assert torch.equal(trained[name].detach(), average.to(dtype))
            assert not torch.equal(trained[name].detach(), before[name])
    assert all(torch.equal(value.detach(), before[name]) for name, value in trained.items())
    assert [value.data_ptr() for value in trained.values()] == addresses


def test_weights_come_back_from_a_block_that_fails():
    trained = parameters()
    ema = PowerEma(trained, CONFIG)
    walk(trained, 3)
    before = trained["norm"].detach().clone()
    with pytest.raises(ZeroDivisionError), ema.applied():
        _ = 1 / 0
    assert torch.equal(trained["norm"].detach(), before)
    with ema.applied():  # and it can be applied again
        assert not torch.equal(trained["norm"].detach(), before)


def test_an_applied_average_is_neither_updated_nor_applied_twice():
    ema = PowerEma(parameters(), CONFIG)
    with ema.applied():
        with pytest.raises(ConfigError, match="applied already"):
            ema.update(4)
        with pytest.raises(ConfigError, match="applied already"), ema.applied():
            pass


def test_the_average_goes_on_from_a_saved_one():
    whole, first, second = parameters(), parameters(), parameters()
    straight, before, after = (PowerEma(p, CONFIG) for p in (whole, first, second))
    for step in range(6):
        walk(whole, step)
        straight.update(step)
    for step in range(3):
        walk(first, step)
        before.update(step)
    after.load_state_dict({name: value.clone() for name, value in before.state_dict().items()})
    for step in range(3, 6):
        walk(second, step)
        after.update(step)
    for name, average in straight.state_dict().items():
        assert torch.equal(average, after.state_dict()[name])


def test_the_average_has_no_memory_but_its_own():
    trained = parameters()
    ema = PowerEma(trained, CONFIG)
    for name, average in ema.state_dict().items():
        assert average.data_ptr() != trained[name].data_ptr()
        assert not average.requires_grad


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("norm"), r"norm: expected \(5,\), found None"),
        (lambda state: state.update(other=torch.zeros(1)), r"other: expected None, found \(1,\)"),
        (lambda state: state.update(norm=torch.zeros(6)), r"norm: expected \(5,\), found \(6,\)"),
    ],
    ids=["missing", "unknown", "shape"],
)
def test_a_saved_average_of_other_weights_is_refused(change, message: str):
    ema = PowerEma(parameters(), CONFIG)
    state = {name: value.clone() for name, value in ema.state_dict().items()}
    change(state)
    with pytest.raises(StoreError, match=message):
        ema.load_state_dict(state)


def test_nothing_trained_has_no_average():
    with pytest.raises(ConfigError, match="no trained parameter"):
        PowerEma({}, CONFIG)
