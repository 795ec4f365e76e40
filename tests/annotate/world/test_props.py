"""Props of every kind: size, class, pose; signal heads and plates."""

from typing import Any

import numpy as np
import pytest

from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import face_normals
from rareworld.annotate.world.model import Mesh
from rareworld.annotate.world.prop_shop import PLANTS, PropShop
from rareworld.annotate.world.props import BUILDERS
from rareworld.annotate.world.signals import HEAD_SHAPES, make_signals, plate
from rareworld.core.road import RoadMap, Signal, SignalKind
from rareworld.core.scene import Prop, PropKind
from rareworld.core.taxonomy import ClassId

SIZES = {
    PropKind.BUILDING: (16.0, 12.0, 14.0), PropKind.TREE: (5.0, 4.0, 8.0),
    PropKind.HEDGE: (6.0, 0.8, 1.2), PropKind.STREET_LAMP: (2.0, 0.3, 8.0),
    PropKind.POLE: (0.2, 0.2, 6.0), PropKind.SIGN: (0.7, 0.1, 2.6), PropKind.FENCE: (8.0, 0.1, 1.2),
    PropKind.WALL: (8.0, 0.3, 1.6), PropKind.GUARD_RAIL: (12.0, 0.3, 0.75),
    PropKind.BENCH: (1.8, 0.6, 0.9), PropKind.BIN: (0.5, 0.5, 1.0),
    PropKind.BUS_SHELTER: (4.0, 1.6, 2.5), PropKind.BOLLARD: (0.2, 0.2, 1.0),
    PropKind.BUSH: (1.8, 1.6, 1.4), PropKind.FLOWER_BED: (3.2, 1.1, 0.7),
    PropKind.CABINET: (1.1, 0.4, 1.35), PropKind.AD_COLUMN: (1.3, 1.3, 3.4),
    PropKind.METER: (0.35, 0.3, 1.5), PropKind.BIKE_RACK: (4.2, 1.7, 1.05),
    PropKind.WIRE: (40.0, 1.2, 8.0), PropKind.HOARDING: (9.0, 0.2, 2.3),
    PropKind.CONE: (0.4, 0.4, 0.75), PropKind.GANTRY: (20.0, 0.8, 7.2),
    PropKind.ISLAND: (2.0, 1.2, 0.12), PropKind.BRIDGE: (124.0, 10.5, 2.15),
    PropKind.NOISE_WALL: (4.0, 0.25, 3.6),
}  # fmt: skip
CLASSES = {
    PropKind.BUILDING: ClassId.BUILDING, PropKind.TREE: ClassId.VEGETATION,
    PropKind.HEDGE: ClassId.VEGETATION, PropKind.STREET_LAMP: ClassId.POLE,
    PropKind.POLE: ClassId.POLE, PropKind.FENCE: ClassId.FENCE, PropKind.WALL: ClassId.WALL,
    PropKind.GUARD_RAIL: ClassId.GUARD_RAIL, PropKind.BENCH: ClassId.STATIC,
    PropKind.BIN: ClassId.STATIC, PropKind.BUS_SHELTER: ClassId.STATIC,
    PropKind.BOLLARD: ClassId.STATIC, PropKind.BUSH: ClassId.VEGETATION,
    PropKind.FLOWER_BED: ClassId.VEGETATION, PropKind.CABINET: ClassId.STATIC,
    PropKind.AD_COLUMN: ClassId.STATIC, PropKind.METER: ClassId.STATIC,
    PropKind.BIKE_RACK: ClassId.STATIC, PropKind.WIRE: ClassId.POLE,
    PropKind.HOARDING: ClassId.FENCE, PropKind.CONE: ClassId.STATIC,
    PropKind.NOISE_WALL: ClassId.WALL,
}  # fmt: skip


def made(kind: PropKind, style: int, **where: Any) -> Mesh:
    place = {"position_m": (0.0, 0.0, 0.0), "yaw_rad": 0.0, **where}
    return PropShop((0.0, 0.0)).make(
        Prop(id=7, kind=kind, size_m=SIZES[kind], style=style, **place)
    )


def test_every_kind_is_made_by_someone():
    assert set(SIZES) == set(PropKind)
    others = {PropKind.BUILDING, PropKind.TREE}
    assert set(BUILDERS) | set(PLANTS) | others == set(PropKind)
    assert not set(BUILDERS) & set(PLANTS)


