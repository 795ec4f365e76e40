"""Bodies through elliptic sections: places, areas, volumes by closed forms; closed either way."""

from itertools import product

import numpy as np
import pytest

from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.mesh import face_normals, signed_volume_m3
from rareworld.annotate.world.sections import SIDES, fat, lowered, rings, skinned
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.world_samples import open_edges

KIND = ClassId.PEDESTRIAN
COLUMN = [(0.0, 0.2, 0.2, 0.2, 0.0), (1.0, 0.2, 0.2, 0.2, 0.0)]
EGG = [(0.0, 0.05, 0.1, 0.08, 0.0), (0.3, 0.2, 0.25, 0.15, 0.02), (0.9, 0.1, 0.05, 0.1, -0.03)]


def polygon_area(sides):
    """Area of a regular polygon in a circle of radius one."""
    return sides / 2 * np.sin(2 * np.pi / sides)


@pytest.mark.parametrize("sides", [6, SIDES, 12, 40])
def test_a_column_has_the_volume_of_its_polygon(sides):
    made = skinned(rings(COLUMN, 1.0, sides), ["jacket"], KIND)
    assert signed_volume_m3(made) == pytest.approx(0.04 * polygon_area(sides))
    # sides in two triangles each, and a fan at either end
    assert made.size == 4 * sides


def test_many_sides_come_near_the_ellipse():
    rows = [(0.0, 0.3, 0.3, 0.1, 0.0), (2.0, 0.3, 0.3, 0.1, 0.0)]
    made = skinned(rings(rows, 1.0, 200), ["jacket"], KIND)
    assert signed_volume_m3(made) == pytest.approx(np.pi * 0.3 * 0.1 * 2.0, rel=1e-3)


@pytest.mark.parametrize("top", [0.0, 0.5, 1.0])
def test_a_cone_stump_has_the_prismatoids_volume(top):
    rows = [(0.0, 1.0, 1.0, 1.0, 0.0), (3.0, max(top, 1e-9), max(top, 1e-9), max(top, 1e-9), 0.0)]
    made = skinned(rings(rows, 1.0, 60), ["jacket"], KIND)
    expected = polygon_area(60) * 3.0 / 3 * (1 + top + top**2)
    assert signed_volume_m3(made) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("power", [2.0, 2.6, 4.0])
def test_higher_powers_square_the_section_within_the_same_box(power):
    ring = rings(COLUMN, 1.0, 48, power)[0]
    np.testing.assert_allclose(
        np.abs(ring[:, 0] / 0.2) ** power + np.abs(ring[:, 1] / 0.2) ** power, 1
    )
    assert np.abs(ring[:, :2]).max() <= 0.2 + 1e-12
    made = skinned(rings(COLUMN, 1.0, 48, power), ["jacket"], KIND)
    round_one = skinned(rings(COLUMN, 1.0, 48), ["jacket"], KIND)
    assert signed_volume_m3(made) >= signed_volume_m3(round_one) - 1e-12
    assert signed_volume_m3(made) < 0.16


@pytest.mark.parametrize("scale_m", [0.5, 1.0, 1.75])
def test_rings_scale_as_a_whole(scale_m):
    np.testing.assert_allclose(rings(EGG, scale_m), rings(EGG, 1.0) * scale_m)


def test_front_back_sides_and_shift_are_where_they_are_told():
    for row, ring in zip(EGG, rings(EGG, 1.0, 40), strict=True):
        z, front, back, wide, x = row
        assert ring[:, 0].max() == pytest.approx(x + front)
        assert ring[:, 0].min() == pytest.approx(x - back)
        assert np.abs(ring[:, 1]).max() == pytest.approx(wide)
        assert set(ring[:, 2].tolist()) == {z}


@pytest.mark.parametrize("rows", [COLUMN, EGG, EGG[::-1], COLUMN[::-1]])
@pytest.mark.parametrize("sides", [6, 10, 13])
def test_bodies_are_closed_and_look_outward_told_up_or_down(rows, sides):
    made = skinned(rings(rows, 1.0, sides), ["jacket"] * (len(rows) - 1), KIND)
    assert open_edges(made, 1e-9) == 0
    assert signed_volume_m3(made) > 0
    assert not made.uv_m.any()
    assert (made.class_id == int(KIND)).all()


def test_told_up_or_down_it_is_the_same_body():
    up, down = (
        skinned(rings(rows, 1.0), names, KIND)
        for rows, names in ((EGG, ["jacket", "shoe"]), (EGG[::-1], ["shoe", "jacket"]))
    )
    assert signed_volume_m3(up) == pytest.approx(signed_volume_m3(down))
    for name in ("jacket", "shoe"):
        areas = [
            np.linalg.norm(
                face_normals(made.corners_m[made.material == material(name)]), axis=1
            ).sum()
            for made in (up, down)
        ]
        assert areas[0] == pytest.approx(areas[1])


def test_ends_wear_the_material_of_the_band_beside_them():
    made = skinned(rings(EGG, 1.0), ["jacket", "shoe"], KIND)
    level = np.ptp(made.corners_m[..., 2], axis=1) < 1e-12
    low = made.corners_m[..., 2].max(axis=1) < 0.1
    assert {MATERIALS[k].name for k in made.material[level & low]} == {"jacket"}
    assert {MATERIALS[k].name for k in made.material[level & ~low]} == {"shoe"}


def test_points_without_area_make_no_faces():
    point = [(0.0, 0.0, 0.0, 0.0, 0.0), (0.5, 0.2, 0.2, 0.2, 0.0), (1.0, 0.0, 0.0, 0.0, 0.0)]
    made = skinned(rings(point, 1.0, 10), ["jacket"] * 2, KIND)
    assert made.size == 20
    assert (np.linalg.norm(face_normals(made.corners_m), axis=1) > 0).all()


@pytest.mark.parametrize(("factor", "dz"), list(product((0.5, 1.0, 2.0), (-0.3, 0.0, 0.7))))
def test_fat_and_lowered_change_widths_and_heights_only(factor, dz):
    for row, changed in zip(EGG, lowered(fat(EGG, factor), dz), strict=True):
        assert changed[0] == pytest.approx(row[0] - dz)
        assert changed[1:4] == pytest.approx([factor * value for value in row[1:4]])
        assert changed[4] == row[4]
