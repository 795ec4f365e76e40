"""The clear sky against published figures, closed forms and a slow twin."""

from itertools import pairwise

import numpy as np
import pytest

from rareworld.annotate.world import sky_medium
from rareworld.annotate.world.sky import clear_sky, phase_aerosol, phase_rayleigh, town_glow
from rareworld.annotate.world.sky_dome import elevations, on_level_card
from rareworld.annotate.world.sky_medium import (
    EARTH_KM,
    TOP_KM,
    Aerosol,
    columns,
    density,
    direct_sun,
    extinction_depths,
    many_times,
    path_to_top,
    sun_through,
)
from rareworld.annotate.world.sky_spectrum import (
    LUMINANCE,
    RAYLEIGH_DEPTH,
    SUN_TOP,
    TO_SRGB,
    UNIT_LUX,
    WAVELENGTH_UM,
    into_gamut,
    srgb,
)

AIR = Aerosol(depth=0.08)


def towards(elevation_deg: float, azimuth_deg: float = 0.0) -> tuple[float, float, float]:
    up, turn = np.radians([elevation_deg, azimuth_deg])
    flat = np.cos(up)
    return float(flat * np.cos(turn)), float(flat * np.sin(turn)), float(np.sin(up))


def at(value: float) -> np.ndarray:
    return np.array([float(value)])


def lux(colour: np.ndarray) -> float:
    return float(colour @ LUMINANCE) * UNIT_LUX


def level_lux(elevation_deg: float, air: Aerosol = AIR) -> float:
    """Return what a level card gets from sun and sky."""
    sun = towards(elevation_deg)
    direct = srgb(direct_sun(float(np.radians(elevation_deg)), air)) * max(sun[2], 0.0)
    return lux(on_level_card(clear_sky(sun, air)) + direct)


def kasten_young(elevation_deg: float) -> float:
    """Return the relative air mass (Kasten & Young 1989)."""
    rise = (elevation_deg + 6.07995) ** -1.6364
    return 1 / (np.sin(np.radians(elevation_deg)) + 0.50572 * rise)


# --- spectrum


def test_the_sun_above_the_air_gives_133_klx_as_published():
    """Darula, Kittler & Gueymard (2005): 133.3 klx."""
    assert lux(SUN_TOP @ TO_SRGB.T) == pytest.approx(133_300, rel=0.03)


def test_rayleigh_depth_at_550_nm_is_the_published_one():
    """Bodhaine et al. (1999), standard air at sea level: 0.0971."""
    found = np.interp(0.55, WAVELENGTH_UM, RAYLEIGH_DEPTH)
    assert found == pytest.approx(0.0971, rel=0.02)


def test_colours_out_of_gamut_are_paled_and_stay_as_bright():
    vivid = np.array([[0.8, 0.1, -0.2], [0.3, 0.3, 0.3]])
    pale = into_gamut(vivid)
    assert pale.min() >= 0
    assert pale @ LUMINANCE == pytest.approx(vivid @ LUMINANCE)
    assert pale[1] == pytest.approx(vivid[1])


# --- medium


def test_a_vertical_ray_crosses_one_column_of_each_species():
    assert columns(at(0.0), at(1.0))[0] == pytest.approx(np.ones(3), rel=2e-3)


@pytest.mark.parametrize(
    ("elevation", "tolerance"),
    [(60.0, 0.003), (30.0, 0.005), (10.0, 0.015), (5.0, 0.03), (2.0, 0.06), (1.0, 0.08)],
)
def test_columns_of_air_follow_kasten_and_young(elevation, tolerance):
    """They include the bending of rays, we do not: 8 % at one degree."""
    found = columns(at(0.0), at(np.sin(np.radians(elevation))))[0, 0]
    assert found == pytest.approx(kasten_young(elevation), rel=tolerance)


