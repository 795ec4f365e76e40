"""One world under many conditions."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.build import WorldConfig, build_world
from rareworld.annotate.world.flood import WATER
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.model import LocalLight
from rareworld.annotate.world.relight import under
from rareworld.core.conditions import Conditions, Lighting, RoadCondition, Weather
from rareworld.core.scene import Prop, PropKind
from rareworld.core.taxonomy import ClassId

SMALL = WorldConfig(verge_m=20.0, prop_margin_m=10.0)
LAMP = Prop(
    id=19_999, kind=PropKind.STREET_LAMP, position_m=(12.0, 9.0, 0.12), yaw_rad=0.0,
    size_m=(2.0, 0.3, 7.0),
)  # fmt: skip
FAR = replace(LAMP, id=19_998, position_m=(900.0, 9.0, 0.0))
"""Not drawn, so it does not shine."""
WET_NIGHT = Conditions(weather=Weather.RAINING, lighting=Lighting.NIGHT, road=RoadCondition.PUDDLES)


@pytest.fixture(scope="module")
def lamp_lit(recording):
    """A recording of an empty street with a lamp: quick to build."""
    kept = {name: getattr(recording.tracks, name)[:0] for name in vars(recording.tracks)}
    tracks = replace(recording.tracks, **{**kept, "time_s": recording.tracks.time_s})
    scene = replace(recording.scene, actors=(), props=(LAMP, FAR))
    return replace(recording, scene=scene, tracks=tracks)


@pytest.fixture(scope="module")
def day(lamp_lit):
    return build_world(lamp_lit, (0.0, 0.0), 30.0, SMALL)[0]


def test_relighting_gives_what_building_under_the_conditions_gives(lamp_lit, day):
    built = build_world(lamp_lit, (0.0, 0.0), 30.0, SMALL, WET_NIGHT)[0]
    changed = under(day, lamp_lit.scene, WET_NIGHT)
    assert changed.daylight == built.daylight
    assert changed.daylight.panorama.tobytes() == built.daylight.panorama.tobytes()
    assert (changed.air, changed.ground, changed.lights) == (built.air, built.ground, built.lights)
    assert changed.materials == built.materials


def test_geometry_is_shared_and_not_copied(lamp_lit, day):
    changed = under(day, lamp_lit.scene, WET_NIGHT)
    assert changed.static is day.static
    assert changed.prototypes is day.prototypes
    assert changed.textures is day.textures


def test_street_lamps_come_and_go_and_those_of_vehicles_stay(lamp_lit, day):
    riding = LocalLight(
        position_m=(1.0, 0.0, 0.6), direction=(1.0, 0.0, 0.0), intensity=(0.1, 0.1, 0.1), instance=0
    )
    day = replace(day, lights=(riding,))
    night = under(day, lamp_lit.scene, WET_NIGHT)
    assert len([light for light in night.lights if light.instance < 0]) == 1
    assert riding in night.lights
    noon = under(night, lamp_lit.scene, Conditions(lighting=Lighting.ZENITH))
    assert noon.lights == (riding,)
    assert noon.materials == day.materials


def test_a_flood_is_a_level_sheet_of_water_over_the_road_and_drains_again(lamp_lit, day):
    scene, wet = lamp_lit.scene, Conditions(road=RoadCondition.FLOODING, intensity=0.5)
    flood = under(day, scene, wet)
    water = flood.static.material == material(WATER)
    assert water.any()
    assert (flood.static.class_id[water] == ClassId.WATER).all()
    assert len(flood.static_object_id) == len(flood.static.triangles)
    corners = flood.static.vertices_m[flood.static.triangles[water].ravel()]
    road = min(lane.centre_m[:, 2].min() for lane in scene.road.lanes.values())
    assert np.ptp(corners[:, 2]) == 0
    assert corners[0, 2] == pytest.approx(road + flood.ground.flood_m, abs=0.02)
    assert flood.static.normals[flood.static.triangles[water].ravel(), 2].min() == 1
    drained = under(flood, scene, Conditions())
    for name in ("vertices_m", "normals", "uv_m", "triangles", "material", "class_id"):
        found, wanted = getattr(drained.static, name), getattr(day.static, name)
        assert found.tobytes() == wanted.tobytes()
    assert drained.static_object_id.tobytes() == day.static_object_id.tobytes()


def test_a_higher_flood_replaces_the_lower_one(lamp_lit, day):
    scene = lamp_lit.scene
    low, high = (
        Conditions(road=RoadCondition.FLOODING, intensity=intensity) for intensity in (0.0, 1.0)
    )
    twice = under(under(day, scene, low), scene, high)
    once = under(day, scene, high)
    assert twice.static.vertices_m.tobytes() == once.static.vertices_m.tobytes()
    assert twice.static.triangles.tobytes() == once.static.triangles.tobytes()


def test_triangles_of_water_look_up(lamp_lit, day):
    flood = under(day, lamp_lit.scene, Conditions(road=RoadCondition.FLOODING))
    water = flood.static.triangles[flood.static.material == material(WATER)]
    a, b, c = (flood.static.vertices_m[water[:, k]].astype(float) for k in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()
