"""Every weather and road in numbers: bounds, order, and agreement of air, clouds, ground, lamps."""

from dataclasses import astuple, replace
from itertools import pairwise

import numpy as np
import pytest

from rareworld.annotate.world.light import exposure
from rareworld.annotate.world.materials import MATERIALS
from rareworld.annotate.world.model import Air, GroundState, Texture
from rareworld.annotate.world.puffs import shed_by
from rareworld.annotate.world.sky_spectrum import LUMINANCE
from rareworld.annotate.world.sky_weather import Cover, aerosol, cover, ground_albedo
from rareworld.annotate.world.street_light import (
    LAMP_GLASS,
    LAMP_KINDS,
    lamp_kind,
    lit_materials,
    street_lights,
)
from rareworld.annotate.world.textures import SIZE, make_textures, noise
from rareworld.annotate.world.weather import air, ground, rain_mmph, snow_mmph, visual_range_m
from rareworld.core.conditions import (
    USUAL_ROAD,
    Conditions,
    RoadCondition,
    Weather,
    legal_conditions,
)
from rareworld.core.scene import Prop, PropKind
from rareworld.core.seed import Seed
from tests.annotate.render.shapes import daylight

STRENGTHS = np.linspace(0, 1, 11)
PAIRS = sorted({(c.weather, c.road) for c in legal_conditions()})
weathers = pytest.mark.parametrize("weather", Weather)
pairs = pytest.mark.parametrize(("weather", "road"), PAIRS)


def of(weather, intensity=0.6, road=None):
    return Conditions(weather=weather, road=road or USUAL_ROAD[weather], intensity=float(intensity))


# air


@weathers
def test_visual_range_shrinks_without_a_jump(weather):
    ranges = [visual_range_m(of(weather, k)) for k in STRENGTHS]
    for far, near in pairwise(ranges):
        assert near < far < 1.6 * near


@weathers
def test_worse_weather_is_seen_through_less_far_than_a_clear_sky(weather):
    for k in STRENGTHS:
        assert visual_range_m(of(weather, k)) <= visual_range_m(of(Weather.CLEAR_SKY, k))


@pairs
def test_what_lies_on_the_road_does_not_thicken_the_air(weather, road):
    assert air(of(weather, 0.4, road)) == air(of(weather, 0.4))


@pytest.mark.parametrize(("k", "low", "high"), [(0.0, 0.5, 2.5), (0.35, 2.5, 7.6), (0.6, 7.6, 50)])
def test_rain_is_light_moderate_and_heavy_by_the_glossary(k, low, high):
    """AMS: light below 2.5, heavy above 7.6 mm/h."""
    assert low <= rain_mmph(of(Weather.RAINING, k)) <= high


@pytest.mark.parametrize(("k", "low", "high"), [(0.0, 0.1, 1.0), (0.5, 1.0, 2.5), (1.0, 2.5, 6.0)])
def test_snow_is_light_moderate_and_heavy_by_visibility_too(k, low, high):
    rate = snow_mmph(of(Weather.SNOW_FALLING, k))
    assert low <= rate <= high
    assert visual_range_m(of(Weather.SNOW_FALLING, k)) == pytest.approx(1100 / rate)


@pytest.mark.parametrize("yaw", np.linspace(-3, 3, 7).tolist())
def test_wind_has_its_speed_in_any_direction(yaw):
    made = air(Conditions(wind_mps=6.0, wind_yaw_rad=yaw)).wind_mps
    assert np.hypot(*made) == pytest.approx(6.0)
    assert np.arctan2(made[1], made[0]) == pytest.approx(yaw)


@weathers
def test_only_dust_colours_the_air(weather):
    red, green, blue = air(of(weather)).colour
    if weather is Weather.DUST:
        assert red > green > blue
    else:
        assert red == green == blue == 1


# sky


@weathers
def test_numbers_of_clouds_are_shares_at_any_strength(weather):
    for k in STRENGTHS:
        made = cover(of(weather, k))
        assert isinstance(made, Cover)
        for name in ("lumps", "streaks", "deck", "through", "sun", "horizon_share", "veil", "glow"):
            assert 0 <= getattr(made, name) <= 1, (name, k)
        assert made.town >= 1
        assert min(made.tint) > 0


@weathers
def test_clouds_change_without_a_jump(weather):
    rows = []
    for k in np.linspace(0, 1, 101):
        values = astuple(cover(of(weather, k)))
        rows.append([v for v in values if isinstance(v, float)])
    assert np.abs(np.diff(rows, axis=0)).max() < 0.02