@pytest.mark.parametrize("height", [0.0, 3.0, 20.0])
@pytest.mark.parametrize("up", [1.0, 0.3, 0.02])
def test_column_table_matches_fine_sums(height, up):
    length = float(path_to_top(at(height), at(up))[0])
    edge = np.linspace(0, 1, 20_001) ** 2 * length
    way, step = (edge[1:] + edge[:-1]) / 2, np.diff(edge)
    radius = EARTH_KM + height
    high = np.sqrt(radius**2 + way**2 + 2 * radius * up * way) - EARTH_KM
    wanted = (density(high) * step[:, None]).sum(axis=0)
    assert columns(at(height), at(up))[0] == pytest.approx(wanted, rel=0.015, abs=1e-5)


def test_sunlight_overhead_is_thinned_as_by_beer_and_lambert():
    wanted = np.exp(-extinction_depths(AIR).sum(axis=0))
    assert sun_through(at(0.0), at(1.0), AIR)[0] == pytest.approx(wanted, rel=2e-3)


def test_the_earth_hides_the_sun_from_the_ground_but_not_from_high_clouds():
    below = at(np.sin(np.radians(-1.0)))
    assert sun_through(at(0.0), below, AIR).max() == 0
    assert sun_through(at(9.0), below, AIR).max() > 0.05
    assert sun_through(at(9.0), at(np.sin(np.radians(-4.0))), AIR).max() == 0


def test_more_aerosol_takes_more_light_and_more_blue():
    hazy, clean = (direct_sun(0.5, Aerosol(depth=depth)) for depth in (0.4, 0.05))
    assert (hazy < clean).all()
    assert hazy[0] / hazy[-1] < clean[0] / clean[-1]


def test_light_scattered_often_is_more_over_bright_ground_and_over_none_at_night():
    dark, bright = (many_times(AIR, albedo) for albedo in (0.0, 0.8))
    assert (bright >= dark - 1e-15).all()
    assert bright[0, -1].sum() > 1.5 * dark[0, -1].sum()
    assert dark[0, 0].max() == 0


# --- sky


def single_scattering(way, sun, air) -> tuple[np.ndarray, np.ndarray]:
    """Return what molecules and aerosol send to the eye: plain sums with fine steps."""
    length = float(path_to_top(at(0.01), at(way[2]))[0])
    edge = np.linspace(0, 1, 1501) ** 3 * length
    eye = np.array([0.0, 0.0, EARTH_KM + 0.01])
    extinct = extinction_depths(air)
    depth = np.zeros(len(SUN_TOP))
    out = np.zeros((2, len(SUN_TOP)))
    for a, b in pairwise(edge.tolist()):
        point = eye + (a + b) / 2 * np.asarray(way)
        far = float(np.linalg.norm(point))
        mass = density(at(far - EARTH_KM))[0]
        piece = mass @ extinct * (b - a)
        lit = sun_through(at(far - EARTH_KM), at(point @ np.asarray(sun) / far), air)[0]
        seen = np.exp(-depth - piece / 2) * lit * (b - a)
        out[0] += seen * mass[0] * RAYLEIGH_DEPTH
        out[1] += seen * mass[1] * air.depths * air.albedo
        depth = depth + piece
    cosine = at(np.dot(way, sun))
    return out[0] * phase_rayleigh(cosine), out[1] * phase_aerosol(cosine, air.asymmetry)


@pytest.mark.parametrize("sun_deg", [40.0, 3.0, -4.0])
@pytest.mark.parametrize("view", [(88.0, 0.0), (30.0, 120.0), (12.0, 10.0), (4.0, 180.0)])
def test_the_sky_without_multiple_scattering_matches_a_slow_twin(sun_deg, view, monkeypatch):
    """Coarse rays, coarse directions and interpolation against 1500 steps along one ray: 5 %."""
    monkeypatch.setattr(
        "rareworld.annotate.world.sky.scattered_often",
        lambda height_km, *_: np.zeros((*height_km.shape, len(SUN_TOP))),
    )
    sun = towards(sun_deg)
    rows = elevations(96)
    row = int(np.argmin(np.abs(rows - np.radians(view[0]))))
    column = int(view[1] / 360 * 256)
    way = towards(float(np.degrees(rows[row])), (column + 0.5) / 256 * 360)
    wanted = into_gamut(np.pi * sum(single_scattering(way, sun, AIR)) * SUN_TOP @ TO_SRGB.T)
    found = clear_sky(sun, AIR)[row, column]
    assert found == pytest.approx(wanted, rel=0.05, abs=0.03 * wanted.max())


