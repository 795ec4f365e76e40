"""What weather does to surfaces: limits, order and energy, on the formulas and in pictures."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.render import weathering
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.render.texture import layers_at, plan_of
from rareworld.annotate.world.model import (
    Air,
    GroundMap,
    GroundState,
    Inside,
    Material,
    Weathering,
)
from tests.annotate.render.shapes import box, camera, daylight, ground, joined, scene, state

PLACES = [(0.3, 0.7), (11.2, -4.1), (-33.0, 8.8), (57.1, 41.9)]
GREY = (0.12, 0.12, 0.12)
DRY = GroundState()
STATES = {
    "dry": DRY,
    "wet": GroundState(wetness=1.0, puddles=0.6),
    "flood": GroundState(wetness=1.0, puddles=1.0, flood_m=0.2),
    "snow": GroundState(wetness=0.3, snow=0.8),
    "sand": GroundState(sand=0.8),
}


def _luminance(values):
    return float(np.dot(values[:3], (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("place", PLACES)
def test_roads_grow_light_in_tracks_and_dark_by_oil_and_cracks(place):
    clean = weathering.worn_road(*place, 0.02, 0.0, 0.0, 0.0, *GREY, 0.9)
    tracks = weathering.worn_road(*place, 0.02, 1.0, 0.0, 0.0, *GREY, 0.9)
    oily = weathering.worn_road(*place, 0.02, 0.0, 1.0, 0.0, *GREY, 0.9)
    cracked = weathering.worn_road(*place, 0.02, 0.0, 0.0, 1.0, *GREY, 0.9)
    assert _luminance(tracks) > 1.1 * _luminance(clean)
    assert _luminance(oily) < 0.7 * _luminance(clean)
    assert _luminance(cracked) < 0.9 * _luminance(clean)
    assert 0.6 < _luminance(clean) / 0.12 < 1.4


@pytest.mark.parametrize("place", PLACES)
def test_water_makes_roads_darker_and_glossier_and_puddles_are_mirrors(place):
    dry = weathering.wet_road(*place, 0.02, 0.0, 0.0, 0.0, 0.0, *GREY, 0.9, 0.04)
    wet = weathering.wet_road(*place, 0.02, 0.0, 0.0, 1.0, 0.0, *GREY, 0.9, 0.04)
    pool = weathering.wet_road(*place, 0.02, 1.0, 0.0, 1.0, 1.0, *GREY, 0.9, 0.04)
    assert dry[:3] == pytest.approx(GREY)
    assert dry[3] == pytest.approx(0.9)
    assert _luminance(wet) < 0.75 * 0.12
    assert wet[3] < 0.55
    assert wet[5] == 0
    assert pool[5] == pytest.approx(1)
    assert pool[3:5] == pytest.approx((0.03, 0.02))


@pytest.mark.parametrize("place", PLACES)
def test_snow_is_white_and_tracks_in_it_are_grey(place):
    white = weathering.snowy_road(*place, 0.02, 0.0, 1.0, *GREY, 0.9, 0.04)
    track = weathering.snowy_road(*place, 0.02, 0.9, 1.0, *GREY, 0.9, 0.04)
    assert _luminance(white) > 0.65
    assert _luminance(track) < 0.65 * _luminance(white)
    assert max(white[:3]) < 0.95
    assert white[2] > white[0]


@pytest.mark.parametrize("place", PLACES)
def test_sand_is_ochre(place):
    sand = weathering.sandy_road(*place, 0.02, 0.0, 1.0, *GREY, 0.9, 0.04)
    assert sand[0] > sand[1] > sand[2]
    none = weathering.sandy_road(*place, 0.02, 0.0, 0.0, *GREY, 0.9, 0.04)
    assert max(np.abs(np.array(none[:3]) - 0.12)) < 0.12


def test_noise_fades_where_a_pixel_is_wide():
    assert weathering.calm(0.9, 1.0, 0.0) == 0.9
    assert weathering.calm(0.9, 1.0, 1.0) == 0.5


def test_ground_map_is_read_bilinearly_and_is_nothing_outside():
    random = np.random.Generator(np.random.Philox(3))
    layers = random.integers(0, 256, (7, 9, 4), dtype=np.uint8)
    plan = plan_of(GroundMap(origin_m=(-2.0, 5.0), step_m=0.5, layers=layers))
    for row, column in ((0, 0), (3, 4), (5, 7)):
        at = layers_at(plan, -2.0 + (column + 0.5) * 0.5, 5.0 + (row + 0.5) * 0.5)
        np.testing.assert_allclose(at, layers[row, column] / 255, atol=1e-9)
    middle = layers_at(plan, -2.0 + 3.0 * 0.5, 5.0 + 2.5 * 0.5)
    expected = (layers[2, 2].astype(float) + layers[2, 3]) / 510
    np.testing.assert_allclose(middle, expected, atol=1e-9)
    assert layers_at(plan, -9.0, 6.0) == (0, 0, 0, 0)
    assert layers_at(plan, 40.0, 6.0) == (0, 0, 0, 0)


def _white_sky():
    """Everything around has radiance 1, and no sun."""
    ambient = np.zeros((9, 3), np.float32)
    ambient[0] = 1
    return daylight(
        sun=(0.3, 0.2, -0.93), sun_radiance=(0.0, 0.0, 0.0), ground=(1.0, 1.0, 1.0),
        panorama=np.ones((16, 32, 3), np.float32), ambient=ambient,
    )  # fmt: skip


def _picture(made):
    look = camera(96, 64)
    config = RenderConfig(shadow_size=256, occlusion=False, radiance=True)
    renderer = RasterRenderer(made, look, config)
    pixels = renderer.render(state((0.0, 0.0, 0.0, 0.3)))
    radiance = pixels.radiance.copy()
    renderer.close()
    return pixels, radiance


@pytest.mark.parametrize("name", STATES)
def test_no_surface_sends_out_more_than_it_gets(name):
    """In a furnace of radiance 1 even a white card of any kind stays at 1 or below."""
    kinds = list(Weathering)
    white = [
        Material(name=kind.name, colour=(1.0, 1.0, 1.0), roughness=rough, specular=0.05,
                 weathering=kind, translucency=0.3 * (kind == Weathering.LEAF))
        for kind, rough in zip(kinds, np.linspace(0.05, 1.0, len(kinds)).tolist(), strict=True)
    ]  # fmt: skip
    glass = [
        Material(name=f"glass {kind}", colour=(1.0, 1.0, 1.0), roughness=0.05, specular=0.08,
                 inside=kind)
        for kind in (Inside.CABIN, Inside.ROOM, Inside.SHOP)
    ]  # fmt: skip
    materials = (*white, *glass)
    blocks = [ground(material=int(Weathering.ROAD))]
    for k in range(len(materials)):
        block = box((0.8, 0.8, 1.5), material=k)
        moved = block.vertices_m + np.array([k % 4 * 1.5 - 2, k // 4 * 1.5 - 2, 0], np.float32)
        blocks.append(replace(block, vertices_m=moved))
    made = replace(
        scene(joined(*blocks), [box((1, 1, 1), material=int(Weathering.VEHICLE))], [(1, 0)],
              light=_white_sky()),
        materials=materials, ground=STATES[name], air=Air(rain_mmph=6.0 * (name == "wet")),
    )  # fmt: skip
    pixels, radiance = _picture(made)
    assert radiance.max() <= 1.02
    assert np.isfinite(radiance).all()
    road = pixels.instance_id == 0
    assert radiance[road].mean() > 0.1


def _street(name, **more):
    materials = (
        Material(name="paint", colour=(0.5, 0.05, 0.05), roughness=0.3,
                 weathering=Weathering.VEHICLE),
        Material(name="road", colour=GREY, weathering=Weathering.ROAD),
    )  # fmt: skip
    made = scene(ground(), [box()], [(1, 0)])
    return replace(made, materials=materials, ground=STATES[name], **more)


def test_snow_lies_on_a_parked_roof_and_not_on_a_driven_one():
    made = _street("snow", air=Air(extinction_per_m=0.0))
    parked, driven = (
        replace(made, instances=(replace(made.instances[0], snow=snow),)) for snow in (1.0, 0.0)
    )
    look = {}
    for name, each in (("parked", parked), ("driven", driven)):
        pixels, radiance = _picture(each)
        roof = (pixels.instance_id == 1) & (pixels.normal[..., 1] < -0.7)
        look[name] = radiance[roof].mean(axis=0)
    assert look["parked"][2] > 5 * look["driven"][2]


def test_each_road_condition_has_a_look_of_its_own():
    mean = {}
    for name in STATES:
        pixels, radiance = _picture(_street(name))
        mean[name] = radiance[(pixels.instance_id == 0) & (pixels.depth_m < 15)].mean(axis=0)
    assert mean["snow"].min() > 2.0 * mean["dry"].max()
    assert mean["sand"][0] > 1.5 * mean["sand"][2]
    assert mean["wet"].mean() < 0.92 * mean["dry"].mean()
