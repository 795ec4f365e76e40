"""Exposure and balance: step responses in closed form, limits, and independence of order."""

import numpy as np
import pytest

from rareworld.annotate.lens.config import BalanceConfig, ExposureConfig, SensorConfig
from rareworld.annotate.lens.metering import Metering, balance_gains, sensor_gain
from rareworld.core.seed import Seed

FRAME_S = 1 / 25


def _even(value):
    return np.full((30, 40, 3), value, np.float32)


def test_step_response_is_exponential_in_stops():
    config = ExposureConfig(strength=1.0, range_ev=4.0, key=0.2, seconds_up=1.5, seconds_down=0.4)
    metering = Metering(config, FRAME_S)
    assert metering.follow(_even(0.2)) == pytest.approx(1.0)
    dark = [metering.follow(_even(0.05)) for _ in range(100)]
    time = FRAME_S * np.arange(1, 101)
    np.testing.assert_allclose(np.log2(dark), 2 * (1 - np.exp(-time / 1.5)), atol=1e-6)
    before = np.log2(dark[-1])
    bright = [metering.follow(_even(0.2)) for _ in range(30)]
    expected = before * np.exp(-FRAME_S * np.arange(1, 31) / 0.4)
    np.testing.assert_allclose(np.log2(bright), expected, atol=1e-6)


def test_first_frame_finds_it_settled_within_limits():
    config = ExposureConfig(strength=0.5, range_ev=1.0, key=0.2)
    assert Metering(config, FRAME_S).follow(_even(0.1)) == pytest.approx(2**0.5)
    assert Metering(config, FRAME_S).follow(_even(1e-5)) == pytest.approx(2.0)
    assert Metering(config, FRAME_S).follow(_even(30.0)) == pytest.approx(0.5)
    assert Metering(None, FRAME_S).follow(_even(30.0)) == 1.0


def test_one_lamp_does_not_close_the_iris():
    config = ExposureConfig(strength=1.0, range_ev=3.0, key=0.2)
    lamp = _even(0.2)
    lamp[15, 20] = 1e4
    assert Metering(config, FRAME_S).follow(lamp) == pytest.approx(1.0, abs=0.02)


def test_balance_keeps_the_product_and_drifts_as_told():
    time = np.arange(0, 400, 0.1)
    gains = balance_gains(BalanceConfig(warmth=0.1, drift=0.02), Seed(1), time)
    np.testing.assert_allclose(gains.prod(axis=1), 1.0, rtol=1e-12)
    warmth = np.log(gains[:, 0] / gains[:, 2])
    assert warmth.mean() == pytest.approx(0.1, abs=0.005)
    assert warmth.std() == pytest.approx(0.02, rel=0.2)
    assert np.abs(np.diff(warmth)).max() < 0.005
    np.testing.assert_array_equal(balance_gains(None, Seed(1), time), 1.0)


def test_gain_follows_exposure_up_to_its_limit():
    config = SensorConfig(base_exposure=2.0, most_gain=16.0)
    assert sensor_gain(config, 1.0) == (1.0, 1.0)
    assert sensor_gain(config, 8.0) == (4.0, 1.0)
    assert sensor_gain(config, 64.0) == (16.0, 0.5)
    assert sensor_gain(SensorConfig(gain=5.0), 64.0) == (5.0, 1.0)
