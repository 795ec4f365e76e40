"""The dome's layout and its sums against closed forms and Monte Carlo."""

import numpy as np
import pytest

from rareworld.annotate.world.sky_dome import (
    ambient,
    azimuths,
    directions,
    elevations,
    on_level_card,
    on_upright_cards,
    solid_angles,
)


def even(value: float = 1.0) -> np.ndarray:
    return np.full((96, 256, 3), value)


def card(coefficients: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Return the polynomial of `Daylight.ambient`, written out."""
    x, y, z = normal
    basis = [1, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
    return np.asarray(basis) @ coefficients


def test_rows_run_from_zenith_to_horizon_and_columns_counter_clockwise_from_east():
    way = directions(96, 256)
    assert way[0, 0, 2] > 0.999
    assert 0 < way[-1, 0, 2] < 1e-3
    assert way[-1, 0, 0] > 0.999
    assert way[-1, 64, 1] > 0.999
    assert (np.diff(elevations(96)) < 0).all()
    assert azimuths(256)[0] == pytest.approx(np.pi / 256)
    np.testing.assert_allclose(np.linalg.norm(way, axis=-1), 1)


def test_the_layout_is_the_one_the_record_promises():
    r, c = 17, 101
    up = np.pi / 2 * (1 - (r + 0.5) / 96) ** 2
    turn = 2 * np.pi * (c + 0.5) / 256
    wanted = [np.cos(up) * np.cos(turn), np.cos(up) * np.sin(turn), np.sin(up)]
    assert directions(96, 256)[r, c] == pytest.approx(wanted)


def test_all_cells_together_are_half_a_sphere():
    assert solid_angles(96, 256).sum() * 256 == pytest.approx(2 * np.pi)
    assert solid_angles(7, 9).min() > 0


def test_an_even_sky_lights_level_cards_fully_and_upright_ones_by_half():
    assert on_level_card(even()) == pytest.approx(np.ones(3), rel=2e-3)
    assert on_upright_cards(even()) == pytest.approx(np.full(3, 0.5), rel=2e-3)


def test_the_overcast_sky_of_cie_lights_level_cards_by_seven_ninths():
    sky = even() * ((1 + 2 * directions()[..., 2:]) / 3)
    assert on_level_card(sky) == pytest.approx(np.full(3, 7 / 9), rel=2e-3)


@pytest.mark.parametrize("z", [1.0, 0.5, 0.0, -0.5, -1.0])
def test_even_sky_over_even_ground_gives_their_mix_by_tilt(z):
    """(1 + z) / 2 of the sky and the rest of the ground, exactly (within 3 % for three bands)."""
    normal = np.array([np.sqrt(1 - z * z), 0.0, z])
    found = card(ambient(even(0.8), np.full(3, 0.2)), normal)
    assert found == pytest.approx(np.full(3, 0.8 * (1 + z) / 2 + 0.2 * (1 - z) / 2), abs=0.02)


def smooth_sky(way: np.ndarray) -> np.ndarray:
    glow = np.exp(3 * (way @ np.array([0.6, 0.5, 0.6245]) - 1))
    return np.stack([0.2 + glow, 0.3 + 0.6 * glow, 0.5 + 0.3 * way[..., 2]], axis=-1)


@pytest.mark.parametrize("normal", [(0, 0, 1), (1, 0, 0), (0.6, -0.8, 0), (0.48, 0.6, 0.64)])
def test_ambient_matches_monte_carlo(normal):
    """A million random directions; three bands of harmonics are good for 3 % of the brightest."""
    ground = np.array([0.10, 0.12, 0.05])
    found = card(ambient(smooth_sky(directions()), ground), np.asarray(normal, float))
    way = np.random.default_rng(5).standard_normal((1_000_000, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    seen = np.where(way[:, 2:] > 0, smooth_sky(way), ground)
    facing = np.maximum(way @ np.asarray(normal, float), 0)
    wanted = 4 * (seen * facing[:, None]).mean(axis=0)
    np.testing.assert_allclose(found, wanted, atol=0.03 * wanted.max())
