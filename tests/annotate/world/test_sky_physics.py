"""Air, colours and dome by identities: chords of a sphere, columns, gamut, cards, harmonics."""

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
from rareworld.annotate.world.sky_medium import (
    EARTH_KM,
    TOP_KM,
    Aerosol,
    climb,
    columns,
    density,
    extinction_depths,
    horizon_cosine,
    path_to_top,
    scattering_depths,
    sun_through,
)
from rareworld.annotate.world.sky_spectrum import (
    LUMINANCE,
    OZONE_DEPTH,
    RAYLEIGH_DEPTH,
    TO_SRGB,
    WAVELENGTH_UM,
    into_gamut,
    srgb,
)

RANDOM = np.random.Generator(np.random.Philox(55))
HEIGHTS = np.array([0.0, 0.5, 3.0, 12.0, 40.0, 90.0])
UPS = np.linspace(0.0, 1.0, 11)
CLEAN = Aerosol(depth=0.1)


@pytest.mark.parametrize("height", HEIGHTS.tolist())
def test_a_ray_climbs_on_a_circle_and_ends_at_the_top(height):
    """Law of cosines: the end of the path is TOP_KM above the ground, straight up the rest."""
    up = UPS
    length = path_to_top(np.full_like(up, height), up)
    for k, cosine in enumerate(up):
        start = np.array([0.0, EARTH_KM + height])
        way = np.array([np.sqrt(1 - cosine**2), cosine])
        end = start + length[k] * way
        assert np.linalg.norm(end) - EARTH_KM == pytest.approx(TOP_KM, abs=1e-6)
        middle = start + 0.4 * length[k] * way
        found = climb(np.array([height]), np.array([cosine]), np.array([0.4 * length[k]]))
        assert found[0] == pytest.approx(np.linalg.norm(middle) - EARTH_KM, abs=1e-6)
    assert length[-1] == pytest.approx(TOP_KM - height)


def test_the_horizon_sinks_with_height_by_the_tangent():
    assert horizon_cosine(np.zeros(1))[0] == 0
    dips = np.degrees(np.arcsin(-horizon_cosine(HEIGHTS)))
    assert (np.diff(dips) > 0).all()
    np.testing.assert_allclose(
        dips, np.degrees(np.arccos(EARTH_KM / (EARTH_KM + HEIGHTS))), atol=1e-9
    )
    # from an airliner at 12 km it is 3.5 degrees below level
    assert dips[3] == pytest.approx(3.5, abs=0.05)


def test_air_and_haze_thin_out_upward_and_ozone_lies_in_a_layer():
    parts = density(np.linspace(0, 99, 400))
    assert (parts >= 0).all()
    assert (np.diff(parts[:, 0]) < 0).all()
    assert (np.diff(parts[:, 1]) <= 0).all()
    peak = np.linspace(0, 99, 400)[parts[:, 2].argmax()]
    assert 18 < peak < 30, "the ozone layer is at 20 to 25 km"
    # each is one vertical column in all
    fine = (np.arange(20_000) + 0.5) * TOP_KM / 20_000
    np.testing.assert_allclose(density(fine).sum(axis=0) * TOP_KM / 20_000, 1, atol=2e-3)


@pytest.mark.parametrize("up", [1.0, 0.7, 0.3])
def test_columns_above_a_flat_earth_are_the_secant(up):
    np.testing.assert_allclose(columns(np.zeros(1), np.array([up]))[0, :2], 1 / up, rtol=0.02)


def test_columns_shrink_with_height_and_grow_to_the_horizon():
    table = columns(HEIGHTS[:, None], np.maximum(UPS, 0.02)[None])
    assert (np.diff(table[..., 0], axis=0) < 0).all()
    assert (np.diff(table[..., 0], axis=1) < 0).all()


@pytest.mark.parametrize("depth", [0.05, 0.12, 1.0])
def test_no_more_is_scattered_than_is_lost(depth):
    haze = Aerosol(depth=depth)
    lost, sent = extinction_depths(haze), scattering_depths(haze)
    assert (sent <= lost + 1e-15).all()
    np.testing.assert_array_equal(sent[0], RAYLEIGH_DEPTH)
    assert not sent[2].any()
    np.testing.assert_array_equal(lost[2], OZONE_DEPTH)


def test_molecules_scatter_by_the_inverse_fourth_power():
    slope = np.polyfit(np.log(WAVELENGTH_UM), np.log(RAYLEIGH_DEPTH), 1)[0]
    assert slope == pytest.approx(-4.08, abs=0.05)


