"""Signals, signs, posts, facades and props: places, faces, sizes and classes."""

import math

import numpy as np
import pytest

from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.mesh import face_normals, finish, signed_volume_m3
from rareworld.annotate.world.prop_shop import PropShop
from rareworld.annotate.world.props import BUILDERS
from rareworld.annotate.world.signals import (
    HEAD_SHAPES,
    make_signals,
    plate,
    post,
    sign_on_post,
)
from rareworld.core.road import RoadMap, Signal, SignalKind
from rareworld.core.scene import Prop, PropKind
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.world_samples import about_z, only, open_edges

PLATES = [SignalKind.STOP, SignalKind.YIELD, SignalKind.SPEED_LIMIT, SignalKind.OTHER]
LIGHTS = [SignalKind.TRAFFIC_LIGHT, SignalKind.PEDESTRIAN_LIGHT]
YAWS = [0.0, 0.7, math.pi / 2, -2.5, math.pi]
SIZES = {
    PropKind.STREET_LAMP: (2.0, 0.3, 8.0),
    PropKind.POLE: (0.2, 0.2, 6.0), PropKind.SIGN: (0.7, 0.1, 2.6), PropKind.FENCE: (8.0, 0.1, 1.2),
    PropKind.WALL: (8.0, 0.3, 1.6), PropKind.GUARD_RAIL: (12.0, 0.3, 0.75),
    PropKind.BENCH: (1.8, 0.6, 0.9), PropKind.BIN: (0.5, 0.5, 1.0),
    PropKind.BUS_SHELTER: (4.0, 1.6, 2.5), PropKind.BOLLARD: (0.2, 0.2, 1.0),
    PropKind.CABINET: (1.1, 0.4, 1.35), PropKind.AD_COLUMN: (1.3, 1.3, 3.4),
    PropKind.METER: (0.35, 0.3, 1.5), PropKind.BIKE_RACK: (4.2, 1.7, 1.05),
    PropKind.WIRE: (40.0, 1.2, 8.0), PropKind.HOARDING: (9.0, 0.2, 2.3),
    PropKind.CONE: (0.4, 0.4, 0.75), PropKind.GANTRY: (20.0, 0.8, 7.2),
    PropKind.ISLAND: (2.0, 1.2, 0.12), PropKind.BRIDGE: (124.0, 10.5, 2.15),
    PropKind.NOISE_WALL: (4.0, 0.25, 3.6),
}  # fmt: skip
RIGID = [PropKind.WALL, PropKind.BIN, PropKind.BOLLARD, PropKind.BUS_SHELTER, PropKind.POLE]


def signal_of(kind: SignalKind, yaw: float = 0.0, height: float = 3.0) -> Signal:
    return Signal(id="s", kind=kind, position_m=(10.0, -4.0, 0.5), yaw_rad=yaw, height_m=height)


def heads_of(*signals: Signal):
    return make_signals(RoadMap(name="x", lanes={}, signals=signals))


@pytest.mark.parametrize("yaw", YAWS)
@pytest.mark.parametrize("kind", LIGHTS)
def test_heads_hang_in_front_of_their_post_and_face_along_the_yaw(kind, yaw):
    made = heads_of(signal_of(kind, yaw))
    pose = made.poses[0]
    assert np.allclose(pose[:, :3], about_z(yaw))
    forward = np.array([math.cos(yaw), math.sin(yaw)])
    assert np.allclose(pose[:2, 3], np.array([10.0, -4.0]) + 0.24 * forward)
    assert pose[2, 3] == pytest.approx(3.5)
    assert made.kinds == [LIGHTS.index(kind)]
    assert made.signals == [0]


@pytest.mark.parametrize("height", [2.2, 3.0, 5.5])
@pytest.mark.parametrize("kind", LIGHTS)
def test_posts_of_lights_reach_above_their_head_and_into_the_ground(kind, height):
    low, high = heads_of(signal_of(kind, 0.0, height)).posts[0].bounds_m
    assert high[2] == pytest.approx(0.5 + height + 0.55)
    assert low[2] == pytest.approx(0.5 - 0.3)


@pytest.mark.parametrize("yaw", YAWS)
@pytest.mark.parametrize("kind", PLATES)
def test_plates_look_to_where_the_signal_faces(kind, yaw):
    made = heads_of(signal_of(kind, yaw))
    assert not made.poses
    front = only(made.posts[0], made.posts[0].class_id == int(ClassId.TRAFFIC_SIGN))
    front = only(front, front.material != material("sign back"))
    facing = face_normals(front.corners_m).sum(axis=0)
    assert facing[0] * math.cos(yaw) + facing[1] * math.sin(yaw) > 0.05
    assert abs(facing[1] * math.cos(yaw) - facing[0] * math.sin(yaw)) < 1e-6


@pytest.mark.parametrize("kind", PLATES)
def test_plates_hang_at_their_height_and_are_as_large_as_real_ones(kind):
    low, high = plate(kind, 2.3).bounds_m
    assert (low[2] + high[2]) / 2 == pytest.approx(2.3, abs=0.15)
    assert 0.4 < high[1] - low[1] < 0.95
    assert high[0] - low[0] < 0.05


@pytest.mark.parametrize(
    ("kind", "colour"),
    [
        (SignalKind.STOP, "sign red"), (SignalKind.YIELD, "sign red"),
        (SignalKind.SPEED_LIMIT, "sign red"), (SignalKind.OTHER, "sign blue"),
    ],
)  # fmt: skip
def test_plates_have_their_colours(kind, colour):
    made = plate(kind, 2.0)
    assert material(colour) in made.material
    assert material("sign white") in made.material


