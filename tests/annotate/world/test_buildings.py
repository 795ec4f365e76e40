"""Houses: closed, glazed, of one class and size; the facades and roofs they are built of."""

import numpy as np
import pytest
import trimesh

from rareworld.annotate.world.buildings import MANNERS, building
from rareworld.annotate.world.facades import Glazing, bays, glaze, pierced, storeys
from rareworld.annotate.world.kit import Kit
from rareworld.annotate.world.landmarks import LANDMARKS
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import face_normals
from rareworld.annotate.world.roofs import Cover, flat, gable, hip, mansard
from rareworld.core.scene import Family
from rareworld.core.taxonomy import ClassId

HOUSES = sorted(MANNERS)
SIZE = (16.0, 12.0, 14.0)


def style_of(family: Family, variant: int = 0) -> int:
    return int(family) + len(Family) * variant


def test_every_family_is_built_by_someone():
    assert set(MANNERS) | set(LANDMARKS) == set(Family)
    assert not set(MANNERS) & set(LANDMARKS)


@pytest.mark.parametrize("family", HOUSES)
@pytest.mark.parametrize("variant", range(3))
def test_no_ray_from_outside_meets_the_inside_of_a_house(family, variant):
    """Almost all: where balconies are sheets, some rays see their backs."""
    shape = building(SIZE, style_of(family, variant))
    faces = np.arange(3 * shape.size).reshape(-1, 3)
    scene = trimesh.Trimesh(shape.corners_m.reshape(-1, 3), faces, process=False)
    rng = np.random.default_rng(variant)
    way = rng.standard_normal((1200, 3))
    way[:, 2] = 0.6 * np.abs(way[:, 2])
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    target = rng.uniform(-0.4, 0.4, (1200, 3)) * [16, 12, 6] + [0, 0, 5]
    hit = scene.ray.intersects_first(target + 60 * way, -way)
    assert (hit >= 0).all()
    front = np.einsum("rd,rd->r", face_normals(shape.corners_m)[hit], way) > 0
    assert front.mean() > 0.97
    assert set(shape.material) & {material("window"), material("shop window")}


@pytest.mark.parametrize("family", list(Family))
def test_buildings_have_their_class_and_stand_within_their_plot_but_for_eaves(family):
    size = {Family.FUEL: (21.0, 21.0, 6.3), Family.CHURCH: (28.0, 14.0, 36.0)}.get(family, SIZE)
    shape = building(size, style_of(family, 1))
    assert set(shape.class_id) == {int(ClassId.BUILDING)}
    low, high = shape.bounds_m
    for axis in (0, 1):
        assert high[axis] < size[axis] / 2 + 2.3
        assert low[axis] > -size[axis] / 2 - 2.3
    assert high[2] == pytest.approx(size[2], abs=6.0)
    assert -1.2 <= low[2] <= 0.0


@pytest.mark.parametrize("family", HOUSES)
def test_taller_houses_have_more_windows(family):
    panes = [
        (building((16.0, 12.0, tall), style_of(family)).material == material("window")).sum()
        for tall in (9.0, 21.0)
    ]
    assert panes[1] > panes[0]


@pytest.mark.parametrize("family", HOUSES)
def test_a_house_far_away_has_fewer_faces_but_the_same_bounds_within_a_balcony(family):
    near, far = (building(SIZE, style_of(family), plain=plain) for plain in (False, True))
    assert far.size < near.size
    assert np.abs(np.array(near.bounds_m) - np.array(far.bounds_m)).max() < 1.6


def test_a_wall_that_touches_the_next_house_has_no_windows():
    free = building(SIZE, style_of(Family.TERRACE))
    joined = building(SIZE, style_of(Family.TERRACE), blind=(True, False))
    for shape, windows in ((free, True), (joined, False)):
        middle = shape.corners_m.mean(axis=1)
        side = (middle[:, 0] > 7.5) & (middle[:, 2] < 9) & (shape.material == material("window"))
        assert side.any() == windows
    assert (joined.material == material("window")).sum() > 0