@pytest.mark.parametrize(
    ("weather", "low", "high"),
    [
        (Weather.OVERCAST, 0.12, 0.36),
        (Weather.RAINING, 0.08, 0.20),
        (Weather.SNOW_FALLING, 0.10, 0.27),
    ],
)
def test_closed_layers_let_through_what_kasten_and_czeplak_measured(weather, low, high):
    """Nimbostratus 0.16, stratus 0.18, altostratus 0.27, at middling strength in between."""
    through = [cover(of(weather, k)).through for k in STRENGTHS]
    assert through == sorted(through, reverse=True)
    assert low <= through[-1] < through[0] <= high + 1e-9
    assert cover(of(weather)).deck == 1


def test_haze_is_within_aeronets_range_except_in_dust():
    for weather in set(Weather) - {Weather.DUST}:
        for k in STRENGTHS:
            assert 0.05 <= aerosol(of(weather, k)).depth <= 0.2
    depths = [aerosol(of(Weather.DUST, k)).depth for k in STRENGTHS]
    assert depths == sorted(depths)
    assert 0.3 < depths[0] < depths[-1] <= 2.0
    dust = aerosol(of(Weather.DUST))
    assert dust.albedo_red > dust.albedo_blue, "grains swallow blue"


# ground


@pairs
def test_ground_states_are_shares_and_say_what_the_road_is(weather, road):
    for k in STRENGTHS:
        made = ground(of(weather, k, road))
        assert max(made.wetness, made.puddles, made.snow, made.sand) <= 1
        assert min(astuple(made)) >= 0
        assert (made.snow > 0) == (road is RoadCondition.SNOW)
        assert (made.sand > 0) == (road is RoadCondition.SAND)
        assert (made.flood_m > 0) == (road is RoadCondition.FLOODING)
        assert (made.puddles > 0) == (road in {RoadCondition.PUDDLES, RoadCondition.FLOODING})
        if made.puddles:
            assert made.wetness >= 0.6, "puddles stand on wet ground"
        if made.sand:
            assert made.wetness == 0


@pairs
def test_land_under_snow_is_bright_and_under_water_dark(weather, road):
    dry = ground_albedo(of(Weather.CLEAR_SKY, 0.5, RoadCondition.DRY))
    for k in STRENGTHS:
        made = ground_albedo(of(weather, k, road))
        assert all(0.04 < part < 0.9 for part in made)
        total, plain = sum(made), sum(dry)
        match road:
            case RoadCondition.DRY:
                assert made == pytest.approx(dry)
            case RoadCondition.SNOW | RoadCondition.SAND:
                assert total > plain
            case _:
                assert total < plain


def test_fresh_snow_on_the_land_is_as_bright_as_measured():
    """Oke: 0.4 (old) to 0.95 (fresh)."""
    for k in (0.0, 1.0):
        assert (
            0.4
            <= np.dot(ground_albedo(of(Weather.CLEAR_SKY, k, RoadCondition.SNOW)), LUMINANCE)
            <= 0.95
        )


# puffs


SHED = {
    "flood": GroundState(wetness=1, puddles=1, flood_m=0.2),
    "snow": GroundState(wetness=0.3, snow=0.8),
    "sand": GroundState(sand=0.7),
    "rain": GroundState(wetness=1, puddles=0.5),
}


@pytest.mark.parametrize("name", SHED)
def test_clouds_behind_wheels_are_clouds(name):
    made = shed_by(SHED[name], Air())
    assert made is not None
    assert 0 < made.density <= 0.6
    assert 0 < made.from_mps < made.full_mps
    assert 0.5 < made.life_s < 2
    assert 0 < made.whiteness <= 1
    # within its life a cloud stays lower than a lorry
    assert made.radius_m + made.grows_mps * made.life_s**0.7 * 0.8 < 3.5


@pytest.mark.parametrize(
    "state", [GroundState(), GroundState(wetness=0.3), GroundState(sand=0.1), GroundState(snow=0.2)]
)
def test_hardly_covered_ground_throws_nothing_up(state):
    assert shed_by(state, Air()) is None


def test_wet_sand_makes_spray_and_not_dust():
    wet = shed_by(GroundState(sand=0.7, wetness=0.8), Air())
    assert wet is not None
    assert wet.whiteness == pytest.approx(shed_by(SHED["rain"], Air()).whiteness)


@pytest.mark.parametrize("field", ["snow", "sand", "wetness"])
def test_more_on_the_ground_throws_up_more(field):
    base = {"snow": SHED["snow"], "sand": SHED["sand"], "wetness": SHED["rain"]}[field]
    run = [shed_by(replace(base, **{field: v}), Air()).density for v in (0.5, 0.7, 0.9)]
    assert run == sorted(run)
    assert run[0] < run[-1]


# street lamps


def lamp(height=8.0, x=0.0):
    return Prop(id=1, kind=PropKind.STREET_LAMP, position_m=(x, 0.0, 0.0), yaw_rad=0.3,
                size_m=(2.0, 0.2, height))  # fmt: skip


