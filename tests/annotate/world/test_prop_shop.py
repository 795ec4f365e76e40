"""The shop of props: what is built once, where it stands, how far away it is plain."""

import math

import numpy as np
import pytest

from rareworld.annotate.world.buildings import building
from rareworld.annotate.world.prop_shop import PropShop
from rareworld.annotate.world.props import BUILDERS
from rareworld.core.scene import Family, Prop, PropKind
from rareworld.core.taxonomy import ClassId

SIZES = {
    PropKind.BUILDING: (14.0, 10.0, 9.0), PropKind.TREE: (5.0, 5.0, 8.0),
    PropKind.STREET_LAMP: (2.0, 0.3, 7.4), PropKind.POLE: (0.3, 0.3, 8.4),
    PropKind.SIGN: (0.3, 0.7, 2.7), PropKind.WIRE: (40.0, 0.7, 8.4),
    PropKind.GANTRY: (20.0, 0.8, 7.2), PropKind.ISLAND: (2.0, 1.2, 0.12),
    PropKind.BRIDGE: (124.0, 10.5, 2.15), PropKind.CONE: (0.4, 0.4, 0.75),
    PropKind.AD_COLUMN: (1.3, 1.3, 3.4), PropKind.METER: (0.35, 0.3, 1.5),
    PropKind.NOISE_WALL: (4.0, 0.25, 3.6), PropKind.BUS_SHELTER: (4.0, 1.6, 2.5),
}  # fmt: skip
OVERHANG_M = {
    PropKind.BIKE_RACK: 0.5, PropKind.STREET_LAMP: 1.5, PropKind.SIGN: 0.5, PropKind.POLE: 0.6,
    PropKind.WIRE: 0.6, PropKind.BUILDING: 1.4, PropKind.TREE: 0.9, PropKind.GANTRY: 0.5,
    PropKind.BRIDGE: 8.6,
}  # fmt: skip
"""Arms, eaves and crowns stand out of the base."""


def prop(kind: PropKind, style: int = 0, *, x: float = 0.0, y: float = 0.0, yaw: float = 0.0,
         number: int = 10_000, size=None) -> Prop:  # fmt: skip
    return Prop(id=number, kind=kind, position_m=(x, y, 0.5), yaw_rad=yaw, style=style,
                size_m=size or SIZES.get(kind, (2.0, 0.8, 1.1)))  # fmt: skip


def shop(*props: Prop, focus=(0.0, 0.0)) -> PropShop:
    return PropShop(focus, props)


@pytest.mark.parametrize("kind", list(PropKind))
def test_every_kind_is_made_with_its_class_within_its_box(kind):
    """Upright, about its own size, at its place, with sound normals."""
    item = prop(kind, 4 if kind is PropKind.SIGN else 2)
    made = shop().make(item)
    low, high = made.vertices_m.min(axis=0), made.vertices_m.max(axis=0)
    out = OVERHANG_M.get(kind, 0.2)
    for axis in (0, 1):
        assert high[axis] <= item.size_m[axis] / 2 + out
        assert low[axis] >= -item.size_m[axis] / 2 - out
    assert high[2] - 0.5 > 0.4 * item.size_m[2]
    assert high[2] - 0.5 < 1.4 * item.size_m[2] + 0.6
    assert low[2] > -0.6 or kind in (PropKind.WIRE, PropKind.BRIDGE)
    assert np.allclose(np.linalg.norm(made.normals, axis=1), 1, atol=1e-3)
    assert int(item.class_id) in set(made.class_id.tolist())
    assert made.triangles.max() < len(made.vertices_m)


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_things_alike_are_built_once_and_placed_each_where_it_stands(kind):
    made = shop()
    one, two = (made.make(prop(kind, 2, x=x, yaw=0.4)) for x in (0.0, 30.0))
    assert len(made.known) == 1
    assert np.allclose(two.vertices_m - one.vertices_m, [30.0, 0, 0], atol=2e-5)
    assert two.triangles is one.triangles
    made.make(prop(kind, 3))
    assert len(made.known) == 2