@pytest.mark.parametrize("style", [0, 4, 9, 17, 30])
def test_the_same_style_is_the_same_house(style):
    one, two = building(SIZE, style), building(SIZE, style)
    assert one.corners_m.tobytes() == two.corners_m.tobytes()


@pytest.mark.parametrize("size", [(4.0, 3.0, 2.7), (6.0, 6.0, 4.0), (60.0, 20.0, 40.0)])
@pytest.mark.parametrize("family", HOUSES)
def test_odd_sizes_work(size, family):
    low, high = building(size, style_of(family)).bounds_m
    assert high[0] - low[0] == pytest.approx(size[0], abs=3.0)


def test_a_facade_is_its_wall_less_its_openings_with_panes_set_back():
    """Areas in closed form: 10 m x 3 m with three windows of 1.2 m x 1.5 m, 0.2 m deep."""
    row = storeys(bays(10.0, 3.0), 1.2, np.array([0.0]), 0.9, 1.5)
    wall, panes = Kit(ClassId.BUILDING), Kit(ClassId.BUILDING)
    pierced(wall, "brick red", 10.0, (0.0, 3.0), row)
    glaze(panes, row, Glazing(wall="brick red", depth_m=0.2, plain=True))
    flat_wall = face_normals(wall.soup().corners_m)
    assert np.allclose(flat_wall[:, 1:], 0)
    assert flat_wall[:, 0].sum() / 2 == pytest.approx(30.0 - 3 * 1.8)
    made = panes.soup()
    glass = made.material == material("window")
    assert made.corners_m[glass][..., 0] == pytest.approx(-0.2)
    assert face_normals(made.corners_m[glass])[:, 0].sum() / 2 == pytest.approx(3 * 1.8)
    reveals = np.linalg.norm(face_normals(made.corners_m[~glass]), axis=1).sum() / 2
    assert reveals == pytest.approx(3 * 0.2 * 2 * (1.2 + 1.5))
    above = made.corners_m[~glass].mean(axis=1)[:, 2] - 1.65
    assert (above * face_normals(made.corners_m[~glass])[:, 2]).max() < 1e-9


@pytest.mark.parametrize("length", [0.6, 2.0, 7.3, 31.0])
def test_window_axes_are_even_and_within_the_wall(length):
    axes = bays(length, 2.6)
    assert len(axes) == 0 or np.abs(axes).max() < length / 2
    assert np.allclose(np.diff(axes), np.diff(axes)[:1] if len(axes) > 1 else 0)


@pytest.mark.parametrize("roof", [gable, hip, mansard])
def test_roofs_cover_the_house_from_eaves_to_ridge(roof):
    kit = Kit(ClassId.BUILDING)
    cover = Cover(
        length_m=14.0, width_m=9.0, eaves_m=6.0, rise_m=3.5, roof="roof tiles", wall="brick red"
    )
    roof(kit, cover, chimneys=0)
    shape = kit.soup()
    normal = face_normals(shape.corners_m)
    tiles = np.isin(shape.material, [material("roof tiles"), material("roof flat")])
    plan = normal[tiles & (normal[:, 2] > 0)][:, 2].sum() / 2
    assert 14.0 * 9.0 * 0.98 < plan < 15.2 * 10.2
    assert shape.bounds_m[1][2] == pytest.approx(9.5, abs=0.2)


def test_a_flat_roof_has_a_parapet_all_around():
    kit = Kit(ClassId.BUILDING)
    cover = Cover(length_m=14.0, width_m=9.0, eaves_m=6.0, rise_m=0.7, roof="x", wall="panel")
    flat(kit, cover, np.random.default_rng(1))
    top = kit.soup().corners_m.reshape(-1, 3)
    rim = top[np.abs(top[:, 2] - 6.7) < 0.01]
    assert np.abs(rim[:, 0]).max() == pytest.approx(7.05)
    assert np.abs(rim[:, 1]).max() == pytest.approx(4.55)