def test_kinds_of_lamps_share_all_towns_and_are_of_one_brightness():
    assert sum(kind.share for kind in LAMP_KINDS) == pytest.approx(1)
    for kind in LAMP_KINDS:
        assert np.dot(kind.colour, LUMINANCE) == pytest.approx(1, abs=0.03)
        assert kind.colour[0] > kind.colour[2], "warmer than daylight"
    warmth = [kind.colour[0] / kind.colour[2] for kind in LAMP_KINDS]
    assert warmth == sorted(warmth)


def test_towns_have_lamps_by_their_shares():
    found = [lamp_kind(Seed(k)).name for k in range(600)]
    for kind in LAMP_KINDS:
        assert found.count(kind.name) / 600 == pytest.approx(kind.share, abs=0.06)


@pytest.mark.parametrize("night", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("height", [5.0, 10.0])
def test_lamps_give_light_in_proportion_to_the_dark_and_height_squared(night, height):
    light = replace(daylight(), night=night)
    (made,) = street_lights([lamp(height)], light, Seed(3))
    (full,) = street_lights([lamp(6.0)], replace(light, night=1.0), Seed(3))
    factor = night * ((height - 0.15) / 5.85) ** 2
    np.testing.assert_allclose(made.intensity, np.multiply(full.intensity, factor))
    assert made.direction == (0.0, 0.0, -1.0)
    assert made.inner_rad < made.outer_rad < np.pi / 2
    assert made.position_m[2] == pytest.approx(height - 0.15)


def test_only_the_glass_of_lamps_is_lit_at_night():
    night = lit_materials(MATERIALS, replace(daylight(), night=1.0), Seed(1))
    changed = [a.name for a, b in zip(MATERIALS, night, strict=True) if a != b]
    assert changed == [LAMP_GLASS]
    day = lit_materials(MATERIALS, replace(daylight(), night=0.0), Seed(1))
    assert all(max(one.emission) == 0 for one in day if one.name == LAMP_GLASS)


# meter


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_exposure_undoes_brightness_by_day(factor):
    """By bright day the meter aims at one grey, so more light is exposed by as much less."""
    light = daylight()
    scaled = replace(
        light,
        sun_radiance=tuple(factor * v for v in light.sun_radiance),
        horizon=tuple(factor * v for v in light.horizon),
        ground=tuple(factor * v for v in light.ground),
        panorama=(light.panorama * np.float32(factor)),
    )
    assert exposure(light) / exposure(scaled) == pytest.approx(factor, rel=0.02)


def test_no_exposure_is_endless_in_the_dark():
    light = daylight()
    dark = replace(
        light, sun_radiance=(0.0, 0.0, 0.0), horizon=(0.0, 0.0, 0.0), ground=(0.0, 0.0, 0.0),
        panorama=np.full_like(light.panorama, 1e-12),
    )  # fmt: skip
    assert 1000 < exposure(dark) <= 30_000


# textures


@pytest.fixture(scope="module")
def textures():
    return make_textures(Seed(2))


def test_there_is_a_texture_per_kind(textures):
    assert textures.shape == (len(Texture) - 1, SIZE, SIZE, 3)


@pytest.mark.parametrize("kind", [kind for kind in Texture if kind is not Texture.NONE])
def test_textures_have_mean_one_are_positive_and_tile(textures, kind):
    one = textures[int(kind) - 1].astype(float)
    np.testing.assert_allclose(one.mean(axis=(0, 1)), 1, atol=1e-4)
    assert one.min() > 0
    assert one.max() < 4
    # the step over the border is no larger than steps within
    for axis in (0, 1):
        inner = np.abs(np.diff(one, axis=axis)).mean(axis=(0, 1))
        lines = np.abs(np.diff(one, axis=axis)).mean(axis=(1 - axis, 2))
        seam = np.abs(np.take(one, 0, axis) - np.take(one, -1, axis)).mean()
        assert seam <= 1.05 * max(lines.max(), inner.max())


@pytest.mark.parametrize("band", [(2, 4), (8, 48), (20, 256)])
def test_noise_has_no_mean_unit_deviation_and_only_its_wavelengths(band):
    field = noise(Seed(3), band)
    assert field.mean() == pytest.approx(0, abs=1e-12)
    assert field.std() == pytest.approx(1)
    power = np.abs(np.fft.rfft2(field)) ** 2
    fy, fx = np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None]
    wavelength = 1 / np.maximum(np.hypot(fx, fy), 1e-9)
    outside = (wavelength < band[0] * 0.999) | (wavelength > band[1] * 1.001)
    assert power[outside].sum() < 1e-9 * power.sum()
