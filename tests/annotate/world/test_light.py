"""The record of an instant's light: units, weather, metering, night."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from rareworld.annotate.world.light import STREET_LUX, daylight
from rareworld.annotate.world.model import Daylight
from rareworld.annotate.world.sky_dome import on_level_card
from rareworld.annotate.world.sky_spectrum import LUMINANCE, UNIT_LUX
from rareworld.annotate.world.sun import at_lighting, sun_angles, sun_direction
from rareworld.core.conditions import (
    USUAL_ROAD,
    Conditions,
    Lighting,
    RoadCondition,
    Weather,
)
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


def seen(lighting: Lighting, weather: Weather = Weather.CLEAR_SKY, **more) -> Daylight:
    conditions = Conditions(
        weather=weather, lighting=lighting, **{"road": USUAL_ROAD[weather], **more}
    )
    return daylight(at_lighting(Light(), lighting), conditions, seed=3)


def lux(light: Daylight) -> float:
    """Return the illuminance of level ground from sun and sky."""
    level = on_level_card(light.panorama.astype(float))
    level += np.array(light.sun_radiance) * max(light.sun_direction[2], 0)
    return float(level @ LUMINANCE) * UNIT_LUX


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


@pytest.mark.parametrize("weather", Weather)
@pytest.mark.parametrize("lighting", [Lighting.ZENITH, Lighting.SUNSET, Lighting.NIGHT])
@pytest.mark.parametrize("intensity", [0.0, 1.0])
def test_the_record_is_finite_and_not_negative(weather, lighting, intensity):
    made = seen(lighting, weather, intensity=intensity)
    values = [*made.sun_radiance, *made.zenith, *made.horizon, *made.ground, made.exposure]
    assert np.isfinite(values).all()
    assert min(values) >= 0
    assert made.panorama.shape == (96, 256, 3)
    assert np.isfinite(made.panorama).all()
    assert made.panorama.min() >= 0
    assert np.isfinite(made.ambient).all()


ILLUMINANCES = [
    (Weather.CLEAR_SKY, Lighting.ZENITH, 110_000, 1.15),
    (Weather.OVERCAST, Lighting.ZENITH, 25_000, 1.6),
    (Weather.OVERCAST, Lighting.MID_MORNING, 15_000, 1.6),
    (Weather.RAINING, Lighting.MID_MORNING, 8000, 1.6),
    (Weather.CLEAR_SKY, Lighting.SUNSET, 1000, 2.0),
    (Weather.CLEAR_SKY, Lighting.BLUE_HOUR, 10.4, 2.2),
    (Weather.CLEAR_SKY, Lighting.NIGHT, 0.05, 3.0),
    (Weather.OVERCAST, Lighting.NIGHT, 0.4, 3.0),
]
"""Weather, lighting, published lux on level ground (full sun 100 to 120 klx; overcast 10 to 25 klx
with the sun; Seidelmann 1992 for dusk; Kyba et al. 2011 and 2015 for town nights) and the factor
within which we are."""


@pytest.mark.parametrize(("weather", "lighting", "published", "factor"), ILLUMINANCES)
def test_illuminances_are_the_published_ones(weather, lighting, published, factor):
    assert 1 / factor < lux(seen(lighting, weather)) / published < factor


def test_weathers_let_less_and_less_light_through():
    order = [Weather.CLEAR_SKY, Weather.OVERCAST, Weather.RAINING]
    levels = [lux(seen(Lighting.AFTERNOON, weather)) for weather in order]
    assert levels == sorted(levels, reverse=True)
    assert 0.15 < levels[1] / levels[0] < 0.45
    assert levels[2] / levels[0] < 0.2


@pytest.mark.parametrize("weather", [Weather.RAINING, Weather.SNOW_FALLING])
def test_no_direct_sun_falls_through_rain_and_snow(weather):
    assert seen(Lighting.AFTERNOON, weather).sun_radiance == (0.0, 0.0, 0.0)


def test_thin_clouds_and_thin_fog_let_some_sun_through_and_thick_ones_none():
    for weather in (Weather.OVERCAST, Weather.FOG):
        thin, thick = (
            seen(Lighting.AFTERNOON, weather, intensity=intensity) for intensity in (0.0, 1.0)
        )
        assert 0.05 < thin.sun_radiance[1] < 0.2
        assert thick.sun_radiance[1] == 0


def test_dust_makes_light_ochre():
    dusty, clear = (
        seen(Lighting.AFTERNOON, weather) for weather in (Weather.DUST, Weather.CLEAR_SKY)
    )
    assert dusty.horizon[0] > 1.3 * dusty.horizon[2]
    assert clear.horizon[0] < 1.1 * clear.horizon[2]
    assert sum(dusty.sun_radiance) < 0.4 * sum(clear.sun_radiance)


def test_snow_sends_light_back_up_and_wet_ground_little():
    dry, snow, wet = (
        seen(Lighting.AFTERNOON, Weather.OVERCAST, road=road)
        for road in (RoadCondition.DRY, RoadCondition.SNOW, RoadCondition.PUDDLES)
    )
    assert snow.ground[1] > 3 * dry.ground[1] > 3 * wet.ground[1]
    assert lux(snow) > 1.2 * lux(dry)  # light goes to and fro below the clouds


def test_ambient_of_level_cards_is_what_the_panorama_gives():
    """Three bands of harmonics: within 6 % under skies with a sun's glow."""
    for lighting in (Lighting.ZENITH, Lighting.GOLDEN_HOUR, Lighting.SUNSET):
        made = seen(lighting)
        up = made.ambient[0] + made.ambient[2] + 2 * made.ambient[6]
        wanted = on_level_card(made.panorama.astype(float))
        assert up == pytest.approx(wanted, rel=0.06)


