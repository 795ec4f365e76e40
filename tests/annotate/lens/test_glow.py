"""Scattered light: none is made or lost, and it falls off."""

import numpy as np
import pytest

from rareworld.annotate.lens.glow import FIRST, scattered, small_light
from rareworld.annotate.render.bands import Bands


def _small(light, threshold=0.0):
    bands = Bands(2)
    out = small_light(light, threshold, bands)
    bands.close()
    return out


def test_small_picture_is_the_mean_above_the_threshold():
    random = np.random.Generator(np.random.Philox(1))
    light = random.uniform(0, 2, (40, 60, 3)).astype(np.float32)
    expected = np.maximum(light - np.float32(0.8), 0).reshape(10, FIRST, 15, FIRST, 3).mean((1, 3))
    np.testing.assert_allclose(_small(light, 0.8), expected, rtol=2e-6, atol=1e-7)
    assert _small(light[:38, :59]).shape == (10, 15, 3)


@pytest.mark.parametrize("streaks", [0, 1, 3])
def test_scattering_keeps_the_sum(streaks):
    light = np.zeros((1024, 1280, 3), np.float32)
    light[497:501, 640:645] = (30, 20, 5)
    small = _small(light)
    found = scattered(small, streaks)
    np.testing.assert_allclose(
        found.sum((0, 1), dtype=float), small.sum((0, 1), dtype=float), rtol=2e-4
    )
    assert (found >= 0).all()


def test_glow_falls_off_on_all_sides():
    small = np.zeros((65, 65, 3), np.float32)
    small[32, 32] = 1
    row = scattered(small)[32, 32:, 0]
    assert (np.diff(row[:28]) <= 1e-7).all()
    assert row[0] > 30 * row[12] > 0
    column = scattered(small)[32:, 32, 0]
    np.testing.assert_allclose(row, column, atol=1e-7)


def test_even_light_stays_even():
    small = np.full((33, 47, 3), 0.5, np.float32)
    found = scattered(small)
    np.testing.assert_allclose(found, 0.5, rtol=1e-6)
