"""Conditions in numbers: published ranges, and a look of its own for every combination."""

from itertools import combinations

import numpy as np
import pytest

from rareworld.annotate.world.sky_medium import Aerosol
from rareworld.annotate.world.sky_weather import aerosol, cover, ground_albedo
from rareworld.annotate.world.weather import (
    KOSCHMIEDER,
    air,
    ground,
    rain_mmph,
    snow_mmph,
    surroundings,
    visual_range_m,
)
from rareworld.core.conditions import (
    USUAL_ROAD,
    Conditions,
    Lighting,
    RoadCondition,
    Weather,
    legal_conditions,
)
from rareworld.core.scene import Light
from rareworld.errors import ConfigError

INTENSITIES = (0.0, 0.3, 0.6, 1.0)


def of(weather: Weather, intensity: float = 0.6, road: RoadCondition | None = None) -> Conditions:
    return Conditions(weather=weather, road=road or USUAL_ROAD[weather], intensity=intensity)


RANGES_M = [
    (Weather.CLEAR_SKY, 10_000, 50_000),
    (Weather.OVERCAST, 5000, 30_000),
    (Weather.RAINING, 900, 12_000),
    (Weather.SNOW_FALLING, 200, 4000),
    (Weather.FOG, 50, 1000),
    (Weather.DUST, 100, 5000),
]
"""WMO: fog below 1 km; blowing dust 1 to 5 km, dust storm below 1 km; heavy snow below 400 m."""


@pytest.mark.parametrize(("weather", "least", "most"), RANGES_M)
def test_visual_ranges_lie_in_the_published_classes_and_shrink_with_intensity(weather, least, most):
    ranges = [visual_range_m(of(weather, k)) for k in INTENSITIES]
    assert ranges == sorted(ranges, reverse=True)
    assert len(set(ranges)) == len(ranges)
    assert least <= ranges[-1] < ranges[0] <= most


@pytest.mark.parametrize("weather", Weather)
def test_contrast_at_the_visual_range_is_two_percent(weather):
    conditions = of(weather)
    left = np.exp(-air(conditions).extinction_per_m * visual_range_m(conditions))
    assert left == pytest.approx(0.02, rel=0.01)
    assert pytest.approx(-np.log(0.02), rel=1e-3) == KOSCHMIEDER


@pytest.mark.parametrize(("rate", "range_m"), [(1.0, 11_600), (10.0, 2719), (50.0, 986)])
def test_visual_range_in_rain_follows_atlas(rate, range_m):
    conditions = of(Weather.RAINING, float(np.log(rate) / np.log(50)))
    assert rain_mmph(conditions) == pytest.approx(rate)
    assert visual_range_m(conditions) == pytest.approx(range_m, rel=0.01)


def test_only_rain_rains_and_only_snow_snows():
    for weather in Weather:
        made = air(of(weather))
        assert (made.rain_mmph > 0) == (weather is Weather.RAINING)
        assert (made.snow_mmph > 0) == (weather is Weather.SNOW_FALLING)
        assert (made.dust > 0) == (weather is Weather.DUST)
    assert snow_mmph(of(Weather.SNOW_FALLING, 1.0)) == pytest.approx(3.9)


def test_wind_blows_where_it_is_told():
    made = air(Conditions(wind_mps=5.0, wind_yaw_rad=np.pi / 2))
    assert made.wind_mps == pytest.approx((0.0, 5.0), abs=1e-12)


def test_each_road_condition_lays_its_own_on_the_ground():
    dry, snow, sand, puddles, flooded = (
        ground(of(Weather.OVERCAST, road=road)) for road in RoadCondition
    )
    assert (dry.wetness, dry.puddles, dry.snow, dry.sand, dry.flood_m) == (0, 0, 0, 0, 0)
    assert snow.snow > 0.7
    assert sand.sand > 0.6
    assert sand.wetness == 0
    assert puddles.wetness > 0.6
    assert puddles.puddles > 0.4
    assert puddles.flood_m == 0
    assert 0.05 < flooded.flood_m < 0.31


