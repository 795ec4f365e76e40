"""Panorama, blurred copies, airlight and ambient against numpy twins."""

from dataclasses import replace

import numpy as np
import pytest

from annotate.render import twins
from rareworld.annotate.render.sky import (
    BLURRED_ROUGHNESS,
    airlight,
    airlight_of,
    ambient,
    blurred_copies,
    directions_of,
    mirrored,
    panorama_at,
    resampled,
    sky_of,
    sky_radiance,
    soft_sky,
)
from rareworld.annotate.world.model import Air
from tests.annotate.render.shapes import SUN, daylight

RANDOM = np.random.Generator(np.random.Philox(21))
WAYS = twins.unit(RANDOM.normal(size=(60, 3)))


@pytest.fixture(scope="module")
def light():
    picture = RANDOM.uniform(0.1, 1.0, (32, 64, 3)).astype(np.float32)
    coefficients = RANDOM.uniform(-0.1, 0.1, (9, 3)).astype(np.float32)
    coefficients[0] += 0.5
    return replace(daylight(), panorama=picture, ambient=coefficients)


@pytest.fixture(scope="module")
def sky(light):
    return sky_of(light, Air(colour=(1.0, 0.9, 0.7)), 1.0)


def test_sky_is_the_bilinear_panorama(light, sky):
    for way in WAYS:
        expected = twins.panorama(light.panorama, way)
        np.testing.assert_allclose(panorama_at(sky.panorama, 0, *way), expected, atol=1e-6)


def test_the_sun_stands_where_it_is_and_nowhere_below(light, sky):
    np.testing.assert_allclose(sky_radiance(sky, *SUN), twins.sky(light, np.array(SUN)), rtol=1e-6)
    assert min(sky_radiance(sky, *SUN)) > 20
    below = tuple(np.array(SUN) * [1, 1, -1])
    assert max(sky_radiance(sky, *below)) <= 1.0


def test_directions_point_at_the_cells():
    ways = directions_of(16, 24)
    np.testing.assert_allclose(np.linalg.norm(ways, axis=2), 1)
    rows, columns = twins.place(ways, 16, 24)
    np.testing.assert_allclose(rows, np.arange(16)[:, None] + np.zeros((16, 24)), atol=1e-9)
    np.testing.assert_allclose(columns, np.arange(24)[None] + np.zeros((16, 24)), atol=1e-9)


def test_resampling_keeps_the_mean_of_even_cells():
    picture = RANDOM.uniform(size=(48, 128, 3)).astype(np.float32)
    small = resampled(picture, (24, 64))
    np.testing.assert_allclose(small[3, 5], picture[6:8, 10:12].mean(axis=(0, 1)), rtol=1e-5)


def test_blurred_copies_keep_an_even_sky_and_spread_a_bright_spot():
    even = np.full((24, 48, 3), 0.7, np.float32)
    np.testing.assert_allclose(blurred_copies(even, np.full(3, 0.7)), 0.7, rtol=1e-5)
    spot = np.full((24, 48, 3), 0.1, np.float32)
    spot[8, 20] = 50.0
    copies = blurred_copies(spot, np.full(3, 0.1))
    peaks = copies[..., 0].max(axis=(1, 2))
    assert peaks[0] > peaks[1] > peaks[2] > 0.1
    row, column = np.unravel_index(copies[0, ..., 0].argmax(), copies.shape[1:3])
    assert abs(row / 16 - 8.5 / 24) < 0.06
    assert abs(column / 48 - 20.5 / 48) < 0.04


@pytest.mark.parametrize("rough", [0.0, 0.06, 0.1, 0.15, 0.22, 0.5, 0.7, 1.0])
def test_rough_mirrors_lie_between_the_copies(light, sky, rough):
    for way in WAYS[WAYS[:, 2] > 0][:12]:
        expected = twins.soft_sky(light, rough, way)
        np.testing.assert_allclose(soft_sky(sky, rough, *way), expected, atol=2e-6)
    assert BLURRED_ROUGHNESS == (0.15, 0.35, 0.7)


def test_mirrors_that_look_down_see_the_ground(light, sky):
    assert mirrored(sky, 0.05, 0.6, 0.0, -0.8, 1.0) == pytest.approx(light.ground)
    up = mirrored(sky, 0.05, 0.0, 0.6, 0.8, 1.0)
    np.testing.assert_allclose(up, twins.panorama(light.panorama, np.array([0, 0.6, 0.8])), 1e-5)


def test_air_is_bright_where_the_sky_above_it_is():
    picture = np.full((32, 64, 3), 0.2, np.float32)
    picture[:, 12:20] = 1.0
    light = replace(daylight(), panorama=picture)
    sky = sky_of(light, Air(colour=(1.0, 0.9, 0.7)), 1.0)
    turn = 2 * np.pi * 16 / 64
    towards = airlight(sky, float(np.cos(turn)), float(np.sin(turn)))
    away = airlight(sky, float(-np.cos(turn)), float(-np.sin(turn)))
    assert towards[0] > 0.7
    assert away[0] == pytest.approx(0.2, abs=0.01)
    table = airlight_of(picture)
    assert table.min() >= 0.2 - 1e-6
    assert table.max() <= 1 + 1e-6


def test_air_under_an_even_sky_is_the_twins():
    light = daylight()
    sky = sky_of(light, Air(), 1.0)
    for x, y in ((1, 0), (0, 1), (-0.6, 0.8), (-0.6, -0.8), (0.1, -0.99), (0, 0)):
        np.testing.assert_allclose(airlight(sky, float(x), float(y)), twins.airlight(light), 1e-6)


@pytest.mark.parametrize("open_sky", [1.0, 0.5, 0.0])
def test_ambient_is_the_polynomial_of_the_twin(light, sky, open_sky):
    expected = twins.ambient(light, WAYS, np.full(len(WAYS), open_sky))
    found = [ambient(sky, *(float(v) for v in way), open_sky) for way in WAYS]
    np.testing.assert_allclose(found, expected, atol=1e-6)
