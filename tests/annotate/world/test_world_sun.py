"""Sun positions against published ones, and light over the day, the year and the globe."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from rareworld.annotate.world.light import STREET_LUX, daylight
from rareworld.annotate.world.model import Daylight
from rareworld.annotate.world.sky_dome import on_level_card
from rareworld.annotate.world.sky_spectrum import UNIT_LUX
from rareworld.annotate.world.sun import sun_angles, sun_direction
from rareworld.core.scene import Light


def utc(month: int, day: int, hour: float, year: int = 2026) -> datetime:
    return datetime(year, month, day, tzinfo=UTC) + timedelta(hours=hour)


def test_the_low_accuracy_example_of_meeus():
    """Astronomical Algorithms, example 25.a: 1992 October 13, 0 h: declination -7.78507 deg.

    At the pole elevation is declination; refraction that far below the horizon is 0.04 degrees.
    """
    found = sun_angles(90.0, 0.0, utc(10, 13, 0, 1992))[1]
    assert found == pytest.approx(-7.785 + 0.042, abs=0.02)


@pytest.mark.parametrize(
    ("month", "day", "minutes"),
    [(2, 11, -14.2), (5, 14, 3.7), (7, 26, -6.5), (11, 3, 16.4), (4, 15, 0.0), (12, 25, 0.0)],
)
def test_the_equation_of_time_moves_noon(month, day, minutes):
    """Published extremes and zeros of the equation of time, found from when the sun is south."""
    hours = np.linspace(11.5, 12.5, 721)
    azimuth = np.array([sun_angles(50.0, 0.0, utc(month, day, float(h)))[0] for h in hours])
    noon = float(np.interp(180.0, azimuth, hours))
    assert (12 - noon) * 60 == pytest.approx(minutes, abs=0.4)


DAY_LENGTHS = [
    (0.0, 3, 20, 12.11), (0.0, 6, 21, 12.12), (48.1, 6, 21, 16.07), (48.1, 12, 21, 8.36),
    (52.5, 6, 21, 16.83), (52.5, 12, 21, 7.65), (-33.9, 6, 21, 9.90), (-33.9, 12, 21, 14.41),
    (35.7, 12, 21, 9.75), (35.7, 6, 21, 14.59),
]  # fmt: skip
"""Latitude, date, hours from sunrise to sunset (upper limb) as published almanacs give them."""


@pytest.mark.parametrize(("latitude", "month", "day", "hours"), DAY_LENGTHS)
def test_days_are_as_long_as_almanacs_say(latitude, month, day, hours):
    """Sunrise is when the upper limb shows: apparent elevation -0.267 degrees."""
    minutes = np.arange(0, 24 * 60, 2)
    up = [sun_angles(latitude, 0.0, utc(month, day, m / 60))[1] > -0.267 for m in minutes.tolist()]
    assert np.sum(up) * 2 / 60 == pytest.approx(hours, abs=0.12)


@pytest.mark.parametrize(
    ("latitude", "month", "day", "elevation"),
    [
        (48.1, 6, 21, 65.34), (48.1, 12, 21, 18.46), (-33.9, 12, 21, 79.54), (-33.9, 6, 21, 32.66),
        (0.0, 6, 21, 66.56), (23.44, 6, 21, 90.0), (66.56, 12, 21, 0.5), (70.0, 6, 21, 43.44),
        (-90.0, 12, 21, 23.44), (-90.0, 6, 21, -23.44),
    ],
)  # fmt: skip
def test_noon_elevation_is_the_complement_of_latitude_plus_declination(
    latitude, month, day, elevation
):
    heights = [sun_angles(latitude, 0.0, utc(month, day, 11.5 + k / 60))[1] for k in range(61)]
    assert max(heights) == pytest.approx(elevation, abs=0.15)


@pytest.mark.parametrize(("month", "day"), [(3, 20), (6, 21), (9, 23), (12, 21)])
def test_in_the_southern_hemisphere_the_noon_sun_stands_north(month, day):
    azimuth, elevation = sun_angles(-33.9, 18.4, utc(month, day, 12 - 18.4 / 15))
    assert elevation > 30
    assert min(azimuth, 360 - azimuth) < 16


def test_in_the_south_the_sun_moves_from_east_over_north_to_west():
    azimuths = [sun_angles(-33.9, 0.0, utc(3, 20, hour))[0] for hour in (7.0, 10.0, 14.0, 17.0)]
    east, north_east, north_west, west = azimuths
    assert 60 < east < 90
    assert 0 < north_east < east
    assert 270 < west < north_west < 360


@pytest.mark.parametrize("longitude", [-120.0, -30.0, 15.0, 90.0, 179.0])
def test_the_sun_rises_later_to_the_west(longitude):
    """One degree of longitude is four minutes."""
    here = sun_angles(50.0, longitude, utc(5, 1, 12 - longitude / 15))
    there = sun_angles(50.0, 0.0, utc(5, 1, 12.0))
    # half a day of declination in May is 0.15 degrees
    assert here[1] == pytest.approx(there[1], abs=0.2)
    assert here[0] == pytest.approx(there[0], abs=0.4)


@pytest.mark.parametrize("hour", range(0, 24, 4))
def test_beyond_the_polar_circle_the_sun_stays_up_in_june_and_down_in_december(hour):
    assert sun_angles(75.0, 20.0, utc(6, 21, hour))[1] > 5
    assert sun_angles(75.0, 20.0, utc(12, 21, hour))[1] < -5
    assert sun_angles(-75.0, 20.0, utc(12, 21, hour))[1] > 5


@pytest.mark.parametrize("latitude", [-89.9, -40.0, 0.0, 40.0, 89.9])
def test_directions_are_unit_vectors_everywhere(latitude):
    for hour in range(0, 24, 5):
        light = Light(latitude_deg=latitude, longitude_deg=10.0, when=utc(8, 3, hour))
        assert np.linalg.norm(sun_direction(light)) == pytest.approx(1.0)


def test_in_the_morning_light_comes_from_the_east_and_in_the_evening_from_the_west():
    morning, evening = (
        sun_direction(Light(latitude_deg=48.0, longitude_deg=0.0, when=utc(6, 21, hour)))
        for hour in (6.0, 18.0)
    )
    assert morning[0] > 0.7
    assert evening[0] < -0.7


def test_refraction_lifts_the_setting_sun_by_half_a_degree():
    """Without air the sun of the equator at equinox would set about two minutes earlier."""
    heights = np.array([sun_angles(0.0, 0.0, utc(3, 20, 17 + k / 60))[1] for k in range(90)])
    steps = np.diff(heights)
    assert steps.max() < 0.0
    low = heights[(heights > 0.0) & (heights < 2.0)]
    assert len(low) > 8
    true_rate = -0.25
    assert steps[:30].mean() == pytest.approx(true_rate, abs=0.005)
    assert steps[(heights[1:] > 0) & (heights[:-1] < 1)].mean() > true_rate + 0.02


def level(light: Daylight) -> np.ndarray:
    """Return what a level card gets from sun and sky."""
    sun = np.array(light.sun_radiance) * max(light.sun_direction[2], 0)
    return sun + on_level_card(light.panorama.astype(float))


@lru_cache
def over_a_day(latitude: float = 48.1, month: int = 6, samples: int = 48) -> list[Daylight]:
    base = Light(latitude_deg=latitude, longitude_deg=0.0)
    hours = [24 * k / samples for k in range(samples)]
    return [daylight(replace(base, when=utc(month, 21, hour))) for hour in hours]


@pytest.mark.parametrize(("latitude", "month"), [(-35.0, 6), (0.0, 12), (68.0, 6)])
def test_light_grows_with_the_height_of_the_sun(latitude, month):
    day = sorted(over_a_day(latitude, month, 16), key=lambda light: light.sun_direction[2])
    levels = [level(light).sum() for light in day]
    assert all(a <= b * 1.0001 for a, b in pairwise(levels))
    up = [light for light in day if light.sun_direction[2] > 0.02]
    suns = [sum(light.sun_radiance) for light in up]
    assert all(a <= b + 1e-9 for a, b in pairwise(suns))
    exposures = [light.exposure for light in up]
    assert all(a >= 0.97 * b for a, b in pairwise(exposures))


def test_exposed_noon_is_bright_and_exposed_night_is_dark():
    lit = [light.exposure * level(light).mean() for light in over_a_day()]
    assert 1.0 < max(lit) < 2.5
    assert min(lit) < 0.05


def test_the_exposure_follows_the_light_without_jumps():
    """From full sun to night it rises some thousandfold, in half an hour at most twentyfold."""
    values = np.array([light.exposure for light in over_a_day()])
    assert np.abs(np.diff(np.log(values))).max() < np.log(20)
    assert 1.0 <= values.min() < 2.0
    assert 3000 < values.max() < 8000


def test_a_sunlit_grey_card_looks_grey_around_noon_and_warm_before_sunset():
    """Sun and sky together are white within 6 %, as a camera's white balance has them."""

    def card(hour: float) -> np.ndarray:
        return level(daylight(Light(latitude_deg=48.1, longitude_deg=0.0, when=utc(6, 21, hour))))

    for hour in (10.0, 12.0, 14.0):
        white = card(hour)
        assert white.max() / white.min() < 1.06
    dusk = daylight(Light(latitude_deg=48.1, longitude_deg=0.0, when=utc(6, 21, 19.6)))
    facing = np.array(dusk.sun_radiance) + on_level_card(dusk.panorama.astype(float)) / 2
    assert facing[0] > 1.3 * facing[2]