@pytest.mark.parametrize("road", [road for road in RoadCondition if road is not RoadCondition.DRY])
def test_more_intensity_lays_more(road):
    states = [ground(of(Weather.OVERCAST, k, road)) for k in INTENSITIES]
    amounts = [s.puddles + s.snow + s.sand + s.flood_m for s in states]
    assert amounts == sorted(amounts)
    assert amounts[0] < amounts[-1]


def test_all_shares_are_shares():
    for conditions in legal_conditions():
        for k in (0.0, 1.0):
            made = ground(of(conditions.weather, k, conditions.road))
            shares = [made.wetness, made.puddles, made.snow, made.sand]
            assert all(0 <= share <= 1 for share in shares)
            assert all(0 <= part <= 1 for part in ground_albedo(of(conditions.weather, k)))


def test_a_road_dries_after_rain_fastest_under_a_clear_sky():
    wet = {
        weather: ground(of(weather, road=RoadCondition.PUDDLES)).wetness
        for weather in (Weather.CLEAR_SKY, Weather.OVERCAST, Weather.RAINING)
    }
    assert list(wet.values()) == sorted(wet.values())
    assert wet[Weather.RAINING] == 1


def numbers(conditions: Conditions) -> tuple[float, ...]:
    """Return all that a picture depends on, in one row."""
    around = surroundings(Light(), conditions, 3)
    light, lies, haze = around.daylight, around.ground, around.air
    return (
        *light.sun_direction, *light.sun_radiance, *light.horizon, *light.zenith, light.night,
        haze.extinction_per_m, haze.rain_mmph, haze.snow_mmph, haze.dust,
        lies.wetness, lies.puddles, lies.snow, lies.sand, lies.flood_m,
    )  # fmt: skip


@pytest.mark.slow
def test_every_legal_combination_has_a_look_of_its_own():
    """198 combinations, no two with the same numbers."""
    rows = [numbers(conditions) for conditions in legal_conditions()]
    assert len(rows) == 198
    assert len({tuple(np.round(row, 9)) for row in rows}) == 198


def test_every_pair_of_values_of_one_list_differs():
    """Each weather, lighting and road condition against each other one, the rest equal."""
    for conditions in (
        [of(weather) for weather in Weather],
        [Conditions(lighting=lighting) for lighting in Lighting],
        [of(Weather.CLEAR_SKY, road=road) for road in RoadCondition],
    ):
        rows = [numbers(one) for one in conditions]
        assert all(one != other for one, other in combinations(rows, 2))


def test_a_lighting_moves_the_sun_and_none_leaves_the_scene_s_hour():
    light = Light()
    own = surroundings(light, Conditions()).daylight
    sunset = surroundings(light, Conditions(lighting=Lighting.SUNSET)).daylight
    assert own.sun_direction[2] > 0.8
    assert sunset.sun_direction[2] < 0.02


def test_a_lighting_that_does_not_occur_is_refused():
    with pytest.raises(ConfigError, match="night"):
        surroundings(Light(latitude_deg=70.0), Conditions(lighting=Lighting.NIGHT))


def test_haze_thickens_with_intensity_and_dust_most():
    assert aerosol(of(Weather.CLEAR_SKY, 0.0)).depth < aerosol(of(Weather.CLEAR_SKY, 1.0)).depth
    assert aerosol(of(Weather.DUST, 1.0)).depth > 1
    assert isinstance(aerosol(of(Weather.FOG)), Aerosol)


@pytest.mark.parametrize("weather", Weather)
def test_clouds_let_less_through_the_stronger_the_weather(weather):
    weak, strong = cover(of(weather, 0.0)), cover(of(weather, 1.0))
    assert strong.through <= weak.through
    assert strong.sun <= weak.sun
    assert strong.lumps >= weak.lumps