@pytest.mark.parametrize("up", UPS[1:].tolist())
def test_sunlight_loses_more_blue_than_red_and_never_gains(up):
    left = sun_through(np.zeros(1), np.array([up]), CLEAN)[0]
    assert (left > 0).all()
    assert (left < 1).all()
    assert left[-1] > left[0]


def test_sunlight_grows_with_height_and_with_the_suns_height():
    table = sun_through(HEIGHTS[:, None], UPS[None, 1:], CLEAN)
    assert (np.diff(table, axis=0) > 0).all()
    assert (np.diff(table, axis=1) > 0).all()
    np.testing.assert_allclose(table[-1], 1, atol=2e-3)


# colours


def test_colours_are_linear_in_light_and_stay_in_gamut():
    spectra = RANDOM.uniform(0, 2, (50, len(WAVELENGTH_UM)))
    found = srgb(spectra)
    assert (found >= 0).all()
    np.testing.assert_allclose(srgb(3 * spectra), 3 * found, rtol=1e-9)
    inside = (spectra @ TO_SRGB.T).min(axis=1) >= 0
    np.testing.assert_allclose(found[inside], (spectra @ TO_SRGB.T)[inside], rtol=1e-9)


@pytest.mark.parametrize("k", range(11))
def test_single_wavelengths_are_paled_but_keep_brightness(k):
    """A spectral line is outside sRGB; its luminance is that of the matching function y."""
    line = np.eye(11)[k]
    raw = line @ TO_SRGB.T
    found = into_gamut(raw)
    assert found.min() >= 0
    if raw @ LUMINANCE > 0:
        assert found @ LUMINANCE == pytest.approx(raw @ LUMINANCE, rel=1e-6)
    assert int(found.argmax()) == int(raw.argmax())


def test_colours_that_are_in_gamut_are_left_alone_and_black_stays_black():
    colours = RANDOM.uniform(0, 5, (40, 3))
    np.testing.assert_allclose(into_gamut(colours), colours, rtol=1e-12)
    assert not into_gamut(np.zeros(3)).any()


# dome


@pytest.mark.parametrize("size", [(24, 48), (96, 256), (10, 7)])
def test_cells_tile_the_half_sphere(size):
    rows, cols = size
    assert solid_angles(rows, cols).sum() * cols == pytest.approx(2 * np.pi)
    assert (solid_angles(rows, cols) > 0).all()
    ways = directions(rows, cols)
    np.testing.assert_allclose(np.linalg.norm(ways, axis=-1), 1)
    np.testing.assert_allclose(
        np.arcsin(ways[..., 2]), np.broadcast_to(elevations(rows)[:, None], size)
    )
    around = np.arctan2(ways[..., 1], ways[..., 0]) % (2 * np.pi)
    np.testing.assert_allclose(around, np.broadcast_to(azimuths(cols), size))


@pytest.mark.parametrize("power", [0, 1, 2, 4])
def test_cards_under_a_sky_that_goes_with_sine_get_the_closed_form(power):
    """Level: 2 / (n + 2). Upright: mean over all sides of (2 / pi) B((n + 1) / 2, 3 / 2) / 2."""
    sky = np.repeat((np.sin(elevations(400)) ** power)[:, None, None], 16, axis=1)
    sky = np.repeat(sky, 3, axis=2)
    np.testing.assert_allclose(on_level_card(sky), 2 / (power + 2), rtol=2e-3)
    e = (np.arange(20_000) + 0.5) / 20_000 * np.pi / 2
    upright = (np.sin(e) ** power * np.cos(e) ** 2).sum() * (np.pi / 2 / 20_000) * 2 / np.pi
    np.testing.assert_allclose(on_upright_cards(sky), upright, rtol=2e-3)


def test_turning_the_sky_by_a_quarter_turns_its_harmonics():
    sky = RANDOM.uniform(0, 1, (24, 64, 3))
    ground = np.array([0.1, 0.2, 0.3])
    here, there = ambient(sky, ground), ambient(np.roll(sky, 16, axis=1), ground)
    # 1, y, z, x, xy, yz, 3zz-1, xz, xx-yy: x -> y, y -> -x
    turned = here[[0, 3, 2, 1, 4, 7, 6, 5, 8]] * np.array([1, 1, 1, -1, -1, 1, 1, -1, -1])[:, None]
    np.testing.assert_allclose(there, turned, atol=1e-12)


def test_ambient_light_is_linear_in_sky_and_ground():
    sky, other = RANDOM.uniform(0, 1, (2, 12, 20, 3))
    ground = np.array([0.1, 0.2, 0.3])
    both = ambient(sky + 2 * other, 3 * ground)
    np.testing.assert_allclose(both, ambient(sky, ground) + 2 * ambient(other, ground), atol=1e-12)