def test_shadows_are_a_fifth_as_bright_as_sunlight_and_blue():
    light = daylight(Light(latitude_deg=48.1, longitude_deg=0.0, when=utc(6, 21, 12.0)))
    sky = on_level_card(light.panorama.astype(float))
    assert 0.12 < sky.mean() / level(light).mean() < 0.28
    assert 1.3 < sky[2] / sky[0] < 2.0


def test_the_sky_is_blue_overhead_and_paler_at_the_horizon():
    light = daylight(Light(latitude_deg=48.1, longitude_deg=0.0, when=utc(6, 21, 12.0)))
    assert light.zenith[2] > light.zenith[1] > light.zenith[0]
    assert sum(light.horizon) > sum(light.zenith)
    assert light.horizon[2] / light.horizon[0] < light.zenith[2] / light.zenith[0]


def test_the_ground_gives_back_less_than_it_gets():
    for light in over_a_day():
        lamps = light.night * STREET_LUX / UNIT_LUX * 2
        assert (np.array(light.ground) < 0.25 * (level(light) + lamps)).all()


@pytest.mark.parametrize("hours", [-11, -3, 0, 5.5, 9, 14])
def test_any_offset_names_the_same_instant(hours):
    zone = timezone(timedelta(hours=hours))
    here = utc(4, 2, 9.0)
    assert daylight(Light(when=here)) == daylight(Light(when=here.astimezone(zone)))
