from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from rareworld.annotate.world.light import daylight, sun_angles, sun_direction
from rareworld.core.scene import Light

NREL = datetime(2003, 10, 17, 12, 30, 30, tzinfo=timezone(timedelta(hours=-7)))
"""Example of NREL's Solar Position Algorithm report (Reda & Andreas 2008, table A5.1)."""


def test_position_matches_the_nrel_report_within_a_tenth_of_a_degree():
    azimuth, elevation = sun_angles(39.742476, -105.1786, NREL)
    assert azimuth == pytest.approx(194.34024, abs=0.1)
    assert elevation == pytest.approx(90 - 50.11162, abs=0.1)


@pytest.mark.parametrize(
    ("when", "declination_deg"),
    [
        (datetime(2026, 6, 21, 8, 24, tzinfo=UTC), 23.436),
        (datetime(2026, 12, 21, 20, 50, tzinfo=UTC), -23.436),
        (datetime(2026, 3, 20, 14, 46, tzinfo=UTC), 0.0),
        (datetime(2026, 9, 23, 0, 5, tzinfo=UTC), 0.0),
    ],
)
def test_declination_at_solstices_and_equinoxes(when, declination_deg):
    """At the pole the sun's elevation is its declination (but for refraction near the horizon)."""
    elevation = sun_angles(90.0, 0.0, when)[1]
    refraction = 0.48 if abs(declination_deg) < 1 else 0.04 if declination_deg > 0 else 0.0
    assert elevation == pytest.approx(declination_deg + refraction, abs=0.1)


def test_sun_rises_in_the_east_and_stands_south_at_noon():
    def azimuth(hour):
        return sun_angles(48.0, 0.0, datetime(2026, 3, 20, hour, 0, tzinfo=UTC))[0]

    assert azimuth(6) == pytest.approx(90, abs=4)
    assert azimuth(12) == pytest.approx(180, abs=4)
    assert azimuth(18) == pytest.approx(270, abs=4)


def test_offset_and_utc_name_the_same_instant():
    local = sun_angles(39.742476, -105.1786, NREL)
    assert local == sun_angles(39.742476, -105.1786, NREL.astimezone(UTC))


def test_direction_is_a_unit_vector_north_along_y():
    noon = Light(latitude_deg=50.0, longitude_deg=0.0, when=datetime(2026, 6, 21, 12, tzinfo=UTC))
    x, y, z = sun_direction(noon)
    assert x * x + y * y + z * z == pytest.approx(1)
    assert y < -0.3
    assert z > 0.8
    assert abs(x) < 0.03


def at_hour(hour: int) -> Light:
    base = Light(latitude_deg=48.0, longitude_deg=11.0)
    return replace(base, when=datetime(2026, 6, 21, hour, 0, tzinfo=timezone(timedelta(hours=2))))


def test_low_sun_is_dim_and_warm_and_night_has_none():
    noon, evening, night = (daylight(at_hour(hour)) for hour in (13, 20, 1))
    assert sum(noon.sun_radiance) > sum(evening.sun_radiance) > 0
    assert noon.sun_radiance[0] / noon.sun_radiance[2] < 1.25
    assert evening.sun_radiance[0] / evening.sun_radiance[2] > 1.5
    assert night.sun_radiance == (0.0, 0.0, 0.0)
    assert night.sun_direction[2] < 0


def test_light_fades_steadily_from_noon_to_night():
    brightness = [sum(daylight(at_hour(hour)).zenith) for hour in (13, 17, 19, 21, 23)]
    assert brightness == sorted(brightness, reverse=True)
    assert min(brightness) > 0


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_daylight_is_finite_and_not_negative_all_day(hour):
    made = daylight(at_hour(hour))
    values = [*made.sun_radiance, *made.zenith, *made.horizon, *made.ground, made.exposure]
    assert np.isfinite(values).all()
    assert min(values) >= 0