def test_seeds_move_clouds_and_nothing_that_a_shadow_shows():
    conditions = Conditions(lighting=Lighting.AFTERNOON)
    light = at_lighting(Light(), Lighting.AFTERNOON)
    one, again, other = (daylight(light, conditions, seed) for seed in (1, 1, 2))
    assert one == again
    assert one.panorama.tobytes() == again.panorama.tobytes()
    assert one.panorama.tobytes() != other.panorama.tobytes()
    assert one.sun_radiance == other.sun_radiance


def test_lamps_are_off_by_day_and_on_when_it_is_dark():
    day = [Lighting.ZENITH, Lighting.MID_MORNING, Lighting.AFTERNOON, Lighting.GOLDEN_HOUR]
    assert all(seen(lighting).night == 0 for lighting in day)
    assert seen(Lighting.NIGHT).night == 1
    assert seen(Lighting.BLUE_HOUR).night == 1
    assert 0 < seen(Lighting.TWILIGHT).night < 1


def test_gloomy_weather_lights_lamps_earlier():
    assert seen(Lighting.TWILIGHT, Weather.RAINING).night > seen(Lighting.TWILIGHT).night
    assert seen(Lighting.ZENITH, Weather.RAINING, intensity=1.0).night == 0


def grey_card(light: Daylight) -> float:
    """Return the exposed radiance of a level card of 18 %."""
    level = lux(light) / UNIT_LUX + light.night * STREET_LUX / UNIT_LUX
    return 0.18 * level * light.exposure


@pytest.mark.parametrize("weather", Weather)
def test_a_camera_keeps_pictures_equally_bright_by_day(weather):
    """A grey card stays within a third to double of its value at noon under a clear sky."""
    noon = grey_card(seen(Lighting.ZENITH, road=RoadCondition.DRY))
    roads = [RoadCondition.DRY] if weather is not Weather.RAINING else [RoadCondition.PUDDLES]
    for lighting in (Lighting.MID_MORNING, Lighting.AFTERNOON, Lighting.ZENITH):
        card = grey_card(seen(lighting, weather, road=roads[0]))
        assert 0.3 < card / noon < 2.2


def test_fog_is_metered_so_that_it_is_not_white():
    """The exposed horizon stays below the shoulder of the film."""
    for intensity in (0.3, 0.6, 1.0):
        foggy = seen(Lighting.AFTERNOON, Weather.FOG, intensity=intensity)
        assert 0.25 < foggy.exposure * foggy.horizon[1] < 0.75


def test_night_stays_darker_than_day_and_a_lit_road_stays_readable():
    day, dusk, night = (
        grey_card(seen(lighting))
        for lighting in (Lighting.ZENITH, Lighting.BLUE_HOUR, Lighting.NIGHT)
    )
    assert day > 1.3 * dusk
    assert day > 2 * night
    assert night > 0.05
    unlit = 0.18 * lux(seen(Lighting.NIGHT)) / UNIT_LUX * seen(Lighting.NIGHT).exposure
    assert unlit < 0.005


def test_street_light_comes_up_from_the_ground_at_night():
    night = seen(Lighting.NIGHT)
    assert np.mean(night.ground) > 10 * 0.15 * lux(night) / UNIT_LUX
