import numpy as np
import pytest
import trimesh

from rareworld.annotate.world.buildings import building
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import face_normals
from rareworld.annotate.world.props import BUILDERS, make_prop
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
}  # fmt: skip
CLASSES = {
    PropKind.BUILDING: ClassId.BUILDING, PropKind.TREE: ClassId.VEGETATION,
    PropKind.HEDGE: ClassId.VEGETATION, PropKind.STREET_LAMP: ClassId.POLE,
    PropKind.POLE: ClassId.POLE, PropKind.FENCE: ClassId.FENCE, PropKind.WALL: ClassId.WALL,
    PropKind.GUARD_RAIL: ClassId.GUARD_RAIL, PropKind.BENCH: ClassId.STATIC,
    PropKind.BIN: ClassId.STATIC, PropKind.BUS_SHELTER: ClassId.STATIC,
    PropKind.BOLLARD: ClassId.STATIC,
}  # fmt: skip


def test_every_kind_has_a_builder():
    assert set(BUILDERS) == set(PropKind)


@pytest.mark.parametrize("kind", list(PropKind))
@pytest.mark.parametrize("style", range(4))
def test_props_fill_their_box_and_stand_on_the_ground(kind, style):
    size = SIZES[kind]
    low, high = BUILDERS[kind](size, style).bounds_m
    loose = 1.8 if kind == PropKind.BUILDING else 0.35
    assert high[2] == pytest.approx(size[2], abs=loose)
    assert -1.2 <= low[2] <= 0.02
    reach = max(size[0], 1.0) * (1.0 if kind == PropKind.STREET_LAMP else 0.5) + 1.3
    assert max(-low[0], high[0]) < reach


@pytest.mark.parametrize("kind", list(CLASSES))
def test_props_have_one_class(kind):
    assert set(BUILDERS[kind](SIZES[kind], 1).class_id) == {int(CLASSES[kind])}


@pytest.mark.parametrize("kind", list(PropKind))
def test_class_of_a_prop_is_that_of_its_pixels(kind):
    prop = Prop(id=7, kind=kind, position_m=(0, 0, 0), yaw_rad=0, size_m=SIZES[kind], style=1)
    drawn = {int(item) for item in make_prop(prop).class_id}
    assert int(prop.class_id) in drawn
    assert drawn <= {int(prop.class_id), int(ClassId.POLE)}


@pytest.mark.parametrize("kind", list(PropKind))
def test_props_are_the_same_every_time_and_move_with_their_pose(kind):
    prop = Prop(
        id=7, kind=kind, position_m=(10.0, 5.0, 1.0), yaw_rad=0.5, size_m=SIZES[kind], style=2
    )
    one, two = make_prop(prop), make_prop(prop)
    assert one.corners_m.tobytes() == two.corners_m.tobytes()
    local = BUILDERS[kind](SIZES[kind], 2).corners_m
    c, s = np.cos(0.5), np.sin(0.5)
    turned = local @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + [10.0, 5.0, 1.0]
    assert np.allclose(one.corners_m, turned)


@pytest.mark.parametrize("style", range(10))
def test_buildings_are_closed_to_the_street_and_have_windows_and_a_door(style):
    shape = building((16.0, 12.0, 13.0), style)
    faces = np.arange(3 * shape.size).reshape(-1, 3)
    scene = trimesh.Trimesh(shape.corners_m.reshape(-1, 3), faces, process=False)
    rng = np.random.default_rng(style)
    way = rng.standard_normal((3000, 3))
    way[:, 2] = 0.6 * np.abs(way[:, 2])
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    target = rng.uniform(-0.4, 0.4, (3000, 3)) * [16, 12, 6] + [0, 0, 5]
    hit = scene.ray.intersects_first(target + 60 * way, -way)
    assert (hit >= 0).all()
    front = np.einsum("rd,rd->r", face_normals(shape.corners_m)[hit], way) > 0
    assert front.mean() > 0.995
    found = set(shape.material)
    assert material("door") in found
    assert found & {material("window"), material("shop window")}
    assert shape.size < 8000


@pytest.mark.parametrize("size", [(4.0, 3.0, 2.7), (6.0, 6.0, 4.0), (60.0, 20.0, 40.0)])
def test_odd_sizes_of_buildings_work(size):
    low, high = building(size, 0).bounds_m
    assert high[0] - low[0] == pytest.approx(size[0], abs=1.7)


def test_styles_of_buildings_and_trees_differ():
    for kind in (PropKind.BUILDING, PropKind.TREE):
        made = {BUILDERS[kind](SIZES[kind], style).corners_m.tobytes() for style in range(8)}
        assert len(made) == 8


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