SEIDELMANN = [
    (20.0, (3.74, 3.97, -4.07, 1.47)),
    (5.0, (3.05, 13.28, -45.98, 64.33)),
    (-0.8, (2.88, 22.26, -207.64, 1034.30)),
    (-5.0, (2.88, 21.81, -258.11, -858.36)),
    (-12.0, (2.70, 12.17, -431.69, -1899.83)),
]
"""Lower end in degrees and coefficients of the logarithm of lux on level ground over elevation / 90
(Explanatory Supplement to the Astronomical Almanac, Seidelmann 1992, p. 491)."""


def published_lux(elevation_deg: float) -> float:
    terms = next(terms for low, terms in SEIDELMANN if elevation_deg >= low)
    x = elevation_deg / 90
    return float(10 ** sum(term * x**k for k, term in enumerate(terms)))


@pytest.mark.parametrize(
    ("elevation", "factor"),
    [(70.0, 1.1), (50.0, 1.1), (30.0, 1.3), (20.0, 1.3), (10.0, 1.3), (5.0, 1.3), (0.0, 1.35),
     (-0.8, 1.35), (-3.0, 1.8), (-6.0, 2.4), (-12.0, 2.0)],
)  # fmt: skip
def test_level_ground_gets_the_published_illuminance(elevation, factor):
    """From 120 klx at noon over 3.4 lx at the end of civil twilight to 0.008 lx of the nautical."""
    assert published_lux(-6.0) == pytest.approx(3.4, rel=0.02)
    ratio = level_lux(elevation) / published_lux(elevation)
    assert 1 / factor < ratio < factor


def test_a_quarter_to_a_tenth_of_the_light_of_a_clear_day_comes_from_the_sky():
    for elevation in (30.0, 45.0, 65.0):
        share = lux(on_level_card(clear_sky(towards(elevation), AIR))) / level_lux(elevation)
        assert 0.10 < share < 0.25


def test_a_level_card_is_grey_under_a_clear_sky_with_the_sun_at_45_degrees():
    """The white balance of the record: within 2 %."""
    sun = towards(45.0)
    card = on_level_card(clear_sky(sun, AIR))
    card += srgb(direct_sun(np.pi / 4, AIR)) * sun[2]
    assert card.max() / card.min() < 1.02


def test_the_zenith_is_blue_and_the_horizon_pale_by_day():
    sky = clear_sky(towards(40.0), AIR)
    zenith, low = sky[:3].mean(axis=(0, 1)), sky[70:84].mean(axis=(0, 1))
    assert zenith[2] > 1.25 * zenith[1] > 1.5 * zenith[0]
    assert lux(low) > 1.5 * lux(zenith)
    assert low[2] / low[0] < 0.7 * zenith[2] / zenith[0]


def test_the_darkest_sky_by_day_stands_a_right_angle_from_the_sun():
    """Published scans put it 80 to 100 degrees away in the sun's plane (CIE types 12 to 14)."""
    sun = towards(25.0)
    sky = clear_sky(sun, AIR, rows=180, columns=360) @ LUMINANCE
    behind = sky[:, 180]
    angle = np.degrees(elevations(180))[int(np.argmin(behind))]
    assert 65 < 180 - angle - 25 < 105


def test_the_setting_sun_reddens_its_side_of_the_sky():
    sky = clear_sky(towards(1.0), AIR)
    low = slice(74, 90)
    sunny, far = sky[low, :6].mean(axis=(0, 1)), sky[low, 122:134].mean(axis=(0, 1))
    assert sunny[0] / sunny[2] > 2.0
    assert lux(sunny) > 3 * lux(far)