@pytest.mark.parametrize("kind", list(PropKind))
@pytest.mark.parametrize("style", range(4))
def test_props_fill_their_box_and_stand_on_the_ground(kind, style):
    size = SIZES[kind]
    points = made(kind, style).vertices_m
    low, high = points.min(axis=0), points.max(axis=0)
    tall = (PropKind.BUILDING, PropKind.GANTRY, PropKind.ISLAND)
    loose = 5.0 if kind in tall else 0.6  # masts, boards, guard posts
    assert high[2] == pytest.approx(size[2], abs=loose)
    if kind not in (PropKind.WIRE, PropKind.BRIDGE):
        assert -1.2 <= low[2] <= 0.06
    reach = max(size[0], 1.0) * (1.0 if kind == PropKind.STREET_LAMP else 0.5) + 1.3
    assert max(-low[0], high[0]) < reach


@pytest.mark.parametrize("kind", list(CLASSES))
def test_props_have_one_class(kind):
    assert set(made(kind, 1).class_id) == {int(CLASSES[kind])}


@pytest.mark.parametrize("kind", list(PropKind))
def test_class_of_a_prop_is_that_of_its_pixels(kind):
    prop = Prop(id=7, kind=kind, position_m=(0, 0, 0), yaw_rad=0, size_m=SIZES[kind], style=1)
    drawn = {int(item) for item in made(kind, 1).class_id}
    assert int(prop.class_id) in drawn
    assert drawn <= {int(prop.class_id), int(ClassId.POLE), int(ClassId.TRAFFIC_SIGN)}


@pytest.mark.parametrize("kind", list(PropKind))
def test_props_are_the_same_every_time_and_move_with_their_pose(kind):
    one, two = (made(kind, 2, position_m=(10.0, 5.0, 1.0), yaw_rad=0.5) for _ in range(2))
    assert one.vertices_m.tobytes() == two.vertices_m.tobytes()
    local = made(kind, 2)
    c, s = np.cos(0.5), np.sin(0.5)
    turned = local.vertices_m @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + [10.0, 5.0, 1.0]
    assert np.allclose(one.vertices_m, turned, atol=1e-4)
    assert np.allclose(np.linalg.norm(one.normals, axis=1), 1, atol=1e-3)


def test_bushes_and_what_hangs_over_the_road_stop_no_vehicle():
    hang = {kind for kind in PropKind if not Prop(
        id=7, kind=kind, position_m=(0, 0, 0), yaw_rad=0, size_m=SIZES[kind]).solid}  # fmt: skip
    assert hang == {
        PropKind.WIRE, PropKind.GANTRY, PropKind.BUSH, PropKind.ISLAND, PropKind.BRIDGE,
    }  # fmt: skip


def test_signal_heads_have_their_lenses_in_order():
    for shape, names in zip(
        HEAD_SHAPES, (("red", "yellow", "green"), ("red", "green")), strict=True
    ):
        heights = [
            shape.corners_m[shape.material == material(f"lens {name}")][..., 2].mean()
            for name in names
        ]
        assert heights == sorted(heights, reverse=True)
        assert set(shape.class_id) == {int(ClassId.TRAFFIC_LIGHT)}


@pytest.mark.parametrize(
    "kind", [SignalKind.STOP, SignalKind.YIELD, SignalKind.SPEED_LIMIT, SignalKind.OTHER]
)
def test_plates_face_the_driver_and_show_a_grey_back(kind):
    made = plate(kind, 2.0)
    normal = face_normals(made.corners_m)
    back = made.material == material("sign back")
    assert (normal[back][:, 0] < 0).all()
    assert normal[~back][:, 0].sum() > 0
    assert set(made.class_id) == {int(ClassId.TRAFFIC_SIGN)}


def test_lights_get_heads_and_signs_only_posts():
    kinds = [SignalKind.TRAFFIC_LIGHT, SignalKind.STOP, SignalKind.PEDESTRIAN_LIGHT]
    signals = tuple(
        Signal(id=str(k), kind=kind, position_m=(float(k), 0.0, 0.0), yaw_rad=1.0, height_m=2.5)
        for k, kind in enumerate(kinds)
    )
    made = make_signals(RoadMap(name="x", lanes={}, signals=signals))
    assert made.signals == [0, 2]
    assert made.kinds == [0, 1]
    assert len(made.posts) == 3