@pytest.mark.parametrize("kind", [PropKind.BENCH, PropKind.BUS_SHELTER, PropKind.HEDGE])
@pytest.mark.parametrize("yaw", [0.5, 1.6, -2.8])
def test_a_turned_thing_is_the_same_thing_turned(kind, yaw):
    """Vertices of the turned mesh are the straight ones rotated about z (closed form)."""
    straight, turned = (shop().make(prop(kind, 1, yaw=a)) for a in (0.0, yaw))
    c, s = math.cos(yaw), math.sin(yaw)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    base = straight.vertices_m - [0, 0, 0.5]
    assert np.allclose(turned.vertices_m - [0, 0, 0.5], base @ turn.T, atol=1e-4)
    assert np.allclose(turned.normals, straight.normals @ turn.T, atol=1e-4)


def test_trees_are_stretched_to_their_own_size():
    made = shop()
    small, tall = (made.make(prop(PropKind.TREE, 0, size=(4.0, 4.0, high))) for high in (5.0, 10.0))
    a, b = (mesh.vertices_m[:, 2] - 0.5 for mesh in (small, tall))
    assert np.allclose(b, 2 * a, atol=1e-4)
    assert len(made.nursery.known) == 1


@pytest.mark.parametrize("kind", [PropKind.TREE, PropKind.HEDGE, PropKind.BUSH])
def test_plants_far_from_the_focus_have_fewer_leaves(kind):
    """Three details: within 60 m, within 110 m, beyond."""
    counts = [
        len(shop(focus=(0.0, 0.0)).make(prop(kind, 1, x=x)).triangles)
        for x in (10.0, 59.0, 61.0, 109.0, 111.0, 300.0)
    ]
    assert counts[0] == counts[1] > counts[2] == counts[3] > counts[4] == counts[5]


def test_houses_beyond_ninety_metres_are_plain():
    style, item = int(Family.SUBURBAN), SIZES[PropKind.BUILDING]
    counts = [len(shop().make(prop(PropKind.BUILDING, style, x=x)).triangles) for x in (89.0, 91.0)]
    assert counts == [building(item, style).size, building(item, style, plain=True).size]


@pytest.mark.parametrize("yaw", [0.0, 0.9])
@pytest.mark.parametrize("gap", [0.0, 0.9, 1.5, 6.0])
def test_a_wall_is_blind_where_the_next_house_is_nearer_than_a_metre_and_a_fifth(gap, yaw):
    size, style = SIZES[PropKind.BUILDING], int(Family.TERRACE)
    away = size[0] + gap
    first = prop(PropKind.BUILDING, style, yaw=yaw)
    other = prop(PropKind.BUILDING, style, x=away * math.cos(yaw), y=away * math.sin(yaw), yaw=yaw,
                 number=10_001)  # fmt: skip
    made = shop(first, other)
    near = gap < 1.2
    for item, blind in ((first, (near, False)), (other, (False, near))):
        assert len(made.make(item).triangles) == building(size, style, blind=blind).size


def test_a_tree_beside_a_house_blinds_no_wall():
    first = prop(PropKind.BUILDING, int(Family.TERRACE))
    tree = prop(PropKind.TREE, 0, x=8.0, number=10_001)
    made = shop(first, tree).make(first)
    assert len(made.triangles) == building(first.size_m, first.style).size


def test_a_house_does_not_touch_itself():
    first = prop(PropKind.BUILDING, int(Family.TERRACE), size=(1.0, 8.0, 9.0))
    assert len(shop(first).make(first).triangles) == building(first.size_m, first.style).size


def test_signs_are_signs_on_poles():
    made = shop().make(prop(PropKind.SIGN, 5))
    assert set(made.class_id.tolist()) == {int(ClassId.TRAFFIC_SIGN), int(ClassId.POLE)}