def test_in_the_blue_hour_the_glow_is_where_the_sun_went():
    sky = clear_sky(towards(-5.0), AIR)
    low = slice(70, 88)
    sunny, far = sky[low, :6].mean(axis=(0, 1)), sky[low, 122:134].mean(axis=(0, 1))
    assert lux(sunny) > 4 * lux(far)
    assert sunny[0] / sunny[2] > 1.5 * far[0] / far[2]


def test_ozone_makes_the_blue_hour_blue(monkeypatch):
    """Hulburt (1953): without its Chappuis band the zenith at dusk would be grey to yellow."""
    air = Aerosol(depth=0.0801)

    def blueness() -> float:
        zenith = clear_sky(towards(-5.0), air)[:3].mean(axis=(0, 1))
        return float(zenith[2] / zenith[0])

    with_ozone = blueness()
    many_times.cache_clear()
    monkeypatch.setattr(sky_medium, "OZONE_DEPTH", 0 * sky_medium.OZONE_DEPTH)
    without = blueness()
    many_times.cache_clear()
    assert with_ozone > 3.0
    assert without < 0.6 * with_ozone


def test_the_shadow_of_the_earth_rises_opposite_the_sun():
    """At three degrees below, the sky opposite is darker low down than above (Venus' belt)."""
    sky = clear_sky(towards(-3.0), AIR)[:, 128] @ LUMINANCE
    height = np.degrees(elevations(96))
    low = float(np.interp(2.0, height[::-1], sky[::-1]))
    belt = float(np.interp(12.0, height[::-1], sky[::-1]))
    assert low < 0.9 * belt


def test_turning_the_sun_turns_the_sky():
    one = clear_sky(towards(20.0, 0.0), AIR)
    two = clear_sky(towards(20.0, 90.0), AIR)
    np.testing.assert_allclose(np.roll(one, 64, axis=1), two, rtol=1e-6, atol=1e-12)


def test_the_sky_is_the_same_left_and_right_of_the_sun():
    sky = clear_sky(towards(20.0), AIR)
    np.testing.assert_allclose(sky, sky[:, ::-1], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("elevation", [-89.0, -18.0, -6.0, 0.0, 12.0, 90.0])
@pytest.mark.parametrize("depth", [0.0, 0.1, 2.0])
def test_the_sky_is_finite_and_never_negative(elevation, depth):
    sky = clear_sky(towards(elevation), Aerosol(depth=depth))
    assert np.isfinite(sky).all()
    assert sky.min() >= 0


def test_dust_that_swallows_blue_makes_an_ochre_sky():
    dust = Aerosol(1.2, 0.15, albedo_red=0.97, albedo_blue=0.80, asymmetry=0.72)
    seen = on_level_card(clear_sky(towards(40.0), dust))
    clean = on_level_card(clear_sky(towards(40.0), AIR))
    assert seen[0] > seen[2]
    assert clean[0] < clean[2]


@pytest.mark.parametrize("asymmetry", [0.0, 0.5, 0.76, 0.9])
def test_phase_functions_scatter_all_light_somewhere(asymmetry):
    cosine = np.linspace(-1, 1, 200_001)
    for phase in (phase_rayleigh(cosine), phase_aerosol(cosine, asymmetry)):
        assert 2 * np.pi * np.trapezoid(phase, cosine) == pytest.approx(1, rel=1e-3)


def test_the_night_sky_of_a_town_is_darker_than_under_a_full_moon_and_warm():
    """Full moon 0.25 lx; clear nights in towns 0.02 to 0.15 lx (Kyba et al. 2015)."""
    card = on_level_card(town_glow())
    assert 0.02 < lux(card) < 0.15
    assert card[0] > card[1] > card[2]


def test_the_top_of_the_air_is_dark_from_there_up():
    assert density(at(TOP_KM)).max() < 1e-5