@pytest.mark.parametrize("kind", PLATES)
def test_layers_of_a_plate_stand_apart_so_that_none_flickers(kind):
    made = plate(kind, 2.0)
    flat = face_normals(made.corners_m)[:, 0] > 0.01 * np.ptp(made.corners_m[..., 1], axis=1) ** 2
    depths = np.unique(np.round(made.corners_m[flat][..., 0].mean(axis=1), 5))
    assert np.diff(depths).min() > 0.0015


@pytest.mark.parametrize("kind", PLATES)
@pytest.mark.parametrize("height", [1.5, 2.2, 4.0])
def test_signs_stand_on_a_post_of_the_class_pole(kind, height):
    made = sign_on_post(kind, height)
    pole = only(made, made.class_id == int(ClassId.POLE))
    assert set(made.class_id) == {int(ClassId.POLE), int(ClassId.TRAFFIC_SIGN)}
    assert pole.bounds_m[1][2] == pytest.approx(height + 0.25)
    assert pole.bounds_m[0][2] == pytest.approx(-0.3)


@pytest.mark.parametrize("radius", [0.04, 0.1])
def test_posts_are_closed_and_round(radius):
    made = post(3.0, radius)
    assert open_edges(made) == 0
    high = made.bounds_m[1]
    assert high[0] == pytest.approx(1.8 * radius, rel=0.01)


def test_lenses_are_round_and_look_forward_in_all_heads():
    for shape, lenses in zip(
        HEAD_SHAPES, (("red", "yellow", "green"), ("red", "green")), strict=True
    ):
        for name in lenses:
            lens = only(shape, shape.material == material(f"lens {name}"))
            normal = face_normals(lens.corners_m)
            assert (normal[:, 0] > 0).all()
            assert normal[:, 0].sum() / 2 == pytest.approx(math.pi * 0.1**2, rel=0.03)


def test_pedestrian_heads_have_no_yellow():
    assert material("lens yellow") not in HEAD_SHAPES[1].material


def test_a_map_without_signals_adds_nothing():
    made = heads_of()
    assert (made.posts, made.kinds, made.poses) == ([], [], [])


def test_signals_keep_the_order_of_the_map():
    kinds = [*LIGHTS, *PLATES, SignalKind.TRAFFIC_LIGHT]
    made = heads_of(*(signal_of(kind) for kind in kinds))
    assert made.signals == [0, 1, 6]
    assert made.kinds == [0, 1, 0]
    assert len(made.posts) == 7


@pytest.mark.parametrize("kind", list(BUILDERS))
@pytest.mark.parametrize("style", [0, 1, 2, 3, 4, 9, 23])
def test_props_are_sound_in_every_style(kind, style):
    shape = BUILDERS[kind](SIZES[kind], style)
    assert np.isfinite(shape.corners_m).all()
    assert shape.material.max() < len(MATERIALS)
    assert 20 <= shape.size < 3000
    made = finish(shape)
    assert np.allclose(np.linalg.norm(made.normals, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", RIGID)
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.6])
def test_solid_props_have_exactly_the_size_asked_for(kind, scale):
    x, y, z = (scale * side for side in SIZES[kind])
    low, high = BUILDERS[kind]((x, y, z), 0).bounds_m
    assert high[2] == pytest.approx(z, rel=0.09)
    if kind is not PropKind.POLE:
        assert high[0] - low[0] == pytest.approx(x, rel=0.08)
        assert high[1] - low[1] == pytest.approx(y, abs=0.09)


@pytest.mark.parametrize("kind", [PropKind.BIN, PropKind.BOLLARD, PropKind.POLE, PropKind.WALL])
def test_simple_props_are_closed(kind):
    shape = BUILDERS[kind](SIZES[kind], 0)
    assert open_edges(shape, 1e-5) == 0
    assert signed_volume_m3(shape) > 0


@pytest.mark.parametrize("yaw", YAWS)
def test_props_turn_with_their_yaw_and_stand_where_they_are_put(yaw):
    prop = Prop(
        id=10_001,
        kind=PropKind.FENCE,
        position_m=(7.0, 8.0, 2.0),
        yaw_rad=yaw,
        size_m=(8.0, 0.1, 1.2),
    )
    points = PropShop((0.0, 0.0)).make(prop).vertices_m - [7.0, 8.0, 2.0]
    along = points[:, :2] @ [math.cos(yaw), math.sin(yaw)]
    across = points[:, :2] @ [-math.sin(yaw), math.cos(yaw)]
    assert np.ptp(along) == pytest.approx(8.0, abs=0.25)
    assert np.ptp(across) < 0.15
    assert points[:, 2].min() == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("style", [0, 1])
def test_guard_rails_face_the_side_of_their_style(style):
    shape = BUILDERS[PropKind.GUARD_RAIL](SIZES[PropKind.GUARD_RAIL], style)
    assert signed_volume_m3(shape) > 0
    bulge = shape.corners_m[..., 1]
    side = -1 if style == 0 else 1
    assert (side * bulge).max() > (-side * bulge).max() - 0.01


def test_street_lamps_reach_out_along_x_at_their_height():
    low, high = BUILDERS[PropKind.STREET_LAMP]((2.0, 0.3, 8.0), 0).bounds_m
    assert high[0] > 1.6
    assert low[0] > -0.2
    assert high[2] == pytest.approx(8.0, abs=0.1)
